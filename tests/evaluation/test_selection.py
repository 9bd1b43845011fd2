"""The label-free score by hand, and on data where the truth is known."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_mutual_info_score

from cafemood.clustering.kmeans import kmeans
from cafemood.evaluation import selection
from cafemood.evaluation.cafe_evidence import adjusted_cafe_information
from cafemood.evaluation.selection import Candidate, choose, family_of

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("name", "options", "family"),
    [
        ("vgg16_places365", {}, "vgg"),
        ("vgg16", {"output": "probs"}, "vgg"),
        ("resnet50", None, "resnet"),
        ("timm", {"model": "vit_small_patch14_dinov2.lvd142m"}, "vit"),
        ("timm", {"model": "hf_hub:timm/eva02_base"}, "eva"),
        ("precomputed", {"path": "/data/동네/dino.npz"}, "dino"),
        ("precomputed", {"path": "features_2.npz"}, "features_2"),
    ],
)
def test_families(name, options, family):
    assert family_of(name, options) == family


def test_the_terms_by_hand():
    one, two, three = (RNG.integers(0, k, 60) for k in (3, 3, 4))
    ami = adjusted_mutual_info_score
    candidates = [Candidate(one, 3, "a"), Candidate(two, 3, "b"), Candidate(three, 4, "b"), Candidate(two, 3, "a", 2)]
    cafes = [str(i // 6) for i in range(60)]
    found = choose(candidates, cafes)
    assert found[0].agreement == pytest.approx((ami(one, two) + ami(one, three)) / 2)
    assert found[0].stability_across_k == pytest.approx(ami(one, two))
    assert found[0].cafe_information == pytest.approx(adjusted_cafe_information(one, np.arange(60) // 6), abs=1e-12)
    assert found[1].agreement == pytest.approx(ami(one, two))  # the other's plane is no evidence


def test_a_copy_of_a_run_does_not_bear_it_out():
    """Nor does another seed at the same k: stability is across k and reductions."""
    one, two = RNG.integers(0, 3, 60), RNG.integers(0, 4, 60)
    copies = choose([Candidate(one, 3, "a"), Candidate(one, 3, "a"), Candidate(one, 3, "a")])
    assert [choice.stability_across_k for choice in copies] == [None] * 3
    assert [choice.score for choice in copies] == [None] * 3
    alone = choose([Candidate(one, 3, "a"), Candidate(two, 4, "a")])[0]
    assert choose([Candidate(one, 3, "a"), Candidate(two, 4, "a"), Candidate(one, 3, "a")])[0] == alone


def test_families_count_alike_however_many_runs_they_have():
    truth = np.repeat([0, 1, 2], 20)
    candidates = [Candidate(truth, 3, "a"), Candidate(truth, 3, "b"), *[Candidate(RNG.permutation(truth), 3, "c")] * 9]
    assert choose(candidates)[0].agreement == pytest.approx(0.5, abs=0.1)


def test_a_family_of_planes_alone_is_heard():
    truth = np.repeat([0, 1, 2], 20)
    assert choose([Candidate(truth, 3, "a"), Candidate(truth, 3, "b", 2)])[0].agreement == pytest.approx(1)


def test_without_cafes_the_score_is_quality_by_stability():
    """Two families: q by hand from one agreement, each q² = A; P the agreement over k."""
    one, two, three = (RNG.integers(0, k, 600) for k in (3, 3, 4))
    two[:400], three[:300] = one[:400], one[:300]
    alone = choose([Candidate(one, 3, "a"), Candidate(two, 3, "b")])
    assert alone[0].stability_across_k is None
    assert alone[0].score == pytest.approx(np.sqrt(adjusted_mutual_info_score(one, two)), abs=1e-3)
    stable = choose([Candidate(one, 3, "a"), Candidate(three, 4, "a")])
    assert stable[0].score == pytest.approx(np.sqrt(stable[0].stability_across_k))


def test_cafes_overrule_families_that_agree_on_something_else():
    """Three families see the palette, one the mood that cafés hold: it is first with cafés, and last without."""
    rng = np.random.default_rng(1)
    cafes = np.repeat(np.arange(60), 6)
    mood, palette = rng.integers(0, 4, 60)[cafes], rng.integers(0, 4, 360)

    def seen(truth, k):
        return np.where(rng.random(360) < 0.2, rng.integers(0, k, 360), truth % k)

    runs = [Candidate(seen(palette, k), k, family) for family in "abc" for k in (3, 4)]
    runs += [Candidate(seen(mood, k), k, "d") for k in (3, 4)]
    without, told = choose(runs), choose(runs, [str(c) for c in cafes])
    assert int(np.argmax([choice.score for choice in without])) < 6
    assert int(np.argmax([choice.score for choice in told])) >= 6
    assert told == choose(runs, [str(c) for c in cafes])


def test_what_was_learnt_from_cafes_counts_as_in_those_it_was_not_learnt_from():
    cafes = np.repeat(np.arange(30), 5)
    labels, other = cafes % 3, RNG.integers(0, 3, 150)
    found = choose([Candidate(labels, 3, "a", None, 0.01), Candidate(other, 4, "a")], [str(c) for c in cafes])
    assert found[0].cafe_information == 0.01


def test_nothing_and_one_run_have_no_score():
    assert choose([]) == []
    assert choose([Candidate(np.arange(9) % 2, 2, "a")])[0].score is None


def test_many_photos_are_sampled_the_same_way_each_time(monkeypatch):
    monkeypatch.setattr(selection, "MAX_ROWS", 50)
    candidates = [Candidate(RNG.integers(0, 3, 200), 3, family) for family in "ab"]
    assert choose(candidates) == choose(candidates)


def test_the_true_clustering_is_chosen_among_backbones_and_ks():
    rng = np.random.default_rng(0)
    x, _ = make_blobs(240, 12, centers=6, cluster_std=2, random_state=0)
    views = {"a": x, "b": x @ rng.normal(size=(12, 30)), "noise": rng.normal(size=(240, 30))}
    runs = [
        (family, k, kmeans(view.astype(np.float32), k, 0).labels_)
        for family, view in views.items()
        for k in (2, 4, 6, 12)
    ]
    found = choose([Candidate(labels, k, family) for family, k, labels in runs])
    best = runs[int(np.argmax([choice.score for choice in found]))]
    assert best[:2] in {("a", 6), ("b", 6)}


@pytest.mark.filterwarnings("error")
def test_runs_that_collapsed_do_not_bear_each_other_out():
    """scikit-learn says that two labellings of one cluster agree entirely: such a pair would win over every finding."""
    one, own, two = np.zeros(8, int), np.arange(8), np.array([0] * 4 + [1] * 4)
    assert selection.pairwise_agreement([one, one, own, own, two, two]).tolist() == [
        [1, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 1, 1],
        [0, 0, 0, 0, 1, 1],
    ]
    found = choose([Candidate(labels, 2, family) for labels in (one, two) for family in ("a", "b")])
    # another family's collapsed run and its proper one: the mean of 0 and 0, of 0 and 1
    assert [choice.agreement for choice in found] == [0, 0, 0.5, 0.5]


def test_a_space_of_cafes_is_chosen_by_what_it_is_worth_for_other_cafes():
    rng = np.random.default_rng(0)
    cafes = np.repeat(np.arange(20), 5)
    learnt = np.array([0, 1] * 10)[cafes]
    other = rng.integers(0, 2, 100)
    candidates = [Candidate(learnt, 2, "a", 16, held_out=0.1), Candidate(other, 2, "a")]
    choices = choose(candidates, [str(c) for c in cafes])
    assert choices[0].cafe_information == 0.1
    assert choices[1].cafe_information == pytest.approx(adjusted_cafe_information(other, cafes))

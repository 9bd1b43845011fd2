"""Each sentence of the verdict under its condition, in the order of its weight."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import make_blobs
from threadpoolctl import threadpool_limits

from cafemood.clustering.kmeans import KMeans
from cafemood.clustering.reduction import PCAReduction, display_plane
from cafemood.clustering.rows import MatrixDataModule
from cafemood.evaluation import scores
from cafemood.evaluation.baselines import baselines
from cafemood.evaluation.judge import judge
from cafemood.evaluation.stability import Checks
from cafemood.evaluation.verdict import _leak_sentences, noise_limit, verdict

ORDER = ["bad", "warn", "good", "info"]
NAN = float("nan")


@pytest.fixture(autouse=True)
def one_thread():
    """On a machine shared with others, tiny k-means runs lose seconds to waiting threads."""
    with threadpool_limits(1):
        yield


def made_up(*, features=0.3, plane=0.5, null=(0.3, 0.01), space="pca2", in_use=4, smallest=20, own=None, nmi=None,
            others=(), null_features=(0.01, 0.002), **more):  # fmt: skip
    """Facts of a clustering into 4 groups with nothing to say against it, but for what is given."""
    found = {"silhouette@features": features, "silhouette@pca2": plane}
    found |= {} if own is None else {"silhouette@clustering": own}
    found |= {} if nmi is None else {"nmi": nmi}
    return {
        "scores": found,
        "null": {
            "silhouette@features": against(features, *null_features),
            "silhouette@pca2": against(plane, *null),
        },
        "baselines": [
            {"name": name, "n_seeds": 10, "scores": {score: {"mean": mean, "sd": sd}}}
            for name, score, mean, sd in others
        ],
        "health": {"clusters_in_use": in_use, "smallest_cluster": smallest},
        "spaces": {"clustering": space},
    } | more


def against(own, mean, sd):
    kind = "the same columns, independent"
    return {"own": own, "mean": mean, "sd": sd, "z": (own - mean) / sd, "n": 10, "kind": kind}


def said(level, part, sentences):
    """Whether a sentence of this level holds this part."""
    return any(sentence["level"] == level and part in sentence["text"] for sentence in sentences)


def test_a_good_clustering_gets_nothing_bad():
    found = verdict(made_up(), n=200, k=4)
    assert [sentence["level"] for sentence in found] == ["good", "good", "info", "info"]
    assert said("good", "Not noise: silhouette@features is 0.300, 145.0 sd above data without any structure", found)
    assert said("good", "The groups are apart in the feature space: silhouette@features is 0.30", found)
    assert said("info", "silhouette@pca2 is 0.500, 20.0 sd above data without any structure, 0.300 ± 0.010", found)
    assert said("info", "Stability was not measured", found)


@pytest.mark.parametrize(("plane", "noise"), [(0.1, True), (0.319, True), (0.321, False)])
def test_less_than_two_sd_over_the_null_is_noise(plane, noise):
    found = verdict(made_up(plane=plane), n=200, k=4)
    assert said("bad", "No better than noise", found) == noise


@pytest.mark.parametrize(("features", "noise"), [(0.013, True), (0.0141, False)])
def test_in_the_features_too_two_sd_are_asked_for(features, noise):
    found = verdict(made_up(features=features, space="features"), n=200, k=4)
    assert said("bad", "No better than noise: silhouette@features is 0.01", found) == noise
    assert said("good", "Not noise", found) != noise


def refitted(*jaccard, ari=0.8, merged=()):
    together = np.eye(len(jaccard))
    for i, j in merged:
        together[i, j] = together[j, i] = 0.6
    how = "20 refits, each on 9 of 9 cafés drawn with replacement"
    ari = {"mean": ari, "sd": 0.1}
    return {"ari": ari, "jaccard": np.array(jaccard), "merged": together, "n": 20, "unit": "cafés", "how": how}


@pytest.mark.parametrize(
    ("found", "level", "words"),
    [
        (refitted(0.8, 0.9), "good", "Stable: every mood comes back when other cafés are drawn (ARI 0.80 ± 0.10 over"),
        (refitted(0.7, 0.9), "info", "Partly stable"),
        (refitted(0.7, 0.9, ari=0.3), "warn", "Partly stable"),
        (refitted(0.5, 0.9, 0.8), "warn", "Unstable: Mood 1 does not come back"),
        (refitted(0.5, 0.5, 0.9), "warn", "Unstable: Moods 1 and 2 do not come back"),
        (refitted(0.5, 0.4), "bad", "Unstable: no mood comes back"),
        (refitted(0.5, NAN), "bad", "Unstable: no mood comes back"),
        (refitted(0.7, 0.7, 0.9, merged=[(0, 1)]), "warn", "Moods 1 and 2 say the same"),
    ],
)
def test_moods_that_come_back_and_those_that_do_not(found, level, words):
    assert said(level, words, verdict(made_up(stability=found), n=200, k=4))


@pytest.mark.parametrize(("p", "level", "words"), [(0.002, "good", "share a mood"), (0.2, "warn", "don't share")])
def test_photos_of_one_cafe(p, level, words):
    coherence = {"ratio": 1.8, "p": p, "n_cafes": 12, "n_duplicates": 3, "n_photos": 60}
    found = verdict(made_up(coherence=coherence), n=200, k=4)
    assert said(level, words, found)
    assert said(level, "1.8 × as often as chance, over 12 cafés (without 3 near-duplicates)", found)


def test_outside_the_plane_its_silhouette_is_no_verdict():
    found = verdict(made_up(plane=0.1, space="features"), n=200, k=4)
    assert not any("No better than noise" in sentence["text"] for sentence in found)
    assert said("info", "On the 2-d map the silhouette is 0.10. Don't judge by it", found)


def test_collapse():
    found = verdict(made_up(in_use=2, smallest=0), n=200, k=4)
    assert found[0] == {"level": "bad", "text": "Only 2 of 4 groups hold any photo: the clustering collapsed."}
    assert not any("outlier" in sentence["text"] for sentence in found)


def test_noise_has_to_clear_more_where_k_was_chosen_on_the_same_photos():
    """Of nine tries of noise the best is above 2.8 sd as rarely as one is above 2."""
    assert noise_limit(1) == 2
    assert noise_limit(9) == pytest.approx(2.800, abs=0.001)
    assert stats.norm.cdf(noise_limit(9)) ** 9 == pytest.approx(stats.norm.cdf(2))
    facts = made_up(features=0.305, null_features=(0.3, 0.002))  # z = 2.5
    assert said("good", "Not noise", verdict(facts, n=200, k=4))
    facts["null"]["silhouette@features"] |= {"limit": noise_limit(9), "n_tried": 9}
    assert said("bad", "No better than noise: silhouette@features is 0.305", verdict(facts, n=200, k=4))
    assert said("bad", "k was chosen among 9 on the same photos: noise ends below 2.8 sd", verdict(facts, n=200, k=4))


def test_checks_tell_the_verdict_how_many_k_were_tried():
    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    clustering = KMeans(3).fit(x).clustering(x)
    found = judge(x, x[:, :2], clustering, [], Checks.of(KMeans(3), 3, None, 0, n_nulls=2, n_tried=5)).facts
    assert {(each["limit"], each["n_tried"]) for each in found["null"].values()} == {(noise_limit(5), 5)}


@pytest.mark.parametrize(("n", "few"), [(39, True), (40, False)])
def test_few_photos(n, few):
    assert said("warn", f"{n} photos are few for 4 groups", verdict(made_up(), n=n, k=4)) == few


@pytest.mark.parametrize(
    ("n", "smallest", "text"),
    [(200, 1, "has 1 photo:"), (200, 2, "has 2 photos:"), (1000, 9, "has 9 photos:"), (200, 3, None), (1000, 10, None)],
)
def test_a_tiny_group_is_an_outlier(n, smallest, text):
    found = verdict(made_up(smallest=smallest), n=n, k=4)
    assert said("warn", "an outlier, not a mood", found) == (text is not None)
    assert text is None or said("warn", f"The smallest group {text}", found)


def test_of_many_groups_one_of_average_size_is_no_outlier():
    """Of 5,000 photos in 150 groups one in a hundred is 50, more than the average."""
    assert not said("warn", "an outlier, not a mood", verdict(made_up(smallest=33, in_use=150), n=5_000, k=150))
    assert said("warn", "an outlier, not a mood", verdict(made_up(smallest=3, in_use=150), n=5_000, k=150))


def test_own_space_gets_a_warning_with_its_name():
    found = verdict(made_up(own=0.62, space="dec embedding (10-d)"), n=200, k=4)
    assert said("info", "In its own space (dec embedding (10-d)) the method scores 0.62", found)
    assert said("info", "even on noise", found)


@pytest.mark.parametrize(
    ("score", "level", "words"),
    [
        (-0.1, "warn", "overlap"),
        (0.049, "warn", "overlap"),
        (0.05, "warn", "shade into each other"),
        (0.25, "good", "are apart"),
        (NAN, "bad", "undefined"),
    ],
)
def test_separation(score, level, words):
    assert said(level, words, verdict(made_up(features=score), n=200, k=4))


@pytest.mark.parametrize(
    ("own", "sd", "level", "words"),
    [
        (0.50, 0.01, "warn", "The plain “b” does better: NMI 0.500 against 0.600 ± 0.010 (10 seeds)"),
        (0.70, 0.01, "good", "Better than the best plain baseline, “b”"),
        (0.61, 0.01, "info", "No different from the plain “b”"),
        (0.50, 0.06, "info", "No different from the plain “b”"),
        (0.604, 0.0, "info", "No different from the plain “b”"),
        (0.606, 0.0, "good", "Better than"),
    ],
)
def test_the_best_baseline_stands_beside_it(own, sd, level, words):
    others = [("a", "nmi", 0.4, 0.0), ("b", "nmi", 0.6, sd)]
    facts = made_up(nmi=own, others=others)
    for baseline in facts["baselines"]:
        baseline["scores"]["silhouette@features"] = {"mean": 0.3, "sd": 0.0}
    assert said(level, words, verdict(facts, n=200, k=4))


def test_without_labels_baselines_are_compared_by_their_silhouette():
    found = verdict(made_up(others=[("a", "silhouette@features", 0.4, 0.01)]), n=200, k=4)
    assert said("warn", "“a” does better: silhouette@features 0.300 against 0.400", found)
    assert not any("NMI" in sentence["text"] for sentence in found)


def test_a_baseline_of_one_seed_has_no_spread_but_counts():
    facts = made_up(others=[("a", "silhouette@features", 0.4, NAN)])
    facts["baselines"][0]["n_seeds"] = 1
    found = verdict(facts, n=200, k=4)
    assert said("warn", "“a” does better: silhouette@features 0.300 against 0.400 (1 seed).", found)


def test_a_baseline_without_a_score_does_not_hide_the_others():
    others = [("a", "silhouette@features", NAN, NAN), ("b", "silhouette@features", 0.4, 0.01)]
    assert said("warn", "“b” does better", verdict(made_up(others=others), n=200, k=4))


def test_what_is_undefined_is_left_out():
    facts = made_up(features=NAN, plane=NAN, null=(NAN, NAN), own=NAN, nmi=NAN, others=[("a", "nmi", NAN, NAN)])
    found = verdict(facts, n=200, k=4)
    assert [sentence["level"] for sentence in found] == ["bad", "info"]  # the info: stability was not measured
    for facts in (made_up(null=(NAN, NAN)), made_up(null=(0.3, NAN)), made_up(space="features", null=(0.3, NAN))):
        assert not any("nan" in sentence["text"] for sentence in verdict(facts, n=200, k=4))


def test_the_gravest_comes_first():
    facts = made_up(plane=0.1, features=0.3, in_use=3, own=0.6, others=[("a", "silhouette@features", 0.4, 0.01)])
    levels = [sentence["level"] for sentence in verdict(facts, n=20, k=4)]
    assert levels == sorted(levels, key=ORDER.index)
    assert set(levels) == {"bad", "warn", "good"} | ({"info"} if "info" in levels else set())
    assert "info" in levels


HOSTILE = ["[bold red]%s {0}</b>", "<script>alert(1)</script>", "공릉동 커피 ☕", "a“b”\\n", "café, 'x' & \"y\""]


def leaks(labels, cafes):
    return [sentence["text"] for sentence in _leak_sentences(scores.venue_leak(labels, cafes))]


@pytest.mark.parametrize("name", [*HOSTILE, "긴 이름 " * 30])
def test_a_mood_that_is_one_cafe_is_named(name):
    found = leaks(np.repeat([0, 1], [4, 6]), [name, name, name, "b", *"cdefgh"])
    assert found == [f"Mood 1 is mostly one café ({name}, 75% of its photos), not a mood."]


def test_moods_count_from_one():
    found = leaks(np.repeat([0, 2, 3], 3), [*"abc", *"xxx", *"dee"])
    assert [text.split(" is ")[0] for text in found] == ["Mood 3", "Mood 4"]


def test_half_of_a_mood_or_two_photos_are_no_leak():
    assert leaks(np.zeros(4, int), ["a", "a", "b", "c"]) == []
    assert leaks(np.zeros(2, int), ["a", "a"]) == []


def judged(x, k=3, reduction=None, **options):
    space = reduction.space if reduction else "features"
    data = MatrixDataModule(reduction.fit_transform(x) if reduction else x)
    clustering = KMeans(k).fit(data.matrix).clustering(data.matrix, space)
    return clustering, judge(x, display_plane(x)[0], clustering, baselines(x, clustering, k, n_seeds=2), **options)


@pytest.fixture
def blobs():
    x, truth = make_blobs(90, 6, centers=3, cluster_std=1, random_state=0)
    return x.astype(np.float32), [f"mood {t}" for t in truth]


def test_judge_of_clear_groups(blobs):
    x, truth = blobs
    cafes = [f"cafe {i % 3}" if i % 2 else "one" for i in range(90)]
    clustering, found = judged(x, truth=truth, cafes=cafes)
    own = found.facts["scores"]
    assert own["accuracy"] == own["nmi"] == pytest.approx(1)
    assert found.silhouettes.mean() == pytest.approx(own["silhouette@features"], rel=1e-5)
    assert not any("clustering" in name for name in own)  # it would be the features again
    assert found.facts["sizes"].sum() == 90
    assert found.facts["sample"] is None
    assert found.facts["health"] == clustering.health()
    (baseline,) = found.facts["baselines"]
    assert baseline["n_seeds"] == 2
    assert set(baseline["scores"]) == {name for name in own if "pca2" not in name}


def test_judge_puts_leaks_in_their_place(blobs):
    x, _ = blobs
    clustering = KMeans(3).fit(x).clustering(x)
    cafes = [f"cafe {label}" for label in clustering.labels]
    _, found = judged(x, cafes=cafes)
    levels = [sentence["level"] for sentence in found.facts["verdict"]]
    assert levels == sorted(levels, key=ORDER.index)
    leaks = [sentence["text"] for sentence in found.facts["verdict"] if "mostly one café" in sentence["text"]]
    assert len(leaks) == 3
    assert all(f"Mood {j + 1} is mostly one café (cafe {j}, 100%" in leaks[j] for j in range(3))


def test_judge_takes_truth_in_any_sequence(blobs):
    x, truth = blobs
    expected = judged(x, truth=truth)[1].facts["baselines"]
    assert judged(x, truth=np.array(truth))[1].facts["baselines"] == expected


def test_external_scores_are_of_the_labelled_photos_and_say_how_many(blobs):
    x, truth = blobs
    _, found = judged(x, truth=[label if i % 3 else None for i, label in enumerate(truth)])
    assert found.facts["scores"]["nmi"] == pytest.approx(1)
    assert found.facts["scores"]["accuracy"] == 1
    assert found.facts["baselines"][0]["scores"]["ari"]["mean"] == pytest.approx(1)
    assert found.facts["labelled"] == {"n": 60, "of": 90}
    assert said("info", "ACC, NMI, AMI and ARI are of the 60 of 90 photos with a label", found.facts["verdict"])
    assert not said("info", "ACC", judged(x, truth=truth)[1].facts["verdict"])


def test_labels_that_are_all_missing_are_none(blobs):
    _, found = judged(blobs[0], truth=[None] * 90)
    assert "accuracy" not in found.facts["scores"]
    assert found.facts["labelled"] == {"n": 0, "of": 90}


def test_judge_does_not_look_at_the_truth_without_being_told(blobs):
    _, found = judged(blobs[0])
    assert not {"accuracy", "nmi", "ami", "ari"} & set(found.facts["scores"])


def test_judge_names_the_clustering_space(blobs):
    _, found = judged(blobs[0], reduction=PCAReduction(4))
    assert np.isfinite(found.facts["scores"]["silhouette@clustering"])
    assert said("info", "In its own space (pca4)", found.facts["verdict"])


def test_judge_calls_noise_in_the_plane_noise():
    noise = np.random.default_rng(1).normal(size=(300, 50)).astype(np.float32)
    _, found = judged(noise, k=4, reduction=PCAReduction(2))
    assert said("bad", "No better than noise", found.facts["verdict"])
    assert said("warn", "The groups overlap", found.facts["verdict"])


def test_judge_does_not_call_blobs_in_the_plane_noise():
    x, _ = make_blobs(200, 20, centers=3, random_state=2)
    _, found = judged(x.astype(np.float32), reduction=PCAReduction(2))
    assert not said("bad", "", found.facts["verdict"])


def test_judge_on_a_sample_says_so(blobs, monkeypatch):
    x, truth = blobs
    monkeypatch.setattr(scores, "sample_rows", lambda labels: scores.Sample(np.arange(0, 90, 2), 90))
    _, found = judged(x, truth=truth)
    assert found.facts["sample"] == {"n": 45, "of": 90, "how": "drawn from every cluster in proportion"}
    assert np.isnan(found.silhouettes).sum() == 45
    assert found.facts["scores"]["accuracy"] == 1  # external scores take all rows


@pytest.mark.parametrize("k", [2, 5])
def test_judge_survives_what_has_no_silhouette(k):
    x = np.ones((5, 3), np.float32) if k == 2 else np.eye(5, dtype=np.float32)
    _, found = judged(x, k=k)
    assert said("bad", "The silhouette is undefined here", found.facts["verdict"])
    assert not any("nan" in sentence["text"] for sentence in found.facts["verdict"])


def test_the_number_of_groups_asked_for_counts_not_those_found(blobs):
    x, _ = blobs
    labels = np.arange(90) % 2
    clustering = SimpleNamespace(
        labels=labels,
        centers=np.zeros((4, 6)),
        embedding=x,
        space="features",
        health=lambda: {"clusters_in_use": 2, "smallest_cluster": 0},
    )
    found = judge(x, x[:, :2], clustering, [])
    np.testing.assert_array_equal(found.facts["sizes"], [45, 45, 0, 0])
    assert said("bad", "Only 2 of 4 groups", found.facts["verdict"])

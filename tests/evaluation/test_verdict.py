"""Each finding of the verdict under its condition, with its figures, in the order of its weight."""

import numpy as np
import pytest
from made_findings import golden, written
from scipy import stats

from cafemood.evaluation import scores
from cafemood.evaluation.verdict import noise_limit, one_cafe_clusters, verdict

ORDER = ["bad", "warn", "good", "info"]
NAN = float("nan")


def made_up(*, features=0.3, plane=0.5, null=(0.3, 0.01), space="pca2", in_use=4, smallest=20, own=None, nmi=None,
            others=(), null_features=(0.01, 0.002), **more):  # fmt: skip
    """Record of a clustering into 4 groups with nothing to say against it, but for what is given."""
    values = {"silhouette@features": features, "silhouette@pca2": plane}
    values |= {} if own is None else {"silhouette@clustering": own}
    values |= {} if nmi is None else {"nmi": nmi}
    return {
        "scores": values,
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


def codes(findings):
    return [finding.code for finding in findings]


def only(code, findings):
    """The one finding with this code."""
    (finding,) = [finding for finding in findings if finding.code == code]
    return finding


def test_a_good_clustering_gets_nothing_bad():
    findings = verdict(made_up(), n=200, k=4)
    assert [(finding.code, finding.level) for finding in findings] == [
        ("noise-beaten", "good"),
        ("groups-apart", "good"),
        ("noise-beaten", "info"),
        ("stability-not-measured", "info"),
    ]
    assert findings[0].figures == {
        "score": "silhouette@features", "value": 0.3, "z": pytest.approx(145), "limit": 2, "n_candidates": 1,
        "null_mean": 0.01, "null_sd": 0.002, "null": "the same columns, independent",
    }  # fmt: skip
    assert findings[1].figures == {"score": "silhouette@features", "value": 0.3}
    assert (findings[2].figures["score"], findings[2].figures["z"]) == ("silhouette@pca2", pytest.approx(20))


@pytest.mark.parametrize(("plane", "noise"), [(0.1, True), (0.319, True), (0.321, False)])
def test_less_than_two_sd_over_the_null_is_noise(plane, noise):
    findings = verdict(made_up(plane=plane), n=200, k=4)
    assert ("noise-not-beaten" in codes(findings)) == noise
    if noise:
        finding = only("noise-not-beaten", findings)
        assert finding.level == "bad"
        assert (finding.figures["score"], finding.figures["value"]) == ("silhouette@pca2", plane)


@pytest.mark.parametrize(("features", "noise"), [(0.013, True), (0.0141, False)])
def test_in_the_features_too_two_sd_are_asked_for(features, noise):
    findings = verdict(made_up(features=features, space="features"), n=200, k=4)
    assert ("noise-not-beaten" in codes(findings)) == noise
    assert ("noise-beaten" in codes(findings)) != noise


def refitted(*jaccard, ari=0.8, merged=()):
    together = np.eye(len(jaccard))
    for i, j in merged:
        together[i, j] = together[j, i] = 0.6
    how = "20 refits, each on 9 of 9 cafés drawn with replacement"
    ari = {"mean": ari, "sd": 0.1}
    return {"ari": ari, "jaccard": np.array(jaccard), "merged": together, "n": 20, "unit": "cafés", "how": how}


@pytest.mark.parametrize(
    ("refits", "level", "code", "clusters"),
    [
        (refitted(0.8, 0.9), "good", "stable", []),
        (refitted(0.7, 0.9), "info", "partly-stable", []),
        (refitted(0.7, 0.9, ari=0.3), "warn", "partly-stable", []),
        (refitted(0.5, 0.9, 0.8), "warn", "moods-unstable", [0]),
        (refitted(0.5, 0.5, 0.9), "warn", "moods-unstable", [0, 1]),
        (refitted(0.5, 0.4), "bad", "unstable", [0, 1]),
        (refitted(0.5, NAN), "bad", "unstable", [0]),
        (refitted(0.7, 0.7, 0.9, merged=[(0, 1)]), "warn", "moods-merge", [0, 1]),
    ],
)
def test_moods_that_come_back_and_those_that_do_not(refits, level, code, clusters):
    finding = only(code, verdict(made_up(stability=refits), n=200, k=4))
    assert (finding.level, finding.figures["clusters"]) == (level, clusters)
    if code != "moods-merge":
        assert finding.figures["ari"] == refits["ari"]["mean"]
        assert (finding.figures["n_refits"], finding.figures["unit"]) == (20, "cafés")


@pytest.mark.parametrize(
    ("p", "level", "code"), [(0.002, "good", "cafes-share-moods"), (0.2, "warn", "cafes-do-not-share-moods")]
)
def test_photos_of_one_cafe(p, level, code):
    lift = {"ratio": 1.8, "p": p, "n_cafes": 12, "n_duplicates": 3, "n_photos": 60}
    finding = only(code, verdict(made_up(coherence=lift), n=200, k=4))
    assert finding.level == level
    assert finding.figures == {"ratio": 1.8, "p": p, "n_cafes": 12, "n_duplicates": 3}


def test_outside_the_plane_its_silhouette_is_no_verdict():
    findings = verdict(made_up(plane=0.1, space="features"), n=200, k=4)
    assert "noise-not-beaten" not in codes(findings)
    finding = only("map-silhouette", findings)
    assert finding.level == "info"
    assert finding.figures == {"value": 0.1, "null_mean": 0.3, "null_sd": 0.01, "n_nulls": 10}


def test_collapse():
    findings = verdict(made_up(in_use=2, smallest=0), n=200, k=4)
    assert (findings[0].code, findings[0].level) == ("collapsed", "bad")
    assert findings[0].figures == {"clusters_in_use": 2, "k": 4}
    assert "outlier-cluster" not in codes(findings)


def test_noise_has_to_clear_more_where_k_was_chosen_on_the_same_photos():
    """Of nine clusterings of noise the best is above 2.8 sd as rarely as one is above 2."""
    assert noise_limit(1) == 2
    assert noise_limit(9) == pytest.approx(2.800, abs=0.001)
    assert stats.norm.cdf(noise_limit(9)) ** 9 == pytest.approx(stats.norm.cdf(2))
    record = made_up(features=0.305, null_features=(0.3, 0.002))  # z = 2.5
    assert "noise-not-beaten" not in codes(verdict(record, n=200, k=4))
    record["null"]["silhouette@features"] |= {"limit": noise_limit(9), "n_tried": 9}
    figures = only("noise-not-beaten", verdict(record, n=200, k=4)).figures
    assert (figures["n_candidates"], figures["limit"]) == (9, noise_limit(9))


@pytest.mark.parametrize(("n", "few"), [(39, True), (40, False)])
def test_few_photos(n, few):
    findings = [f for f in verdict(made_up(), n=n, k=4) if f.code == "few-photos"]
    assert [(f.level, f.figures) for f in findings] == [("warn", {"n_photos": n, "k": 4})] * few


@pytest.mark.parametrize(
    ("n", "smallest", "outlier"), [(200, 1, True), (200, 2, True), (1000, 9, True), (200, 3, False), (1000, 10, False)]
)
def test_a_tiny_group_is_an_outlier(n, smallest, outlier):
    findings = [f for f in verdict(made_up(smallest=smallest), n=n, k=4) if f.code == "outlier-cluster"]
    assert [(f.level, f.figures) for f in findings] == [("warn", {"n_photos": smallest})] * outlier


def test_of_many_groups_one_of_average_size_is_no_outlier():
    """Of 5,000 photos in 150 groups one in a hundred is 50, more than the average."""
    assert "outlier-cluster" not in codes(verdict(made_up(smallest=33, in_use=150), n=5_000, k=150))
    assert "outlier-cluster" in codes(verdict(made_up(smallest=3, in_use=150), n=5_000, k=150))


def test_own_space_gets_a_warning_with_its_name():
    finding = only("own-space-silhouette", verdict(made_up(own=0.62, space="dec embedding (10-d)"), n=200, k=4))
    assert finding.level == "info"
    assert finding.figures == {"space": "dec embedding (10-d)", "value": 0.62}


@pytest.mark.parametrize(
    ("score", "level", "code"),
    [
        (-0.1, "warn", "groups-overlap"),
        (0.049, "warn", "groups-overlap"),
        (0.05, "warn", "groups-blend"),
        (0.25, "good", "groups-apart"),
        (NAN, "bad", "silhouette-undefined"),
    ],
)
def test_separation(score, level, code):
    assert only(code, verdict(made_up(features=score), n=200, k=4)).level == level


@pytest.mark.parametrize(
    ("own", "sd", "level", "code"),
    [
        (0.50, 0.01, "warn", "loses-to-kmeans"),
        (0.70, 0.01, "good", "beats-kmeans"),
        (0.61, 0.01, "info", "ties-with-kmeans"),
        (0.50, 0.06, "info", "ties-with-kmeans"),
        (0.604, 0.0, "info", "ties-with-kmeans"),
        (0.606, 0.0, "good", "beats-kmeans"),
    ],
)
def test_the_best_baseline_stands_beside_it(own, sd, level, code):
    others = [("a", "nmi", 0.4, 0.0), ("b", "nmi", 0.6, sd)]
    record = made_up(nmi=own, others=others)
    for baseline in record["baselines"]:
        baseline["scores"]["silhouette@features"] = {"mean": 0.3, "sd": 0.0}
    (finding,) = [f for f in verdict(record, n=200, k=4) if f.figures.get("score") == "nmi"]
    assert (finding.level, finding.code) == (level, code)
    assert finding.figures == {
        "score": "nmi", "value": own, "baseline": "b", "baseline_mean": 0.6, "baseline_sd": sd, "n_seeds": 10
    }  # fmt: skip


def test_without_labels_baselines_are_compared_by_their_silhouette():
    findings = verdict(made_up(others=[("a", "silhouette@features", 0.4, 0.01)]), n=200, k=4)
    finding = only("loses-to-kmeans", findings)
    assert (finding.figures["score"], finding.figures["baseline"]) == ("silhouette@features", "a")
    assert (finding.figures["value"], finding.figures["baseline_mean"]) == (0.3, 0.4)


def test_a_baseline_of_one_seed_has_no_spread_but_counts():
    record = made_up(others=[("a", "silhouette@features", 0.4, NAN)])
    record["baselines"][0]["n_seeds"] = 1
    finding = only("loses-to-kmeans", verdict(record, n=200, k=4))
    assert finding.figures["n_seeds"] == 1
    assert "±" not in finding.text


def test_a_baseline_without_a_score_does_not_hide_the_others():
    others = [("a", "silhouette@features", NAN, NAN), ("b", "silhouette@features", 0.4, 0.01)]
    assert only("loses-to-kmeans", verdict(made_up(others=others), n=200, k=4)).figures["baseline"] == "b"


def test_what_is_undefined_is_left_out():
    record = made_up(features=NAN, plane=NAN, null=(NAN, NAN), own=NAN, nmi=NAN, others=[("a", "nmi", NAN, NAN)])
    assert codes(verdict(record, n=200, k=4)) == ["silhouette-undefined", "stability-not-measured"]
    for record in (made_up(null=(NAN, NAN)), made_up(null=(0.3, NAN)), made_up(space="features", null=(0.3, NAN))):
        assert not any("nan" in finding.text for finding in verdict(record, n=200, k=4))


def test_the_gravest_comes_first():
    record = made_up(plane=0.1, features=0.3, in_use=3, own=0.6, others=[("a", "silhouette@features", 0.4, 0.01)])
    levels = [finding.level for finding in verdict(record, n=20, k=4)]
    assert levels == sorted(levels, key=ORDER.index)
    assert set(levels) == {"bad", "warn", "good", "info"}


HOSTILE = ["[bold red]%s {0}</b>", "<script>alert(1)</script>", "공릉동 커피 ☕", "a“b”\\n", "café, 'x' & \"y\""]


def one_cafe(labels, cafes):
    return one_cafe_clusters(scores.dominant_cafe_share(labels, cafes))


@pytest.mark.parametrize("name", [*HOSTILE, "긴 이름 " * 30])
def test_a_mood_that_is_one_cafe_is_named(name):
    (finding,) = one_cafe(np.repeat([0, 1], [4, 6]), [name, name, name, "b", *"cdefgh"])
    assert (finding.code, finding.level) == ("one-cafe-cluster", "warn")
    assert finding.figures == {"cluster": 0, "cafe": name, "share": 0.75}
    assert f"({name}, 75% of its photos)" in finding.text


def test_moods_count_from_one_in_words_and_from_zero_in_figures():
    findings = one_cafe(np.repeat([0, 2, 3], 3), [*"abc", *"xxx", *"dee"])
    assert [finding.text.split(" is ")[0] for finding in findings] == ["Mood 3", "Mood 4"]
    assert [finding.figures["cluster"] for finding in findings] == [2, 3]


def test_half_of_a_mood_or_two_photos_are_not_one_cafe():
    assert one_cafe(np.zeros(4, int), ["a", "a", "b", "c"]) == []
    assert one_cafe(np.zeros(2, int), ["a", "a"]) == []


def test_the_wording():
    """Every finding once or more, as the page shows it."""
    lift = {"ratio": 1.8, "p": 0.002, "n_cafes": 12, "n_duplicates": 3}
    chosen = made_up(features=0.013, space="features")
    chosen["null"]["silhouette@features"] |= {"limit": 2.8, "n_tried": 9}
    one_seed = made_up(nmi=0.61, others=[("k-means on the features", "nmi", 0.61, NAN)])
    one_seed["baselines"][0]["n_seeds"] = 1
    one_cafe = {"n_cafes": 1, "n_duplicates": 0}
    leak = [{"cluster": 2, "n_photos": 8, "largest_cafe": "숲", "largest_share": 0.75}]
    both = [("AE + k-means", "nmi", 0.6, 0.01), ("PCA-10 + k-means", "silhouette@features", 0.2, 0.01)]
    records = [
        (made_up(), 200),
        (made_up(plane=0.1, own=0.62, space="pca2", stability=refitted(0.8, 0.9)), 2_000),
        (chosen | {"stability": refitted(0.7, 0.9, 0.5, 0.4, ari=0.3, merged=[(0, 1)])}, 200),
        (made_up(features=0.2, stability=refitted(0.5, 0.9), coherence=lift, leak=leak), 39),
        (made_up(features=NAN, in_use=2, stability=refitted(0.5, 0.4), coherence=lift | {"p": 0.2}), 1_000),
        (made_up(nmi=0.5, others=both, smallest=1, stability=refitted(0.7, 0.9)), 200),
        (
            one_seed | {"labelled": {"n": 1_060, "of": 1_090}, "coherence": lift | one_cafe},
            200,
        ),
        (made_up(smallest=2, own=0.62, space="dec embedding (10-d)"), 200),
    ]
    assert written([verdict(record, n=n, k=4) for record, n in records]) == golden("report")

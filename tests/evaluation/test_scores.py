"""Scores against scikit-learn, brute force and hand-made cases."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.datasets import make_blobs
from threadpoolctl import threadpool_limits

from cafemood.clustering.lloyd import squared_distances
from cafemood.evaluation import scores


@pytest.fixture(autouse=True)
def one_thread():
    """On a machine shared with others, tiny k-means runs lose seconds to waiting threads."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def blobs():
    x, labels = make_blobs(120, 4, centers=3, cluster_std=3, random_state=0)
    return x.astype(np.float32), labels


def test_silhouettes_are_scikit_learns(blobs):
    x, labels = blobs
    np.testing.assert_allclose(scores.silhouettes(x, labels), metrics.silhouette_samples(x, labels), rtol=1e-5)


def test_internal_scores_carry_their_space(blobs):
    x, labels = blobs
    values = scores.internal(x, labels, "here")
    each = metrics.silhouette_samples(x, labels)
    expected = {
        "silhouette@here": pytest.approx(each.mean(), rel=1e-5),
        "silhouette_macro@here": pytest.approx(np.mean([each[labels == j].mean() for j in range(3)]), rel=1e-5),
        "negative_share@here": pytest.approx((each < 0).mean()),
        "davies_bouldin@here": pytest.approx(metrics.davies_bouldin_score(x, labels)),
        "calinski_harabasz@here": pytest.approx(metrics.calinski_harabasz_score(x, labels)),
    }
    assert {name: values[name] for name in expected} == expected
    assert all(name.endswith("@here") for name in values)


def test_several_labellings_share_their_distances(blobs):
    x, labels = blobs
    several = [labels, np.arange(120) % 5, labels * 7 + 3]
    for of_one, found in zip(several, scores.internal_of_all(x, squared_distances(x), several, "here"), strict=True):
        assert found == pytest.approx(scores.internal(x, of_one, "here"))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 30), st.integers(1, 90), st.floats(-100, 100))
def test_silhouettes_of_distances_are_scikit_learns(seed, n, d, shift):
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n, d)) + shift).astype(np.float32)
    x[1] = x[0]  # two photos that are the same
    labels = rng.integers(0, 3, n)
    labels[:2] = [0, 1]
    (found,) = scores.silhouettes_of_distances(squared_distances(x), [labels])
    np.testing.assert_allclose(found, metrics.silhouette_samples(x.astype(np.float64), labels), atol=2e-4)


def test_clusters_with_the_same_mean_have_no_davies_bouldin():
    x = np.array([[-1.0, 0], [1, 0], [0, -1], [0, 1], [9, 9], [9, 10]])
    assert np.isnan(scores.internal(x, np.array([0, 0, 1, 1, 2, 2]), "here")["davies_bouldin@here"])


@pytest.mark.parametrize("labels", [np.zeros(6, int), np.arange(6)], ids=["one cluster", "all singletons"])
def test_what_is_undefined_is_nan(labels):
    x = np.random.default_rng(0).normal(size=(6, 3))
    assert np.isnan(scores.silhouettes(x, labels)).all()
    assert all(np.isnan(value) for value in scores.internal(x, labels, "here").values())


def test_a_silhouette_by_hand():
    """0 and 1 against 10: (9.5 - 1) / 9.5 in the middle; a cluster of one counts 0."""
    found = scores.silhouettes(np.array([[0.0], [1], [10]]), np.array([0, 0, 1]))
    np.testing.assert_allclose(found, [9 / 10, 8 / 9, 0])


def test_a_renamed_ground_truth_scores_one():
    found = scores.external(["어두움", "밝음", "밝음", "green", "어두움"], np.array([2, 0, 0, 1, 2]))
    assert found == {"accuracy": 1, "nmi": pytest.approx(1), "ami": pytest.approx(1), "ari": 1}


def test_surplus_clusters_and_classes_match_nothing():
    assert scores.external(["a", "a", "a", "b", "b"], np.array([0, 1, 1, 2, 2]))["accuracy"] == pytest.approx(4 / 5)
    assert scores.external(["a", "b", "c", "c"], np.array([0, 0, 1, 1]))["accuracy"] == pytest.approx(3 / 4)
    assert scores.external(["a", "a", "b"], np.array([7, 7, 3]))["accuracy"] == 1


def test_external_scores_are_scikit_learns():
    rng = np.random.default_rng(0)
    truth, labels = rng.integers(0, 4, 60), rng.integers(0, 5, 60)
    found = scores.external([str(t) for t in truth], labels)
    assert found["nmi"] == pytest.approx(metrics.normalized_mutual_info_score(truth, labels))
    assert found["ami"] == pytest.approx(metrics.adjusted_mutual_info_score(truth, labels))
    assert found["ari"] == pytest.approx(metrics.adjusted_rand_score(truth, labels))


@settings(max_examples=60, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=14))
def test_accuracy_is_the_best_over_all_matchings(pairs):
    truth, labels = (np.array(side) for side in zip(*pairs, strict=True))
    best = max(np.mean(np.array(names)[labels] == truth) for names in permutations(range(5)))
    found = scores.external([str(t) for t in truth], labels)
    assert found["accuracy"] == pytest.approx(best)


def test_photos_of_one_cafe_that_share_a_group_are_coherent():
    labels = np.repeat([0, 1], 20)
    cafes = [f"공릉동 {i // 4}" for i in range(40)]
    x = np.random.default_rng(0).normal(size=(40, 8))
    found = scores.same_cafe_lift(labels, cafes, x, n_permutations=200)
    assert found["ratio"] == pytest.approx(1 / ((2 * 20 * 19) / (40 * 39)))  # all pairs of a café, of all pairs
    assert found["p"] == pytest.approx(1 / 201)
    assert (found["n_cafes"], found["n_duplicates"]) == (10, 0)


def test_labels_that_ignore_the_cafe_are_no_better_than_chance():
    rng = np.random.default_rng(1)
    found = scores.same_cafe_lift(rng.integers(0, 3, 300), [str(i // 5) for i in range(300)], rng.normal(size=(300, 8)))
    assert found["ratio"] == pytest.approx(1, abs=0.15)
    assert found["p"] > 0.05


def test_near_duplicates_of_a_cafe_count_once():
    x = np.random.default_rng(2).normal(size=(6, 8))
    x = np.concatenate([x, x[:2] + 1e-4, x[5:] * 3])  # two copies of the first café's, one longer of another's
    cafes = [*"aabbcc", "a", "a", "x"]
    found = scores.same_cafe_lift(np.array([0, 1, 0, 1, 1, 1, 0, 1, 0]), cafes, x)
    assert (found["n_photos"], found["n_duplicates"]) == (7, 2)


def test_near_duplicates_are_found_in_half_precision_too():
    """Bytes in 64 columns: their squared lengths are more than float16 holds."""
    x = np.random.default_rng(3).integers(0, 256, (40, 64)).repeat(2, axis=0).astype(np.float16)
    found = scores.same_cafe_lift(np.arange(80) // 2 % 3, [str(i // 8) for i in range(80)], x)
    assert found["n_duplicates"] == 40


def test_cafes_of_one_photo_have_no_lift():
    assert scores.same_cafe_lift(np.array([0, 1, 1]), ["a", "b", "c"], np.eye(3)) is None


def test_the_dominant_cafe_counts_cafes_by_hand():
    first, second = scores.dominant_cafe_share(np.array([0, 0, 0, 0, 2, 2]), ["a", "a", "b", "b", "c", "c"])
    assert first["largest_share"] == 0.5
    assert first["effective_cafes"] == pytest.approx(2)
    assert second == {
        "cluster": 2, "n_photos": 2, "largest_cafe": "c", "largest_share": 1.0, "effective_cafes": pytest.approx(1)
    }  # fmt: skip


def test_all_rows_are_taken_when_they_are_few():
    sample = scores.sample_rows(np.array([1, 0, 1]))
    np.testing.assert_array_equal(sample.rows, [0, 1, 2])
    assert sample.facts is None


def test_a_sample_is_proportional_with_at_least_one_each_and_says_so():
    labels = np.repeat([0, 1, 2], [900, 98, 2])
    sample = scores.sample_rows(labels, max_rows=100)
    counts = np.bincount(labels[sample.rows])
    np.testing.assert_array_equal(counts, [90, 10, 1])
    assert len(np.unique(sample.rows)) == len(sample.rows)
    assert (np.diff(sample.rows) > 0).all()
    assert sample.facts == {"n": 101, "of": 1000, "how": "drawn from every cluster in proportion"}
    np.testing.assert_array_equal(sample.rows, scores.sample_rows(labels, max_rows=100).rows)


def test_mean_and_sd():
    found = scores.mean_and_sd([{"a": 1.0}, {"a": 2.0}, {"a": 3.0}])
    assert found == {"a": {"mean": 2.0, "sd": 1.0}}
    assert np.isnan(scores.mean_and_sd([{"a": 1.0}])["a"]["sd"])


@pytest.mark.filterwarnings("error")
def test_internal_scores_that_would_divide_by_zero_are_undefined():
    """scikit-learn says 0 and 1: the best Davies-Bouldin there is, and a Calinski-Harabasz as good as chance."""
    two = np.array([0, 0, 1, 1])
    names = ("silhouette@s", "davies_bouldin@s", "calinski_harabasz@s")

    def of(x):
        return [scores.internal(np.array(x, dtype=np.float32), two, "s")[name] for name in names]

    # all rows the same: neither near nor far
    assert of([[0.1, 1]] * 4) == pytest.approx([0, np.nan, np.nan], nan_ok=True)
    # no spread within: nothing to divide the distance of the means by
    assert of([[0.1], [0.1], [1], [1]]) == pytest.approx([1, 0, np.nan], nan_ok=True)
    # the means are the same: of -1, 1, -2, 2 each is 1 or 3 away from the others of the second cluster;
    # s = (2 - 2) / 2 for the first two, (2 - 4) / 4 for the others; nothing between
    assert of([[-1], [1], [-2], [2]]) == pytest.approx([-0.25, np.nan, 0], nan_ok=True)


@pytest.mark.filterwarnings("error")
def test_a_cluster_of_one_photo_has_scores():
    # by hand: the single photo counts 0; of 0 and 1 the mean distance to it is 4 and 3, to each other 1
    found = scores.internal(np.array([[0.0], [1.0], [4.0]]), np.array([0, 0, 1]), "s")
    assert found["silhouette@s"] == pytest.approx((3 / 4 + 2 / 3 + 0) / 3)
    assert found["davies_bouldin@s"] == pytest.approx(0.5 / 3.5)

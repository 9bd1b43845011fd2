"""k-means from distances is scikit-learn's k-means of the rows, whatever basis they are in."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.cluster import kmeans_plusplus as scikit_learns_plus_plus
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from cafemood.clustering import lloyd
from cafemood.clustering.kmeans import FromDistances, kmeans


@pytest.fixture(autouse=True)
def one_thread():
    """On a machine shared with others, tiny k-means runs lose seconds to waiting threads."""
    with threadpool_limits(1):
        yield


def drawn(seed, n, d, spread=2.0):
    x, _ = make_blobs(n, d, centers=5, cluster_std=spread * d**0.5 / 2, random_state=seed)
    return x.astype(np.float32)


@pytest.mark.parametrize(("n", "d"), [(300, 100), (80, 300), (200, 66)])
@pytest.mark.parametrize("k", [2, 4, 9])
def test_partition_inertia_and_starts_are_scikit_learns(n, d, k):
    x = drawn(k, n, d)
    squared = lloyd.squared_distances(x)
    centred = x - x.mean(axis=0)
    _, rows = scikit_learns_plus_plus(centred, k, random_state=np.random.RandomState(3))
    np.testing.assert_array_equal(lloyd.plus_plus(squared, k, np.random.RandomState(3)), rows)
    theirs = KMeans(k, n_init=6, random_state=3).fit(x)
    ours = lloyd.kmeans_of_distances(squared, k, 3, 6, n_columns=d)
    assert ours.inertia == pytest.approx(theirs.inertia_, rel=1e-4)
    assert adjusted_rand_score(ours.labels, theirs.labels_) > 0.97
    means = np.stack([x[ours.labels == j].mean(axis=0) for j in range(k)])
    assert ours.inertia == pytest.approx(((x - means[ours.labels]) ** 2).sum(), rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 60), st.integers(2, 120), st.integers(1, 5), st.floats(-50, 50))
def test_turning_and_moving_the_rows_changes_nothing(seed, n, d, k, shift):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)).astype(np.float32)
    rotation = np.linalg.qr(rng.normal(size=(d, d)))[0]
    turned = (x @ rotation + shift).astype(np.float32)
    squared, again = lloyd.squared_distances(x), lloyd.squared_distances(turned)
    np.testing.assert_allclose(again, squared, rtol=1e-3, atol=1e-3)
    one, other = (lloyd.kmeans_of_distances(of, k, 0, 3, n_columns=d) for of in (squared, again))
    assert other.inertia == pytest.approx(one.inertia, rel=0.01, abs=1e-3)


def test_rows_of_more_columns_than_rows_keep_their_distances_in_a_basis_of_no_more():
    x = drawn(0, 40, 500)
    basis = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2]
    fewer = (x @ basis.T).astype(np.float32)
    assert fewer.shape == (40, 40)
    np.testing.assert_allclose(lloyd.squared_distances(fewer), lloyd.squared_distances(x), rtol=1e-4, atol=1e-2)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 100), st.floats(0, 1e3))
def test_distances_are_exact_for_near_rows_far_from_zero_too(seed, n, d, shift):
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.normal(size=(n, d)), 2, axis=0) + shift
    x[1::2] += 1e-2 * rng.normal(size=(n, d))
    x = x.astype(np.float32)
    squared = lloyd.squared_distances(x)
    exact = cdist(x.astype(np.float64), x.astype(np.float64), "sqeuclidean")
    np.testing.assert_array_equal(squared, squared.T)
    assert not np.diag(squared).any()
    np.testing.assert_allclose(squared, exact, rtol=2e-3, atol=1e-9 * max(1, shift) ** 2)


def test_equal_rows_leave_clusters_empty():
    x = np.repeat(np.eye(2, 80, dtype=np.float32), 10, axis=0)
    found = kmeans(x, 4, 0)
    assert isinstance(found, FromDistances)
    assert found.inertia_ == 0
    assert len(np.unique(found.labels_)) == 2
    assert np.isfinite(found.cluster_centers_).all()


def test_a_cluster_that_loses_its_rows_gets_the_farthest():
    to_means = np.array([[1.0, 2, 9], [5, 5, 10]])
    np.testing.assert_array_equal(lloyd._refilled(np.zeros(3, int), to_means, 2), [0, 0, 1])


def test_of_two_as_near_the_first_is_taken():
    values = np.random.default_rng(0).integers(0, 3, (5, 200)).astype(float)
    at, least = lloyd._first_least(values)
    np.testing.assert_array_equal(at, values.argmin(axis=0))
    np.testing.assert_array_equal(least, values.min(axis=0))


def test_many_rows_that_move_change_the_sums_as_few_do():
    squared = lloyd.squared_distances(drawn(0, 100, 70))
    before, after = np.random.default_rng(0).integers(0, 3, (2, 100))
    moved = np.flatnonzero(before != after)
    assert len(moved) > lloyd._FEW_MOVED
    found = lloyd._change(squared, moved, before[moved], after[moved], 3)
    np.testing.assert_allclose(found, (np.eye(3)[after] - np.eye(3)[before]).T @ squared, rtol=1e-4, atol=0.1)


def test_distances_from_inner_products_are_those_of_the_rows():
    x = np.random.default_rng(0).normal(3, 1, (150, 90)).astype(np.float32)
    found = lloyd.to_distances(lloyd.inner_products(x))
    np.testing.assert_allclose(found, cdist(x, x, "sqeuclidean"), rtol=1e-4, atol=1e-3)
    assert not np.diag(found).any()


@pytest.mark.parametrize("n_components", [1, 2, 30])
def test_principal_coordinates_are_those_of_scikit_learns_pca(n_components):
    x = (np.random.default_rng(0).normal(size=(60, 100)) * np.arange(1, 101) ** -1.0).astype(np.float32)
    theirs = PCA(n_components, svd_solver="full").fit_transform(x)
    ours = lloyd.principal_coordinates(lloyd.inner_products(x), n_components)
    assert ours.shape == (60, n_components)
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=2e-3)


def test_equal_rows_lie_on_one_point():
    found = lloyd.principal_coordinates(lloyd.inner_products(np.ones((20, 80), np.float32)), 2)
    np.testing.assert_allclose(found, 0, atol=1e-5)


def test_distances_are_shared_for_the_same_rows_alone():
    x, asked = drawn(0, 90, 70), []
    with lloyd.sharing(x, lambda: asked.append(1) or lloyd.squared_distances(x)):
        again, other = kmeans(x.copy(), 3, 0), kmeans(x + 1, 3, 0)
    assert asked == [1]
    np.testing.assert_array_equal(again.labels_, kmeans(x, 3, 0).labels_)
    np.testing.assert_array_equal(other.labels_, kmeans(x + 1, 3, 0).labels_)
    assert asked == [1]


def test_the_clusterer_has_scikit_learns_centres():
    x = drawn(1, 250, 90)
    ours = kmeans(x, 3, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = KMeans(3, n_init=10, random_state=0).fit(x)
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-3, atol=1e-3)

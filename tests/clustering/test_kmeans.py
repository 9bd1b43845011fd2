"""k-means over matrices that are too long or too wide to copy; tests/test_methods.py has it within runs."""

import numpy as np
import pytest
import sklearn
from sklearn.cluster import KMeans as SklearnKMeans
from sklearn.datasets import make_blobs

from cafemood.clustering.kmeans import ChunkedLloyd, kmeans, nearest_center

RNG = np.random.default_rng(0)


def test_the_nearest_centre_and_of_two_as_near_the_first():
    x, centers = np.array([[0.0], [2.0], [1.0]]), np.array([[0.0], [2.0]])
    assert nearest_center(x, centers).tolist() == [0, 1, 0]


def test_a_wide_matrix_beyond_the_working_memory_starts_from_as_many_rows_as_fit(monkeypatch):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(3, 100)) * 3)[rng.integers(3, size=600)] + rng.normal(size=(600, 100))
    seen = []
    fit = SklearnKMeans.fit
    monkeypatch.setattr(SklearnKMeans, "fit", lambda self, rows: seen.append(len(rows)) or fit(self, rows))
    with sklearn.config_context(working_memory=0.1):
        found = kmeans(x.astype(np.float16), 3, 0)
    assert seen == [262]
    assert found.inertia_ == pytest.approx(SklearnKMeans(3, n_init=10, random_state=0).fit(x).inertia_, rel=1e-3)


@pytest.mark.parametrize("offset", [0, 3_000, 10_000])
def test_lloyd_in_chunks_is_scikit_learns_far_from_zero(offset):
    """In float32 |x|² - 2 x·c + |c|² cancels there: labels went wrong, and the inertia was negative."""
    x, truth = make_blobs(3_000, 16, centers=5, random_state=0)
    x = (x + offset).astype(np.float32)
    starts = np.stack([x[truth == j][0] for j in range(5)])
    found = ChunkedLloyd(x, starts)
    expected = SklearnKMeans(5, init=starts.astype(np.float64), n_init=1).fit(x.astype(np.float64))
    np.testing.assert_array_equal(found.labels_, expected.labels_)
    np.testing.assert_allclose(found.cluster_centers_, expected.cluster_centers_, rtol=1e-4)
    assert found.inertia_ == pytest.approx(expected.inertia_, rel=1e-3)


def test_lloyd_in_chunks_keeps_the_centre_of_a_cluster_that_lost_its_rows():
    x = RNG.normal(size=(2000, 12)).astype(np.float16)
    far = np.full((1, 12), 500, np.float32)
    found = ChunkedLloyd(x, np.vstack([np.asarray(x[:2], np.float32), far]))
    np.testing.assert_allclose(found.cluster_centers_[2], far[0], rtol=1e-6)
    assert set(found.labels_) == {0, 1}
    d = np.square(np.asarray(x, np.float64) - found.cluster_centers_[found.labels_]).sum()
    assert found.inertia_ == pytest.approx(d, rel=1e-5)


@pytest.mark.filterwarnings("error")
def test_rows_on_their_centres_are_done_at_once():
    """By rounding their inertia came out below zero, and a tenth of a thousandth of it was never reached."""
    rows = np.repeat(np.random.default_rng(0).normal(size=(2, 50)), 500, axis=0).astype(np.float32)
    found = ChunkedLloyd(rows, rows[[0, 500]])
    assert 0 <= found.inertia_ < 0.01
    assert found.n_iter_ < 5
    assert np.bincount(found.labels_).tolist() == [500, 500]


@pytest.mark.filterwarnings("error")
def test_rows_that_are_all_the_same_lie_in_one_cluster():
    assert kmeans(np.full((8, 2), 0.1, np.float32), 3, 0).labels_.tolist() == [0] * 8

"""k-means over matrices that are too long or too wide to copy; tests/test_methods.py has it within runs."""

import numpy as np
import pytest
import sklearn
from sklearn.cluster import KMeans as SklearnKMeans

from cafemood.kmeans import LloydInPieces, kmeans, nearest_center

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


def test_lloyd_in_pieces_keeps_the_centre_of_a_cluster_that_lost_its_rows():
    x = RNG.normal(size=(2000, 12)).astype(np.float16)
    far = np.full((1, 12), 500, np.float32)
    found = LloydInPieces(x, np.vstack([np.asarray(x[:2], np.float32), far]))
    assert np.array_equal(found.cluster_centers_[2], far[0])
    assert set(found.labels_) == {0, 1}
    d = np.square(np.asarray(x, np.float64) - found.cluster_centers_[found.labels_]).sum()
    assert found.inertia_ == pytest.approx(d, rel=1e-5)

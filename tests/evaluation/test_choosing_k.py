"""The number of clusters without labels: found where it is clear, and said where there is none."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from cafemood.errors import ClusteringError
from cafemood.evaluation.choosing_k import choose_k

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("cafes", [False, True])
def test_k_is_found(cafes):
    x, truth = make_blobs(300, 16, centers=8 * np.eye(16)[:5], cluster_std=2, random_state=1)
    rooms = [f"{t} {i % 10}" for i, t in enumerate(truth)] if cafes else None
    found = choose_k(x, range(2, 10), rooms)
    assert found.k == 5
    assert "k = 5 was chosen from 2 to 9, without labels; silhouette takes" in found.words()
    assert found == choose_k(x, range(2, 10), rooms)


def test_noise_has_no_k_and_says_so():
    found = choose_k(RNG.normal(size=(200, 30)), [2, 3, 4])
    if max(found.lifts) <= 0:
        assert "None of them scores above noise" in found.words()
    assert max(found.lifts) < 0.02


def test_no_k_fits():
    with pytest.raises(ClusteringError, match=r"(?s)No k of k_range fits.*4 photos"):
        choose_k(np.eye(4), [5, 6])


@pytest.mark.filterwarnings("error")
def test_photos_without_any_difference_have_no_k():
    found = choose_k(np.full((12, 3), 0.1, np.float32), [2, 3], n_nulls=2)
    assert found.scores == [0, 0]
    assert "None of them scores above noise" in found.words()

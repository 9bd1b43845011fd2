"""Photos like no other: the z-score by hand, few strangers told, and rows beyond the matrix of distances."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from cafemood.evaluation import outliers
from cafemood.evaluation.outliers import LIMIT, outlying


def crowd(n=200, strangers=3):
    rng = np.random.default_rng(0)
    far = 12 * np.eye(20)[:strangers] * np.sqrt(20)
    return np.vstack([rng.normal(size=(n, 20)), far + rng.normal(size=(strangers, 20))]).astype(np.float32)


def test_the_score_is_the_modified_z_of_scikit_learns_distances():
    x = crowd()
    far = np.log(NearestNeighbors(n_neighbors=11).fit(x).kneighbors(x)[0][:, 1:].mean(axis=1))
    middle = np.median(far)
    by_hand = 0.6745 * (far - middle) / np.median(abs(far - middle))
    np.testing.assert_allclose(outlying(x), by_hand, atol=1e-3)


def test_a_few_strangers_are_told_and_a_crowd_has_none():
    z = outlying(crowd())
    assert list(np.flatnonzero(z > LIMIT)) == [200, 201, 202]
    assert (outlying(crowd(strangers=0)) > LIMIT).sum() == 0


def test_more_rows_than_fit_in_a_matrix_of_distances(monkeypatch):
    x = crowd()
    exact = outlying(x)
    monkeypatch.setattr(outliers, "MOST_ROWS", 150)
    sampled = outlying(x)
    assert set(np.flatnonzero(sampled > LIMIT)) == {200, 201, 202}
    assert np.corrcoef(exact, sampled)[0, 1] > 0.95


@pytest.mark.parametrize("x", [np.zeros((0, 3)), np.eye(20), np.ones((30, 3))], ids=["none", "few", "equal"])
def test_of_few_rows_and_of_equal_ones_nothing_is_far(x):
    assert (outlying(x.astype(np.float32)) == 0).all()

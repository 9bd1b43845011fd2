"""N2D and TEMI on small data: whole results, seeds, odd inputs, new rows, and better than k-means on digits."""

import importlib.util
from functools import partial

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from sklearn.datasets import load_digits, make_blobs
from sklearn.metrics import normalized_mutual_info_score

from cafemood.clustering.kmeans import KMeans
from cafemood.clustering.n2d import N2D
from cafemood.clustering.stored import assign
from cafemood.clustering.temi import TEMI, mutual
from cafemood.errors import ClusteringError

CPU = partial(pl.Trainer, accelerator="cpu")
HEADS = [
    partial(N2D, hidden=(32, 32, 64), pretrain_epochs=2, pretrain_min_steps=40, n_init=1),
    partial(TEMI, n_heads=3, hidden=16, epochs=2, min_steps=200),
    partial(TEMI, n_heads=3, hidden=16, epochs=2, min_steps=200, neighbors="mutual"),
]
NAMES = ["n2d", "temi", "temi, mutual"]


@pytest.fixture
def rows():
    x, _ = make_blobs(150, 8, centers=3, cluster_std=1.5, random_state=5)
    return x.astype(np.float32)


def run(method, x, **options):
    options = {"trainer": CPU, "batch_size": 64} | options
    method.set_params(**{name: value for name, value in options.items() if name in method.get_params()})
    return method.fit(x).clustering(x)


@pytest.mark.parametrize("make", HEADS, ids=NAMES)
def test_the_result_is_whole_and_new_rows_go_where_they_went(make, rows):
    found = run(make(3), rows)
    np.testing.assert_array_equal(found.labels, found.probabilities.argmax(axis=1))
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)
    assert found.centers.shape == (3, found.embedding.shape[1])
    assert found.health()["clusters_in_use"] == 3
    tensors = {"centers": found.centers, **found.tensors}
    assert all(array.dtype == np.float32 for array in tensors.values())
    probabilities, z = assign(rows, tensors)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), found.labels)
    np.testing.assert_allclose(z, found.embedding, rtol=1e-2, atol=1e-2)
    alone, _ = assign(rows[7:8], tensors)
    np.testing.assert_allclose(alone, probabilities[7:8], atol=1e-3)


@pytest.mark.parametrize("make", HEADS, ids=NAMES)
def test_the_same_seed_gives_the_same_result(make, rows):
    first, second = (run(make(3, random_state=4), rows) for _ in range(2))
    np.testing.assert_array_equal(first.probabilities, second.probabilities)


@pytest.mark.parametrize("make", HEADS, ids=NAMES)
def test_duplicates_and_constant_columns_are_fine(make, rows):
    rows[:, 0] = 2
    found = run(make(3), np.repeat(rows[::10], 3, axis=0))
    assert np.isfinite(found.probabilities).all()


def test_temi_takes_few_rows(rows):
    assert run(HEADS[1](2), rows[:5]).labels.shape == (5,)


def test_n2d_refuses_few_rows(rows):
    with pytest.raises(ClusteringError, match=r"N2D cannot work on 5 photos[\s\S]*15 or more"):
        run(HEADS[0](2), rows[:5])


def test_n2d_leaves_torchs_threads_as_they_were(rows):
    """numba sets them to all cores; jobs of a pool, which have one each, would fight from then on."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        run(HEADS[0](3), rows)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_n2d_without_umap_is_one_sentence(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "umap" else real(name))
    with pytest.raises(ClusteringError, match=r"needs UMAP[\s\S]*not installed[\s\S]*cafemood\[umap\]"):
        N2D(3).check_settings()


def test_mutual_neighbours_by_hand():
    """0 and 1 have each other; 2 has 0 and 1, which have others; 3 has 0 back, its second."""
    found = mutual(np.array([[1, 3], [0, 3], [1, 0], [2, 0]]))
    np.testing.assert_array_equal(found, [[1, 3], [0, 0], [1, 1], [0, 0]])


def test_mutual_neighbours_are_neighbours_both_ways():
    x = np.random.default_rng(0).normal(size=(80, 3))
    nearest = np.argsort(((x[:, None] - x) ** 2).sum(axis=2), axis=1)[:, 1:8]
    for row, kept in enumerate(mutual(nearest)):
        both = [other for other in nearest[row] if row in nearest[other]]
        assert set(kept) == set(both or nearest[row, :1])


def test_another_choice_of_neighbours_is_refused():
    with pytest.raises(ClusteringError, match="neighbors 'all'"):
        TEMI(3, neighbors="all").check_settings()


@pytest.mark.slow
def test_temi_beats_kmeans_on_digits():
    x, truth = load_digits(return_X_y=True)
    x = x.astype(np.float32)
    found = TEMI(10, n_heads=4, min_steps=800, trainer=CPU).fit(x).clustering(x)
    plain = KMeans(10).fit(x).clustering(x)
    nmi = partial(normalized_mutual_info_score, truth)
    assert nmi(found.labels) > nmi(plain.labels) + 0.03

"""The spectral start, and its prototypes' cache."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import make_blobs, make_circles

from cafemood.clustering import spectral as module
from cafemood.clustering.kmeans import kmeans
from cafemood.clustering.spectral import normalized_cut, prototypes, spectral
from cafemood.core import chunks
from cafemood.evaluation.scores import external


def blobs():
    return make_blobs(120, 8, centers=3, cluster_std=2, random_state=5)[0].astype(np.float32)


def test_the_spectral_start_keeps_together_what_hangs_together():
    """Two rings: k-means cuts them, their neighbourhoods do not."""
    x, truth = make_circles(600, factor=0.4, noise=0.03, random_state=0)
    found = spectral(x.astype(np.float32), 2, 0)
    assert external([str(t) for t in truth], found)["accuracy"] > 0.99
    assert external([str(t) for t in truth], kmeans(x, 2, 0).labels_)["accuracy"] < 0.7


def test_the_spectral_start_does_not_spend_a_cluster_on_outliers():
    rows = blobs()
    x = np.concatenate([rows, rows[:6] * 0.01 + 80])
    assert np.bincount(spectral(x, 3, 0), minlength=3).min() > 20


def test_the_normalized_cut_by_hand():
    """Two pairs, each with 2 + 2 edges within and one between them: 1/5 of each one's edges leave it."""
    pairs = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]])
    assert normalized_cut(csr_matrix(pairs), np.array([0, 0, 1, 1])) == pytest.approx(2 / 5)
    assert normalized_cut(csr_matrix(pairs), np.array([0, 1, 0, 1])) == pytest.approx(2 * 3 / 5)
    assert normalized_cut(csr_matrix(pairs), np.zeros(4, int)) == 0
    assert normalized_cut(csr_matrix(pairs), np.array([0, 0, 2, 2])) == pytest.approx(1 + 2 / 5)  # an empty one


def starts(monkeypatch, *found):
    """Let the starts be these pairs of labels and cut."""
    left = iter(found)
    monkeypatch.setattr(module, "_spectral", lambda *args: next(left))


def test_of_several_starts_the_one_with_the_least_cut_is_taken(monkeypatch):
    many = np.arange(1200)
    starts(monkeypatch, (many % 3, 0.5), (many % 2, 0.2), (many % 3, 0.3))
    np.testing.assert_array_equal(spectral(np.zeros((1200, 2)), 3, 4, n_starts=3), many % 2)


def test_of_few_rows_the_start_that_the_others_agree_with_is_taken(monkeypatch):
    few = np.arange(12)
    starts(monkeypatch, (few % 3, 0.5), (few % 2, 0.2), ((few + 1) % 3, 0.6))
    np.testing.assert_array_equal(spectral(np.zeros((12, 2)), 3, 4, n_starts=3), few % 3)


@pytest.mark.parametrize(("n", "starts"), [(100, 15), (600, 5)])
def test_many_rows_get_fewer_starts(n, starts, monkeypatch):
    monkeypatch.setattr(chunks, "LARGE", 500)
    seeds = []
    monkeypatch.setattr(module, "_spectral", lambda z, k, seed, cache_dir: (seeds.append(seed) or np.zeros(n), 0.1))
    spectral(np.zeros((n, 2)), 2, 1)
    assert seeds == list(range(starts, 2 * starts))


@pytest.mark.parametrize("x", [np.zeros((12, 2)), np.eye(4), np.arange(6.0).reshape(3, 2)])
def test_rows_too_few_or_too_alike_for_a_graph_get_k_means(x):
    labels = spectral(x.astype(np.float32), 2, 0)
    assert labels.shape == (len(x),)
    assert set(labels) <= {0, 1}


@pytest.mark.parametrize("seed", [300_000_000, 2**32 - 1])
def test_any_seed_of_scikit_learn_will_do(seed):
    """Fifteen starts multiply it past what NumPy takes."""
    assert len(np.unique(spectral(blobs(), 3, seed))) == 3


def test_prototypes_are_means_of_their_rows():
    x = blobs()
    centers, of_row = prototypes(x, 40, 0)
    assert set(of_row) == set(range(len(centers)))
    distances = np.linalg.norm(x[:, None] - centers, axis=2)
    assert np.mean(distances.argmin(axis=1) == of_row) == 1


def test_prototypes_are_made_once_for_all_k_and_a_damaged_file_again(tmp_path, caplog):
    x = blobs()
    first = {k: spectral(x, k, 0, cache_dir=tmp_path) for k in (2, 3, 4)}
    files = sorted((tmp_path / "prototypes").iterdir())
    assert len(files) == 15  # one a start, whatever k
    for k, labels in first.items():
        np.testing.assert_array_equal(labels, spectral(x, k, 0))
        np.testing.assert_array_equal(labels, spectral(x, k, 0, cache_dir=tmp_path))
    files[0].write_bytes(b"half")
    np.testing.assert_array_equal(spectral(x, 3, 0, cache_dir=tmp_path), first[3])
    assert "was set aside as" in caplog.text
    assert files[0].stat().st_size > 4


@pytest.mark.parametrize("change", ["rows", "n", "seed"])
def test_other_prototypes_have_another_file(change, tmp_path):
    x = blobs()
    prototypes(x, 40, 0, tmp_path)
    prototypes(x + (change == "rows"), 40 + (change == "n"), int(change == "seed"), tmp_path)
    assert len(list((tmp_path / "prototypes").iterdir())) == 2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_few_rows_and_rows_that_are_all_the_same(n):
    few = np.arange(n, dtype=np.float32)[:, None] ** 2
    assert set(spectral(few, 2, 0, 3).tolist()) == {0, 1}
    assert not spectral(np.full((n + 2, 3), 0.1, np.float32), 2, 0, 3).any()

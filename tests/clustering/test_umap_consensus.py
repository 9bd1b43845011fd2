"""A consensus of clusterings by hand, by scipy and by its properties; and of mixtures on UMAPs, as an estimator."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import squareform
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from cafemood.clustering import UMAPConsensus, UMAPMixture, umap_consensus, umap_space
from cafemood.clustering.stored import assign
from cafemood.clustering.umap_consensus import consensus, linked, memberships_of_runs
from cafemood.errors import ClusteringError


@pytest.fixture(scope="module")
def blobs():
    x, truth = make_blobs(120, 8, centers=3, cluster_std=1, random_state=5)
    return x.astype(np.float32), truth


def noisy(n, k, wrong, n_runs=10, seed=0):
    """True groups (n,), and runs (n_runs, n) in which a share of the rows is drawn anew."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(k, size=n)
    runs = np.array([np.where(rng.random(n) < wrong, rng.integers(k, size=n), truth) for _ in range(n_runs)])
    return truth, runs


def test_three_runs_by_hand():
    """Rows 0 and 1 are together in all runs, 3 and 4 too; row 2 is with 0 and 1 in two of three."""
    runs = np.array([[0, 0, 0, 1, 1], [1, 1, 1, 0, 0], [0, 0, 5, 5, 5]])
    np.testing.assert_array_equal(consensus(runs, 2).argmax(axis=1) == consensus(runs, 2)[0].argmax(), [1, 1, 1, 0, 0])
    assert len(np.unique(linked(runs, 3))) == 3
    assert linked(runs, 3)[2] not in linked(runs, 3)[[0, 3]]


def test_memberships_by_hand():
    """Row 2 is with all of the second cluster in run 0; with all of the first and half of the second in run 1."""
    runs = np.array([[0, 0, 1, 1], [0, 0, 0, 1]])
    found = memberships_of_runs(runs, np.arange(4), np.array([0, 0, 1, 1]), 2)
    np.testing.assert_allclose(found[2], [1 / 2.5, 1.5 / 2.5], rtol=1e-6)
    np.testing.assert_allclose(found[3], [0, 1], rtol=1e-6)


def test_memberships_are_mean_coassociations():
    _, runs = noisy(50, 3, 0.4)
    labels = linked(runs, 3)
    together = np.mean(runs[:, :, None] == runs[:, None], axis=0)
    mean = np.array([together[:, labels == cluster].mean(axis=1) for cluster in range(3)]).T
    wanted = mean / mean.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(memberships_of_runs(runs, np.arange(50), labels, 3), wanted, rtol=1e-5)
    np.testing.assert_allclose(consensus(runs, 3), wanted, rtol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_linkage_is_scipys(seed):
    _, runs = noisy(60, 4, 0.3, seed=seed)
    apart = np.sum(runs[:, :, None] != runs[:, None], axis=0).astype(float)
    wanted = cut_tree(linkage(squareform(apart), "average"), 4)[:, 0]
    assert adjusted_rand_score(linked(runs, 4), wanted) == 1


def test_names_of_clusters_and_the_order_of_runs_mean_nothing():
    _, runs = noisy(80, 4, 0.3)
    rng = np.random.default_rng(1)
    renamed = np.array([100 * rng.permutation(4)[run] - 7 for run in runs])[::-1]
    np.testing.assert_allclose(consensus(renamed, 4), consensus(runs, 4), atol=1e-6)


def test_it_is_better_than_each_of_its_runs():
    truth, runs = noisy(200, 4, 0.4)
    found = adjusted_rand_score(truth, consensus(runs, 4).argmax(axis=1))
    assert found > 0.9 > max(adjusted_rand_score(truth, run) for run in runs)


def test_of_many_rows_a_sample_is_linked(monkeypatch):
    truth, runs = noisy(300, 3, 0.2)
    shapes = []
    monkeypatch.setattr(umap_consensus, "MOST_LINKED", 90)
    monkeypatch.setattr(umap_consensus, "linked", lambda some, k: shapes.append(some.shape) or linked(some, k))
    found = consensus(runs, 3, seed=4)
    assert shapes == [(10, 90)]
    assert adjusted_rand_score(truth, found.argmax(axis=1)) > 0.95
    np.testing.assert_array_equal(found, consensus(runs, 3, seed=4))


def test_a_row_that_is_with_none_of_the_sample_belongs_to_all_alike():
    runs = np.array([[0, 0, 1, 1, 2], [0, 0, 1, 1, 2]])
    found = memberships_of_runs(runs, np.arange(4), np.array([0, 0, 1, 1]), 2)
    np.testing.assert_allclose(found[4], [0.5, 0.5])


def test_where_all_runs_agree_on_fewer_groups_the_rest_stay_empty():
    found = consensus(np.tile([0, 0, 0, 1, 1, 1], (3, 1)), 4)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    assert len(np.unique(found.argmax(axis=1))) == 2


def test_it_joins_mixtures_from_their_own_seeds_and_new_rows_go_where_they_went(blobs):
    x, truth = blobs
    made = UMAPConsensus(3, n_runs=3, n_principal=4, random_state=2).fit(x)
    runs = [UMAPMixture(3, n_principal=4, random_state=2000 + i).fit(x) for i in range(3)]
    np.testing.assert_array_equal(made.probabilities_, consensus(np.stack([run.labels_ for run in runs]), 3))
    assert any(np.array_equal(made.embedding_, run.embedding_) for run in runs)
    assert adjusted_rand_score(truth, made.labels_) > 0.95
    assert made.stop_reason_.startswith("joined all runs")
    found = made.clustering(x)
    tensors = {"centers": found.centers, **found.tensors}
    assert all(array.dtype == np.float32 for array in tensors.values())
    probabilities, z = assign(x, tensors, "consensus")
    np.testing.assert_array_equal(probabilities.argmax(axis=1), made.labels_)
    np.testing.assert_allclose(z, made.embedding_, rtol=1e-2, atol=1e-2)
    near = x + np.random.default_rng(0).normal(0, 0.05, x.shape).astype(np.float32)
    probabilities, _ = assign(near, tensors, "consensus")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert adjusted_rand_score(truth, probabilities.argmax(axis=1)) > 0.95


@pytest.fixture
def drawn(monkeypatch):
    """UMAP's seeds, as they come; in its place, the rows' own first columns."""
    seeds = []

    def coordinates(z, n_neighbors, n_components, seed, cache_dir=None):
        seeds.append(seed)
        return z[:, :n_components]

    monkeypatch.setattr(umap_space, "coordinates", coordinates)
    return seeds


@pytest.mark.parametrize(("seed", "first"), [(0, 0), (7, 7000), (2**31 - 2, 1000 * (2**31 - 2) % 2**32)])
def test_each_run_has_a_seed_of_its_own(seed, first, blobs, drawn):
    UMAPConsensus(3, n_runs=3, n_init=1, random_state=seed).fit(blobs[0])
    assert drawn == [first, first + 1, first + 2]


def test_a_bar_is_shown_where_it_is_asked_for(blobs, drawn, capfd):
    UMAPConsensus(3, n_runs=2, n_init=1, verbose=True).fit(blobs[0])
    assert "2/2" in capfd.readouterr().err


def test_umaps_are_kept_for_other_k(blobs, tmp_path, monkeypatch):
    first = UMAPConsensus(3, n_runs=2, n_init=1, cache_dir=tmp_path).fit(blobs[0])
    kept = sorted((tmp_path / "umaps").iterdir())
    assert len(kept) == 2
    monkeypatch.setattr("umap.UMAP", None)  # no other is made
    again = UMAPConsensus(3, n_runs=2, n_init=1, cache_dir=tmp_path).fit(blobs[0])
    np.testing.assert_array_equal(again.probabilities_, first.probabilities_)
    UMAPConsensus(4, n_runs=2, n_init=1, cache_dir=tmp_path).fit(blobs[0])
    with pytest.raises(TypeError):
        UMAPConsensus(3, n_runs=2, n_init=1, n_neighbors=5, cache_dir=tmp_path).fit(blobs[0])
    assert sorted((tmp_path / "umaps").iterdir()) == kept


@pytest.mark.parametrize("settings", [{"n_runs": 1}, {"n_runs": 2.5}, {"n_runs": True}, {"n_init": 0}])
def test_wrong_settings_are_refused(settings):
    (name,) = settings
    with pytest.raises(ClusteringError, match=name):
        UMAPConsensus(3, **settings).check_settings()

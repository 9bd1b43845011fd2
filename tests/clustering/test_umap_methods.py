"""A mixture and HDBSCAN on UMAP: whole results, new rows, dense groups by hand, and settings that are refused."""

import importlib.util

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from cafemood.clustering import UMAPConsensus, UMAPDensity, UMAPMixture
from cafemood.clustering.stored import assign
from cafemood.clustering.umap_methods import dense_groups
from cafemood.errors import ClusteringError

METHODS = pytest.mark.parametrize("make", [UMAPMixture, UMAPDensity], ids=lambda make: make.name)
ALL = pytest.mark.parametrize("make", [UMAPMixture, UMAPDensity, UMAPConsensus], ids=lambda make: make.name)


@pytest.fixture(scope="module")
def blobs():
    x, truth = make_blobs(150, 8, centers=3, cluster_std=1, random_state=5)
    return x.astype(np.float32), truth


@METHODS
def test_groups_are_found_and_new_rows_go_where_they_went(make, blobs):
    x, truth = blobs
    found = make(3, n_principal=4).fit(x).clustering(x)
    assert adjusted_rand_score(truth, found.labels) > 0.95
    assert found.embedding.shape == (150, 10)
    tensors = {"centers": found.centers, **found.tensors}
    assert all(array.dtype == np.float32 for array in tensors.values())
    probabilities, z = assign(x, tensors, make.name)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), found.labels)
    np.testing.assert_allclose(z, found.embedding, rtol=1e-2, atol=1e-2)
    np.testing.assert_allclose(assign(x[7:8], tensors, make.name)[0], probabilities[7:8], atol=1e-3)


def test_the_mixture_is_scikit_learns_on_the_coordinates(blobs):
    made = UMAPMixture(3).fit(blobs[0])
    plain = GaussianMixture(3, n_init=5, reg_covar=1e-4, random_state=0).fit(made.embedding_.astype(np.float64))
    np.testing.assert_array_equal(made.labels_, plain.predict(made.embedding_.astype(np.float64)))


@ALL
def test_few_rows_and_wrong_settings_are_refused(make, blobs):
    with pytest.raises(ClusteringError, match=r"cannot work on 5 photos[\s\S]*15 or more"):
        make(2).fit(blobs[0][:5])
    for name in ("n_neighbors", "n_components", "n_principal"):
        with pytest.raises(ClusteringError, match=name):
            make(2, **{name: 0}).check_settings()


def test_a_mixture_starts_at_least_once():
    with pytest.raises(ClusteringError, match="n_init=0"):
        UMAPMixture(2, n_init=0).check_settings()


@ALL
def test_without_umap_it_is_one_sentence(make, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "umap" else real(name))
    with pytest.raises(ClusteringError, match=rf"method={make.name} needs UMAP"):
        make(3).check_settings()


def three(sizes, gap):
    """Three spots on a line, `gap` apart."""
    rng = np.random.default_rng(0)
    z = np.concatenate([rng.normal(i * gap, 1, size=(n, 2)) for i, n in enumerate(sizes)])
    return z.astype(np.float32), np.repeat(np.arange(len(sizes)), sizes)


def test_dense_groups_of_three_spots():
    z, truth = three([60, 60, 20], 30)
    found, _ = dense_groups(z, 3)
    assert adjusted_rand_score(truth[found >= 0], found[found >= 0]) == 1
    assert np.mean(found < 0) < 0.1


def test_of_more_groups_than_wanted_the_closest_are_joined():
    z, truth = three([50, 50], 20)
    far = np.concatenate([z, z + np.float32(500)])
    found, _ = dense_groups(far, 2)
    clustered = found >= 0
    assert adjusted_rand_score(np.repeat([0, 1], 100)[clustered], found[clustered]) == 1
    assert len(truth) == 100


def test_one_spot_is_one_group_and_says_so(blobs):
    made = UMAPDensity(40).fit(np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32))
    assert made.diagnostics_["clusters_in_use"] < 40
    assert not made.converged_
    assert f"{made.diagnostics_['clusters_in_use']} dense groups of 40" in made.stop_reason_

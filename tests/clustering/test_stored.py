"""Rows to stored groups: by hand, and against scikit-learn."""

import numpy as np
import pytest
import sklearn
from sklearn.mixture import GaussianMixture

from cafemood.clustering.base import memberships
from cafemood.clustering.kmeans import KMeans
from cafemood.clustering.stored import assign, load
from cafemood.clustering.umap_space import among_neighbours, mixture_memberships
from cafemood.errors import ClusteringError


def test_student_t_by_hand():
    """Distances² 1 and 4 weigh 1/2 and 1/5 (DEC, eq. 1); in units of 4 they are 1/4 and 1: 4/5 and 1/2."""
    z, centers = np.array([[1.0, 0.0]]), np.array([[0.0, 0.0], [3.0, 0.0]])
    np.testing.assert_allclose(memberships(z, centers), [[5 / 7, 2 / 7]], rtol=1e-6)
    np.testing.assert_allclose(memberships(z, centers, 4.0), [[8 / 13, 5 / 13]], rtol=1e-6)


def test_a_row_on_a_centre_far_from_zero_is_that_centres():
    centers = np.array([[1e6, 1e6], [1e6 + 1, 1e6]])
    found = memberships(centers, centers)
    np.testing.assert_allclose(found, [[2 / 3, 1 / 3], [1 / 3, 2 / 3]], rtol=1e-6)


def test_many_rows_go_in_chunks_and_come_out_as_one():
    rng = np.random.default_rng(0)
    z, centers = rng.normal(size=(3_000, 64)), rng.normal(size=(5, 64))
    whole = memberships(z, centers)
    with sklearn.config_context(working_memory=1):
        np.testing.assert_array_equal(memberships(z, centers), whole)
    np.testing.assert_allclose(whole.sum(axis=1), 1, atol=1e-6)


def test_a_stored_mixture_says_what_scikit_learns_own_says():
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(size=(80, 3)), rng.normal(size=(40, 3)) * 2 + 5])
    fitted = GaussianMixture(2, random_state=0).fit(x)
    tensors = {
        "mixture.weights": fitted.weights_.astype(np.float32),
        "mixture.precisions_cholesky": fitted.precisions_cholesky_.astype(np.float32),
    }
    np.testing.assert_allclose(mixture_memberships(x, fitted.means_, tensors), fitted.predict_proba(x), atol=1e-4)


def test_a_new_point_lies_between_its_neighbours():
    """Distances 1 and 2 weigh 1 and 1/4; the far third is no neighbour."""
    known, coordinates = np.array([[0.0], [3.0], [100.0]]), np.array([[0.0, 0.0], [10.0, 5.0], [999.0, 999.0]])
    found = among_neighbours(np.array([[1.0]]), known, coordinates, n_neighbors=2)
    np.testing.assert_allclose(found, [[2.0, 1.0]], rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_known_point_keeps_its_place(scale):
    rng = np.random.default_rng(2)
    known, coordinates = rng.normal(size=(30, 4)) * scale, rng.normal(size=(30, 2))
    np.testing.assert_allclose(among_neighbours(known, known, coordinates), coordinates, atol=1e-4)


def test_known_points_may_all_be_one():
    found = among_neighbours(np.zeros((2, 3)), np.zeros((4, 3)), np.array([[0.0], [1.0], [2.0], [3.0]]), n_neighbors=4)
    np.testing.assert_allclose(found, 1.5)


def test_assigning_goes_through_the_stored_reduction_first():
    tensors = {
        "pca.mean": np.array([1, 1, 1], np.float32),
        "pca.components": np.array([[0, 1, 0]], np.float32),
        "centers": np.array([[0.0], [3.0]], np.float32),
        "kernel_scale": np.ones(1, np.float32),
    }
    probabilities, z = assign(np.array([[50, 2, 7]]), tensors)
    np.testing.assert_allclose(z, [[1.0]])
    np.testing.assert_allclose(probabilities, [[5 / 7, 2 / 7]], rtol=1e-6)


@pytest.mark.parametrize("about", [{"settings": '{"n_clusders": 2}'}, {"settings": "[2]"}, {"fitted": "[1]"}])
def test_a_file_that_names_other_settings_is_damaged(tmp_path, about):
    from safetensors import safe_open
    from safetensors.numpy import save_file

    path = tmp_path / "x.safetensors"
    KMeans(2).fit(np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)).save(path)
    with safe_open(path, framework="numpy") as stream:
        tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        words = stream.metadata()
    del words["crc32"]
    save_file(tensors, path, words | about)
    with pytest.raises(ClusteringError):
        load(path)

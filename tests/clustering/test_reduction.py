"""PCA is scikit-learn's, and what is stored for new photos projects as it did."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from cafemood.clustering.reduction import NoReduction, PCAReduction, components_in_chunks, display_plane, project
from cafemood.core import chunks
from cafemood.errors import ClusteringError


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(40, 12)) * np.arange(1, 13) + 5).astype(np.float32)


def test_no_reduction_gives_the_features_back(features):
    reduction = NoReduction()
    assert reduction.fit_transform(features) is features
    assert reduction.tensors() == {}
    assert project(features, {}) is features


@pytest.mark.parametrize(
    ("shape", "solver"), [((40, 12), "full"), ((400, 12), "covariance_eigh"), ((600, 520), "randomized")]
)
def test_pca_is_scikit_learns_in_float64_to_the_last_digit(shape, solver):
    """Any sum in float32 would show: it is good for the last digits on one processor, and not on the next."""
    features = (np.random.default_rng(0).normal(size=shape) * np.arange(1, shape[1] + 1) + 5).astype(np.float32)
    reduction = PCAReduction(3, random_state=7)
    found = reduction.fit_transform(features)
    exact = features.astype(np.float64)
    expected = PCA(3, random_state=7).fit(exact)
    assert expected._fit_svd_solver == solver
    rounding = np.finfo(np.float32).eps
    scale = np.abs(exact).max()
    np.testing.assert_allclose(found, expected.transform(exact), rtol=rounding, atol=1e-3 * rounding * scale)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    assert reduction.explained == pytest.approx(expected.explained_variance_ratio_.sum(), rel=1e-9)
    assert reduction.space == "pca3"


@pytest.mark.parametrize("offset", [1e3, 1e5])
def test_pca_finds_the_same_far_from_zero(features, offset):
    """In float32 scikit-learn's own covariance loses them; one large constant column is enough."""
    here, there, column = PCAReduction(3), PCAReduction(3), PCAReduction(3)
    expected = here.fit_transform(features)
    for other, moved in [
        (there, (features.astype(np.float64) + offset).astype(np.float32)),
        (column, np.hstack([features, np.full((len(features), 1), offset, np.float32)])),
    ]:
        found = other.fit_transform(moved)
        np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=3e-7 * offset * 10)
        assert other.explained == pytest.approx(here.explained, abs=1e-3)
        np.testing.assert_allclose(project(moved, other.tensors()), found, atol=3e-7 * offset * 10)


def test_project_equals_transform(features):
    reduction = PCAReduction(4)
    reduction.fit_transform(features[:30])
    expected = reduction.transform(features[30:])
    np.testing.assert_allclose(project(features[30:], reduction.tensors()), expected, rtol=1e-4, atol=1e-4)
    assert all(tensor.dtype == np.float32 for tensor in reduction.tensors().values())


@pytest.mark.parametrize("n_components", [0, -1, 13, 41])
def test_a_number_of_components_that_does_not_fit_is_refused(features, n_components):
    with pytest.raises(ClusteringError, match=r"reduce.n_components[\s\S]*40 photos x 12 columns[\s\S]*1 to 12"):
        PCAReduction(n_components).fit_transform(features)


def test_more_components_than_photos_are_refused(features):
    with pytest.raises(ClusteringError, match="take 1 to 5"):
        PCAReduction(6).fit_transform(features[:5])


def test_display_plane(features):
    plane, explained = display_plane(features)
    assert plane.shape == (40, 2)
    assert 0 < explained < 1


def test_display_plane_of_one_column_gets_a_second_of_zeros(features):
    plane, explained = display_plane(features[:, :1])
    assert plane.shape == (40, 2)
    assert not plane[:, 1].any()
    assert explained == pytest.approx(1)


@pytest.mark.filterwarnings("error")
def test_display_plane_of_equal_rows_explains_nothing():
    plane, explained = display_plane(np.ones((5, 3), dtype=np.float32))
    assert np.allclose(plane, 0)
    assert explained == 0


def test_components_in_chunks_are_scikit_learns(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(700, 9)) @ rng.normal(size=(9, 9)) + 50).astype(np.float32)
    whole = PCA(3).fit(rows.astype(np.float64))
    expected = whole.transform(rows)
    monkeypatch.setattr(chunks, "LARGE", 500)
    monkeypatch.setattr(chunks, "rows_within", lambda *_: 99)
    np.save(tmp_path / "rows.npy", rows)
    own = PCAReduction(3)
    found = own.fit_transform(np.load(tmp_path / "rows.npy", mmap_mode="r"))
    assert np.allclose(found, expected, atol=1e-3)
    assert own.explained == pytest.approx(whole.explained_variance_ratio_.sum(), rel=1e-6)
    tensors = own.tensors()
    assert np.allclose(project(rows, tensors), found, atol=1e-3)
    assert np.isnan(components_in_chunks(np.ones((600, 4)), 2).explained_variance_ratio_).all()

"""Principal components of a kernel by landmarks, and what they let a space of cafés see."""

import numpy as np
import pytest
import sklearn
from sklearn.decomposition import KernelPCA
from sklearn.metrics import normalized_mutual_info_score
from sklearn.preprocessing import normalize

from cafemood.clustering import CafeReduction, KMeans, cafe_kernel
from cafemood.clustering.cafe_kernel import RbfComponents
from cafemood.clustering.kmeans import kmeans
from cafemood.clustering.reduction import project
from cafemood.clustering.stored import assign


def bent(n_cafes=60, photos=8, seed=0):
    """Photos of one mood lie at both ends of the first column, of the other at both ends of the second."""
    rng = np.random.default_rng(seed)
    ids = np.repeat(np.arange(n_cafes), photos)
    moods = rng.integers(0, 2, n_cafes)[ids]
    x = rng.normal(size=(len(ids), 6))
    x[np.arange(len(ids)), moods] += 8 * rng.choice([-1, 1], len(ids))
    return x.astype(np.float32), [f"카페 {i}" for i in ids], moods


@pytest.fixture(autouse=True)
def few_landmarks(monkeypatch):
    monkeypatch.setattr(cafe_kernel, "LANDMARKS", 150)


def test_by_hand():
    """Two photos at a right angle: of length 1 their squared distance is 2, and so 1 / g; their similarity is 1 / e.

    In the kernel's space their squared distance is 2 - 2 / e, and each is half of its root from the middle.
    """
    z = np.array([[3.0, 0], [0, 0.5]], np.float32)
    found = RbfComponents(2).fit(z)
    assert found.gamma_ == pytest.approx(0.5)
    assert np.abs(found.transform(z)) == pytest.approx(np.full((2, 1), np.sqrt((1 - np.exp(-1)) / 2)), abs=1e-6)


def test_with_few_photos_it_is_scikit_learns_kernel_pca():
    z = np.random.default_rng(0).normal(size=(120, 7)).astype(np.float32)
    ours = RbfComponents(6).fit(z)
    theirs = KernelPCA(6, kernel="rbf", gamma=ours.gamma_).fit(normalize(z.astype(float)))
    new = np.random.default_rng(1).normal(size=(30, 7)).astype(np.float32)
    for rows in (z, new):
        a, b = ours.transform(rows), theirs.transform(normalize(rows.astype(float)))
        assert np.abs(a) == pytest.approx(np.abs(b), abs=1e-4)


def test_few_landmarks_come_near_to_all(monkeypatch):
    z = np.random.default_rng(0).normal(size=(150, 3)).astype(np.float32)
    exact = RbfComponents(3).fit(z).transform(z)
    monkeypatch.setattr(cafe_kernel, "LANDMARKS", 50)
    near = RbfComponents(3).fit(z)
    assert near.landmarks_.shape == (50, 3)
    left = exact - near.transform(z) @ np.linalg.lstsq(near.transform(z), exact)[0]
    assert (left**2).sum() < 0.01 * (exact**2).sum()


def test_pieces_give_the_same():
    z = np.random.default_rng(0).normal(size=(700, 5)).astype(np.float32)
    whole = RbfComponents(4).fit(z).transform(z)
    with sklearn.config_context(working_memory=1):
        assert RbfComponents(4).fit(z).transform(z) == pytest.approx(whole, abs=1e-5)


def test_of_many_photos_some_are_drawn(monkeypatch):
    z = np.random.default_rng(0).normal(size=(2000, 3)).astype(np.float32)
    whole = RbfComponents(3).fit(z).transform(z)
    monkeypatch.setattr(cafe_kernel.chunks, "LARGE", 1600)
    some = RbfComponents(3).fit(z).transform(z)
    left = whole - some @ np.linalg.lstsq(some, whole)[0]
    assert 0 < (left**2).sum() < 0.05 * (whole**2).sum()


@pytest.mark.parametrize("z", [np.zeros((20, 3)), np.ones((20, 3)), np.repeat(np.eye(3), 7, axis=0)])
def test_equal_photos_have_equal_components(z):
    z = z.astype(np.float32)
    found = RbfComponents(10).fit(z)
    assert np.isfinite(found.components_).all()
    assert len(found.components_) <= max(1, len(np.unique(z, axis=0)) - 1)
    assert len(np.unique(found.transform(z).round(5), axis=0)) == len(np.unique(z, axis=0))


def test_a_bent_mood_is_found_and_its_kernel_chosen():
    x, ids, moods = bent()
    learnt = np.array([int(name.split()[1]) < 40 for name in ids])
    spaces = {
        kernel: CafeReduction(n_principal=30, kernel=kernel).fit(x[learnt], np.array(ids)[learnt])
        for kernel in ("auto", "linear", "rbf")
    }
    auto = spaces["auto"]
    assert auto.kernel_ == "rbf"
    assert set(auto.kernels_) == {"linear", "rbf"}
    assert auto.kernels_["rbf"] > auto.kernels_["linear"] + 0.1
    assert auto.facts()["kernels"] == auto.kernels_
    assert auto.permuted_ == pytest.approx(0.5, abs=0.12)
    found = {
        kernel: normalized_mutual_info_score(moods[~learnt], kmeans(space.transform(x[~learnt]), 2, 0).labels_)
        for kernel, space in spaces.items()
    }
    assert found["auto"] == found["rbf"] > 0.9 > 0.5 > found["linear"]


def test_the_kernel_that_held_out_cafes_support_is_chosen():
    """Cafés that differ in length alone: of length 1 they are alike."""
    rng = np.random.default_rng(0)
    ids = np.repeat(np.arange(40), 8)
    x = (rng.uniform(1, 4, 40)[ids] + 0.1 * rng.normal(size=len(ids)))[:, None] * [[1.0, 1, 1]]
    x += 0.5 * rng.normal(size=x.shape)
    x = np.concatenate([x, -x]).astype(np.float32)  # around zero
    found = CafeReduction(n_principal=3).fit(x, [*ids, *ids + 40])
    assert found.kernel_ == "linear"
    assert found.rbf_ is None
    alone = CafeReduction(n_principal=3, kernel="linear").fit(x, [*ids, *ids + 40])
    assert found.transform(x) == pytest.approx(alone.transform(x))
    assert set(found.tensors()) == {"pca.mean", "pca.components", "cafe.ratios"}


def test_new_photos_are_grouped_from_what_is_stored():
    x, ids, _ = bent()
    reduction = CafeReduction(n_components=3, kernel="rbf").fit(x, ids)
    y = reduction.transform(x)
    stored = reduction.tensors()
    assert all(tensor.dtype == np.float32 for tensor in stored.values())
    assert project(x, stored) == pytest.approx(y, abs=1e-3)
    method = KMeans(n_clusters=2, random_state=0).fit(y)
    probabilities, again = assign(x, stored | {"centers": method.cluster_centers_} | method._tensors, "kmeans")
    assert (probabilities.argmax(axis=1) == method.labels_).all()
    assert again == pytest.approx(y, abs=1e-3)


def test_the_principal_components_know_no_cafe():
    x, ids, _ = bent()
    reduction = CafeReduction(kernel="rbf").fit(x, ids)
    z, member = reduction.principal(x), np.unique(ids, return_inverse=True)[1]
    ratios, directions = reduction.directions(z, member, reduction.n_components_)
    assert ratios == pytest.approx(reduction.ratios_)
    assert (z - reduction.center_) @ directions == pytest.approx(reduction.transform(x), abs=1e-3)
    mixed = CafeReduction(kernel="rbf").fit(x, np.random.default_rng(0).permutation(ids))
    assert mixed.principal(x) == pytest.approx(z, abs=1e-5)

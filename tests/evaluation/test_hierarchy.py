"""Ward's tree over groups, against SciPy's over the photos, and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import is_valid_linkage, linkage

from cafemood.evaluation.hierarchy import longest_cut, ward_tree


@given(st.integers(2, 12), st.integers(1, 4), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_of_single_photos_it_is_scipys(k, d, seed):
    centers = np.random.default_rng(seed).normal(size=(k, d))
    tree = ward_tree(centers, np.ones(k))
    expected = linkage(centers, "ward")
    np.testing.assert_allclose(tree[:, 2], expected[:, 2])
    np.testing.assert_array_equal(np.sort(tree[:, :2], axis=1), np.sort(expected[:, :2], axis=1))
    np.testing.assert_array_equal(tree[:, 3], expected[:, 3])


def test_groups_are_as_heavy_as_their_photos():
    """Groups of equal photos: the last mergings of SciPy's tree over all photos."""
    rng = np.random.default_rng(0)
    centers, sizes = rng.normal(size=(5, 3)), np.array([1, 2, 7, 3, 12])
    tree = ward_tree(centers, sizes)
    whole = linkage(np.repeat(centers, sizes, axis=0), "ward")
    np.testing.assert_allclose(tree[:, 2], whole[-4:, 2])


@given(st.integers(2, 20), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_it_is_a_tree_that_scipy_draws(k, seed):
    rng = np.random.default_rng(seed)
    tree = ward_tree(rng.normal(size=(k, 2)), rng.integers(1, 50, k))
    assert is_valid_linkage(tree)
    assert (np.diff(tree[:, 2]) >= -1e-9).all()
    assert tree[-1, 3] == k


def test_the_heavier_of_two_pairs_is_merged_last_by_hand():
    tree = ward_tree(np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([1, 1, 4, 4]))
    assert tree[0].tolist() == [0, 1, 1, 2]  # adds 1/2
    assert tree[1].tolist() == [2, 3, 2, 2]  # adds 4 * 4 / 8 = 2


@pytest.mark.parametrize(
    ("at", "cut"),
    [
        ([0.0, 0.1, 10.0, 10.1, 20.0], 3),
        ([0.0, 0.1, 10.0, 10.1], 2),
        ([0.0, 1.0, 2.1, 3.3, 4.6, 6.0], None),
        ([1.0, 1.0, 1.0], None),
        ([1.0, 2.0], None),
    ],
)
def test_where_the_branches_are_longest(at, cut):
    tree = ward_tree(np.array(at)[:, None], np.ones(len(at)))
    assert longest_cut(tree) == cut

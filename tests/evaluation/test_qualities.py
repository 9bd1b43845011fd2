"""Qualities from agreements alone: products by hand, votes of families, and a second truth."""

import numpy as np
import pytest

from cafemood.evaluation.qualities import other_truth, qualities, witnesses


def product(q):
    table = np.outer(q, q)
    np.fill_diagonal(table, 1)
    return table


def test_qualities_are_the_factors_of_their_products():
    q = np.array([0.9, 0.6, 0.5, 0.3])
    found = qualities(product(q), ["a", "b", "c", "d"], [None] * 4)
    np.testing.assert_allclose(found, q, atol=1e-3)


def test_of_three_it_is_the_closed_form():
    """q_a² = A_ab A_ac / A_bc."""
    table = np.array([[1, 0.5, 0.4], [0.5, 1, 0.25], [0.4, 0.25, 1]])
    found = qualities(table, list("abc"), [None] * 3)
    assert found[0] == pytest.approx(np.sqrt(0.5 * 0.4 / 0.25), abs=1e-3)


def test_the_best_backbone_is_not_judged_by_the_many_runs_of_a_poorer_one():
    """Its mean agreement is 0.9 · 0.3 with most; that of a run of the poor family beside it is as good as its own."""
    q = np.array([0.9, 0.6, *[0.3] * 20])
    families = ["good", "fair", *["poor"] * 20]
    table = product(q)
    table[2:, 2:] = 0.95  # a family agrees with itself
    found = qualities(table, families, [None] * 22)
    np.testing.assert_allclose(found, q, atol=1e-3)


def test_more_runs_of_a_family_change_nothing():
    q = np.array([0.8, 0.5, 0.4])
    once = qualities(product(q), list("abc"), [None] * 3)
    more = np.array([0.8, 0.5, 0.4, 0.4, 0.4])
    table = product(more)
    table[2:, 2:] = 1
    np.testing.assert_allclose(qualities(table, list("abccc"), [None] * 5)[:3], once, atol=1e-3)


def test_two_families_count_alike_and_one_says_nothing():
    table = product(np.array([0.9, 0.8, 0.4, 0.3]))
    found = qualities(table, ["a", "a", "b", "b"], [None] * 4)
    assert np.sum(found[:2] ** 2) == pytest.approx(np.sum(found[2:] ** 2))
    assert found[0] > found[1] > 0
    assert found[2] > found[3]
    assert qualities(table, ["a"] * 4, [None] * 4) is None


def test_votes():
    np.testing.assert_allclose(witnesses(["a", "a", "b", "b"], [None, 50, 2, 64]), [0.5, 0.5, 0, 1])
    np.testing.assert_allclose(witnesses(["a", "b"], [None, 2]), [1, 1])  # a family of planes alone is heard
    np.testing.assert_allclose(witnesses(["a", "random", "b"], [None] * 3), [1, 0, 1])
    np.testing.assert_allclose(witnesses(["a", "random"], [None] * 2), [1, 1])


def test_agreement_of_nothing_is_worth_nothing():
    found = qualities(np.eye(3), list("abc"), [None] * 3)
    assert np.isfinite(found).all()
    assert found.max() < 1e-3


def test_a_second_truth_is_two_that_agree_on_something_else():
    one = product(np.array([0.9, 0.7, 0.6, 0.5]))
    assert other_truth(one, list("abcd"), 0, 0.05) is None
    table = np.full((4, 4), 0.1)
    table[0, 1] = table[1, 0] = 0.6
    table[2, 3] = table[3, 2] = 0.5
    assert other_truth(table, list("abcd"), 0, 0.05) == (2, 3)
    assert other_truth(table, list("abcd"), 0, 0.45) is None  # within what chance does
    assert other_truth(table, list("abcc"), 0, 0.05) is None  # runs of one family agree too easily

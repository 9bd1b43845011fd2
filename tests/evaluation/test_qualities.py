"""Qualities from agreements alone: products by hand, votes of families, and a second truth."""

import numpy as np
import pytest

from cafemood.evaluation.qualities import other_truth, qualities, witnesses


def product(q):
    table = np.outer(q, q)
    np.fill_diagonal(table, 1)
    return table


def votes(families, widths=None, spaces=None, made_in=None, trained=None):
    n = len(families)
    return witnesses(families, widths or [None] * n, spaces or families, made_in or families, trained or [True] * n)


def fitted(table, families):
    return qualities(table, votes(families), families)


def test_qualities_are_the_factors_of_their_products():
    q = np.array([0.9, 0.6, 0.5, 0.3])
    np.testing.assert_allclose(fitted(product(q), list("abcd")), q, atol=1e-3)


def test_of_three_it_is_the_closed_form():
    """q_a² = A_ab A_ac / A_bc."""
    table = np.array([[1, 0.5, 0.4], [0.5, 1, 0.25], [0.4, 0.25, 1]])
    assert fitted(table, list("abc"))[0] == pytest.approx(np.sqrt(0.5 * 0.4 / 0.25), abs=1e-3)


def test_the_best_backbone_is_not_judged_by_the_many_runs_of_a_poorer_one():
    """Its mean agreement is 0.9 · 0.3 with most; that of a run of the poor family beside it is as good as its own."""
    q = np.array([0.9, 0.6, *[0.3] * 20])
    table = product(q)
    table[2:, 2:] = 0.95  # what was clustered in the same rows agrees with itself
    np.testing.assert_allclose(fitted(table, ["good", "fair", *["poor"] * 20]), q, atol=1e-3)


def test_more_runs_of_a_family_change_nothing():
    q = np.array([0.8, 0.5, 0.4])
    once = fitted(product(q), list("abc"))
    table = product(np.array([0.8, 0.5, 0.4, 0.4, 0.4]))
    table[2:, 2:] = 1
    np.testing.assert_allclose(fitted(table, list("abccc"))[:3], once, atol=1e-3)


def test_reductions_of_one_backbone_bear_each_other_out():
    q = np.array([0.8, 0.7, 0.3])
    table, made_in = product(q), ["whole", "pca 50", "pca 30"]
    found = qualities(table, votes(list("aaa"), [None, 50, 30], made_in=made_in), made_in)
    np.testing.assert_allclose(found, q, atol=1e-3)


def test_two_kinds_of_rows_count_alike_and_one_says_nothing():
    table = product(np.array([0.9, 0.8, 0.4, 0.3]))
    found = fitted(table, ["a", "a", "b", "b"])
    assert np.sum(found[:2] ** 2) == pytest.approx(np.sum(found[2:] ** 2))
    assert found[0] > found[1] > 0
    assert found[2] > found[3]
    assert fitted(table, ["a"] * 4) is None


def test_votes():
    np.testing.assert_allclose(votes(list("aabb"), [None, 50, 2, 64]), [0.5, 0.5, 0, 1])
    np.testing.assert_allclose(votes(["a", "b"], [None, 2]), [1, 1])  # planes alone are heard
    # two spaces of a family share its vote, and each space's runs share the space's
    spaces = ["features", "features", "stages", "other"]
    np.testing.assert_allclose(votes(list("aaab"), spaces=spaces), [0.25, 0.25, 0.5, 1])


def test_what_no_training_has_made_is_not_heard_beside_what_it_has():
    found = votes(["a", "b", "colours", "edges"], trained=[True, True, False, False])
    np.testing.assert_allclose(found, [1, 1, 0, 0])
    np.testing.assert_allclose(votes(list("abcd"), trained=[False] * 4), [1] * 4)
    # one trained run alone has nobody else to bear it out
    np.testing.assert_allclose(votes(["a", "random"], trained=[True, False]), [1, 1])


def test_untrained_spaces_do_not_outvote_a_trained_one():
    """Three see the palette and agree (0.8); the two outputs of a trained network agree (0.5) on something else."""
    table = np.full((5, 5), 0.02)
    table[:2, :2], table[2:, 2:] = 0.5, 0.8
    np.fill_diagonal(table, 1)
    trained = [True, True, False, False, False]
    spaces = ["features", "stages", "pixels", "colours", "random"]
    vote = votes(["net", "net", *spaces[2:]], spaces=spaces, made_in=spaces, trained=trained)
    found = qualities(table, vote, spaces)
    assert found[:2].min() > 5 * found[2:].max()


def test_agreement_of_nothing_is_worth_nothing():
    found = fitted(np.eye(3), list("abc"))
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

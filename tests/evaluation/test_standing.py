"""Solid, shaky or a double: each group by its own figures."""

import pytest

from cafemood.evaluation.standing import Standing, standings

NAN = float("nan")


def refits(jaccard, merged=None, n=20):
    k = len(jaccard)
    together = [[1.0 if i == j else 0.0 for j in range(k)] for i in range(k)] if merged is None else merged
    return {"n": n, "jaccard": jaccard, "merged": together}


def test_the_limits_belong_to_the_better_word():
    found = standings(refits([0.75, 0.749, 0.6, 0.599]), 4)
    assert [standing.code for standing in found] == ["solid", "fair", "fair", "shaky"]
    assert found[3].english == "shaky"


def test_a_double_names_the_one_it_falls_together_with_most():
    together = [[1, 0.55, 0.9], [0.55, 1, 0.2], [0.9, 0.2, 1]]
    found = standings(refits([0.9, 0.9, 0.5], together), 3)
    assert [(standing.code, standing.double_of) for standing in found] == [("double", 2), ("double", 0), ("double", 0)]
    assert standings(refits([0.9, 0.9], [[1, 0.5], [0.5, 1]]), 2)[0].code == "solid"  # half is not most


@pytest.mark.parametrize("record", [None, {}, refits([0.9, 0.9], n=0)])
def test_without_refits_nothing_is_said(record):
    assert standings(record, 2) == [Standing(), Standing()]


def test_a_group_that_no_refit_had_has_no_word():
    assert [standing.code for standing in standings(refits([0.9, None]), 2)] == ["solid", ""]
    assert [standing.code for standing in standings(refits([0.9, NAN]), 2)] == ["solid", ""]
    short = {"n": 20, "jaccard": [0.8, None], "merged": []}  # a record that was written by hand
    assert [standing.code for standing in standings(short, 3)] == ["solid", "", ""]

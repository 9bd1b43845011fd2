"""Conditions on cafés: what meets them, and what is no condition."""

from dataclasses import replace

import numpy as np
import pytest

from cafemood.cafes import profiles, similar, where
from cafemood.cafes.ambiance_scales import ENDS, SCALES
from cafemood.errors import CafemoodError


@pytest.fixture(scope="module")
def rated(made_cafe_run):
    known = profiles.load(made_cafe_run)
    table = known.table.assign(light=[10.0, 80, 20, 70, np.nan, 90], scale_loud=[1.5, 4.0, 3.5, 2.0, np.nan, 5.0])
    return replace(known, table=table)


@pytest.mark.parametrize(
    ("conditions", "fits"),
    [
        ([], "012345"),
        (["light>70"], "15"),
        (["light>=70"], "135"),
        (["light<=20", "scale_loud > 3"], "2"),
        (["loud<2"], "0"),
        (["n_photos = 1"], "5"),
        (["light>-1e"], None),
        (["light"], None),
        (["cozy>3"], None),
        (["cafe_id=3"], None),
    ],
)
def test_conditions(rated, conditions, fits):
    if fits is None:
        with pytest.raises(CafemoodError):
            where.fitting(rated, conditions)
    else:
        assert "".join(map(str, np.flatnonzero(where.fitting(rated, conditions)))) == fits


def test_similar_cafes_by_condition_and_by_what_people_rated(rated):
    found = similar.rank(rated, similar.like_cafes(rated, ["0"]), where=["loud>=3"])
    assert {match.cafe_id for match in found} == {"1", "2", "5"}
    assert all("more: loud" in match.reasons for match in found)
    quieter = similar.rank(rated, similar.like_cafes(rated, ["5"]), where=["loud<3"])
    assert all("more: quiet" in match.reasons for match in quieter)


def test_every_scale_has_words_for_both_ends():
    assert set(ENDS) == set(SCALES)
    assert len({word for ends in ENDS.values() for end in ends for word in end}) == 4 * len(ENDS)

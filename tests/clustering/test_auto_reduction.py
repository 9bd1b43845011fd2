"""The default space: cafés where held-out cafés support it, else the photos as they are."""

import numpy as np
import pytest

from cafemood.clustering import AutoReduction, CafeReduction, NoReduction
from cafemood.clustering.cafe_places import ENOUGH_CAFES, chosen_unit


def photos(n_cafes, apart):
    rng = np.random.default_rng(0)
    ids = np.repeat(np.arange(n_cafes), 6)
    x = rng.normal(size=(len(ids), 10)) + apart * rng.normal(size=(n_cafes, 10))[ids]
    return x.astype(np.float32), [str(i) for i in ids]


@pytest.mark.parametrize(
    ("n_cafes", "apart", "chosen"),
    [(40, 2.0, CafeReduction), (40, 0.0, NoReduction), (ENOUGH_CAFES - 1, 2.0, NoReduction), (5, 2.0, NoReduction)],
)
def test_cafes_are_taken_where_they_differ_and_are_enough(n_cafes, apart, chosen):
    x, ids = photos(n_cafes, apart)
    auto = AutoReduction()
    y = auto.fit_transform(x, ids)
    assert isinstance(auto.chosen_, chosen)
    if chosen is CafeReduction:
        np.testing.assert_array_equal(y, CafeReduction().fit_transform(x, ids))
        assert "40 cafés" in auto.why_
    else:
        assert y is x


def test_without_ids_the_photos_are_taken_as_they_are():
    x, _ = photos(20, 2.0)
    auto = AutoReduction()
    assert auto.fit_transform(x, None) is x
    assert isinstance(auto.chosen_, NoReduction)
    assert "no café ids" in auto.why_


@pytest.mark.parametrize(
    ("cafes", "k", "unit"),
    [(None, 4, "photo"), (list("ab") * 40, 2, "photo"), ([str(i // 2) for i in range(32)], 4, "cafe"),
     ([str(i // 2) for i in range(32)], 6, "photo"), ([str(i) for i in range(99)], 4, "photo"),
     ([str(i // 2) for i in range(32)], "auto", "cafe")],
)  # fmt: skip
def test_cafes_are_grouped_where_there_are_enough(cafes, k, unit):
    assert chosen_unit(cafes, k)[0] == unit

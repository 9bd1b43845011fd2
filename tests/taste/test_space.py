"""Where cafés lie for a taste, and which photos stand for them."""

import numpy as np
import pytest

from cafemood.errors import TasteError
from cafemood.taste import space

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(12, 4))
OF = np.repeat(np.arange(4), 3)


def test_the_most_typical_photo_comes_first():
    places = space.places_of(ROWS, OF)
    assert places.name == "pca4"
    assert [sorted(photos) for photos in places.typical] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    means = np.stack([ROWS[cafe == OF].mean(axis=0) for cafe in range(4)])
    for cafe, photos in enumerate(places.typical):
        far = np.linalg.norm(ROWS[photos] - means[cafe], axis=1)
        assert (np.diff(far) >= -1e-6).all()


def test_photos_that_show_no_place_come_last():
    first = [photos[0] for photos in space.places_of(ROWS, OF).typical]
    last = np.isin(np.arange(12), first)
    places = space.places_of(ROWS, OF, last=last)
    assert [photos[-1] for photos in places.typical] == first
    every = space.places_of(ROWS, OF, last=np.ones(12, bool))  # there is no other
    assert [photos[0] for photos in every.typical] == first


def test_a_missing_look_is_the_mean():
    looks = np.array([[1.0, 2], [3, np.nan], [5, 4]])
    rows = space.with_looks(np.zeros((3, 2)), looks)
    assert rows[:, :2].tolist() == [[0, 0]] * 3
    assert rows[:, 2] == pytest.approx(space.LOOK * np.array([-1, 0, 1]) * np.sqrt(1.5))
    assert rows[1, 3] == 0


def test_one_cafe_is_no_choice():
    with pytest.raises(TasteError):
        space.places_of(ROWS, np.zeros(12, int))

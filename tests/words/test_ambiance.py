"""Scales by opposite phrases: by hand, by a second implementation, and not by chance."""

import numpy as np
import pytest

from cafemood.cafes.ambiance_scales import SCALES
from cafemood.words.ambiance import directions, guesses
from cafemood.words.vocabulary import Scale, scales


def test_the_phrases_are_of_the_surveys_scales():
    assert [scale.name for scale in scales()] == list(SCALES)
    for scale in scales():
        assert len(scale.low) == len(scale.high) == 2
        assert not set(scale.low) & set(scale.high)


def test_by_hand():
    """Two photos at 0 and 0.6 on the scale: a standard deviation below and above their mean."""
    along = directions(np.array([[0.5, 1, 0]]), np.array([[0.5, 0, 0]]))
    np.testing.assert_allclose(along, [[0, -1, 0]])
    photos = np.array([[1, 0, 0], [0.8, 0.6, 0]], np.float32)
    (guess,) = guesses(photos, (Scale("x", ("a",), ("b",)),), along, np.eye(3, dtype=np.float32))
    np.testing.assert_allclose(guess.photos, [1, -1], atol=1e-6)


def test_against_the_definition_and_beyond_chance(drawn):
    photos, cafes, texts, unrelated = drawn
    two = (Scale("there", ("a",), ("b",)), Scale("not there", ("a",), ("b",)))
    along = directions(texts[[5, 6]], texts[[0, 7]])  # the photos of three cafés show text 0, none the others
    found = guesses(photos, two, along, unrelated)
    for guess, axis in zip(found, along, strict=True):
        places = photos.astype(float) @ axis
        np.testing.assert_allclose(guess.photos, (places - places.mean()) / places.std(), atol=1e-3)
    order = np.random.default_rng(0).permutation(len(unrelated))
    chance = [
        np.std(photos @ ((a - b) / np.linalg.norm(a - b)))
        for a, b in zip(unrelated[np.roll(order, 1)], unrelated[order], strict=True)
    ]
    assert found[1].p == pytest.approx((1 + sum(sd >= np.std(photos @ along[1]) for sd in chance)) / 201)
    assert [guess.tells for guess in found] == [True, False]
    assert found[0].photos[cafes < 3].mean() > 1


def test_photos_that_are_all_the_same_are_no_error(drawn):
    photos, _, texts, unrelated = drawn
    (guess,) = guesses(
        np.repeat(photos[:1], 9, 0), (Scale("x", ("a",), ("b",)),), directions(texts[:1], texts[1:2]), unrelated
    )
    assert np.isfinite(guess.photos).all()

"""Things against places, by words: by hand."""

import numpy as np
import pytest

from cafemood.words.naming import limit_of
from cafemood.words.things import odds


def test_by_hand():
    """One photo of a thing, one of a place; two things, one place; unrelated texts that score 0 ± 0.1 on both."""
    photos = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0]], np.float32)
    things = np.array([[0.8, 0.6, 0, 0], [0.6, 0, 0.8, 0]], np.float32)
    places = np.array([[0.1, np.sqrt(0.99), 0, 0]], np.float32)
    strange = np.array([[0.1 * a, 0.1 * b, 0, 0] for a in (-1, 1) for b in (-1, 1)] * 50, np.float32)
    found, reasons = odds(photos, things, places, strange, 10.0, ["cup", "menu"])
    # of the first: log((e^8 + e^6) / 2) - 1; of the second: log((e^6 + e^0) / 2) - 10 sqrt(0.99)
    expected = [np.log((np.exp(8) + np.exp(6)) / 2) - 1, np.log((np.exp(6) + 1) / 2) - 10 * np.sqrt(0.99)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert reasons == ["cup, by words", "cup, by words"]


@pytest.mark.parametrize("cosine", [0.1, 0.4])
def test_a_thing_that_is_not_beyond_chance_says_nothing(cosine):
    photo = np.array([[1.0, 0, 0, 0]], np.float32)
    thing, place = (np.array([[c, 0, np.sqrt(1 - c * c), 0]], np.float32) for c in (cosine, -0.5))
    strange = np.array([[0.1 * a, 0, 0, 0] for a in (-1, 1)] * 100, np.float32)
    found, _ = odds(photo, thing, place, strange, 10.0, ["cup"])
    beyond = cosine / (0.1 * np.sqrt(200 / 199)) > limit_of(200, 0.05)
    assert beyond == (cosine == 0.4)
    assert found[0] == pytest.approx(10 * (cosine + 0.5) if beyond else -0.5, rel=1e-4)

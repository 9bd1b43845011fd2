"""Signs that a picture shows no place: drawn things have them, drawn rooms have none."""

import numpy as np
import pytest
from drawn_things import KINDS, draw_thing
from PIL import Image, ImageDraw

from cafecrawl.replica.rooms import draw_cafe, draw_photo
from cafemood.data import place_signs
from cafemood.data.place_signs import LIMIT, NAMES, REASONS, likely_none, measure, told

SIGN = {"cup": "border", "cake": "border", "close-up": "border", "receipt": "text", "menu": "text"}


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_things_are_told_by_their_sign(kind):
    scores, reasons = zip(*(told(measure(draw_thing(seed, kind))) for seed in range(20)), strict=True)
    assert np.mean(np.array(scores) < LIMIT) >= 0.9
    assert reasons.count(REASONS[SIGN[kind]]) >= 11  # a close-up before blue or green looks like the open air too


def test_drawn_rooms_hardly_ever_have_a_sign():
    rooms = [draw_photo(draw_cafe(3, number), 0, (256, 192)) for number in range(15)]  # each atmosphere three times
    assert sum(told(measure(room))[0] < LIMIT for room in rooms) <= 1


def test_the_size_of_a_photo_hardly_matters():
    for kind in KINDS:
        small = draw_thing(4, kind)
        large = small.resize((960, 720), Image.Resampling.LANCZOS)
        assert likely_none(measure(large).row()[None]) == pytest.approx(
            likely_none(measure(small).row()[None]), abs=0.35
        )
        assert (told(measure(large))[0] < LIMIT) == (told(measure(small))[0] < LIMIT)


def test_sky_and_lawn_are_outdoors():
    view = Image.new("RGB", (320, 240), (120, 170, 230))
    ImageDraw.Draw(view).rectangle([0, 120, 320, 240], fill=(70, 130, 50))
    signs = measure(view)
    assert signs.outdoors == pytest.approx(1 + 2 * 0.5, abs=0.03)  # all of the top, and half of the picture
    ImageDraw.Draw(view).rectangle([0, 0, 320, 240], fill=(200, 190, 180))
    assert measure(view).outdoors == 0


def test_strokes_are_counted_in_blocks():
    page = Image.new("RGB", (128, 128), "white")
    draw = ImageDraw.Draw(page)
    for y in range(0, 128, 4):  # one line of four: a quarter of each block's pixels
        draw.line([0, y, 63, y], fill="black")
    assert measure(page).text == pytest.approx(0.5, abs=0.07)
    assert measure(Image.new("RGB", (128, 128), "white")).text == 0


def test_a_patterned_floor_is_no_text():
    page = Image.new("RGB", (128, 128), "white")
    for y in range(64, 128, 4):  # below
        ImageDraw.Draw(page).line([0, y, 127, y], fill="black")
    assert measure(page).text == pytest.approx(0, abs=0.07)
    for view in range(3):  # small tiles
        assert told(measure(draw_photo(draw_cafe(0, 1), view, (256, 192))))[1] == ""


def test_light_is_the_mean_of_lab():
    signs = measure(Image.new("RGB", (200, 150), (119, 119, 119)))
    assert (signs.light, signs.red, signs.yellow, signs.contrast) == pytest.approx((50.03, 0, 0, 0), abs=0.01)


@pytest.mark.parametrize("size", [(100, 80), (4000, 100)])
def test_too_small_or_too_narrow_is_not_guessed(size):
    score, reason = told(measure(Image.new("RGB", size, "white")))
    assert np.isnan(score)
    assert reason == ""


@pytest.mark.parametrize(("name", "above"), [("text", True), ("border", False), ("outdoors", True)])
def test_at_the_limit_it_is_one_to_one(name, above):
    rows = np.zeros((3, len(NAMES)))
    limit, step = place_signs._LIMITS[name]
    rows[:, NAMES.index(name)] = limit + abs(step) * np.array([-1, 0, 1])
    expected = np.array([1 / (1 + np.e), 0.5, np.e / (1 + np.e)])
    assert likely_none(rows)[:, list(REASONS).index(name)] == pytest.approx(expected if above else expected[::-1])

"""Looks against numbers worked out by hand."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cafemood.cafes import looks
from cafemood.data.lab import to_lab


def flat(color):
    return Image.new("RGB", (90, 60), color)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((1, 1, 1), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((1, 0, 0), (53.24, 80.09, 67.20)),  # published values of sRGB's primaries
        ((0, 0, 1), (32.30, 79.19, -107.86)),
        ((119 / 255,) * 3, (50.03, 0, 0)),
    ],
)
def test_lab_of_known_colours(rgb, lab):
    assert to_lab(np.array(rgb, dtype=float)) == pytest.approx(lab, abs=0.02)


def test_a_white_wall():
    found = looks.measure(flat("white"))
    assert found == pytest.approx(
        {"light": 100, "contrast": 0, "colour": 0, "warmth": 0, "clutter": 0, "symmetry": 1}, abs=0.01
    )


def test_colourfulness_of_plain_red():
    # no spread; rg = 255, yb = 127.5: 0.3 * sqrt(255² + 127.5²)
    assert looks.measure(flat("red"))["colour"] == pytest.approx(85.53, abs=0.01)


def test_lamp_light_is_warmer_than_overcast():
    assert looks.measure(flat((250, 200, 120)))["warmth"] > 20 > -5 > looks.measure(flat((180, 200, 230)))["warmth"]


def test_half_black_half_white():
    image = flat("black")
    image.paste("white", (45, 0, 90, 60))
    found = looks.measure(image)
    assert found["light"] == pytest.approx(50, abs=0.5)
    assert found["contrast"] == pytest.approx(50, abs=0.5)
    assert found["symmetry"] == pytest.approx(-1, abs=0.01)
    assert found["clutter"] == pytest.approx(2 / 64, abs=0.01)  # the two columns at the edge


def test_size_does_not_matter_much():
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 255, (8, 12, 3), dtype=np.uint8))
    large, larger = (looks.measure(small.resize(size, Image.Resampling.BICUBIC)) for size in ((384, 256), (1536, 1024)))
    assert large == pytest.approx(larger, rel=0.05, abs=0.02)


@given(st.integers(0, 1000))
def test_a_mirror_changes_nothing(seed):
    pixels = np.random.default_rng(seed).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    found = looks.measure(Image.fromarray(pixels))
    assert looks.measure(Image.fromarray(pixels[:, ::-1].copy())) == pytest.approx(found, abs=1e-6)
    assert 0 <= found["light"] <= 100
    assert 0 <= found["clutter"] <= 1
    assert -1 <= found["symmetry"] <= 1


def test_no_picture_is_nan():
    stream = io.BytesIO()
    flat("gray").save(stream, "WEBP")
    table = looks.measure_all([stream.getvalue(), None])
    assert table["light"][0] == pytest.approx(53.6, abs=0.5)
    assert table.loc[1].isna().all()

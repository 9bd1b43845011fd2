"""A JPEG that lacks only its end marker is whole; one that lacks more is cut off."""

import io

import numpy as np
import pytest
from drawn_rooms import MOODS, draw_room
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cafemood.data.images import open_image
from cafemood.data.jpeg_end import with_end
from cafemood.errors import PhotoError

ROOM = draw_room(3, next(iter(MOODS))).resize((157, 121))
STYLES = {
    "baseline": {},
    "progressive": {"progressive": True},
    "full colour": {"subsampling": 0},
    "optimised": {"optimize": True, "quality": 95},
    "restart markers": {"restart_marker_blocks": 4},
    "grey": {"mode": "L"},
    "CMYK": {"mode": "CMYK"},
    "with EXIF": {"exif": b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
}


def jpeg(mode="RGB", **options):
    buffer = io.BytesIO()
    ROOM.convert(mode).save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("style", STYLES)
def test_without_its_end_marker_it_opens_as_it_was(style):
    data = jpeg(**STYLES[style])
    for cut in (data[:-2], data[:-1]):
        assert with_end(cut) == data
        np.testing.assert_array_equal(open_image(cut), open_image(data))


@pytest.mark.parametrize("style", STYLES)
@settings(max_examples=25, deadline=None)
@given(part=st.floats(0.02, 1))
def test_one_that_lacks_more_is_cut_off(style, part):
    data = jpeg(**STYLES[style])
    cut = data[: min(len(data) - 5, int(len(data) * part))]
    assert with_end(cut) is None
    with pytest.raises(PhotoError):
        open_image(cut)


def test_scans_that_are_missing_altogether_are_missed():
    data = jpeg(progressive=True)
    scans = [i for i in range(len(data) - 1) if data[i : i + 2] == b"\xff\xda"]
    assert len(scans) > 3
    for scan in scans:
        assert with_end(data[:scan]) is None


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xda", b"\xff\xd8\xff\xc0\x00\x02", b"x" * 99])
def test_what_is_no_jpeg_is_left_alone(data):
    assert with_end(data) is None


def test_a_file_too(tmp_path):
    path = tmp_path / "공릉동 카페.jpg"
    path.write_bytes(jpeg()[:-2])
    assert open_image(path, shortest=60).size == open_image(jpeg(), shortest=60).size


def test_a_whole_one_is_left_alone():
    assert with_end(jpeg()) is None
    with Image.open(io.BytesIO(jpeg())) as image:
        image.load()

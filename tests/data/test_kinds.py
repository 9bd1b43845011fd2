"""Photos by content, junk folders by name, colours by profile."""

import io

import pytest
from PIL import Image

from cafemood.data import colours
from cafemood.data.folders import scan_folder
from cafemood.data.images import open_image
from cafemood.data.photos import left_out

P3 = colours.matrix_profile((0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06), 2.2)


def test_the_content_decides_not_the_suffix(tmp_path):
    kinds = {
        "a.jfif": "JPEG",
        "b.jpe": "JPEG",
        "c.bmp": "BMP",
        "d.tif": "TIFF",
        "e.gif": "GIF",
        "f": "PNG",
        "g.txt": "WEBP",
    }
    for i, (name, kind) in enumerate(kinds.items()):
        Image.new("RGB", (40, 30), (i * 20, 0, 0)).save(tmp_path / name, kind)
    for i in range(3):
        (tmp_path / f"{i}.mp4").write_bytes(b"\0\0\0\x18ftypisom\0\0\0\0isommp42")
    found = scan_folder(tmp_path)
    assert [p.file for p in found.photos] == sorted(kinds)
    assert left_out(found.skipped).startswith("3 .mp4")


@pytest.mark.parametrize("junk", ["@eaDir", "#recycle", "$RECYCLE.BIN", "Previews.lrdata", ".thumbnails", "lost+found"])
def test_junk_folders_are_one_entry_each(tmp_path, junk):
    for name in ("공릉동 카페/1.png", f"공릉동 카페/{junk}/2.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), "red" if "1" in name else "blue").save(tmp_path / name)
    found = scan_folder(tmp_path)
    assert [p.file for p in found.photos] == ["공릉동 카페/1.png"]
    assert [s.file for s in found.skipped] == [f"공릉동 카페/{junk}/"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_profile_is_converted(kind):
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 100, 50)).save(
        stream, kind, icc_profile=P3, **({"lossless": True} if kind == "WEBP" else {})
    )
    assert open_image(stream.getvalue()).getpixel((8, 8)) == pytest.approx((216, 93, 24), abs=3)


@pytest.mark.parametrize("profile", [b"x", b"\0" * 200, P3[:100]])
def test_a_damaged_profile_leaves_the_pixels(profile):
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 100, 50)).save(stream, "PNG", icc_profile=profile)
    image = open_image(stream.getvalue())
    assert image.getpixel((8, 8)) == (200, 100, 50)
    assert colours.FLAW in image.info

"""Photos by content, junk folders by name, colours by profile."""

import io
import os
import socket
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from cafemood.data import colours, images
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


# Published matrices: SMPTE EG 432-1 (Display P3, D65), Adobe RGB (1998) and IEC 61966-2-1 (sRGB), linear RGB to XYZ
MATRICES = {
    "p3": [[0.4865709, 0.2656677, 0.1982173], [0.2289746, 0.6917385, 0.0792869], [0.0, 0.0451134, 1.0439444]],
    "adobe": [[0.5767309, 0.1855540, 0.1881852], [0.2973769, 0.6273491, 0.0752741], [0.0270343, 0.0706872, 0.9911085]],
    "srgb": [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
}
PRIMARIES = {
    "p3": (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    "adobe": (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06),
}


def in_srgb(color, space, gamma):
    """A colour of a display with these primaries and a power function, as sRGB has it."""
    xyz = np.array(MATRICES[space]) @ (np.array(color) / 255) ** gamma
    linear = np.clip(np.linalg.solve(np.array(MATRICES["srgb"]), xyz), 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("space", ["p3", "adobe"])
@pytest.mark.parametrize("color", [(200, 100, 50), (60, 120, 90), (128, 128, 128), (230, 200, 180)])
def test_a_profile_is_converted_as_its_matrix_says(kind, space, color):
    stream = io.BytesIO()
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    profile = colours.matrix_profile(PRIMARIES[space], 2.2)
    Image.new("RGB", (16, 16), color).save(stream, kind, icc_profile=profile, **options)
    pixel = open_image(stream.getvalue()).getpixel((8, 8))
    np.testing.assert_allclose(pixel, in_srgb(color, space, 2.2), atol=2.5)  # a level of the JPEG, one of each rounding


def test_the_gamma_of_a_png_is_applied():
    stream = io.BytesIO()
    gamma = PngInfo()
    gamma.add(b"gAMA", struct.pack(">I", 100_000))  # linear light
    Image.new("RGB", (16, 16), (55, 128, 188)).save(stream, "PNG", pnginfo=gamma)
    expected = [255 * (1.055 * (v / 255) ** (1 / 2.4) - 0.055) for v in (55, 128, 188)]
    np.testing.assert_allclose(open_image(stream.getvalue()).getpixel((8, 8)), expected, atol=2)


def test_a_photo_in_srgb_is_left_as_it_is():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    rows = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(rows).save(stream, "PNG", icc_profile=profile)
    np.testing.assert_array_equal(np.asarray(open_image(stream.getvalue())), rows)
    assert not images.has_other_colours(io.BytesIO(stream.getvalue()))


def test_grey_and_cmyk_photos_with_a_profile_of_another_space_keep_their_pixels():
    for mode, color in (("L", 120), ("CMYK", (10, 20, 30, 40))):
        stream = io.BytesIO()
        Image.new(mode, (16, 16), color).save(stream, "TIFF", icc_profile=P3)
        image = open_image(stream.getvalue())
        assert colours.FLAW in image.info
        assert image.getpixel((3, 3)) == Image.new(mode, (1, 1), color).convert("RGB").getpixel((0, 0))


@pytest.mark.parametrize("profile", [b"x", b"\0" * 200, P3[:100]])
def test_a_damaged_profile_leaves_the_pixels(profile):
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 100, 50)).save(stream, "PNG", icc_profile=profile)
    image = open_image(stream.getvalue())
    assert image.getpixel((8, 8)) == (200, 100, 50)
    assert colours.FLAW in image.info


def photo(path, color="red"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), color).save(path, "PNG")


def test_linked_folders_are_followed_once_and_loops_end(tmp_path):
    photo(tmp_path / "사진" / "공릉동" / "1.png")
    photo(tmp_path / "다른 곳" / "2.png", "blue")
    (tmp_path / "사진" / "공릉동" / "위로").symlink_to(tmp_path / "사진")
    (tmp_path / "사진" / "링크").symlink_to(tmp_path / "다른 곳")
    (tmp_path / "사진" / "또").symlink_to(tmp_path / "다른 곳")
    (tmp_path / "사진" / "없음").symlink_to(tmp_path / "gone")
    found = scan_folder(tmp_path / "사진")
    assert sorted(p.file for p in found.photos) == ["공릉동/1.png", "또/2.png"]
    assert sorted(s.file for s in found.skipped) == ["공릉동/위로/", "링크/", "없음"]


@pytest.mark.skipif(os.name != "posix", reason="pipes and sockets are of POSIX")
def test_pipes_and_sockets_are_named_and_never_opened(tmp_path):
    photo(tmp_path / "1.png")
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        place = os.getcwd()
        os.chdir(tmp_path)  # a socket's path is short
        try:
            server.bind("socket.jpg")
        finally:
            os.chdir(place)
        found = scan_folder(tmp_path)
    assert [s.file for s in found.skipped] == ["pipe.jpg", "socket.jpg"]
    assert {s.reason for s in found.skipped} == {images.NO_FILE}


def test_every_file_of_a_folder_is_a_photo_or_is_named(tmp_path):
    photo(tmp_path / "a" / "1.jpg")
    names = ["film.mp4", "메모.txt", "empty.jpg", ".DS_Store", "Thumbs.db", "._1.jpg", "raw.nef", "page.html"]
    for name in names:
        (tmp_path / "a" / name).write_bytes(b"" if name.startswith("empty") else b"no photo of anything at all")
    found = scan_folder(tmp_path)
    assert sorted(s.file for s in found.skipped) == sorted(f"a/{name}" for name in names)
    assert len(found.photos) == 1


def test_a_junk_folder_is_one_entry_that_counts_its_files(tmp_path):
    photo(tmp_path / "a" / "1.jpg")
    for i in range(7):
        photo(tmp_path / "a" / "@eaDir" / f"{i}" / "SYNOPHOTO_THUMB_M.jpg")
    (skipped,) = scan_folder(tmp_path).skipped
    assert "7" in skipped.reason

"""Every kind of photo, folder and manifest that a user may have."""

import contextlib
import io
import struct
import unicodedata
from importlib import metadata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from cafemood.data import folders, images, kinds, photos
from cafemood.data.folders import scan_folder
from cafemood.data.images import open_image
from cafemood.data.photos import Skipped, skipped_lines
from cafemood.errors import PhotoError


def save(path, color="red", size=(40, 30), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path, **options)
    return path


# -- folders


def test_any_depth_and_kind_in_the_order_of_paths(tmp_path):
    for i, name in enumerate(["b/deep/er/x.webp", "a/y.PNG", "z.jpeg", "a/공릉동 카페.jpg"]):
        save(tmp_path / name, (i * 20, 0, 0))
    found = scan_folder(tmp_path)
    assert [p.file for p in found.photos] == ["a/y.PNG", "a/공릉동 카페.jpg", "b/deep/er/x.webp", "z.jpeg"]
    assert all(len(p.photo_id) == 64 for p in found.photos)


def test_hidden_files_folders_and_directories_with_a_photos_name_are_not_photos(tmp_path):
    save(tmp_path / "a.jpg")
    save(tmp_path / ".hidden.jpg", "blue")
    save(tmp_path / "__MACOSX" / "b.jpg", "green")
    (tmp_path / "folder.jpg").mkdir()
    found = scan_folder(tmp_path)
    assert [p.file for p in found.photos] == ["a.jpg"]
    assert sorted(s.file for s in found.skipped) == [".hidden.jpg", "__MACOSX/"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: None, "it does not exist"),
        (lambda p: p.write_text("x"), "it is a file"),
        (lambda p: p.mkdir(), "No usable photo found"),
        (lambda p: save(p / "x.jpg").write_bytes(b""), r"all 1 files were skipped, the first x.jpg: the file is empty"),
    ],
)
def test_a_folder_that_cannot_be_used_says_why(tmp_path, make, message):
    make(tmp_path / "사진")
    with pytest.raises(PhotoError, match=message):
        scan_folder(tmp_path / "사진")


def test_no_folder_given_says_what_to_give():
    with pytest.raises(PhotoError, match=r"(?s)No photo folder given.*data\.root=DIR"):
        scan_folder(None)


def test_empty_and_unreadable_files_are_skipped_and_named(tmp_path, monkeypatch):
    save(tmp_path / "good.jpg")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")
    save(tmp_path / "locked.jpg", "blue")
    real = images.file_digest

    def digest(path):
        if path.name == "locked.jpg":
            raise PermissionError(13, "of another language")
        return real(path)

    monkeypatch.setattr(images, "file_digest", digest)
    found = scan_folder(tmp_path)
    assert [p.file for p in found.photos] == ["good.jpg"]
    reasons = {s.file: s.reason for s in found.skipped}
    assert reasons == {
        "empty.jpg": "the file is empty",
        "gone.jpg": "there is no such file or folder",
        "locked.jpg": "its rights do not allow it",
    }


def test_a_duplicate_counts_once_and_names_the_first(tmp_path):
    save(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.jpg").read_bytes())
    found = scan_folder(tmp_path)
    assert [p.file for p in found.photos] == ["a.jpg"]
    assert [(s.file, s.reason) for s in found.skipped] == [("b.jpg", "the same photo as a.jpg")]


def test_heic_without_its_package_is_left_out_and_says_what_to_install(tmp_path, monkeypatch):
    save(tmp_path / "a.jpg")
    (tmp_path / "b.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    monkeypatch.setattr(kinds, "heic_available", lambda: False)
    found = scan_folder(tmp_path)
    assert [p.file for p in found.photos] == ["a.jpg"]
    (left,) = found.skipped
    assert left.file == "b.HEIC"
    assert "cafemood[heic]" in left.reason
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(PhotoError, match=r"(?s)all 1 files.*b\.HEIC.*cafemood\[heic\]"):
        scan_folder(tmp_path)


def test_heic_with_its_package(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    assert kinds.heic_available()
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), "red")).save(tmp_path / "a.heic")
    (photo,) = scan_folder(tmp_path).photos
    assert open_image(tmp_path / photo.file).size == (64, 48)


# -- cafés and labels


@pytest.mark.parametrize(
    ("file", "cafe", "source"),
    [
        ("cafe_123_1.jpg", "123", "filename"),
        ("공릉동/cafe_카페_공릉_12.jpg", "카페_공릉", "filename"),
        ("공릉동/카페 ☕/3.jpg", "공릉동/카페 ☕", "folder"),
        ("카페/1.jpg", "카페", "folder"),
        ("cafe_123.jpg", None, "none"),
    ],
)
def test_where_a_cafe_id_comes_from(tmp_path, file, cafe, source):
    save(tmp_path / file)
    found = scan_folder(tmp_path)
    assert found.cafe_source == source
    assert found.photos[0].cafe_id == (cafe or found.photos[0].photo_id[:12])
    assert bool(found.notes) == (source == "none")


def test_a_decomposed_name_is_the_same_cafe(tmp_path):
    for i, form in enumerate(("NFC", "NFD")):
        save(tmp_path / f"cafe_{unicodedata.normalize(form, '공릉')}_{i}.jpg", (i * 50, 0, 0))
    assert {p.cafe_id for p in scan_folder(tmp_path).photos} == {"공릉"}


@settings(deadline=None)  # a busy machine is no error
@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1), st.integers(0, 10**6))
def test_the_cafe_id_of_a_file_name_comes_back(cafe, n):
    from pathlib import PurePosixPath

    name = f"cafe_{cafe}_{n}.jpg"
    got, source = folders.cafe_of(PurePosixPath(name), "0" * 64, folders=True)
    if source == "filename":
        assert got == unicodedata.normalize("NFC", cafe)
    else:  # only what no file can be called, or a line break, may fail to match
        assert "\n" in cafe


def test_subfolders_as_labels_are_not_cafes(photo_folder):
    found = scan_folder(photo_folder, labels="subfolder")
    assert found.labelled
    assert {p.label for p in found.photos} == {"어두운 나무", "밝은 흰색"}
    assert found.cafe_source == "filename"
    assert not scan_folder(photo_folder).labelled


def test_a_loose_photo_in_a_labelled_folder_is_refused(photo_folder):
    save(photo_folder / "loose.jpg")
    with pytest.raises(PhotoError, match=r"(?s)every photo in a sub-folder.*loose\.jpg"):
        scan_folder(photo_folder, labels="subfolder")


def test_unknown_labels_are_refused(photo_folder):
    with pytest.raises(PhotoError, match=r"(?s)Unknown labels 'mood'.*subfolder"):
        scan_folder(photo_folder, labels="mood")


def test_the_digest_follows_content_cafes_and_labels(photo_folder):
    first = scan_folder(photo_folder)
    assert first.digest == scan_folder(photo_folder).digest
    assert first.digest != scan_folder(photo_folder, labels="subfolder").digest
    save(photo_folder / "new.jpg")
    assert first.digest != scan_folder(photo_folder).digest


def test_the_demo_is_39_real_photos():
    found = folders.demo_photos()
    assert len(found.photos) == 39
    assert {p.licence for p in found.photos} == {"Pexels licence"}


def test_the_demo_without_its_extra_says_which(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(folders.metadata, "distribution", missing)
    with pytest.raises(PhotoError, match=r"(?s)demo photos are missing.*cafemood\[demo\]"):
        folders.demo_photos()


# -- pixels


def jpeg(color="red", size=(400, 300), **options):
    stream = io.BytesIO()
    Image.new("RGB", size, color).save(stream, "JPEG", **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.jpg", b"", "the file is empty"),
        ("text.jpg", "카페 메뉴".encode(), "not an image"),
        ("page.jpg", b"<!doctype html><html></html>", "not an image"),
        ("cut.jpg", jpeg()[:-200], "cut off"),
        ("header.jpg", jpeg()[:20], "not an image|cut off"),
        ("broken.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "not an image|broken"),
    ],
)
def test_damaged_files_say_why(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(PhotoError, match=f"(?s){name}.*({message})"):
        open_image(tmp_path / name)


@settings(deadline=None)  # a busy machine is no error
@given(st.data())
def test_a_damaged_photo_is_an_error_or_a_picture_never_a_crash(data):
    import tempfile
    from pathlib import Path

    whole = bytearray(jpeg(size=(32, 24)))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.jpg"
        path.write_bytes(bytes(whole))
        with contextlib.suppress(PhotoError):
            assert open_image(path).mode == "RGB"


def test_a_photo_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    save(tmp_path / "bomb.png", size=(200, 100))
    monkeypatch.setattr(images, "MAX_PIXELS", 19_999)
    with pytest.raises(PhotoError, match=r"(?s)too large.*200 x 100 pixels, over 19,999"):
        open_image(tmp_path / "bomb.png")


def test_pillows_own_bomb_error_is_the_same_message(tmp_path, monkeypatch):
    save(tmp_path / "bomb.png", size=(200, 100))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(PhotoError, match="too large"):
        open_image(tmp_path / "bomb.png")


def test_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees
    save(tmp_path / "x.jpg", size=(40, 20), exif=exif)
    assert open_image(tmp_path / "x.jpg").size == (20, 40)


@pytest.mark.parametrize("orientation", range(10))
def test_every_orientation_is_what_pillow_makes_of_it(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.random.default_rng(0).integers(0, 255, (3, 4, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png", exif=exif)
    with Image.open(tmp_path / "x.png") as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(np.asarray(open_image(tmp_path / "x.png")), expected)


def test_damaged_exif_is_no_reason_to_lose_a_photo():
    exif = Image.Exif()
    exif[0x0112], exif[0x0131], exif[0x011A] = 6, "Software 1", 72.0
    whole = jpeg(size=(40, 20), exif=exif.tobytes())
    start = next(i for i in (whole.find(b"II*\0"), whole.find(b"MM\0*")) if i >= 0)
    order = "<" if whole[start : start + 2] == b"II" else ">"
    sizes = set()
    for entry in range(3):
        for kind in range(1, 13):
            damaged = bytearray(whole)
            struct.pack_into(order + "H", damaged, start + 12 + 12 * entry, kind)
            sizes.add(open_image(bytes(damaged)).size)
    assert sizes == {(20, 40), (40, 20)}


def test_whatever_a_decoder_raises_the_photo_is_named(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("Failed to decode frame 0: Truncated data")

    Image.new("L", (8, 8)).save(tmp_path / "x.png")  # it has to be converted
    monkeypatch.setattr(Image.Image, "convert", fail)
    with pytest.raises(PhotoError, match=r"(?s)cannot be read.*x\.png.*damaged, cut off, or of a kind"):
        open_image(tmp_path / "x.png")


@pytest.mark.parametrize("size", [(1, 101), (6000, 59)])
def test_a_photo_that_would_grow_absurdly_is_refused(tmp_path, size):
    save(tmp_path / "line.png", size=size)
    with pytest.raises(PhotoError, match=rf"(?s)too long.*{size[0]} x {size[1]} pixels: one side is over 100 times"):
        open_image(tmp_path / "line.png")
    save(tmp_path / "panorama.png", size=(1000, 10))
    assert open_image(tmp_path / "panorama.png").size == (1000, 10)


def test_cmyk_grey_and_palette_become_rgb(tmp_path):
    for mode in ("CMYK", "L", "P", "1", "LA"):
        path = tmp_path / f"{mode}.{'jpg' if mode == 'CMYK' else 'png'}"
        Image.new("RGB", (8, 8), "red").convert(mode).save(path)
        assert open_image(path).mode == "RGB"
    red, green, blue = open_image(tmp_path / "CMYK.jpg").getpixel((4, 4))
    assert red > 200
    assert max(green, blue) < 60


def test_16_bits_are_scaled_not_clipped(tmp_path):
    Image.fromarray(np.array([[0, 32768, 65535]], dtype=np.uint16)).save(tmp_path / "x.png")
    values = np.asarray(open_image(tmp_path / "x.png"))[0, :, 0]
    assert list(values) == [0, 128, 255]


def test_transparency_lies_on_white(tmp_path):
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "x.png")
    assert open_image(tmp_path / "x.png").getpixel((0, 0)) == (255, 255, 255)
    palette = Image.new("P", (4, 4), 0)
    palette.save(tmp_path / "p.png", transparency=0)
    assert open_image(tmp_path / "p.png").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["webp", "png"])
def test_of_an_animation_the_first_frame_is_taken(tmp_path, kind):
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / f"x.{kind}", save_all=True, append_images=frames[1:])
    red, _, blue = open_image(tmp_path / f"x.{kind}").getpixel((8, 8))
    assert red > 200 > blue


def test_a_large_jpeg_is_decoded_smaller_but_never_below_what_is_asked(tmp_path):
    save(tmp_path / "x.jpg", size=(1600, 1200))
    assert open_image(tmp_path / "x.jpg").size == (1600, 1200)
    small = open_image(tmp_path / "x.jpg", shortest=256)
    assert 256 <= min(small.size) < 1200


def test_files_are_read_some_at_a_time_and_stay_in_order(tmp_path, monkeypatch):
    for i in range(7):
        save(tmp_path / f"{i}.jpg", (i * 20, 0, 0))
    whole = scan_folder(tmp_path)
    monkeypatch.setattr(photos, "CHUNK", 3)
    assert scan_folder(tmp_path).photos == whole.photos
    assert [p.file for p in whole.photos] == [f"{i}.jpg" for i in range(7)]


@pytest.mark.parametrize(("n", "lines"), [(0, 0), (1, 1), (20, 20), (21, 1), (5000, 1)])
def test_many_skipped_photos_are_counted_in_one_line(n, lines):
    reasons = ["the same photo as 카페/%d.jpg", "it is damaged", "it is empty", "no answer", "no host"]
    skipped = [Skipped(f"사진/{i}.jpg", reasons[i % 5].replace("%d", str(i))) for i in range(n)]
    told = skipped_lines(skipped, where="run.json lists all")
    assert len(told) == lines
    if n > 20:
        assert f"{n:,} files" in told[0]
        assert told[0].endswith("run.json lists all")
        assert len(told[0]) < 500

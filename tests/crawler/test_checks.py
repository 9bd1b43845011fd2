"""Checks of served bytes: what is no photo never passes, and what passes is described rightly."""

import contextlib
import hashlib
import io
import struct
import zlib

import imagehash
import pytest
from crawler_helpers import picture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from cafecrawl import checks
from cafecrawl.checks import Rejected, inspect


@pytest.mark.parametrize(("kind", "suffix"), [("JPEG", ".jpg"), ("PNG", ".png"), ("WEBP", ".webp")])
def test_a_photo_passes_and_is_described(kind, suffix):
    body = picture(1, (400, 300), kind)
    facts = inspect(body)
    assert (facts.width, facts.height, facts.suffix) == (400, 300, suffix)
    assert facts.photo_id == hashlib.sha256(body).hexdigest()
    assert len(facts.phash) == 16


def test_the_size_is_that_of_the_upright_photo():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert (inspect(picture(1, (400, 300), exif=exif)).width, inspect(picture(1, (400, 300), exif=exif)).height) == (
        300,
        400,
    )


def bomb(side: int = 20_000) -> bytes:
    """A PNG of side x side grey pixels whose data is a few kilobytes."""
    rows = zlib.compressobj(9)
    data = b"".join(rows.compress(bytes(side + 1)) for _ in range(20)) + rows.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + name + d + struct.pack(">I", zlib.crc32(name + d)) for name, d in chunks
    )


def cut(kind: str) -> bytes:
    body = picture(2, (600, 500), kind)
    return body[: len(body) * 2 // 3]


def gif() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (300, 300)).save(out, "GIF")
    return out.getvalue()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"\xff\xd8\xff" + bytes(checks.MAX_BYTES), "over 25 MB"),
        (b"  <!DOCTYPE html><html>", "a web page instead of a photo"),
        (b'{"error": 1}', "not a JPEG, PNG or WebP"),
        (gif(), "not a JPEG, PNG or WebP"),
        (picture(1, (255, 400)), "smaller than 256 pixels"),
        (picture(1, (1100, 260)), "longer than 4 : 1"),
        (bomb(), "over 50,000,000 pixels"),
        (cut("JPEG"), "damaged"),
        (cut("PNG"), "damaged"),
        (cut("WEBP"), "damaged"),
        (b"\xff\xd8\xff\xe0 and then nothing", "damaged"),
    ],
    ids=["empty", "heavy", "html", "json", "gif", "small", "long", "bomb", "cut jpeg", "cut png", "cut webp", "stub"],
)
def test_what_is_no_photo_is_refused_with_its_reason(body, reason):
    with pytest.raises(Rejected, match=reason):
        inspect(body)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["JPEG", "PNG", "WEBP"]), st.floats(0, 1))
def test_any_bytes_pass_or_are_refused(noise, kind, where):
    body = picture(3, (256, 256), kind)
    at = int(where * len(body))
    for damaged in (noise, body[:at] + noise, body[:at] + noise + body[at + len(noise) :]):
        with contextlib.suppress(Rejected):
            assert inspect(damaged).photo_id == hashlib.sha256(damaged).hexdigest()


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 0.985))
def test_a_cut_off_jpeg_never_passes(part):
    body = picture(4, (512, 384), quality=90)
    with pytest.raises(Rejected):
        inspect(body[: int(part * len(body))])


def oriented(orientation: object) -> bytes:
    """A photo of 400 x 300 whose EXIF says this orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return picture(5, (400, 300), quality=95, exif=exif)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_and_its_turned_copy_look_the_same(orientation):
    with Image.open(io.BytesIO(oriented(orientation))) as image:
        upright = io.BytesIO()
        ImageOps.exif_transpose(image).save(upright, "JPEG", quality=95)
    turned, straight = inspect(oriented(orientation)), inspect(upright.getvalue())
    assert (turned.width, turned.height) == (straight.width, straight.height)
    assert imagehash.hex_to_hash(turned.phash) - imagehash.hex_to_hash(straight.phash) <= 2


@pytest.mark.parametrize("orientation", [0, 9, 65535, "6", "upright", b"\x06", 6.5])
def test_an_orientation_that_is_none_is_left_aside(monkeypatch, orientation):
    monkeypatch.setattr(Image.Image, "getexif", lambda _: {0x0112: orientation})  # Pillow reads such, and writes none
    facts = inspect(picture(5, (400, 300)))
    assert (facts.width, facts.height) == (400, 300)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@settings(max_examples=60, deadline=None)
@given(noise=st.binary(min_size=1, max_size=4), where=st.floats(0, 1))
def test_odd_exif_passes_or_is_refused(kind, noise, where):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x829A] = 6, "desc", 1.5
    exif.get_ifd(0x8769)[0x9003] = "2020:01:01 00:00:00"
    data = bytearray(exif.tobytes())
    at = int(where * (len(data) - 8)) + 6  # behind `Exif\0\0`
    data[at : at + len(noise)] = noise
    with contextlib.suppress(Rejected):
        inspect(picture(3, (256, 256), kind, exif=bytes(data)))


def test_whatever_goes_wrong_in_a_decoder_is_damage(monkeypatch):
    def fail(*_):
        raise struct.error("unpack requires a buffer of 4 bytes")

    monkeypatch.setattr(checks, "_decode", fail)
    with pytest.raises(Rejected, match=r"^damaged or cut off$"):
        inspect(picture(1))

"""Checks of served bytes: what is no photo never passes, and what passes is described rightly."""

import contextlib
import hashlib
import io
import struct
import zlib

import pytest
from crawler_helpers import picture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

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

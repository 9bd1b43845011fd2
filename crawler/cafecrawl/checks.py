"""Whether served bytes are a photo to keep: cheap checks first, a full decode last."""

from __future__ import annotations

import hashlib
import io
import threading
import warnings
from dataclasses import dataclass

import imagehash
from PIL import Image, ImageFile
from PIL.Image import Transpose

from cafemood.data.images import turn_of

MAX_BYTES = 25 * 1024 * 1024
MIN_SIDE = 256
MAX_PIXELS = 50_000_000
MAX_ASPECT = 4.0
SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp"}
LARGE = 12_000_000
"""Pixels from which photos are decoded one at a time, so that memory stays bounded."""
_large = threading.Lock()
_SWAPPING = (Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90)
"""Turns after which width and height have changed places."""


class Rejected(Exception):
    """The bytes are not a photo to keep; the text says why."""


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What the checks learnt: size in pixels after EXIF orientation, SHA-256, pHash, the suffix to use."""

    photo_id: str
    width: int
    height: int
    phash: str
    suffix: str


def inspect(body: bytes) -> PhotoFacts:
    """Check the bytes of a photo.

    Raises:
        Rejected: They are empty, too many, no JPEG, PNG or WebP, too small, too large, too narrow, or damaged.
    """
    if not body:
        raise Rejected("empty")
    if len(body) > MAX_BYTES:
        raise Rejected(f"over {MAX_BYTES // 2**20} MB")
    _check_magic(body)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own size warning: MAX_PIXELS decides here
            with Image.open(io.BytesIO(body), formats=("JPEG", "PNG", "WEBP")) as image:
                _check_size(image)
                if image.width * image.height > LARGE:
                    with _large:
                        return _decode(image, body)
                return _decode(image, body)
    except (Rejected, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise Rejected(f"over {MAX_PIXELS:,} pixels") from None
    except Exception:  # Pillow's decoders raise what they stumble over: struct.error, TypeError, …
        raise Rejected("damaged or cut off") from None


def _check_magic(body: bytes) -> None:
    if body.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (body[:4] == b"RIFF" and body[8:12] == b"WEBP"):
        return
    start = body[:256].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<")):
        raise Rejected("a web page instead of a photo")
    raise Rejected("not a JPEG, PNG or WebP")


def _check_size(image: ImageFile.ImageFile) -> None:
    short, long = sorted(image.size)
    if short * long > MAX_PIXELS:
        raise Rejected(f"over {MAX_PIXELS:,} pixels ({image.width} x {image.height})")
    if short < MIN_SIDE:
        raise Rejected(f"smaller than {MIN_SIDE} pixels ({image.width} x {image.height})")
    if long > MAX_ASPECT * short:
        raise Rejected(f"longer than {MAX_ASPECT:g} : 1 ({image.width} x {image.height})")


def _decode(image: ImageFile.ImageFile, body: bytes) -> PhotoFacts:
    image_format, (width, height) = image.format or "", image.size
    # A JPEG's whole entropy-coded stream is read at any scale: a cut-off file fails at 1/8 as it does at 1/1.
    image.draft("L", (64, 64))
    image.load()
    turn = turn_of(image)
    if turn in _SWAPPING:
        width, height = height, width
    phash = str(imagehash.phash(image if turn is None else image.transpose(turn)))
    return PhotoFacts(hashlib.sha256(body).hexdigest(), width, height, phash, SUFFIXES[image_format])

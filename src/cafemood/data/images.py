"""Open one image file: upright, RGB, within limits; and what its bytes are called."""

from __future__ import annotations

import hashlib
import io
import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from cafemood.core import remote
from cafemood.core.reasons import of_image, reason_of
from cafemood.errors import PhotoError

EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp"}


HEIC_EXTENSIONS = {".heic", ".heif"}


MAX_PIXELS = 100_000_000
"""Larger photos are refused before they are decoded (a 20,000 x 20,000 PNG needs 1.2 GB)."""


MAX_RATIO = 100
"""A longer side over this many times the shorter is refused: where the shorter becomes the 256 pixels that networks
take, 1 x 60,000 pixels would become 256 x 15 million."""


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes each EXIF orientation upright (CIPA DC-008, Orientation)."""


def open_image(source: str | Path | bytes, *, shortest: int | None = None) -> Image.Image:
    """Open a photo as an upright 8-bit RGB image.

    EXIF orientation is applied; of an animation the first frame is taken; transparency is laid on white;
    16-bit, CMYK and palette photos are converted.

    Args:
        source: The file, an address, or the bytes.
        shortest: If given, a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size (in the DCT) as long as
            its shorter side keeps at least this many pixels.

    Raises:
        PhotoError: The file is empty, not an image, damaged, cut off, larger than `MAX_PIXELS`, or longer than
            `MAX_RATIO` allows; or an address gives none.
    """
    if isinstance(source, str) and remote.is_address(source):
        source = remote.fetch(source)
    where = None if isinstance(source, bytes) else Path(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own size warning: MAX_PIXELS decides here
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else Path(source)) as image:
                if image.width * image.height > MAX_PIXELS:
                    size = f"{image.width} x {image.height} pixels"
                    raise PhotoError("A photo is too large", where=where, why=f"{size}, over {MAX_PIXELS:,}")
                if max(image.size) > MAX_RATIO * min(image.size):
                    why = f"{image.width} x {image.height} pixels: one side is over {MAX_RATIO} times the other"
                    raise PhotoError("A photo is too long", where=where, why=why)
                if shortest and image.format == "JPEG" and min(image.size) > shortest:
                    scale = shortest / min(image.size)
                    image.draft(None, (round(image.width * scale), round(image.height * scale)))
                image.load()
                return _to_rgb(_upright(image))
    except (PhotoError, MemoryError):  # too little memory says nothing of the photo
        raise
    except Image.DecompressionBombError:
        raise PhotoError("A photo is too large", where=where, why=f"over {MAX_PIXELS:,} pixels") from None
    except UnidentifiedImageError as error:
        empty = not source if isinstance(source, bytes) else Path(source).exists() and Path(source).stat().st_size == 0
        why = "the file is empty" if empty else of_image(error)
        raise PhotoError("A photo cannot be read", where=where, why=why) from None
    except Exception as error:  # each of Pillow's decoders raises kinds of its own for a damaged file
        raise PhotoError("A photo cannot be read", where=where, why=of_image(error, where)) from None


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def heic_available() -> bool:
    """Whether the `heic` extra is installed; registers its decoder with Pillow if so."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def turn_of(image: Image.Image) -> Image.Transpose | None:
    """What makes an image upright; text, a fraction or an unknown number for an orientation asks for nothing.

    Raises:
        Exception: The EXIF is damaged; Pillow raises TypeError, struct.error and others, by the damage.
    """
    orientation = image.getexif().get(ExifTags.Base.Orientation)
    return _TURNS.get(orientation) if isinstance(orientation, int) else None


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF says; as it is where that is damaged. Pillow's own would write the EXIF anew, and fail."""
    try:
        turn = turn_of(image)
    except Exception:
        return image
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":  # 16- and 32-bit greys: `convert` would clip them
        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if image.mode.startswith("I") else max(float(values.max(initial=0.0)), 1.0)
        return Image.fromarray((np.clip(values / top, 0, 1) * 255).round().astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def digest_or_reason(path: Path) -> tuple[str | None, str]:
    """A file's SHA-256, or None and why it has none."""
    try:
        if path.stat().st_size == 0:
            return None, "the file is empty"
        return file_digest(path), ""
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        return None, reason_of(error, path)

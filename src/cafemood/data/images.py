"""Open one image file: upright, RGB in sRGB, within limits; and what its bytes are called."""

from __future__ import annotations

import hashlib
import io
import stat
import warnings
from pathlib import Path

from PIL import ExifTags, Image, UnidentifiedImageError

from cafemood.core import remote
from cafemood.core.reasons import of_image, reason_of
from cafemood.data import colours, jpeg_end, kinds
from cafemood.errors import PhotoError

MAX_PIXELS = 100_000_000
"""Larger photos are refused before they are decoded (a 20,000 x 20,000 PNG needs 1.2 GB)."""


NO_FILE = "it is no file: a folder, a pipe, a socket or a device"


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
    """Open a photo as an upright 8-bit RGB image in sRGB. A JPEG that lacks only its end marker is whole.

    Its content decides what it is, not its name (see `kinds`). EXIF orientation is applied; of an animation the first
    frame is taken; transparency is laid on white; 16-bit, CMYK and palette photos are converted, and so are the
    colours of a profile. Where a profile cannot be used, `info[colours.FLAW]` says why.

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
            if flaw := _flaw(source):
                raise PhotoError("A photo cannot be read", where=where, why=flaw)
            with Image.open(
                io.BytesIO(source) if isinstance(source, bytes) else Path(source), formats=_formats()
            ) as image:
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
                return colours.to_srgb(_upright(image))
    except (PhotoError, MemoryError):  # too little memory says nothing of the photo
        raise
    except Image.DecompressionBombError:
        raise PhotoError("A photo is too large", where=where, why=f"over {MAX_PIXELS:,} pixels") from None
    except UnidentifiedImageError as error:
        raise PhotoError("A photo cannot be read", where=where, why=of_image(error)) from None
    except Exception as error:  # each of Pillow's decoders raises kinds of its own for a damaged file
        why = of_image(error, where)
        if isinstance(error, OSError) and error.errno:  # the system's
            raise PhotoError("A photo cannot be read", where=where, why=why) from None
    whole = jpeg_end.with_end(source if isinstance(source, bytes) else Path(source).read_bytes())
    if whole is None:
        raise PhotoError("A photo cannot be read", where=where, why=why)
    return open_image(whole, shortest=shortest)


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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


def digest_or_reason(path: Path) -> tuple[str | None, str]:
    """A photo's SHA-256, or None and why the file is no photo or cannot be read."""
    try:
        if flaw := _flaw(path):
            return None, flaw
        return file_digest(path), ""
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        return None, reason_of(error, path)


def has_other_colours(path: str | Path) -> bool:
    """Whether a file's colours are converted to sRGB when it is opened; false where it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_formats()) as image:
                return colours.has_other_colours(image)
    except Exception:  # each of Pillow's decoders raises kinds of its own for a damaged file
        return False


def _flaw(source: str | Path | bytes) -> str:
    """Why a file or bytes are no photo; nothing if they may be one."""
    if isinstance(source, bytes):
        return kinds.flaw(source[: kinds.HEAD])
    path = Path(source)
    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
        return NO_FILE
    with open(path, "rb") as stream:
        return kinds.flaw(stream.read(kinds.HEAD), path.suffix)


def _formats() -> list[str]:
    """What Pillow may open here."""
    Image.init()
    return [name for name in kinds.FORMATS if name in Image.OPEN]

"""Pixels in 8-bit sRGB, whatever colour space a photo brings: its ICC profile, or the gAMA and cHRM of a PNG."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

FLAW = "cafemood_profile_flaw"
"""Where an image's `info` says why its colour profile was not used."""

_SAME = 1
"""A profile that changes no colour by more levels than this is sRGB: its photos are left as they are."""

_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.NOCACHE  # no cache: threads share a transform
_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab"}
_SRGB_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
_SRGB_GAMMA = 1 / 2.2


def to_srgb(image: Image.Image) -> Image.Image:
    """An image as 8-bit RGB in sRGB: its profile applied, transparency laid on white.

    Where the profile is damaged, or of another kind than the pixels, these stay as they are, and `info[FLAW]` says so.
    """
    profile = _profile_of(image)
    image = _eight_bits(image)
    alpha = None
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
    if profile is None and image.mode != "LAB":
        return _on_white(image, alpha)
    if profile is not None and image.mode in ("LA", "La", "1"):
        image = image.convert("L")
    elif image.mode not in _SPACES:
        image = image.convert("RGB")
    transform, flaw = _transform(profile, image.mode)
    if isinstance(transform, ImageCms.ImageCmsTransform):
        image = transform.apply(image)
    image = _on_white(image, alpha)
    if flaw:
        image.info[FLAW] = flaw
    return image


def has_other_colours(image: Image.Image) -> bool:
    """Whether an image, which need not be decoded, brings a colour space that is used and is not sRGB."""
    profile = _profile_of(image)
    if profile is None:
        return image.mode == "LAB"
    grey = image.mode in ("1", "L", "LA", "La") or image.mode.startswith(("I", "F"))
    mode = image.mode if image.mode in _SPACES else "L" if grey and "transparency" not in image.info else "RGB"
    return _transform(profile, mode)[0] is not None


def matrix_profile(chromaticities: Sequence[float], gamma: float) -> bytes:
    """An ICC profile of a display: a power function and three primaries.

    Args:
        chromaticities: x and y of white, red, green and blue, as a PNG's cHRM has them.
        gamma: What encoded values are raised to.

    Raises:
        ValueError: There is no such display.
    """
    xy = np.reshape(np.asarray(chromaticities, float), (4, 2))
    if not (np.isfinite(xy).all() and (xy[:, 1] > 0).all() and np.isfinite(gamma) and 0.1 < gamma < 10):
        raise ValueError("no chromaticities of a display")
    white, *_ = xyz = np.column_stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(axis=1)) / xy[:, 1]])
    primaries = xyz[1:].T
    if abs(np.linalg.det(primaries)) < 1e-9:
        raise ValueError("no chromaticities of a display")
    matrix = _adapted(white) @ (primaries * np.linalg.solve(primaries, white))
    if np.abs(matrix).max() > 4:
        raise ValueError("no chromaticities of a display")

    def xyz_tag(values: np.ndarray) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(v) * 65536) for v in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    name = b"desc\0\0\0\0" + struct.pack(">I", 7) + b"matrix\0" + bytes(78)
    tags = {b"desc": name + bytes(-len(name) % 4), b"cprt": b"text\0\0\0\0CC0\0", b"wtpt": xyz_tag(_D50)}
    tags |= {b"rXYZ": xyz_tag(matrix[:, 0]), b"gXYZ": xyz_tag(matrix[:, 1]), b"bXYZ": xyz_tag(matrix[:, 2])}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    start, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for tag, data in tags.items():
        table += struct.pack(">4sII", tag, start + len(body), len(data))
        body += data
    header = struct.pack(
        ">I4xI4s4s4s12x4s28x3i48x",
        start + len(body),
        0x02400000,
        b"mntr",
        b"RGB ",
        b"XYZ ",
        b"acsp",
        *(round(v * 65536) for v in _D50),
    )
    return header + table + body


_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def _adapted(white: np.ndarray) -> np.ndarray:
    """The matrix that takes colours seen under `white` to those under D50 (Bradford)."""
    scale = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    return np.asarray(np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD)


def _profile_of(image: Image.Image) -> bytes | None:
    """The ICC profile that an image brings, or one for the gAMA and cHRM of a PNG; None: sRGB."""
    profile = image.info.get("icc_profile")
    if profile:
        return bytes(profile)
    if "srgb" in image.info:
        return None
    gamma, chromaticities = image.info.get("gamma"), image.info.get("chromaticity")
    if image.mode in ("1", "L", "LA") or image.mode.startswith("I"):
        return None  # a power function of grey alone is what viewers leave out
    encoding = gamma if isinstance(gamma, float) and gamma > 0 else _SRGB_GAMMA
    points = tuple(chromaticities) if chromaticities and len(chromaticities) == 8 else _SRGB_PRIMARIES
    near = abs(encoding - _SRGB_GAMMA) < 0.01
    if near and max(abs(a - b) for a, b in zip(points, _SRGB_PRIMARIES, strict=True)) < 0.002:
        return None
    try:
        return matrix_profile(points, 1 / encoding)
    except (ValueError, np.linalg.LinAlgError, struct.error):
        return None


@lru_cache(maxsize=256)
def _transform(profile: bytes | None, mode: str) -> tuple[ImageCms.ImageCmsTransform | None, str]:
    """What takes pixels of a mode to sRGB; None where they are so already, or where the profile cannot be used: why."""
    try:
        source: Any = (
            ImageCms.createProfile("LAB") if mode == "LAB" else ImageCms.getOpenProfile(io.BytesIO(profile or b""))
        )
        space = "Lab" if mode == "LAB" else source.profile.xcolor_space.strip()
        if space.upper() != _SPACES[mode].upper():
            return None, f"its colour profile is of {space} and its pixels are {mode}"
        target = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(source, target, mode, "RGB", _INTENT, _FLAGS)
        return (None if _is_same(transform, mode) else transform), ""
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return None, "its colour profile is damaged"


def _is_same(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a transform leaves colours as they are: tried on a grid of them."""
    if mode == "L":
        probe = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    elif mode == "RGB":
        steps = np.arange(0, 256, 15, dtype=np.uint8)
        probe = Image.fromarray(np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3))
    else:
        return False
    before, after = (np.asarray(i.convert("RGB"), dtype=int) for i in (probe, transform.apply(probe)))
    return bool(np.abs(after - before).max() <= _SAME)


def _eight_bits(image: Image.Image) -> Image.Image:
    if not (image.mode.startswith("I") or image.mode == "F"):
        return image
    values = np.asarray(image, dtype=np.float64)  # 16- and 32-bit greys: `convert` would clip them
    top = 65535.0 if image.mode.startswith("I") else max(float(values.max(initial=0.0)), 1.0)
    return Image.fromarray((np.clip(values / top, 0, 1) * 255).round().astype(np.uint8))


def _on_white(image: Image.Image, alpha: Image.Image | None) -> Image.Image:
    if image.mode != "RGB":  # Pillow copies an image that it need not convert
        image = image.convert("RGB")
    if alpha is None:
        return image
    image.putalpha(alpha)
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")

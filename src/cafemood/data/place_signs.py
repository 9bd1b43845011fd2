"""Signs in a picture that it shows no place: text, one thing close up, the open air. No network is needed.

All is measured on the picture scaled to 128 pixels on its longer side, in CIELAB.

| sign | measured as | limit |
|---|---|---|
| text | share of blocks of 8 x 8 pixels with thin strokes (morphological closing less picture, or picture less opening, 5 x 5, by over 8 L*) on an even, hardly coloured ground; of the upper and the lower half the smaller share, so that a patterned floor is no text | above 0.26 |
| border | share of pixels with an edge (over 2.5 L* a pixel) in the outer seventh, times how sharp that is beside the middle: small where one thing lies on a table or before a blurred background | below 0.05 |
| outdoors | share of even blue sky in the top fifth, plus twice the share of leaf green in the picture | above 0.65 |

Of 783 photos of kitchens, bedrooms and bathrooms, on which the limits were set, 1.5 % pass one (`docs/mood.md`). A
face, or a cup on a table with much grain, has no such sign.
"""  # noqa: E501

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

import numpy as np
from PIL import Image

from cafemood.data.lab import to_lab

SIDE = 128
NARROWEST = 32
"""Pixels of the shorter side, once the longer has `SIDE`, below which nothing is told."""
LIMIT = 0.5
"""A photo whose score is below this seems to show no place."""

REASONS = {
    "text": "mostly text, such as a menu or a receipt",
    "border": "one thing close up, before a plain or blurred background",
    "outdoors": "sky or greenery, taken outdoors",
}
_LIMITS = {"text": (0.26, 0.05), "border": (0.05, -0.012), "outdoors": (0.65, 0.1)}
"""Of each sign the limit, and the step to odds of e : 1 for no place."""
_BLOCK, _STROKE, _EDGE = 8, 8.0, 2.5


@dataclass(frozen=True, slots=True)
class PlaceSigns:
    """What a picture shows at first sight; NaN where it is too small or too narrow to tell.

    Attributes:
        text, border, outdoors: The signs, see above.
        light, red, yellow: Mean L*, a* and b*.
        contrast: Standard deviation of L*.
    """

    text: float
    border: float
    outdoors: float
    light: float
    red: float
    yellow: float
    contrast: float

    def row(self) -> np.ndarray:
        """The values (7,), in the order of `NAMES`."""
        return np.array(astuple(self), dtype=np.float64)


NAMES = tuple(field.name for field in fields(PlaceSigns))


def measure(image: Image.Image) -> PlaceSigns:
    """The signs of one picture.

    Args:
        image: It, upright, of any size.
    """
    from scipy import ndimage

    small = image.convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    lab = to_lab(np.asarray(small, dtype=np.float64) / 255)
    lightness, (red, yellow) = lab[..., 0], (lab[..., 1], lab[..., 2])
    means = {"light": lightness.mean(), "red": red.mean(), "yellow": yellow.mean(), "contrast": lightness.std()}
    signs = dict.fromkeys(REASONS, np.nan)
    if max(small.size) == SIDE and min(small.size) >= NARROWEST:
        slope = np.hypot(ndimage.sobel(lightness, axis=0), ndimage.sobel(lightness, axis=1)) / 8
        sky = (yellow < -6) & (lightness > 50) & (slope < 1.5)
        leaves = (red < -7) & (yellow > 10)
        signs = {
            "text": _text(lightness, np.hypot(red, yellow)),
            "border": _border(lightness, slope > _EDGE),
            "outdoors": sky[: max(1, small.height // 5)].mean() + 2 * leaves.mean(),
        }
    return PlaceSigns(**{name: float(value) for name, value in (signs | means).items()})


def _text(lightness: np.ndarray, chroma: np.ndarray) -> float:
    """The share of blocks with strokes in both halves, dark on light or light on dark, whichever is more."""
    from scipy import ndimage

    grey = np.median(_blocks(chroma), axis=1) < 25
    shares = []
    for ground, sign in ((ndimage.grey_closing(lightness, 5), 1), (ndimage.grey_opening(lightness, 5), -1)):
        strokes = (_blocks(sign * (ground - lightness)) > _STROKE).mean(axis=1)
        even = _blocks(ground).std(axis=1) < 4
        text = ((strokes > 0.15) & (strokes < 0.9) & even & grey).reshape(lightness.shape[0] // _BLOCK, -1)
        shares.append(min(half.mean() for half in np.array_split(text, 2)))
    return float(max(shares))


def _blocks(values: np.ndarray) -> np.ndarray:
    """The whole blocks of a picture, a row each."""
    high, wide = (size // _BLOCK for size in values.shape)
    cut = values[: high * _BLOCK, : wide * _BLOCK].reshape(high, _BLOCK, wide, _BLOCK)
    return cut.swapaxes(1, 2).reshape(-1, _BLOCK * _BLOCK)


def _border(lightness: np.ndarray, edges: np.ndarray) -> float:
    """How much there is to see at the border, and how sharp it is beside the middle (at most 1)."""
    from scipy import ndimage

    y, x = np.mgrid[-1 : 1 : lightness.shape[0] * 1j, -1 : 1 : lightness.shape[1] * 1j]
    border, middle = np.maximum(abs(y), abs(x)) > 5 / 7, np.hypot(y, x) < 0.6
    detail = abs(lightness - ndimage.gaussian_filter(lightness, 1.0))
    sharp = detail[border].mean() / (detail[middle].mean() + 0.3)
    return float(edges[border].mean() * min(sharp, 1))


def likely_none(signs: np.ndarray) -> np.ndarray:
    """How likely signs (n, 7), see `NAMES`, make it that a photo shows no place: (n, 3), in the order of `REASONS`.

    A logistic function of the sign's distance to its limit; NaN where the sign is.
    """
    columns = []
    for name, (limit, step) in _LIMITS.items():
        columns.append(1 / (1 + np.exp(-np.clip((signs[:, NAMES.index(name)] - limit) / step, -7, 7))))
    return np.column_stack(columns)


def told(signs: PlaceSigns) -> tuple[float, str]:
    """How much place one picture shows by its signs alone (0 to 1, NaN: it cannot be told), and why if little."""
    none = likely_none(signs.row()[None])[0]
    if np.isnan(none).any():
        return float("nan"), ""
    score = 1 - float(none.max())
    return score, "" if score >= LIMIT else list(REASONS.values())[int(none.argmax())]

"""How a photo looks, measured from its pixels alone: light, contrast, colour, warmth, clutter, symmetry.

All is measured on the picture scaled to 64 pixels on its longer side, in CIELAB (sRGB, D65), so that photos of
any size compare.

| look | formula | unit |
|---|---|---|
| light | mean L* | 0 (black) to 100 (white) |
| contrast | standard deviation of L* | L* |
| colour | σ_rgyb + 0.3 μ_rgyb of rg = R − G, yb = (R + G)/2 − B (Hasler and Süsstrunk, 2003) | 0 grey, 109 extreme |
| warmth | mean b* (yellow less blue) | b* |
| clutter | share of pixels whose L* changes by over 6 a pixel (edge density; Rosenholtz et al., 2007) | 0 to 1 |
| symmetry | correlation of L* with its mirror image, left and right | −1 to 1 |
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cafemood.data.lab import to_lab
from cafemood.runs.pictures import PictureCache, keys_of_pictures

if TYPE_CHECKING:
    import pandas as pd

LOOKS = ("light", "contrast", "colour", "warmth", "clutter", "symmetry")
SIDE = 64
EDGE = 6.0


def measure(image: Image.Image) -> dict[str, float]:
    """The looks of one picture, by name."""
    from scipy.ndimage import sobel

    small = image.convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    rgb = np.asarray(small, dtype=np.float64)
    lab = to_lab(rgb / 255)
    lightness = lab[..., 0]
    rg, yb = rgb[..., 0] - rgb[..., 1], (rgb[..., 0] + rgb[..., 1]) / 2 - rgb[..., 2]
    slope = np.hypot(sobel(lightness, axis=0), sobel(lightness, axis=1)) / 8  # Sobel's weights sum to 8 a pixel
    return {
        "light": float(lightness.mean()),
        "contrast": float(lightness.std()),
        "colour": float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())),
        "warmth": float(lab[..., 2].mean()),
        "clutter": float((slope > EDGE).mean()),
        "symmetry": _correlation(lightness, lightness[:, ::-1]),
    }


def measure_all(thumbnails: Sequence[bytes | None], cache: PictureCache | None = None) -> pd.DataFrame:
    """The looks of encoded pictures, one row each; NaN where there is no picture.

    Args:
        thumbnails: The pictures.
        cache: Where looks are found, and kept, by the picture's bytes.
    """
    import pandas as pd

    cache = cache or PictureCache(None)
    keys = keys_of_pictures(thumbnails, "looks")
    known = cache.read(keys)
    rows = np.full((len(keys), len(LOOKS)), np.nan)
    for i, (key, picture) in enumerate(zip(keys, thumbnails, strict=True)):
        if key is None or picture is None:
            continue
        if key in known and len(known[key]) == rows[i].nbytes:
            rows[i] = np.frombuffer(known[key], dtype="<f8")
            continue
        rows[i] = list(measure(Image.open(io.BytesIO(picture))).values())
        cache.add(key, rows[i].astype("<f8").tobytes())
    cache.write()
    return pd.DataFrame(rows, columns=list(LOOKS), dtype=float)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    spread = a.std() * b.std()
    return 1.0 if spread < 1e-9 else float(((a - a.mean()) * (b - b.mean())).mean() / spread)

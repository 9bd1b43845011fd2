"""Small pictures of photos, made in parallel: each photo once, at the size its place in the report needs."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from cafemood.errors import PhotoError
from cafemood.photos import open_image

CARD_SIDE = 400
"""Longer side, in pixels, of the photos that stand on the mood cards."""

EMBED_AT_MOST = 10_000
"""With more photos than this, thumbnails lie in a folder beside the report."""


def map_side(n: int) -> int:
    """Longer side of the other photos' thumbnails, so that the page of n photos stays under 30 MB."""
    return 256 if n <= 500 else 128 if n <= 2_000 else 64


def make_thumbnails(paths: Sequence[Path], sides: Sequence[int]) -> list[bytes | None]:
    """WebP thumbnails, None where a photo can no longer be read.

    Args:
        paths: The photos.
        sides: Longer side of each thumbnail, in pixels.
    """

    def make(path: Path, side: int) -> bytes | None:
        try:
            image = open_image(path, shortest=side)
        except PhotoError:
            return None
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        stream = io.BytesIO()
        image.save(stream, "WEBP", quality=72 if side > 64 else 60, method=2)
        return stream.getvalue()

    with ThreadPoolExecutor() as pool:
        return list(pool.map(make, paths, sides))


def data_uri(thumbnail: bytes) -> str:
    """The picture as a `data:` address."""
    return "data:image/webp;base64," + base64.b64encode(thumbnail).decode("ascii")


def palette(thumbnails: Sequence[bytes], n_colors: int = 5) -> list[str]:
    """The main colours of some pictures as `#rrggbb`, most frequent first (Pillow's median cut)."""
    if not thumbnails:
        return []
    tiles = [Image.open(io.BytesIO(data)).convert("RGB").resize((48, 48)) for data in thumbnails]
    strip = Image.new("RGB", (48 * len(tiles), 48))
    for i, tile in enumerate(tiles):
        strip.paste(tile, (48 * i, 0))
    reduced = strip.quantize(n_colors, method=Image.Quantize.MEDIANCUT)
    colors, counts = reduced.getpalette() or [], reduced.getcolors() or []
    return [
        "#{:02x}{:02x}{:02x}".format(*colors[3 * int(str(i)) : 3 * int(str(i)) + 3])
        for _, i in sorted(counts, key=lambda entry: -entry[0])
    ]


def contact_sheet(thumbnails: Sequence[bytes], *, columns: int = 6, side: int = 200) -> Image.Image:
    """Square crops side by side on white."""
    rows = -(-len(thumbnails) // columns)
    sheet = Image.new("RGB", (columns * (side + 4) - 4, max(rows, 1) * (side + 4) - 4), "white")
    for i, data in enumerate(thumbnails):
        image = Image.open(io.BytesIO(data)).convert("RGB")
        edge = min(image.size)
        left, top = (image.width - edge) // 2, (image.height - edge) // 2
        tile = image.crop((left, top, left + edge, top + edge)).resize((side, side))
        sheet.paste(tile, ((i % columns) * (side + 4), (i // columns) * (side + 4)))
    return sheet

"""Sprite sheets of the atlas: many small tiles in one picture, and single pictures at another size."""

from __future__ import annotations

import io

from PIL import Image

from cafemood.runs import thumbnails

TINY, SMALL = 16, 64
"""Sides of the tiles on the sheets, in pixels: the whole map is drawn from the tiny ones."""
SHEET = 1024
"""Side of a sheet: photos near each other on the wall share one, so that a near view needs few of them."""


def sheets(tiles: list[Image.Image | None], edge: int) -> list[bytes]:
    """Sprite sheets of square tiles, left to right, then down; the last is only as tall as it needs."""
    across = SHEET // edge
    made = []
    for start in range(0, len(tiles), across * across):
        chunk = tiles[start : start + across * across]
        sheet = Image.new("RGB", (min(across, len(chunk)) * edge, -(-len(chunk) // across) * edge), "#b9aea2")
        for i, tile in enumerate(chunk):
            if tile is not None:
                sheet.paste(tile.resize((edge, edge), Image.Resampling.BOX), (i % across * edge, i // across * edge))
        stream = io.BytesIO()
        sheet.save(stream, "WEBP", quality=68, method=1)
        made.append(stream.getvalue())
    return made


def square(data: bytes | None) -> Image.Image | None:
    """The middle of an encoded picture, as a tile."""
    if data is None:
        return None
    image = thumbnails.decoded(data)
    edge = min(image.size)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    return image.resize((SMALL, SMALL), Image.Resampling.BOX, (left, top, left + edge, top + edge), reducing_gap=2.0)


def webp(image: Image.Image, side: int) -> bytes:
    """A picture, its longer side at most `side` pixels, encoded."""
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=72, method=2)
    return stream.getvalue()

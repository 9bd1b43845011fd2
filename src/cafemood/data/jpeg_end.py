"""JPEG files that lack only their end marker (EOI): some cameras and programs write none, and no pixel is missing.

Markers and scans after ITU-T T.81, annexes B and G (https://www.w3.org/Graphics/JPEG/itu-t81.pdf).
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

_END = b"\xff\xd9"
_PADDINGS = tuple(bytes([byte]) * 96 for byte in (0x00, 0x55, 0xAA, 0xFE))
"""What takes the place of bits that may be missing: if there are any, the pixels differ from one to the next."""
_RESTARTED = tuple(bytes([0xFF, 0xD0 + i]) + b"\x55" * 96 for i in range(8))
"""The same behind each restart marker: without one, a decoder would not look at what follows."""
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_PROGRESSIVE = (0xC2, 0xCA)
_SOS, _DRI = 0xDA, 0xDD


def with_end(data: bytes) -> bytes | None:
    """The bytes of a JPEG with the end marker that they lack.

    Args:
        data: Of the file.

    Returns:
        None if they are no JPEG, have an end marker, or lack more than that.
    """
    if not data.startswith(b"\xff\xd8\xff") or data.endswith(_END):
        return None
    body = data[:-1] if data.endswith(b"\xff") else data
    if not _all_scans(body):
        return None
    first: bytes | None = None
    restarts = any(marker == _DRI for marker, _ in _segments(body))
    for padding in _PADDINGS + _RESTARTED * restarts:
        try:
            with Image.open(io.BytesIO(body + padding + _END), formats=("JPEG",)) as image:
                pixels = image.tobytes()
        except Exception:  # Pillow's decoder raises kinds of its own for a damaged file
            return None
        if first is not None and pixels != first:
            return None
        first = pixels
    return body + _END


def _all_scans(data: bytes) -> bool:
    """Whether there are scans of every component; of a progressive file, of every coefficient to its last bit."""
    components: set[int] = set()
    progressive = False
    bits: dict[tuple[int, int], int] = {}
    for marker, segment in _segments(data):
        if marker in _FRAMES and len(segment) > 5 and len(segment) >= 6 + 3 * segment[5]:
            progressive = marker in _PROGRESSIVE
            components = {segment[6 + 3 * i] for i in range(segment[5])}
        elif marker == _SOS and segment and len(segment) >= 4 + 2 * segment[0]:
            first, last, approximation = segment[1 + 2 * segment[0] : 4 + 2 * segment[0]]
            for i in range(segment[0]):
                for coefficient in range(first, min(last, 63) + 1) if progressive else range(64):
                    bits[segment[1 + 2 * i], coefficient] = approximation & 15 if progressive else 0
    return bool(components) and all(bits.get((c, i)) == 0 for c in components for i in range(64))


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each marker with a segment, and that segment without its length."""
    at = 2
    while (at := data.find(b"\xff", at)) >= 0 and at + 4 <= len(data):
        marker = data[at + 1]
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD9:  # of the entropy-coded data, or without a segment
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2 or at + 2 + length > len(data):
            return
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + length

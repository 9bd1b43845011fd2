"""A photo's file name: `cafe_<id>_<rank>`, safe on every file system, different for different cafés."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_UNSAFE = re.compile(r"[^0-9a-z가-힣-]+")
MOST = 60
"""Characters kept of an id: with Hangul (3 bytes each) a name stays under the 255 bytes of most file systems."""


def file_stem(cafe_id: str, rank: int) -> str:
    """The name without its suffix; an id that had to be changed gets eight digits of its SHA-256.

    Digits alone (Naver's ids) stay as they are, so the files are named as the study's were.
    """
    safe = _UNSAFE.sub("-", unicodedata.normalize("NFC", cafe_id).lower()).strip("-")[:MOST].strip("-")
    if safe != cafe_id:
        safe = f"{safe}-{hashlib.sha256(cafe_id.encode()).hexdigest()[:8]}".strip("-")
    return f"cafe_{safe}_{rank}"

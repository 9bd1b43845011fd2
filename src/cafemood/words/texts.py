"""Texts as vectors: several phrasings of each averaged, and kept in the cache by content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cafemood.core.atomic import keep, read_cached
from cafemood.errors import CafemoodError

if TYPE_CHECKING:
    from cafemood.backbones.open_clip_towers import TextTower


def embed_texts(
    tower: TextTower, texts: Sequence[str], phrasings: Sequence[str], cache_dir: str | Path | None
) -> np.ndarray:
    """The mean of each text's phrasings, as unit vectors (len(texts), d), float32.

    Args:
        tower: What reads them.
        texts: The texts.
        phrasings: Patterns with a `{}` in the place of the text.
        cache_dir: Where they are found, and kept, by the tower's fingerprint and their content; None: nowhere.
    """
    path = _path(tower, texts, phrasings, cache_dir)
    known = read_cached(path, ("rows",))
    if known is not None and known["rows"].shape == (len(texts), tower.dim):
        return known["rows"]
    put = [pattern.replace("{}", text) for text in texts for pattern in phrasings]
    rows = tower.embed(put).reshape(len(texts), len(phrasings), -1).mean(axis=1)
    rows = np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), dtype=np.float32)
    with suppress(CafemoodError):  # a cache that cannot be written: they are read again next time
        keep(path, {"rows": rows})
    return rows


def _path(
    tower: TextTower, texts: Sequence[str], phrasings: Sequence[str], cache_dir: str | Path | None
) -> Path | None:
    if cache_dir is None:
        return None
    content = json.dumps([tower.fingerprint, list(texts), list(phrasings)], ensure_ascii=True)
    name = f"{hashlib.sha256(content.encode()).hexdigest()[:32]}.safetensors"
    return Path(cache_dir) / "texts" / f"{tower.name}-{tower.fingerprint[:16]}" / name

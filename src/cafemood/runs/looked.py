"""Look at each photo of a set once: its signs (`data.place_signs`) and its pHash, kept by content for other runs."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cafemood.data.photos import PhotoSet
from cafemood.data.place_signs import NAMES, measure
from cafemood.runs import thumbnails
from cafemood.runs.pictures import PictureCache, keys_of_pictures

_AT_ONCE = 1_000
_ROW = np.dtype([("signs", "<f8", (len(NAMES),)), ("phash", "<u8")])
_KEY = "signs 2"
"""Raise it when the same picture gives other signs."""


@dataclass(frozen=True)
class Looked:
    """What was seen.

    Attributes:
        signs: Rows of `place_signs.NAMES` (n, 7); NaN where a photo could not be read.
        phashes: 64-bit pHash of each (n,), 0 where it could not be read (Zauner, "Implementation and Benchmarking of
            Perceptual Image Hash Functions", 2010; by ImageHash).
    """

    signs: np.ndarray
    phashes: np.ndarray

    def rows(self, rows: np.ndarray) -> Looked:
        """Those of some photos."""
        return Looked(self.signs[rows], self.phashes[rows])


def look(photo_set: PhotoSet, cache_dir: str | Path | None) -> Looked:
    """Look at every photo, in threads: at its thumbnail, which a report of these photos shows too.

    Args:
        photo_set: The photos.
        cache_dir: Keeps thumbnails and what was seen; None: nothing is kept.
    """
    from concurrent.futures import ThreadPoolExecutor

    from tqdm import tqdm

    cache, n = PictureCache(cache_dir), len(photo_set.photos)
    seen, side = np.zeros(n, _ROW), thumbnails.kept_side(n)
    seen["signs"] = np.nan
    bar = tqdm(total=n, desc="look at photos", unit="photo", leave=False, disable=n < 500)
    with bar, ThreadPoolExecutor() as pool:
        for start in range(0, n, _AT_ONCE):
            photos = photo_set.photos[start : start + _AT_ONCE]
            places, ids = [photo_set.path(photo) for photo in photos], [photo.photo_id for photo in photos]
            pictures = thumbnails.make_thumbnails(places, [side] * len(photos), photo_ids=ids, cache=cache)
            keys = keys_of_pictures(pictures, _KEY)
            known = cache.read(keys)
            missing = [i for i, key in enumerate(keys) if key is not None and len(known.get(key, b"")) != _ROW.itemsize]
            for i, row in zip(missing, pool.map(_seen, (pictures[i] for i in missing)), strict=True):
                known[str(keys[i])] = row
                cache.add(str(keys[i]), row)
            for i, key in enumerate(keys):
                if key is not None:
                    seen[start + i] = np.frombuffer(known[key], _ROW)[0]
            bar.update(len(photos))
    cache.write()
    return Looked(seen["signs"].copy(), seen["phash"].copy())


def _seen(picture: bytes | None) -> bytes:
    """What one encoded picture shows, as it is kept."""
    import imagehash

    assert picture is not None
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    row = np.zeros(1, _ROW)
    row["signs"], row["phash"] = measure(image).row(), int(str(imagehash.phash(image)), 16)
    return row.tobytes()

"""Look at each photo of a set once: its signs (`data.place_signs`) and its pHash, kept by content for other runs."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cafemood.core.parquet import read_parquet, write_parquet
from cafemood.core.reasons import Flaw
from cafemood.data.photos import PhotoSet
from cafemood.data.place_signs import NAMES, measure
from cafemood.runs import thumbnails
from cafemood.runs.pictures import PictureCache, Places, key_of_photo, key_of_picture, keys_of_pictures
from cafemood.runs.run import Run

_AT_ONCE = 1_000
_ROW = np.dtype([("signs", "<f8", (len(NAMES),)), ("phash", "<u8")])
_KEY = "signs 2"
"""Raise it when the same picture gives other signs."""
FILE = "phashes.parquet"
CONTRAST = NAMES.index("contrast")


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


class Glance:
    """Makes and keeps, of a photo that is opened to be embedded, what `look` would open it for again.

    Threads may call it at once.

    Args:
        n: Photos of the set, which decides how large thumbnails are.
        cache_dir: Keeps them.
    """

    def __init__(self, n: int, cache_dir: str | Path) -> None:
        self._side, self._cache, self._lock = thumbnails.kept_side(n), PictureCache(cache_dir), threading.Lock()

    def __call__(self, photo_id: str, image: Image.Image) -> None:
        """Look at a photo.

        Args:
            photo_id: SHA-256 of its bytes.
            image: It, upright, decoded as `thumbnails.SHORTEST` has it; it is made small in place.
        """
        key = key_of_photo(photo_id, f"webp {self._side}")
        if key is not None:
            picture = thumbnails.encoded(image, self._side)
            row = _seen(picture)
            with self._lock:
                self._cache.add(key, picture)
                self._cache.add(key_of_picture(picture, _KEY), row)

    def write(self) -> None:
        """Write what waits."""
        self._cache.write()


def look(photo_set: PhotoSet, cache_dir: str | Path | None) -> Looked:
    """Look at every photo, in threads: at its thumbnail, which a report of these photos shows too.

    Args:
        photo_set: The photos.
        cache_dir: Keeps thumbnails and what was seen; None: nothing is kept.
    """
    from tqdm import tqdm

    cache, n = PictureCache(cache_dir), len(photo_set.photos)
    side, seen = thumbnails.kept_side(n), []
    bar = tqdm(total=n, desc="look at photos", unit="photo", leave=False, disable=n < 500)
    with bar:
        for start in range(0, n, _AT_ONCE):
            photos = photo_set.photos[start : start + _AT_ONCE]
            places, ids = Places(photo_set.path, photos), [photo.photo_id for photo in photos]
            pictures = thumbnails.make_thumbnails(places, [side] * len(photos), photo_ids=ids, cache=cache)
            seen.append(_seen_of(pictures, cache))
            bar.update(len(photos))
    cache.write()
    rows = np.concatenate(seen) if seen else np.zeros(0, _ROW)
    return Looked(rows["signs"], rows["phash"])


def of_run(run: Run) -> Looked:
    """What was seen of the photos of a run, from `phashes.parquet`; seen anew in memory, at its thumbnails, without.

    Only of those that pages show; the others are as photos that could not be read. The file keeps the contrast of
    each, and no other sign.
    """
    found = _kept(run)
    if found is None:
        found = run.in_memory.get("looked")
    if found is None:
        cache = run.in_memory.get("pictures") or PictureCache(None)
        rows = _seen_of(thumbnails.kept(run), cache)
        cache.write()
        found = run.in_memory["looked"] = Looked(rows["signs"], rows["phash"])
    return found


def write(run: Run) -> None:
    """Write `phashes.parquet` where it is missing or damaged, or lacks a photo."""
    if _kept(run) is None:
        looked = of_run(run)
        columns = {"photo_id": run.photos["photo_id"], "phash": looked.phashes, "contrast": looked.signs[:, CONTRAST]}
        write_parquet(run.folder / FILE, pd.DataFrame(columns))


def _kept(run: Run) -> Looked | None:
    path, ids = run.folder / FILE, run.photos["photo_id"]
    try:
        table = read_parquet(path, ("photo_id", "phash", "contrast")).drop_duplicates("photo_id").set_index("photo_id")
    except (OSError, Flaw):  # not there, or damaged: it can be made again
        return None
    if not ids.isin(table.index).all():
        return None
    table = table.loc[ids]
    signs = np.full((len(table), len(NAMES)), np.nan)
    signs[:, CONTRAST] = table["contrast"]
    return Looked(signs, table["phash"].to_numpy(np.uint64))


def _seen_of(pictures: Sequence[bytes | None], cache: PictureCache) -> np.ndarray:
    """What encoded pictures show, in threads, by the cache where it knows them: rows of `_ROW` (n,)."""
    from concurrent.futures import ThreadPoolExecutor

    seen = np.zeros(len(pictures), _ROW)
    seen["signs"] = np.nan
    keys = keys_of_pictures(pictures, _KEY)
    known = cache.read(keys)
    missing = [i for i, key in enumerate(keys) if key is not None and len(known.get(key, b"")) != _ROW.itemsize]
    with ThreadPoolExecutor() as pool:
        for i, row in zip(missing, pool.map(_seen, (pictures[i] for i in missing)), strict=True):
            known[str(keys[i])] = row
            cache.add(str(keys[i]), row)
    for i, key in enumerate(keys):
        if key is not None:
            seen[i] = np.frombuffer(known[key], _ROW)[0]
    return seen


def _seen(picture: bytes | None) -> bytes:
    """What one encoded picture shows, as it is kept."""
    import imagehash

    assert picture is not None
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    row = np.zeros(1, _ROW)
    row["signs"], row["phash"] = measure(image).row(), int(str(imagehash.phash(image)), 16)
    return row.tobytes()

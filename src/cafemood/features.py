"""Embed every photo once: a content-keyed cache of feature rows on disk, written in shards, read by mapping."""

from __future__ import annotations

import logging
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from tqdm import tqdm

from cafemood.atomic import write_json, writing
from cafemood.errors import FeaturesError, PhotoError
from cafemood.frozen import Backbone
from cafemood.photos import Photo, PhotoSet, Skipped, open_image
from cafemood.precomputed import Precomputed

log = logging.getLogger(__name__)

COMPACT_ABOVE = 64
"""With more shards than this, a finished fill merges them into one."""


@dataclass(frozen=True)
class Features:
    """Rows of a feature space, in the order of their photo ids, mapped from disk.

    Attributes:
        space: The feature space's name.
        fingerprint: The backbone's.
        photo_ids: One a row.
    """

    space: str
    fingerprint: str
    photo_ids: tuple[str, ...]
    _shards: tuple[np.ndarray, ...]
    _where: np.ndarray  # (n, 2): shard, row in it

    def __len__(self) -> int:
        return len(self.photo_ids)

    @property
    def dim(self) -> int:
        """Length of a row."""
        return int(self._shards[0].shape[1])

    def rows(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Copy the rows at `indices`: float32 (len(indices), dim)."""
        where = self._where[np.asarray(indices, dtype=np.int64)]
        out = np.empty((len(where), self.dim), dtype=np.float32)
        for shard in np.unique(where[:, 0]):
            chosen = np.flatnonzero(where[:, 0] == shard)
            out[chosen] = self._shards[shard][where[chosen, 1]]
        return out

    def matrix(self) -> np.ndarray:
        """All rows in memory: float32 (n, dim)."""
        return self.rows(np.arange(len(self)))


class FeatureCache:
    """The rows of one backbone, as shards `<name>.npy` of (photo_id, features) records.

    The key of a row is (photo_id, fingerprint): another photo costs one embedding, another k none. A
    shard is renamed into place when it is whole, so a killed process loses at most one batch.
    """

    def __init__(self, cache_dir: str | Path, backbone: Backbone) -> None:
        self.folder = Path(cache_dir) / "features" / f"{backbone.name}-{backbone.fingerprint[:16]}"
        self.backbone = backbone
        self._dtype = np.dtype([("photo_id", "S64"), ("features", "<f4", (backbone.dim,))])
        self._shards: list[np.ndarray] = []
        self._where: dict[str, tuple[int, int]] = {}
        self.refresh()

    def __contains__(self, photo_id: str) -> bool:
        return photo_id in self._where

    def refresh(self) -> None:
        """Read the shards again; a damaged one is deleted, its photos count as not embedded."""
        self._shards, self._where = [], {}
        for path in sorted(self.folder.glob("*.npy")):
            try:
                shard = np.load(path, mmap_mode="r", allow_pickle=False)
                if shard.dtype != self._dtype or shard.ndim != 1:
                    raise ValueError("another layout")
            except FileNotFoundError:  # another process has just merged it
                continue
            except (ValueError, OSError, EOFError) as error:
                log.warning("Deleting the damaged cache file %s (%s); its photos are embedded again", path, error)
                path.unlink(missing_ok=True)
                continue
            for row, photo_id in enumerate(shard["photo_id"]):
                self._where[photo_id.decode()] = (len(self._shards), row)
            self._shards.append(shard["features"])

    def append(self, photo_ids: Sequence[str], features: np.ndarray) -> None:
        """Store rows (m, dim) as a new shard."""
        shard = np.empty(len(photo_ids), dtype=self._dtype)
        shard["photo_id"], shard["features"] = [i.encode() for i in photo_ids], features
        self._write(shard)

    def compact(self) -> None:
        """Merge the shards into one when there are many."""
        paths = sorted(self.folder.glob("*.npy"))
        if len(paths) > COMPACT_ABOVE:
            self._write(np.concatenate([np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]))
            for path in paths:
                path.unlink(missing_ok=True)

    def lock(self) -> FileLock:
        """Held by the one process that fills the cache; the system drops it when the process dies."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / ".lock")

    def features(self, photo_ids: Sequence[str]) -> Features:
        """The rows of these photos, which must all be in the cache."""
        where = np.array([self._where[i] for i in photo_ids], dtype=np.int64).reshape(-1, 2)
        shards = tuple(self._shards)
        return Features(self.backbone.space, self.backbone.fingerprint, tuple(photo_ids), shards, where)

    def _write(self, shard: np.ndarray) -> None:
        facts = self.folder / "backbone.json"
        if not facts.exists():
            write_json(facts, self.backbone.facts())
        with writing(self.folder / f"{uuid.uuid4().hex}.npy") as partial, open(partial, "wb") as stream:
            np.save(stream, shard, allow_pickle=False)


def embed(
    photo_set: PhotoSet, backbone: Backbone | Precomputed, cache_dir: str | Path, *, batch_size: int = 32
) -> tuple[PhotoSet, Features, int]:
    """Embed the photos that the cache lacks, and map the features of all that can be read.

    Args:
        photo_set: The photos.
        backbone: The network, or the user's own matrix.
        cache_dir: Where the cache is.
        batch_size: Photos a forward pass.

    Returns:
        The photos that have features (the rest named in `skipped`), their features in the same order,
        and how many were embedded now.

    Raises:
        FeaturesError: No photo is left, or the network gives NaN or infinity.
    """
    if isinstance(backbone, Precomputed):
        kept, features = _lookup(photo_set, backbone)
        return kept, features, 0
    cache = FeatureCache(cache_dir, backbone)
    missing = [p for p in photo_set.photos if p.photo_id not in cache]
    embedded = 0
    reasons: dict[str, str] = {}
    if missing:
        with cache.lock():
            cache.refresh()  # another run may have filled it while this one waited
            missing = [p for p in missing if p.photo_id not in cache]
            embedded, reasons = _fill(photo_set, missing, cache, batch_size)
            cache.compact()
        cache.refresh()
    kept_rows = [i for i, p in enumerate(photo_set.photos) if p.photo_id in cache]
    skipped = [Skipped(p.file, reasons[p.photo_id]) for p in photo_set.photos if p.photo_id in reasons]
    if not kept_rows:
        why = f"all {len(skipped)} were skipped, the first {skipped[0].file}: {skipped[0].reason}"
        raise FeaturesError("No photo could be read", where=photo_set.root, why=why, fix="give photos that open")
    kept = photo_set.keep(kept_rows, skipped)
    return kept, cache.features([p.photo_id for p in kept.photos]), embedded


def _fill(
    photo_set: PhotoSet, missing: Sequence[Photo], cache: FeatureCache, batch_size: int
) -> tuple[int, dict[str, str]]:
    backbone = cache.backbone
    reasons: dict[str, str] = {}
    embedded = 0
    ids: list[str] = []
    pixels: list[torch.Tensor] = []

    def flush() -> None:
        nonlocal embedded
        if not ids:
            return
        rows = backbone.embed(torch.stack(pixels))
        if not np.isfinite(rows).all():
            first = next(p.file for p in missing if p.photo_id == ids[int((~np.isfinite(rows)).any(1).argmax())])
            fix = "try backbone.precision=float32, or check the weight file"
            raise FeaturesError("The backbone gives NaN or infinity", where=first, why=backbone.name, fix=fix)
        cache.append(ids, rows)
        embedded += len(ids)
        ids.clear()
        pixels.clear()

    with tqdm(total=len(missing), desc=f"embed ({backbone.name})", unit="photo", disable=not missing) as bar:
        for photo, image, reason in _decoded(photo_set, missing, backbone, ahead=2 * batch_size):
            if image is None:
                reasons[photo.photo_id] = reason
            else:
                ids.append(photo.photo_id)
                pixels.append(image)
            if len(ids) == batch_size:
                flush()
            bar.update()
        flush()
    return embedded, reasons


def _decoded(
    photo_set: PhotoSet, photos: Sequence[Photo], backbone: Backbone, *, ahead: int
) -> Iterator[tuple[Photo, torch.Tensor | None, str]]:
    """Decode and transform in threads, at most `ahead` photos before the one that is wanted."""

    def decode(photo: Photo) -> tuple[torch.Tensor | None, str]:
        try:
            return backbone.transform(open_image(photo_set.path(photo), shortest=backbone.input_size)), ""
        except PhotoError as error:
            return None, str(error.why or error.what)

    with ThreadPoolExecutor() as pool:
        waiting: deque[tuple[Photo, Future[tuple[torch.Tensor | None, str]]]] = deque()
        try:
            for photo in photos:
                waiting.append((photo, pool.submit(decode, photo)))
                if len(waiting) >= ahead:
                    first, future = waiting.popleft()
                    yield first, *future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, *future.result()
        finally:  # Ctrl-C or an error: don't decode what nobody will ask for
            for _, future in waiting:
                future.cancel()


def _lookup(photo_set: PhotoSet, backbone: Precomputed) -> tuple[PhotoSet, Features]:
    row_of = {name: row for row, name in enumerate(backbone.ids)}
    rows = [row_of.get(p.photo_id, row_of.get(p.file)) for p in photo_set.photos]
    kept = [i for i, row in enumerate(rows) if row is not None]
    gone = [
        Skipped(p.file, f"no row in {backbone.path.name}")
        for p, r in zip(photo_set.photos, rows, strict=True)
        if r is None
    ]
    if not kept:
        why = f"none of its {len(backbone.ids)} ids is the photo_id or the file of a photo"
        raise FeaturesError(
            "The feature matrix fits no photo", where=backbone.path, why=why, fix="write it for these photos"
        )
    photos = photo_set.keep(kept, gone)
    where = np.array([(0, rows[i]) for i in kept], dtype=np.int64)
    ids = tuple(p.photo_id for p in photos.photos)
    return photos, Features(backbone.space, backbone.fingerprint, ids, (backbone.matrix,), where)

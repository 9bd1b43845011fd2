"""Embed every photo once, by one process or several, and fill the cache shard by shard."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch.utils.data import DataLoader
from tqdm import tqdm

from cafemood.backbones.backbone import Backbone
from cafemood.backbones.precomputed import Precomputed
from cafemood.backbones.registry import create_backbone
from cafemood.core import devices
from cafemood.core.atomic import write_json
from cafemood.core.reasons import quoted, reason_of
from cafemood.data.images import has_other_colours
from cafemood.data.photos import TWIN, Photo, PhotoSet, Skipped, mapped
from cafemood.errors import FeaturesError
from cafemood.features.cache import FeatureCache, Features
from cafemood.features.embedder import Batch, Embedder, concatenated
from cafemood.features.ray_trainer import RayTrainer

log = logging.getLogger(__name__)

SHARD_ROWS = 256
SHARD_SECONDS = 2.0
"""A shard is written when it is this long or this old: what a killed process loses."""


def embed(
    photo_set: PhotoSet,
    backbone: Backbone | Precomputed,
    cache_dir: str | Path,
    *,
    batch_size: int | None = None,
    trainer: pl.Trainer | None = None,
) -> tuple[PhotoSet, Features, int]:
    """Embed the photos that the cache lacks, and map the features of all that can be read.

    Args:
        photo_set: The photos.
        backbone: The network, or the user's own matrix.
        cache_dir: Where the cache is.
        batch_size: Photos a forward pass; None takes what is fast on this machine.
        trainer: If given, and if it has several processes, each embeds its share of the photos.

    Returns:
        The photos that have features (the rest named in `skipped`), their features in the same order,
        and how many were embedded now.

    Raises:
        FeaturesError: No photo is left, the network gives NaN or infinity, or a process ended early.
    """
    if isinstance(backbone, Precomputed):
        kept, features = _lookup(photo_set, backbone)
        return kept, features, 0
    cache = FeatureCache(cache_dir, backbone)
    photo_set = _by_bytes(photo_set, cache)
    _confirm(photo_set, cache)
    reasons: dict[str, str] = {}
    embedded = 0
    if any(p.photo_id not in cache for p in photo_set.photos):
        alone = trainer is None or trainer.world_size == 1
        with cache.lock() if alone or trainer.global_rank == 0 else nullcontext():  # type: ignore[union-attr]
            cache.refresh()  # another run may have filled it while this one waited
            photo_set = _by_bytes(photo_set, cache)
            _confirm(photo_set, cache)
            missing = [p for p in photo_set.photos if p.photo_id not in cache]
            before = len(cache)
            if isinstance(trainer, RayTrainer):
                reasons = trainer.embed(photo_set, missing, cache, batch_size)
            elif alone:
                reasons = fill(photo_set, missing, cache, batch_size)
            else:
                reasons = _fill_together(trainer, photo_set, missing, cache, batch_size)  # type: ignore[arg-type]
            cache.refresh()
            embedded = len(cache) - before
            if alone or trainer.global_rank == 0:  # type: ignore[union-attr]
                cache.compact()
        cache.refresh()
    photo_set = _by_bytes(photo_set, cache)
    kept_rows = [i for i, p in enumerate(photo_set.photos) if p.photo_id in cache]
    unread = "its bytes are those of a photo that cannot be read"
    skipped = [Skipped(p.file, reasons.get(p.photo_id, unread)) for p in photo_set.photos if p.photo_id not in cache]
    if not kept_rows:
        why = f"all {len(skipped)} were skipped, the first {skipped[0].file}: {skipped[0].reason}"
        raise FeaturesError("No photo could be read", where=photo_set.root, why=why, fix="give photos that open")
    kept = photo_set.keep(kept_rows, skipped)
    return kept, cache.features([p.photo_id for p in kept.photos]), embedded


def _confirm(photo_set: PhotoSet, cache: FeatureCache) -> None:
    """Find which rows, cached when colour profiles were ignored, are of photos without one.

    Only the files' first bytes are read. A photo behind an address is fetched and embedded once more.
    """
    doubtful = cache.doubtful
    if not doubtful:
        return
    photos = [p for p in photo_set.photos if p.photo_id in doubtful]
    places = [photo_set.path(p) for p in photos]
    other = mapped(lambda place: not isinstance(place, Path) or has_other_colours(place), places)
    cache.confirm(p.photo_id for p, converted in zip(photos, other, strict=True) if not converted)


def _by_bytes(photo_set: PhotoSet, cache: FeatureCache) -> PhotoSet:
    """Photos that were listed by an address, under the id of their bytes once those are known; twins count once."""
    if not cache.addresses:
        return photo_set
    first_seen: dict[str, str] = {}
    photos: list[Photo] = []
    twins: list[Skipped] = []
    for photo in photo_set.photos:
        photo_id = cache.addresses.get(photo.photo_id, photo.photo_id)
        if photo_id in first_seen:
            twins.append(Skipped(photo.file, TWIN + first_seen[photo_id], photo.cafe_id))
            continue
        first_seen[photo_id] = photo.file
        if photo_id != photo.photo_id:
            cafe_id = photo_id[:12] if photo.cafe_id == photo.photo_id[:12] else photo.cafe_id
            photo = replace(photo, photo_id=photo_id, cafe_id=cafe_id)
        photos.append(photo)
    return replace(photo_set, photos=tuple(photos), skipped=(*photo_set.skipped, *twins))


def several(trainer: Callable[..., pl.Trainer]) -> pl.Trainer | None:
    """The trainer, if several processes embed; None if this process works alone.

    Raises:
        FeaturesError: Its devices or its strategy do not exist here.
    """
    try:
        made = trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False)
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        why = reason_of(error, otherwise=quoted(error, "Lightning"))
        raise FeaturesError("The trainer cannot be made", where="trainer", why=why, fix="try trainer=auto") from None
    return made if made.world_size > 1 or isinstance(made, RayTrainer) else None


def fill(
    photo_set: PhotoSet,
    missing: Sequence[Photo],
    cache: FeatureCache,
    batch_size: int | None = None,
    *,
    rank: int = 0,
    processes: int = 1,
) -> dict[str, str]:
    """Embed photos into the cache.

    Args:
        photo_set: The photos.
        missing: Those of them to embed.
        cache: Where the rows go.
        batch_size: Photos a forward pass; None takes what is fast on this machine.
        rank: Which of several processes this is; the first shows the progress.
        processes: How many share this host.

    Returns:
        Why a photo could not be read, by its id.

    Raises:
        FeaturesError: The network gives NaN or infinity.
    """
    backbone = cache.backbone
    cores = max(1, devices.n_cores() // processes)
    embedder = Embedder(backbone, len(missing), batch_size, cores)
    reasons: dict[str, str] = {}
    profiles: dict[str, str] = {}
    shard = _Shard(cache)
    bar = tqdm(
        total=len(missing), desc=f"embed ({backbone.name})", unit="photo", disable=not missing or rank > 0, leave=True
    )
    with bar:
        try:
            for batch in embedder(photo_set, missing, known=cache):
                shard.add(batch)
                reasons |= batch.reasons
                profiles = batch.profiles
                bar.update(batch.n)
        finally:  # Ctrl-C or an error: what was embedded is kept
            shard.write()
    if profiles:
        first, why = next(iter(profiles.items()))
        said = "Colours of %d photos are taken as sRGB, for their profiles cannot be used; the first is %s: %s"
        log.warning(said, len(profiles), first, why)
    return reasons


class _Shard:
    """Rows that wait to be written together."""

    def __init__(self, cache: FeatureCache) -> None:
        self.cache, self.batches, self.begun = cache, list[Batch](), time.monotonic()

    def add(self, batch: Batch) -> None:
        self.batches.append(batch)
        n = sum(len(waiting.ids) for waiting in self.batches)
        if n >= SHARD_ROWS or time.monotonic() - self.begun >= SHARD_SECONDS:
            self.write()

    def write(self) -> None:
        whole = concatenated(self.batches, self.cache.backbone.dim)
        self.cache.append(whole.ids, whole.rows, whole.read)
        self.batches, self.begun = [], time.monotonic()


class _Share(pl.LightningModule):
    """What one of several processes does: embed the photos whose id falls to it."""

    def __init__(
        self, photo_set: PhotoSet, missing: Sequence[Photo], cache: FeatureCache, batch_size: int | None
    ) -> None:
        super().__init__()
        self._photo_set, self._missing, self._batch_size = photo_set, missing, batch_size
        self._cache_dir, self._options = (
            cache.cache_dir,
            cache.backbone.options | {"precision": cache.backbone.precision},
        )

    def predict_step(self, batch: object, batch_idx: int) -> int:
        """Embed this process's share; the batch itself says nothing. Returns its size."""
        backbone = create_backbone(**self._options)
        assert isinstance(backbone, Backbone)
        cache = FeatureCache(self._cache_dir, backbone)
        # by id, not by position: processes that list the cache at different moments still agree
        mine = [p for p in self._missing if int(p.photo_id[:8], 16) % self.trainer.world_size == self.global_rank]
        beside = self.trainer.num_devices
        reasons = fill(self._photo_set, mine, cache, self._batch_size, rank=self.global_rank, processes=beside)
        write_json(cache.folder / "skipped" / f"{self.global_rank}.json", reasons)
        return len(mine)


def _fill_together(
    trainer: pl.Trainer, photo_set: PhotoSet, missing: Sequence[Photo], cache: FeatureCache, batch_size: int | None
) -> dict[str, str]:
    module = _Share(photo_set, missing, cache, batch_size)
    skips = cache.folder / "skipped"
    try:
        trainer.predict(module, DataLoader(range(trainer.world_size)), return_predictions=False)  # type: ignore[arg-type]
        trainer.strategy.barrier()
    except Exception as error:
        raise FeaturesError(
            "A process that embeds has ended early",
            where=cache.folder,
            why=reason_of(error, otherwise=quoted(error, last=True)),
            fix="run the same command again: what was embedded is kept",
        ) from error
    reasons: dict[str, str] = {}
    if trainer.global_rank == 0:
        for path in skips.glob("*.json"):
            reasons |= json.loads(path.read_text(encoding="utf-8"))
            path.unlink()
    return reasons


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

"""Embed every photo once, by one process or several, and fill the cache shard by shard."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cafemood.backbones.precomputed import Precomputed
from cafemood.data.images import has_other_colours
from cafemood.data.photos import TWIN, Photo, PhotoSet, Skipped, mapped
from cafemood.errors import FeaturesError
from cafemood.features.cache import FeatureCache, Features

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

    from cafemood.backbones.backbone import Backbone
    from cafemood.features.embedder import Seen


def embed(
    photo_set: PhotoSet,
    backbone: Backbone | Precomputed,
    cache_dir: str | Path,
    *,
    batch_size: int | None = None,
    trainer: Trainer | None = None,
    seen: Seen | None = None,
    beside: Backbone | None = None,
) -> tuple[PhotoSet, Features, int]:
    """Embed the photos that the cache lacks, and map the features of all that can be read.

    Args:
        photo_set: The photos.
        backbone: The network, or the user's own matrix.
        cache_dir: Where the cache is.
        batch_size: Photos a forward pass; None takes what is fast on this machine.
        trainer: If given, and if it has several processes, each embeds its share of the photos.
        seen: Without a trainer told of each photo that was opened: the SHA-256 of its bytes, and its picture. It is
            called in several threads.
        beside: A second network, whose cache is filled at the same opening of each photo. With several processes, or
            a matrix, it is not asked.

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
    second = None
    if beside is not None and trainer is None and beside.fingerprint != backbone.fingerprint:
        second = FeatureCache(cache_dir, beside)
    caches = [cache] if second is None else [cache, second]
    reasons: dict[str, str] = {}
    embedded = 0
    if any(_lacks(p, caches) for p in photo_set.photos):
        alone = trainer is None or trainer.world_size == 1
        with ExitStack() as held:
            for one in sorted(caches, key=lambda c: str(c.folder)) if alone or trainer.global_rank == 0 else []:  # type: ignore[union-attr]
                held.enter_context(one.lock())  # in one order, so that two runs never wait for each other
            for one in caches:
                one.refresh()  # another run may have filled it while this one waited
            photo_set = _by_bytes(photo_set, cache)
            _confirm(photo_set, cache)
            missing = [p for p in photo_set.photos if _lacks(p, caches)]
            before = len(cache)
            if trainer is None:
                from cafemood.features.filling import fill  # it imports PyTorch

                reasons = fill(photo_set, missing, cache, batch_size, seen=seen, beside=second)
            else:
                from cafemood.features.together import fill_with  # Lightning takes seconds to import

                reasons = fill_with(trainer, photo_set, missing, cache, batch_size)
            cache.refresh()
            embedded = len(cache) - before
            if alone or trainer.global_rank == 0:  # type: ignore[union-attr]
                for one in caches:
                    one.compact()
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


def _lacks(photo: Photo, caches: Sequence[FeatureCache]) -> bool:
    return any(photo.photo_id not in cache for cache in caches)


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

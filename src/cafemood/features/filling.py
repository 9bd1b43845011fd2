"""Embed photos into the cache by one process, shard by shard."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from tqdm import tqdm

from cafemood.core import devices
from cafemood.data.photos import Photo, PhotoSet
from cafemood.features.cache import FeatureCache
from cafemood.features.embedder import Batch, Embedder, Seen, concatenated

log = logging.getLogger(__name__)

SHARD_ROWS = 256
SHARD_SECONDS = 2.0
"""A shard is written when it is this long or this old: what a killed process loses."""


def fill(
    photo_set: PhotoSet,
    missing: Sequence[Photo],
    cache: FeatureCache,
    batch_size: int | None = None,
    *,
    rank: int = 0,
    processes: int = 1,
    seen: Seen | None = None,
    beside: FeatureCache | None = None,
) -> dict[str, str]:
    """Embed photos into the cache.

    Args:
        photo_set: The photos.
        missing: Those of them to embed.
        cache: Where the rows go.
        batch_size: Photos a forward pass; None takes what is fast on this machine.
        rank: Which of several processes this is; the first shows the progress.
        processes: How many share this host.
        seen: Told of each photo that was opened, see `Embedder`.
        beside: The cache of a second network, which sees each photo at the same opening.

    Returns:
        Why a photo could not be read, by its id.

    Raises:
        FeaturesError: A network gives NaN or infinity.
    """
    backbone, second = cache.backbone, None if beside is None else beside.backbone
    cores = max(1, devices.n_cores() // processes)
    embedder = Embedder(backbone, len(missing), batch_size, cores, second)
    name = backbone.name + ("" if second is None else f", {second.name}")
    reasons: dict[str, str] = {}
    profiles: dict[str, str] = {}
    shards = [_Shard(cache)] if beside is None else [_Shard(cache), _Shard(beside)]
    bar = tqdm(total=len(missing), desc=f"embed ({name})", unit="photo", disable=not missing or rank > 0, leave=True)
    with bar:
        try:
            for batch in embedder(photo_set, missing, known=cache, known_beside=beside or (), seen=seen):
                for shard, part in zip(shards, (batch, batch.beside), strict=False):
                    shard.add(part or Batch())
                reasons |= batch.reasons
                profiles = batch.profiles
                bar.update(batch.n)
        finally:  # Ctrl-C or an error: what was embedded is kept
            for shard in shards:
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

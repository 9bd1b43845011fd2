"""Ray's actors embed, on this host or a cluster; their rows come back to one cache, which needs no shared disk."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from tqdm import tqdm

from cafemood.backbones.backbone import Backbone
from cafemood.backbones.creating import create_backbone
from cafemood.core import devices, remote
from cafemood.core.ray_cluster import connected, require_ray
from cafemood.core.reasons import quoted
from cafemood.data.photos import Photo, PhotoSet
from cafemood.errors import CafemoodError, FeaturesError
from cafemood.features.cache import FeatureCache
from cafemood.features.embedder import Batch, Embedder, concatenated

SHARD_ROWS = 256
"""Photos that an actor takes at a time: what is lost if it is killed."""

TRIES = 4
"""A shard whose actor is killed as often as this is given up, and its photos are named: the rest goes on."""


class RayTrainer(pl.Trainer):
    """Lightning's trainer where one process trains; Ray's actors where photos are embedded.

    Args:
        address: A running cluster's (`auto`, `HOST:6379`); None starts Ray on this host, for this command.
        workers: Actors; None is as many as there is room for.
        cpus_per_worker: Cores that each may use.
        gpus_per_worker: GPUs that each has.
        options: Lightning's.

    Raises:
        CafemoodError: Ray is not installed.
    """

    def __init__(
        self,
        *,
        address: str | None = None,
        workers: int | None = None,
        cpus_per_worker: int = 1,
        gpus_per_worker: float = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        require_ray("trainer", "trainer=auto")
        self._address, self._workers = address, workers
        self._cpus, self._gpus = cpus_per_worker, gpus_per_worker

    def embed(
        self, photo_set: PhotoSet, missing: Sequence[Photo], cache: FeatureCache, batch_size: int | None = None
    ) -> dict[str, str]:
        """Embed photos into the cache; each shard is written when an actor hands it over.

        Args:
            photo_set: The photos; the actors' hosts must see their paths, or they lie behind addresses.
            missing: Those of them to embed.
            cache: Where the rows go.
            batch_size: Photos a forward pass; None takes what is fast there.

        Returns:
            Why a photo could not be read, by its id.

        Raises:
            CafemoodError: The cluster cannot be reached; an actor fails, or is killed time and again.
        """
        import ray

        reasons: dict[str, str] = {}
        chosen: set[str] = set()
        bar = tqdm(total=len(missing), desc=f"embed ({cache.backbone.name}, Ray)", unit="photo", disable=not missing)
        with connected(self._address, devices.n_cores()), bar:
            try:
                for done in self._mapped(photo_set, missing, cache.backbone, batch_size):
                    if failed := str(done["failed"][0]):
                        raise FeaturesError(**json.loads(failed))
                    listed, ids, reason = (list(map(str, done[name])) for name in ("listed", "photo_id", "reason"))
                    new = [i for i in np.flatnonzero(done["embedded"]) if ids[i] not in cache and ids[i] not in chosen]
                    read = [pair for pair in zip(listed, ids, strict=True) if pair[1] not in ("", pair[0])]
                    cache.append([ids[i] for i in new], done["features"][new], read)
                    chosen.update(ids[i] for i in new)
                    reasons |= {photo_id: why for photo_id, why in zip(listed, reason, strict=True) if why}
                    bar.update(len(done["listed"]))
            except ray.exceptions.RayError as error:
                why = quoted(error, "Ray", last=True)
                fix = "run the same command again: what was embedded is kept"
                raise FeaturesError("An actor that embeds has failed", where=cache.folder, why=why, fix=fix) from error
        return reasons

    def _mapped(
        self, photo_set: PhotoSet, missing: Sequence[Photo], backbone: Backbone, batch_size: int | None
    ) -> Iterator[dict[str, np.ndarray]]:
        import pyarrow as pa
        import ray.data

        logging.getLogger("ray.data").setLevel(logging.ERROR)
        ray.data.DataContext.get_current().enable_progress_bars = False
        room = ray.cluster_resources()
        fits = room.get("GPU", 0) / self._gpus if self._gpus else room.get("CPU", 1) / self._cpus
        workers = self._workers or max(1, int(fits))
        size = max(1, min(SHARD_ROWS, -(-len(missing) // (4 * workers))))
        table = pa.table(
            {
                "photo_id": [p.photo_id for p in missing],
                "file": [p.file for p in missing],
                "place": [str(photo_set.path(p)) for p in missing],
            }
        )
        options = backbone.options | {"precision": backbone.precision}
        tries = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(_Tries).remote(TRIES)
        photos = ray.data.from_arrow([table.slice(i, size) for i in range(0, len(missing), size)])
        rows = photos.map_batches(
            _Actor,
            batch_size=None,
            batch_format="numpy",
            fn_constructor_args=(options, backbone.fingerprint, len(missing) // workers, batch_size, self._cpus, tries),
            compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=2),
            num_cpus=self._cpus,
            num_gpus=self._gpus,
        )
        yield from rows.iter_batches(batch_size=None, batch_format="numpy", prefetch_batches=0)  # type: ignore[misc]


class _Actor:
    """A frozen network that stays in one of Ray's processes."""

    def __init__(
        self, options: dict[str, Any], fingerprint: str, n_photos: int, batch_size: int | None, cores: int, tries: Any
    ) -> None:
        self.tries = tries
        self.refused: CafemoodError | None = None
        torch.set_num_threads(cores)
        try:
            backbone = create_backbone(**options)
            assert isinstance(backbone, Backbone)
            if backbone.fingerprint != fingerprint:
                fix = "give each host the same weight file and the same cafemood"
                raise FeaturesError("A host has another network than this one", where=backbone.name, fix=fix)
            self.embedder = Embedder(backbone, n_photos, batch_size, cores)
        except CafemoodError as error:  # told at the first shard
            self.refused = error

    def __call__(self, block: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Embed a shard; an error is handed over like a row, since of what is raised here Ray keeps the text only."""
        try:
            if self.refused is not None:
                raise self.refused
            return self._embed(block)
        except CafemoodError as error:
            return {"failed": np.array([_told(error)])}

    def _embed(self, block: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Of each photo its id as listed and by its bytes, its row, or why it has none."""
        import ray

        listed, files, places = ([str(value) for value in block[name]] for name in ("photo_id", "file", "place"))
        named = [file if remote.is_address(file) else place for file, place in zip(files, places, strict=True)]
        photos = [Photo(photo_id, file, "") for photo_id, file in zip(listed, named, strict=True)]
        photo_set = PhotoSet("ray", Path(), tuple(photos), addresses=dict(zip(files, places, strict=True)))
        dim = self.embedder.backbone.dim
        killed = ray.get(self.tries.begin.remote(listed[0]))
        if killed:
            why = f"one of {len(listed)} photos whose process was killed {killed} times"
            done = Batch(rows=np.empty((0, dim), np.float32), reasons=dict.fromkeys(listed, why))
        else:
            done = concatenated(list(self.embedder(photo_set, photos)), dim)
        by_bytes, row = dict(done.read), {photo_id: i for i, photo_id in enumerate(done.ids)}
        ids = ["" if listed_id in done.reasons else by_bytes.get(listed_id, listed_id) for listed_id in listed]
        features = np.zeros((len(listed), dim), np.float32)
        first_of = {photo_id: i for i, photo_id in reversed(list(enumerate(ids))) if photo_id in row}  # twins once
        embedded = np.zeros(len(listed), dtype=bool)
        for photo_id, i in first_of.items():
            embedded[i], features[i] = True, done.rows[row[photo_id]]
        reasons = [done.reasons.get(listed_id, "") for listed_id in listed]
        return {
            "failed": np.full(len(listed), ""),
            "listed": np.array(listed),
            "photo_id": np.array(ids),
            "reason": np.array(reasons),
            "embedded": embedded,
            "features": features,
        }


class _Tries:
    """How often each shard was begun, which outlives the actors: Ray itself tries for ever."""

    def __init__(self, most: int) -> None:
        self.most, self.begun = most, Counter[str]()

    def begin(self, shard: str) -> int:
        """0 if the shard may be begun; else how often it was, in vain."""
        self.begun[shard] += 1
        return self.most if self.begun[shard] > self.most else 0


def _told(error: CafemoodError) -> str:
    parts = {"what": error.what, "where": error.where, "why": error.why, "fix": error.fix}
    return json.dumps({name: None if part is None else str(part) for name, part in parts.items()})

"""Ray's actors embed, on this host or a cluster; their rows come back to one cache, which needs no shared disk."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from tqdm import tqdm

from cafemood import engine, remote
from cafemood.backbones import create
from cafemood.embedder import Embedder, concatenated
from cafemood.errors import CafemoodError, FeaturesError
from cafemood.features import FeatureCache
from cafemood.frozen import Backbone
from cafemood.photos import Photo, PhotoSet

SHARD_ROWS = 256
"""Photos that an actor takes at a time: what is lost if it is killed."""

RETRIES = 3
"""A shard whose actor is killed each time is given up: the next command tries again."""


class RayTrainer(pl.Trainer):
    """Lightning's trainer where one process trains; Ray's actors where photos are embedded.

    Args:
        address: A running cluster's (`auto`, `HOST:6379`); None starts Ray on this host, for this command.
        workers: Actors; None is as many as there is room for.
        cpus_per_worker: Cores that each may use.
        gpus_per_worker: GPUs that each has.
        options: Lightning's.

    Raises:
        FeaturesError: Ray is not installed.
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
        try:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report each start to its makers
            import ray  # noqa: F401
        except ImportError:
            why, fix = "the package ray is not installed", "pip install 'cafemood[ray]', or take trainer=auto"
            raise FeaturesError("Ray cannot embed", where="trainer", why=why, fix=fix) from None
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
            FeaturesError: The cluster cannot be reached; an actor fails, or is killed time and again.
        """
        import ray

        reasons: dict[str, str] = {}
        own: set[str] = set()
        bar = tqdm(total=len(missing), desc=f"embed ({cache.backbone.name}, Ray)", unit="photo", disable=not missing)
        with self._connected(), bar:
            try:
                for done in self._mapped(photo_set, missing, cache.backbone, batch_size):
                    listed, ids, reason = (list(map(str, done[name])) for name in ("listed", "photo_id", "reason"))
                    new = [i for i in np.flatnonzero(done["embedded"]) if ids[i] not in cache and ids[i] not in own]
                    read = [pair for pair in zip(listed, ids, strict=True) if pair[1] not in ("", pair[0])]
                    cache.append([ids[i] for i in new], done["features"][new], read)
                    own.update(ids)
                    reasons |= {photo_id: why for photo_id, why in zip(listed, reason, strict=True) if why}
                    bar.update(len(done["listed"]))
            except ray.exceptions.RayError as error:
                raise _plain(error, cache.folder) from error
        return reasons

    @contextmanager
    def _connected(self) -> Iterator[None]:
        import ray

        if ray.is_initialized():
            yield
            return
        own: dict[str, Any] = {} if self._address else {"include_dashboard": False, "num_cpus": engine.n_cores()}
        try:
            ray.init(self._address or "local", log_to_driver=False, logging_level=logging.WARNING, **own)
        except (ConnectionError, ValueError, RuntimeError) as error:
            fix = "give the address that `ray start --head` printed, or leave it out to start Ray on this host"
            why = str(error).strip().splitlines()[0]
            raise FeaturesError("Ray cannot be reached", where=self._address, why=why, fix=fix) from None
        try:
            yield
        finally:
            ray.shutdown()

    def _mapped(
        self, photo_set: PhotoSet, missing: Sequence[Photo], backbone: Backbone, batch_size: int | None
    ) -> Iterator[dict[str, np.ndarray]]:
        import pyarrow as pa
        import ray.data

        logging.getLogger("ray.data").setLevel(logging.WARNING)
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
        photos = ray.data.from_arrow([table.slice(i, size) for i in range(0, len(missing), size)])
        rows = photos.map_batches(
            _Actor,
            batch_size=None,
            batch_format="numpy",
            fn_constructor_args=(options, backbone.fingerprint, len(missing) // workers, batch_size, self._cpus),
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers, max_tasks_in_flight_per_actor=2),
            num_cpus=self._cpus,
            num_gpus=self._gpus,
            ray_remote_args_fn=_bounded,
        )
        yield from rows.iter_batches(batch_size=None, batch_format="numpy", prefetch_batches=0)  # type: ignore[misc]


class _Actor:
    """A frozen network that stays in one of Ray's processes."""

    def __init__(
        self, options: dict[str, Any], fingerprint: str, n_photos: int, batch_size: int | None, cores: float
    ) -> None:
        torch.set_num_threads(max(1, int(cores)))
        backbone = create(**options)
        assert isinstance(backbone, Backbone)
        if backbone.fingerprint != fingerprint:
            fix = "give each host the same weight file and the same cafemood"
            raise FeaturesError("A host has another network than this one", where=backbone.name, fix=fix)
        self.embedder = Embedder(backbone, n_photos, batch_size, max(1, int(cores)))

    def __call__(self, block: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Embed a shard; of each photo its id as listed and by its bytes, its row, or why it has none."""
        listed, files, places = ([str(value) for value in block[name]] for name in ("photo_id", "file", "place"))
        named = [file if remote.is_address(file) else place for file, place in zip(files, places, strict=True)]
        photos = [Photo(photo_id, file, "") for photo_id, file in zip(listed, named, strict=True)]
        photo_set = PhotoSet("ray", Path(), tuple(photos), addresses=dict(zip(files, places, strict=True)))
        done = concatenated(list(self.embedder(photo_set, photos)), self.embedder.backbone.dim)
        by_bytes, row = dict(done.read), {photo_id: i for i, photo_id in enumerate(done.ids)}
        ids = ["" if listed_id in done.reasons else by_bytes.get(listed_id, listed_id) for listed_id in listed]
        features = np.zeros((len(listed), self.embedder.backbone.dim), np.float32)
        embedded = np.array(
            [photo_id in row and ids.index(photo_id) == i for i, photo_id in enumerate(ids)]
        )  # twins once
        features[embedded] = done.rows[[row[ids[i]] for i in np.flatnonzero(embedded)]]
        reasons = [done.reasons.get(listed_id, "") for listed_id in listed]
        return {
            "listed": np.array(listed),
            "photo_id": np.array(ids),
            "reason": np.array(reasons),
            "embedded": embedded,
            "features": features,
        }


def _bounded() -> dict[str, Any]:
    return {"max_restarts": -1, "max_task_retries": RETRIES}


def _plain(error: BaseException, where: Path) -> CafemoodError:
    """What went wrong in an actor, without Ray's traceback."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, CafemoodError) and type(cause).__module__ == "cafemood.errors":
            return cause
        deeper = getattr(cause, "cause", None)
        cause = deeper if isinstance(deeper, BaseException) else cause.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    why = lines[-1] if lines else type(error).__name__
    fix = "run the same command again: what was embedded is kept"
    return FeaturesError("An actor that embeds has ended early", where=where, why=why, fix=fix)

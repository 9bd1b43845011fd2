"""Several processes embed together, each its share of the photos, into one cache."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytorch_lightning as pl
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch.utils.data import DataLoader

from cafemood.backbones.backbone import Backbone
from cafemood.backbones.creating import create_backbone
from cafemood.core.atomic import write_json
from cafemood.core.reasons import quoted, reason_of
from cafemood.data.photos import Photo, PhotoSet
from cafemood.errors import FeaturesError
from cafemood.features.cache import FeatureCache
from cafemood.features.filling import fill
from cafemood.features.ray_trainer import RayTrainer


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


def fill_with(
    trainer: pl.Trainer, photo_set: PhotoSet, missing: Sequence[Photo], cache: FeatureCache, batch_size: int | None
) -> dict[str, str]:
    """Embed photos into the cache with all processes of a trainer.

    Args:
        trainer: Whose processes they are.
        photo_set: The photos.
        missing: Those of them to embed.
        cache: Where the rows go.
        batch_size: Photos a forward pass; None takes what is fast on this machine.

    Returns:
        Why a photo could not be read, by its id.

    Raises:
        FeaturesError: The network gives NaN or infinity, or a process ended early.
    """
    if isinstance(trainer, RayTrainer):
        return trainer.embed(photo_set, missing, cache, batch_size)
    if trainer.world_size == 1:
        return fill(photo_set, missing, cache, batch_size)
    return _processes_fill(trainer, photo_set, missing, cache, batch_size)


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


def _processes_fill(
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

"""`PhotoDataModule`: the photos' features as a `LightningDataModule`."""

from __future__ import annotations

from pathlib import Path

import pytorch_lightning as pl

from cafemood.backbones.backbone import Backbone
from cafemood.backbones.precomputed import Precomputed
from cafemood.clustering.auto_reduction import AutoReduction
from cafemood.clustering.rows import MatrixDataModule
from cafemood.data.photos import PhotoSet
from cafemood.features.photo_matrix import PhotoMatrix, Reduction


class PhotoDataModule(PhotoMatrix, MatrixDataModule):
    """A `PhotoMatrix` that any Lightning module trains from."""

    def __init__(
        self,
        photo_set: PhotoSet,
        backbone: Backbone | Precomputed,
        reduction: AutoReduction | Reduction,
        *,
        cache_dir: str | Path,
        embed_batch_size: int | None = None,
        trainer: pl.Trainer | None = None,
        batch_size: int = 256,
        seed: int = 0,
    ) -> None:
        MatrixDataModule.__init__(self, batch_size=batch_size, seed=seed)
        PhotoMatrix.__init__(
            self,
            photo_set,
            backbone,
            reduction,
            cache_dir=cache_dir,
            embed_batch_size=embed_batch_size,
            trainer=trainer,
        )

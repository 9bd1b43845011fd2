"""`PhotoMatrix`: the photos' features, embedded once and reduced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cafemood.backbones.backbone import Backbone
from cafemood.backbones.precomputed import Precomputed
from cafemood.clustering.cafe_reduction import CafeReduction
from cafemood.clustering.reduction import NoReduction, PCAReduction
from cafemood.data.photos import PhotoSet
from cafemood.features.cache import Features
from cafemood.features.embedding import embed

if TYPE_CHECKING:
    from pytorch_lightning import Trainer


class PhotoMatrix:
    """The photos' features, embedded once, reduced, in memory-mapped order.

    After `setup`: `photo_set` holds the photos that could be read, `features` their mapped features and
    `matrix` what is clustered.
    """

    def __init__(
        self,
        photo_set: PhotoSet,
        backbone: Backbone | Precomputed,
        reduction: NoReduction | PCAReduction | CafeReduction,
        *,
        cache_dir: str | Path,
        embed_batch_size: int | None = None,
        trainer: Trainer | None = None,
    ) -> None:
        self.photo_set, self.backbone, self.reduction = photo_set, backbone, reduction
        self.cache_dir, self.embed_batch_size = Path(cache_dir), embed_batch_size
        self._trainer = trainer
        self._matrix: np.ndarray | None = None
        self.features: Features
        self.n_embedded = 0

    @property
    def matrix(self) -> np.ndarray:
        """The rows that are clustered (n, d)."""
        if self._matrix is None:
            raise RuntimeError("call prepare_data() and setup() first")
        return self._matrix

    def prepare_data(self) -> None:
        """Embed the photos that the cache lacks.

        Raises:
            ClusteringError: The reduction learns from café ids, and there are too few.
        """
        if isinstance(self.reduction, CafeReduction):
            self.reduction.check_settings()
            self.reduction.check_groups(self.cafes)
        self.photo_set, _, self.n_embedded = self._embed()

    def setup(self, stage: str | None = None) -> None:
        """Map the features and reduce them."""
        if self._matrix is None:
            self.photo_set, self.features, _ = self._embed()
            x = self.features.matrix()
            of_cafes = isinstance(self.reduction, CafeReduction)
            self._matrix = self.reduction.fit_transform(x, self.cafes) if of_cafes else self.reduction.fit_transform(x)

    @property
    def cafes(self) -> list[str] | None:
        """The café of each photo; None if no café is known."""
        return [photo.cafe_id for photo in self.photo_set.photos] if self.photo_set.cafes_known else None

    def _embed(self) -> tuple[PhotoSet, Features, int]:
        return embed(
            self.photo_set, self.backbone, self.cache_dir, batch_size=self.embed_batch_size, trainer=self._trainer
        )

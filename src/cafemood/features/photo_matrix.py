"""`PhotoMatrix`: the photos' features, embedded once and reduced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cafemood.backbones.precomputed import Precomputed
from cafemood.clustering.auto_reduction import AutoReduction
from cafemood.clustering.cafe_reduction import CafeReduction
from cafemood.clustering.reduction import NoReduction, PCAReduction
from cafemood.clustering.stored_reduction import StoredReduction
from cafemood.data.photos import PhotoSet
from cafemood.errors import FeaturesError
from cafemood.features.cache import Features
from cafemood.features.embedding import embed

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

    from cafemood.backbones.backbone import Backbone
    from cafemood.features.embedder import Seen


Reduction = NoReduction | PCAReduction | CafeReduction | StoredReduction


class PhotoMatrix:
    """The photos' features, embedded once, reduced, in memory-mapped order.

    After `setup`: `photo_set` holds the photos that could be read, `features` their mapped features and
    `matrix` what is clustered, `reduction` what made it, and `why_reduced` why, where that was chosen.
    """

    def __init__(
        self,
        photo_set: PhotoSet,
        backbone: Backbone | Precomputed,
        reduction: AutoReduction | Reduction,
        *,
        cache_dir: str | Path,
        embed_batch_size: int | None = None,
        trainer: Trainer | None = None,
        seen: Seen | None = None,
        beside: Backbone | None = None,
    ) -> None:
        self.photo_set, self.backbone, self._given = photo_set, backbone, reduction
        self.reduction: Reduction = NoReduction() if isinstance(reduction, AutoReduction) else reduction
        self.why_reduced: str | None = None
        self.cache_dir, self.embed_batch_size = Path(cache_dir), embed_batch_size
        self._trainer, self._seen, self._beside = trainer, seen, beside
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
            ClusteringError: The reduction learns from café ids, and there are too few; or it was learnt from
                features of another backbone.
        """
        if isinstance(self.reduction, CafeReduction):
            self.reduction.check_settings()
            self.reduction.check_groups(self.photo_set.cafes)
        elif isinstance(self.reduction, StoredReduction):
            self.reduction.check_backbone(self.backbone.fingerprint)
        self.photo_set, self.features, self.n_embedded = self._embed()

    def leave_out(self, rows: Sequence[int] | np.ndarray) -> None:
        """Leave out photos between `prepare_data` and `setup`; those that stay keep their order.

        Raises:
            FeaturesError: No photo is left.
            ClusteringError: The reduction learns from café ids, and there are too few.
        """
        stays = np.setdiff1d(np.arange(len(self.photo_set.photos)), rows)
        if not len(stays):
            why, fix = f"all {len(self.photo_set.photos):,} seem to show no place", "give data.keep=all"
            raise FeaturesError("No photo is left", where="data.keep", why=why, fix=fix)
        self.photo_set = self.photo_set.keep(stays.tolist())
        if isinstance(self.reduction, CafeReduction):
            self.reduction.check_groups(self.photo_set.cafes)

    def setup(self, stage: str | None = None) -> None:
        """Map the features and reduce them."""
        if self._matrix is None:
            self.photo_set, self.features, _ = self._embed()
            self._matrix = self._given.fit_transform(self.features.matrix(), self.photo_set.cafes)
            if isinstance(self._given, AutoReduction):
                self.reduction, self.why_reduced = self._given.chosen_, self._given.why_

    def _embed(self) -> tuple[PhotoSet, Features, int]:
        return embed(
            self.photo_set,
            self.backbone,
            self.cache_dir,
            batch_size=self.embed_batch_size,
            trainer=self._trainer,
            seen=self._seen,
            beside=self._beside,
        )

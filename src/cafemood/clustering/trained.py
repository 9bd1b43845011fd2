"""What the clusterers share that train a network: trainer, loggers, cache and batch size as parameters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.loggers import Logger

from cafemood.clustering.base import Clusterer
from cafemood.clustering.training import TrainerFactory, TrainingContext
from cafemood.errors import ClusteringError


class TrainedClusterer(Clusterer):
    """A clusterer that trains under a Lightning `Trainer`.

    Args:
        trainer: Makes a new `Trainer` for each phase of the training; None: `pytorch_lightning.Trainer`.
        logger: Lightning's loggers, if any.
        cache_dir: Folder that keeps autoencoders by content, and checkpoints from which a stopped `fit` goes on;
            None: nothing is kept.
        batch_size: Rows a batch.
        verbose: Whether progress bars are shown.
    """

    trainer: TrainerFactory | None
    logger: Logger | Sequence[Logger] | bool
    cache_dir: str | Path | None
    batch_size: int
    verbose: bool

    def check_settings(self) -> None:
        """Refuse settings that fit no data.

        Raises:
            ClusteringError: A setting is impossible.
        """
        super().check_settings()
        if self.batch_size < 1:
            raise ClusteringError(f"batch_size={self.batch_size} is not positive", where="batch_size", fix="take 256")

    def _context(self) -> TrainingContext:
        cache_dir = Path(self.cache_dir) if self.cache_dir else None
        return TrainingContext(self.trainer or pl.Trainer, self.logger, cache_dir, bool(self.verbose))

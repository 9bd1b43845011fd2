"""Serve feature rows with their index to Lightning: `prepare_data` fills the cache, `setup` maps it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from cafemood.embedding import embed
from cafemood.features import Features
from cafemood.frozen import Backbone
from cafemood.photos import PhotoSet
from cafemood.precomputed import Precomputed
from cafemood.reduction import NoReduction, PCAReduction

Batch = dict[str, Tensor]


class Batches:
    """Shuffled batches `{features (b, d), index (b,)}` of rows that stay where they are: one gather a batch.

    The order follows from the seed and the epoch alone, and Lightning keeps `state_dict` in its checkpoints:
    a run taken up again inside an epoch sees the batches that it would have seen.

    Args:
        rows: The matrix (n, d), on the device that trains.
        size: Rows a batch; the last of an epoch may be smaller.
        seed: Of the order.
    """

    def __init__(self, rows: Tensor, size: int, seed: int = 0) -> None:
        self.rows, self.size, self.seed = rows, min(size, len(rows)), seed
        self.epoch = self.position = 0

    def __len__(self) -> int:
        """Batches an epoch."""
        return -(-len(self.rows) // self.size)

    def __iter__(self) -> Iterator[Batch]:
        """The rest of the epoch, or the next one where it was finished."""
        if self.position >= len(self):
            self.epoch, self.position = self.epoch + 1, 0
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(len(self.rows), generator=generator).to(self.rows.device)
        for index in order.split(self.size)[self.position :]:
            self.position += 1
            yield {"features": self.rows[index], "index": index}

    def state_dict(self) -> dict[str, int]:
        """Where the order stands."""
        return {"epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from there."""
        self.epoch, self.position = state["epoch"], state["position"]


class MatrixDataModule(pl.LightningDataModule):
    """Batches `{features (b, d), index (b,)}` from a matrix (n, d) held in memory.

    Args:
        matrix: The rows, float32.
        batch_size: Rows a training batch; never more than there are.
        seed: Order of the shuffled training batches.
    """

    def __init__(self, matrix: np.ndarray | None = None, *, batch_size: int = 256, seed: int = 0) -> None:
        super().__init__()
        self.batch_size, self.seed = batch_size, seed
        self._matrix = matrix

    @property
    def matrix(self) -> np.ndarray:
        """The rows in the clustering space's input (n, d)."""
        if self._matrix is None:
            raise RuntimeError("call prepare_data() and setup() first")
        return self._matrix

    def train_dataloader(self) -> Batches:
        """Shuffled batches; the last may be smaller."""
        rows = torch.from_numpy(self.matrix)
        if self.trainer is not None:
            rows = rows.to(self.trainer.strategy.root_device)
        return Batches(rows, self.batch_size, self.seed)


class PhotoDataModule(MatrixDataModule):
    """The photos' features, embedded once, reduced, in memory-mapped order.

    After `setup`: `photo_set` holds the photos that could be read, `features` their mapped features and
    `matrix` what is clustered.
    """

    def __init__(
        self,
        photo_set: PhotoSet,
        backbone: Backbone | Precomputed,
        reduction: NoReduction | PCAReduction,
        *,
        cache_dir: str | Path,
        embed_batch_size: int | None = None,
        trainer: pl.Trainer | None = None,
        batch_size: int = 256,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed)
        self.photo_set, self.backbone, self.reduction = photo_set, backbone, reduction
        self.cache_dir, self.embed_batch_size = Path(cache_dir), embed_batch_size
        self._trainer = trainer
        self.features: Features
        self.n_embedded = 0

    def prepare_data(self) -> None:
        """Embed the photos that the cache lacks."""
        self.photo_set, _, self.n_embedded = self._embed()

    def setup(self, stage: str | None = None) -> None:
        """Map the features and reduce them."""
        if self._matrix is None:
            self.photo_set, self.features, _ = self._embed()
            self._matrix = self.reduction.fit_transform(self.features.matrix())

    def _embed(self) -> tuple[PhotoSet, Features, int]:
        return embed(
            self.photo_set, self.backbone, self.cache_dir, batch_size=self.embed_batch_size, trainer=self._trainer
        )

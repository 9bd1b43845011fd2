"""Serve feature rows with their index to Lightning: `prepare_data` fills the cache, `setup` maps it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cafemood.embedding import embed
from cafemood.features import Features
from cafemood.frozen import Backbone
from cafemood.photos import PhotoSet
from cafemood.precomputed import Precomputed
from cafemood.reduction import NoReduction, PCAReduction

Batch = dict[str, Tensor]


class _Rows(Dataset[Batch]):
    """A resident matrix whose batches are taken by one gather, not row by row."""

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix

    def __len__(self) -> int:
        return len(self.matrix)

    def __getitem__(self, index: int) -> Batch:
        return {"features": self.matrix[index], "index": torch.tensor(index)}

    def __getitems__(self, indices: list[int]) -> Batch:
        index = torch.tensor(indices)
        return {"features": self.matrix[index], "index": index}


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

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled batches; the last may be smaller."""
        return self._loader(shuffle=True)

    def predict_dataloader(self) -> DataLoader[Batch]:
        """Batches in the order of the rows."""
        return self._loader(shuffle=False)

    def _loader(self, *, shuffle: bool) -> DataLoader[Batch]:
        rows = _Rows(torch.from_numpy(self.matrix))
        generator = torch.Generator().manual_seed(self.seed)
        size = min(self.batch_size, len(rows))
        return DataLoader(rows, size, shuffle=shuffle, generator=generator, collate_fn=_as_it_is)  # type: ignore[arg-type]


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


def _as_it_is(batch: Batch) -> Batch:
    return batch

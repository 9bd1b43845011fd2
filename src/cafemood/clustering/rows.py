"""Serve feature rows with their index to Lightning: `prepare_data` fills the cache, `setup` maps it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from cafemood.core import chunks

Batch = dict[str, Tensor]


BLOCK, WINDOW = 64, 32_768
"""Rows on disk are read in blocks of neighbours; so many of them together are shuffled."""


class Rows:
    """Rows (n, d) times a factor, in float32: held where a copy fits (`chunks.fits`), else read as they are asked for.

    Args:
        matrix: The rows, any float type; a memory map of float16, for example.
        scale: The factor.
        device: Where rows are given out; what is held is held there.
    """

    def __init__(self, matrix: np.ndarray, scale: float = 1.0, device: torch.device | str = "cpu") -> None:
        self.matrix, self.scale, self.device = matrix, scale, torch.device(device)
        self._in_memory = self._scaled(matrix) if chunks.fits(matrix) else None
        self._elsewhere: Rows | None = None

    def __len__(self) -> int:
        return len(self.matrix)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return self.matrix.shape[0], self.matrix.shape[1]

    @property
    def in_memory(self) -> bool:
        """Whether they lie in memory."""
        return self._in_memory is not None

    def __getitem__(self, index: Tensor) -> Tensor:
        """The rows at `index` (b,): (b, d)."""
        return self._scaled(self.matrix[index.cpu().numpy()]) if self._in_memory is None else self._in_memory[index]

    def split(self, size: int) -> Iterator[Tensor]:
        """All rows in order, `size` at a time."""
        if self._in_memory is not None:
            yield from self._in_memory.split(size)
            return
        for start in range(0, len(self), size):
            yield self._scaled(self.matrix[start : start + size])

    def to(self, device: torch.device) -> Rows:
        """The same rows, given out (and held) on a device: one copy, whoever asks."""
        if device == self.device:
            return self
        if self._elsewhere is None or self._elsewhere.device != device:
            self._elsewhere = Rows(self.matrix, self.scale, device)
        return self._elsewhere

    def order(self, generator: torch.Generator) -> Tensor:
        """A random order of the rows (n,).

        Of rows that are not held, blocks of neighbours come in random order and are shuffled within windows, so
        that a disk reads them in one go.
        """
        n = len(self)
        if self.in_memory:
            return torch.randperm(n, generator=generator)
        blocks = torch.randperm(-(-n // BLOCK), generator=generator)
        order = (blocks[:, None] * BLOCK + torch.arange(BLOCK)).flatten()
        windows = order[order < n].split(WINDOW)
        return torch.cat([window[torch.randperm(len(window), generator=generator)] for window in windows])

    def _scaled(self, rows: np.ndarray) -> Tensor:
        copied = torch.from_numpy(np.array(rows, dtype=np.float32))
        return (copied if self.scale == 1 else copied.mul_(self.scale)).to(self.device)


class Batches:
    """Shuffled batches `{features (b, d), index (b,)}` of rows that stay where they are: one gather a batch.

    The order follows from the seed and the epoch alone, and Lightning keeps `state_dict` in its checkpoints:
    a run taken up again inside an epoch sees the batches that it would have seen.

    Args:
        rows: The rows (n, d), on the device that trains.
        size: Rows a batch; the last of an epoch may be smaller.
        seed: Of the order.
    """

    def __init__(self, rows: Rows, size: int, seed: int = 0) -> None:
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
        order = self.rows.order(generator).to(self.rows.device)
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
    """Batches `{features (b, d), index (b,)}` from a matrix (n, d).

    Args:
        matrix: The rows.
        batch_size: Rows a training batch; never more than there are.
        seed: Order of the shuffled training batches.
    """

    def __init__(self, matrix: np.ndarray | Rows | None = None, *, batch_size: int = 256, seed: int = 0) -> None:
        super().__init__()
        self.batch_size, self.seed = batch_size, seed
        self._rows = matrix if isinstance(matrix, Rows) else None
        self._matrix = matrix.matrix if isinstance(matrix, Rows) else matrix

    @property
    def matrix(self) -> np.ndarray:
        """The rows in the clustering space's input (n, d)."""
        if self._matrix is None:
            raise RuntimeError("call prepare_data() and setup() first")
        return self._matrix

    def train_dataloader(self) -> Batches:
        """Shuffled batches; the last may be smaller."""
        rows = self._rows or Rows(self.matrix)
        if self.trainer is not None:
            rows = rows.to(self.trainer.strategy.root_device)
        return Batches(rows, self.batch_size, self.seed)


CHUNK = 8192
"""Rows a pass when the whole data set is embedded: bounds memory, changes nothing."""

"""TEMI: teacher and student heads on frozen features that agree on neighbours."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from torch import Tensor, nn

from cafemood.clustering.assign import head_memberships
from cafemood.clustering.base import Clustering, check_matrix, digest
from cafemood.clustering.heads import Heads, temi_losses
from cafemood.clustering.modules import PhaseModule
from cafemood.clustering.pretraining import Surroundings, TrainerFactory
from cafemood.clustering.rows import Batch, MatrixDataModule


class TEMI:
    """Teacher and student heads on frozen features that agree on neighbours.

    Adaloglou, Michels, Kalisch, Kollmann, "Exploring the Limits of Deep Image Clustering using Pretrained
    Models", BMVC 2023 (https://arxiv.org/abs/2303.17896). Of the heads, the one with the least loss is
    taken: no ground truth is looked at.

    Args:
        n_clusters: k.
        n_heads: Heads, trained side by side from different weights.
        n_neighbors: Neighbours of a photo that count as its like, at most a quarter of an average cluster.
        hidden: Width of a head's hidden layer.
        epochs: Passes over the data, but at least `min_steps` steps.
        min_steps: See `epochs`.
        lr: AdamW's learning rate.
        random_state: Seed.
    """

    name = "temi"

    def __init__(
        self,
        n_clusters: int,
        *,
        n_heads: int = 16,
        n_neighbors: int = 25,
        hidden: int = 128,
        epochs: int = 40,
        min_steps: int = 2000,
        lr: float = 1e-3,
        random_state: int = 0,
    ) -> None:
        self.n_clusters, self.n_heads, self.n_neighbors, self.hidden = n_clusters, n_heads, n_neighbors, hidden
        self.epochs, self.min_steps, self.lr, self.random_state = epochs, min_steps, lr, random_state

    def fit(
        self,
        data: MatrixDataModule,
        *,
        space: str = "features",
        trainer: TrainerFactory = pl.Trainer,
        logger: Logger | Sequence[Logger] | bool = False,
        cache_dir: str | Path | None = None,
    ) -> Clustering:
        """Cluster `data.matrix` (n, d).

        Raises:
            ClusteringError: k does not fit the number of photos, or the data holds NaN.
        """
        from sklearn.neighbors import NearestNeighbors

        features = torch.from_numpy(np.ascontiguousarray(check_matrix(data.matrix, self.n_clusters), np.float32))
        mean = features.mean(dim=0)
        x = nn.functional.normalize(features - mean, dim=1)
        n_neighbors = max(1, min(self.n_neighbors, len(x) // (4 * self.n_clusters)))
        _, neighbours = NearestNeighbors(n_neighbors=n_neighbors + 1).fit(x.numpy()).kneighbors(x.numpy())
        pl.seed_everything(self.random_state, workers=True, verbose=False)
        heads = Heads(x.shape[1], self.n_clusters, self.n_heads, self.hidden)
        module = AgreementModule(heads, x, torch.from_numpy(neighbours[:, 1:]), lr=self.lr)
        batch_size = min(len(x), 2 * data.batch_size)
        steps = max(self.epochs * -(-len(x) // batch_size), self.min_steps)
        rows_digest = hashlib.sha256(x.numpy().data).hexdigest()
        key = digest([self.name, vars(self), rows_digest, list(x.shape), batch_size, steps])
        around = Surroundings(trainer, logger, Path(cache_dir) if cache_dir else None)
        rows = MatrixDataModule(x.numpy(), batch_size=batch_size, seed=self.random_state)
        checkpoint = around.fit(module, rows, f"{self.name} train", steps, key)
        module.cpu()
        if checkpoint:
            checkpoint.unlink(missing_ok=True)
        head = module.teacher.only(int(module.losses.argmin()))
        tensors = {"head.mean": mean.numpy(), **{f"head.{k}": v.numpy() for k, v in head.state_dict().items()}}
        probabilities = head_memberships(features.numpy(), tensors)
        labels = probabilities.argmax(axis=1)
        weight = probabilities / np.maximum(probabilities.sum(axis=0), 1e-12)
        return Clustering(
            labels=labels,
            centers=(weight.T @ features.numpy()).astype(np.float32),
            probabilities=probabilities,
            embedding=features.numpy(),
            space=space,
            n_iter=steps,
            converged=True,
            stop_reason="trained for all its steps",
            tensors=tensors | {"kernel_scale": np.ones(1, np.float32)},
        )


class AgreementModule(PhaseModule):
    """Train `Heads` so that a photo and a neighbour get the same cluster, and clusters stay in use.

    Args:
        heads: The students.
        matrix: All rows (n, d), of length 1.
        neighbours: Indices (n, m) of each row's nearest.
        lr: AdamW's learning rate.
        momentum: Of the teachers' moving average.
    """

    matrix: Tensor
    neighbours: Tensor
    marginal: Tensor
    losses: Tensor

    def __init__(self, heads: Heads, matrix: Tensor, neighbours: Tensor, *, lr: float, momentum: float = 0.99) -> None:
        super().__init__()
        self.student, self.teacher = heads, copy.deepcopy(heads).requires_grad_(False)
        self.lr, self.momentum = lr, momentum
        n_heads, _, k = heads.outer.shape
        self.register_buffer("matrix", matrix, persistent=False)
        self.register_buffer("neighbours", neighbours, persistent=False)
        self.register_buffer("marginal", torch.full((n_heads, 1, k), 1 / k))
        self.register_buffer("losses", torch.zeros(n_heads))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Minus the weighted pointwise mutual information of pairs of neighbours, summed over the heads."""
        index, m = batch["index"], self.neighbours.shape[1]
        picked = torch.randint(m, (len(index),)).to(index.device)
        pairs = torch.cat([batch["features"], self.matrix[self.neighbours[index, picked]]])
        log_s = self.student(pairs)
        with torch.no_grad():
            log_t = self.teacher(pairs)
            self.marginal.mul_(0.9).add_(log_t.exp().mean(dim=1, keepdim=True), alpha=0.1)
        each = temi_losses(log_s, log_t, self.marginal)
        self.losses.mul_(0.99).add_(each.detach(), alpha=0.01)
        return each.sum()

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Let the teachers follow at once: a checkpoint after this step holds both."""
        super().optimizer_step(*args, **kwargs)
        with torch.no_grad():
            for mean, now in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
                mean.lerp_(now, 1 - self.momentum)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        return torch.optim.AdamW(self.student.parameters(), lr=self.lr, weight_decay=1e-4, fused=True)

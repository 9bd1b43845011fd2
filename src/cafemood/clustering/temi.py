"""TEMI: teacher and student heads on frozen features that agree on neighbours."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning.loggers import Logger
from torch import Tensor, nn

from cafemood.clustering import settings
from cafemood.clustering.base import Clustering, digest
from cafemood.clustering.heads import Heads, temi_losses
from cafemood.clustering.modules import PhaseModule
from cafemood.clustering.random_state import seed_all
from cafemood.clustering.rows import CHUNK, Batch, MatrixDataModule
from cafemood.clustering.trained import TrainedClusterer
from cafemood.clustering.training import TrainerFactory


class TEMI(TrainedClusterer):
    """Teacher and student heads on frozen features that agree on neighbours.

    Adaloglou, Michels, Kalisch, Kollmann, "Exploring the Limits of Deep Image Clustering using Pretrained
    Models", BMVC 2023 (https://arxiv.org/abs/2303.17896). Of the heads, the one with the least loss is
    taken: no ground truth is looked at.

    Args:
        n_clusters: k.
        n_heads: Heads, trained side by side from different weights.
        n_neighbors: Neighbours of a photo that count as its like, at most a quarter of an average cluster.
        neighbors: `nearest`: all of them. `mutual`: of those, the ones whose neighbour the photo is too; see `mutual`.
        hidden: Width of a head's hidden layer.
        epochs: Passes over the data, but at least `min_steps` steps.
        min_steps: See `epochs`.
        lr: AdamW's learning rate.
        random_state: Seed.
        trainer, logger, cache_dir, batch_size, verbose: See `TrainedClusterer`.
    """

    name = "temi"

    def __init__(
        self,
        n_clusters: int = 4,
        *,
        n_heads: int = 16,
        n_neighbors: int = 25,
        neighbors: str = "nearest",
        hidden: int = 128,
        epochs: int = 40,
        min_steps: int = 2000,
        lr: float = 1e-3,
        random_state: int | np.random.RandomState | None = 0,
        trainer: TrainerFactory | None = None,
        logger: Logger | Sequence[Logger] | bool = False,
        cache_dir: str | Path | None = None,
        batch_size: int = 256,
        verbose: bool = False,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_heads = n_heads
        self.n_neighbors = n_neighbors
        self.neighbors = neighbors
        self.hidden = hidden
        self.epochs = epochs
        self.min_steps = min_steps
        self.lr = lr
        self.random_state = random_state
        self.trainer = trainer
        self.logger = logger
        self.cache_dir = cache_dir
        self.batch_size = batch_size
        self.verbose = verbose

    def check_settings(self) -> None:
        """Refuse settings that fit no data.

        Raises:
            ClusteringError: A setting is impossible.
        """
        super().check_settings()
        settings.check_neighbors(self.neighbors)

    def transform(self, X: Any) -> np.ndarray:
        """Probabilities (m, k) of new rows (m, d): the chosen head's outputs are the space that TEMI learns."""
        return self.predict_proba(X)

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)

    def _fit(self, x: np.ndarray, seed: int) -> Clustering:
        from sklearn.neighbors import NearestNeighbors

        features = torch.from_numpy(np.array(x, np.float32))
        mean = features.mean(dim=0)
        unit = nn.functional.normalize(features - mean, dim=1)
        n_neighbors = max(1, min(self.n_neighbors, len(unit) // (4 * self.n_clusters)))
        _, neighbours = NearestNeighbors(n_neighbors=n_neighbors + 1).fit(unit.numpy()).kneighbors(unit.numpy())
        pairs = neighbours[:, 1:] if self.neighbors == "nearest" else mutual(neighbours[:, 1:])
        seed_all(seed)
        heads = Heads(unit.shape[1], self.n_clusters, self.n_heads, self.hidden)
        module = AgreementModule(heads, unit, torch.from_numpy(pairs), lr=self.lr)
        batch_size = min(len(unit), 2 * self.batch_size)
        steps = max(self.epochs * -(-len(unit) // batch_size), self.min_steps)
        recipe = [self.n_clusters, self.n_heads, self.n_neighbors, self.neighbors, self.hidden, self.lr, seed]
        key = digest(
            [self.name, *recipe, batch_size, steps, list(unit.shape), hashlib.sha256(unit.numpy().data).hexdigest()]
        )
        rows = MatrixDataModule(unit.numpy(), batch_size=batch_size, seed=seed)
        checkpoint = self._context().fit(module, rows, f"{self.name} train", steps, key)
        module.cpu()
        if checkpoint:
            checkpoint.unlink(missing_ok=True)
        head = module.teacher.only(int(module.losses.argmin()))
        tensors = {"head.mean": mean.numpy(), **{f"head.{k}": v.numpy() for k, v in head.state_dict().items()}}
        probabilities = head_memberships(features.numpy(), tensors)
        weight = probabilities / np.maximum(probabilities.sum(axis=0), 1e-12)
        return Clustering(
            labels=probabilities.argmax(axis=1),
            centers=(weight.T @ features.numpy()).astype(np.float32),
            probabilities=probabilities,
            embedding=features.numpy(),
            space="",
            n_iter=steps,
            converged=True,
            stop_reason="trained for all its steps",
            tensors=tensors | {"kernel_scale": np.ones(1, np.float32)},
        )

    def _soft_assign(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return head_memberships(x, self._tensors), x


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


def mutual(neighbours: np.ndarray) -> np.ndarray:
    """Of each row's nearest (n, m) the mutual ones, over and over until there are m; where none is, the nearest.

    Rows in dense parts keep many, outliers few: the number of neighbours adapts to each row. Maier, Hein and von
    Luxburg, "Optimal Construction of k-Nearest-Neighbor Graphs for Identifying Noisy Clusters", 2009.

    Args:
        neighbours: Indices of each row's nearest, the nearest first.
    """
    n, m = neighbours.shape
    edges = np.arange(n)[:, None] * n + neighbours
    back = neighbours * n + np.arange(n)[:, None]
    both = np.isin(back, edges)
    first = np.take_along_axis(neighbours, np.argsort(~both, axis=1, kind="stable"), axis=1)
    return np.take_along_axis(first, np.arange(m) % np.maximum(both.sum(axis=1, keepdims=True), 1), axis=1)


def head_memberships(features: np.ndarray, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """Probabilities (n, k) by the stored head of rows (n, d)."""
    state = {name: torch.from_numpy(tensors[f"head.{name}"]) for name in ("inner", "bias", "outer")}
    _, d, hidden = state["inner"].shape
    head = Heads(d, state["outer"].shape[2], 1, hidden)
    head.load_state_dict(state)
    x = nn.functional.normalize(torch.from_numpy(features - tensors["head.mean"]), dim=1)
    with torch.inference_mode():
        return torch.cat([head(chunk)[0].exp() for chunk in x.split(CHUNK)]).numpy()

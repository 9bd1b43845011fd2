"""Two more clusterers for frozen features, behind the same verb: N2D and TEMI."""

from __future__ import annotations

import copy
import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from torch import Tensor, nn

from cafemood.clustering.assign import head_memberships, mixture_memberships
from cafemood.clustering.dec import Clustering, check_matrix, digest, embed, encoder_tensors, scaled
from cafemood.clustering.heads import Heads, temi_losses
from cafemood.clustering.modules import PhaseModule
from cafemood.clustering.pretraining import Pretraining, Surroundings, TrainerFactory
from cafemood.clustering.rows import Batch, MatrixDataModule
from cafemood.errors import ClusteringError


class N2D:
    """A Gaussian mixture on the UMAP of an autoencoder's embedding.

    McConville et al., "N2D: (Not Too) Deep Clustering via Clustering the Local Manifold of an
    Autoencoded Embedding", ICPR 2020 (https://arxiv.org/abs/1908.05968). The autoencoder is DEC's, but for its width.

    Args:
        n_clusters: k.
        n_neighbors: UMAP's, at most one less than there are photos.
        n_components: Dimensions of UMAP's space.
        n_init: Starts of the mixture; the best likelihood wins.
        hidden: Widths of the encoder's hidden layers.
        embedding: Width of the embedding; twice DEC's, since UMAP finds the groups' own dimensions itself.
        corruption: Share of inputs zeroed while pretraining.
        pretrain_epochs: Passes over the data; None: 40.
        pretrain_min_steps: Steps at least, as long as that is not more than 400 passes.
        random_state: Seed.

    Raises:
        ClusteringError: The extra `umap` is not installed.
    """

    name = "n2d"

    def __init__(
        self,
        n_clusters: int,
        *,
        n_neighbors: int = 20,
        n_components: int = 10,
        n_init: int = 5,
        hidden: Sequence[int] = (500, 500, 2000),
        embedding: int = 20,
        corruption: float = 0.2,
        pretrain_epochs: int | None = None,
        pretrain_min_steps: int = 2000,
        random_state: int = 0,
    ) -> None:
        self.n_clusters, self.random_state, self.n_init = n_clusters, random_state, n_init
        self.n_neighbors, self.n_components = n_neighbors, n_components
        self.pretraining = Pretraining(
            hidden=tuple(hidden),
            embedding=embedding,
            corruption=corruption,
            epochs=pretrain_epochs,
            min_steps=pretrain_min_steps,
            seed=random_state,
        )
        _umap()

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
            ClusteringError: There are too few photos, or the data holds NaN or only zeros.
        """
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        x, scale = scaled(data.matrix, self.n_clusters, space)
        least = max(15, self.n_clusters)
        if len(x) < least:
            why = "UMAP needs neighbours"
            raise ClusteringError(
                f"N2D cannot work on {len(x)} photos",
                where="method",
                why=why,
                fix=f"take {least} or more, or method=dec",
            )
        around = Surroundings(trainer, logger, Path(cache_dir) if cache_dir else None)
        autoencoder, _ = replace(self.pretraining, seed=self.random_state).run(x, data.batch_size, around)
        z0 = embed(autoencoder, x)
        coordinates = self._coordinates(z0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture = GaussianMixture(
                self.n_clusters, n_init=self.n_init, reg_covar=1e-4, random_state=self.random_state
            )
            mixture.fit(coordinates.astype(np.float64))
        tensors = {
            **encoder_tensors(autoencoder, scale),
            "kernel_scale": np.ones(1, np.float32),
            "neighbours.z": z0,
            "neighbours.coordinates": coordinates,
            "mixture.weights": mixture.weights_.astype(np.float32),
            "mixture.precisions_cholesky": mixture.precisions_cholesky_.astype(np.float32),
        }
        centers = mixture.means_.astype(np.float32)
        probabilities = mixture_memberships(coordinates, centers, tensors)
        return Clustering(
            labels=probabilities.argmax(axis=1),
            centers=centers,
            probabilities=probabilities,
            embedding=coordinates,
            space=f"UMAP of the autoencoder's embedding ({coordinates.shape[1]}-d)",
            n_iter=int(mixture.n_iter_),
            converged=bool(mixture.converged_),
            stop_reason="the mixture's likelihood no longer grows" if mixture.converged_ else "reached max_iter",
            tensors=tensors,
            baseline_spaces={"AE + k-means": z0},
        )

    def _coordinates(self, z0: np.ndarray) -> np.ndarray:
        n_neighbors, n_components = min(self.n_neighbors, len(z0) - 1), min(self.n_components, len(z0) // 4)
        model = _umap()(n_neighbors, n_components, min_dist=0.0, random_state=self.random_state)
        threads = torch.get_num_threads()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one thread because of the seed; a graph in several parts
            coordinates = model.fit_transform(z0)
        torch.set_num_threads(threads)  # numba has set torch's to its own, for whatever this process does next
        return np.nan_to_num(coordinates).astype(np.float32)  # a row without any neighbour gets NaN


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


def _umap() -> Any:
    try:
        from umap import UMAP
    except ImportError:
        why, fix = "the package umap-learn is not installed", "pip install 'cafemood[umap]', or take method=dec"
        raise ClusteringError("method=n2d needs UMAP", where="method", why=why, fix=fix) from None
    return UMAP

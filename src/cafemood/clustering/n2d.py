"""N2D: a Gaussian mixture on the UMAP of an autoencoder's embedding."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning.loggers import Logger

from cafemood.clustering import settings
from cafemood.clustering.base import Clustering
from cafemood.clustering.pretraining import Pretraining, embed, encoded, encoder_tensors, scaled
from cafemood.clustering.trained import TrainedClusterer
from cafemood.clustering.training import TrainerFactory
from cafemood.errors import ClusteringError


class N2D(TrainedClusterer):
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
        trainer, logger, cache_dir, batch_size, verbose: See `TrainedClusterer`.
    """

    name = "n2d"

    def __init__(
        self,
        n_clusters: int = 4,
        *,
        n_neighbors: int = 20,
        n_components: int = 10,
        n_init: int = 5,
        hidden: Sequence[int] = (500, 500, 2000),
        embedding: int = 20,
        corruption: float = 0.2,
        pretrain_epochs: int | None = None,
        pretrain_min_steps: int = 2000,
        random_state: int | np.random.RandomState | None = 0,
        trainer: TrainerFactory | None = None,
        logger: Logger | Sequence[Logger] | bool = False,
        cache_dir: str | Path | None = None,
        batch_size: int = 256,
        verbose: bool = False,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_neighbors = n_neighbors
        self.n_components = n_components
        self.n_init = n_init
        self.hidden = hidden
        self.embedding = embedding
        self.corruption = corruption
        self.pretrain_epochs = pretrain_epochs
        self.pretrain_min_steps = pretrain_min_steps
        self.random_state = random_state
        self.trainer = trainer
        self.logger = logger
        self.cache_dir = cache_dir
        self.batch_size = batch_size
        self.verbose = verbose

    def check_settings(self) -> None:
        """Refuse settings that fit no data.

        Raises:
            ClusteringError: A setting is impossible, or the extra `umap` is not installed.
        """
        super().check_settings()
        self._pretraining(0)
        settings.check_umap()

    def _pretraining(self, seed: int) -> Pretraining:
        return Pretraining(
            hidden=tuple(self.hidden),
            embedding=self.embedding,
            corruption=self.corruption,
            epochs=self.pretrain_epochs,
            min_steps=self.pretrain_min_steps,
            seed=seed,
        )

    def _fit(self, x: np.ndarray, seed: int) -> Clustering:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        least = max(15, self.n_clusters)
        if len(x) < least:
            raise ClusteringError(
                f"N2D cannot work on {len(x)} photos",
                where="method",
                why=f"UMAP needs neighbours (n_samples={len(x)})",
                fix=f"take {least} or more, or method=dec",
            )
        rows, scale = scaled(x)
        autoencoder, _ = self._pretraining(seed).run(rows, self.batch_size, self._context())
        z0 = embed(autoencoder, rows)
        coordinates = self._coordinates(z0, seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture = GaussianMixture(self.n_clusters, n_init=self.n_init, reg_covar=1e-4, random_state=seed)
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

    def _soft_assign(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        tensors = self._tensors
        z = among_neighbours(encoded(x, tensors), tensors["neighbours.z"], tensors["neighbours.coordinates"])
        return mixture_memberships(z, self.cluster_centers_, tensors), z

    def _coordinates(self, z0: np.ndarray, seed: int) -> np.ndarray:
        n_neighbors, n_components = min(self.n_neighbors, len(z0) - 1), min(self.n_components, len(z0) // 4)
        model = _umap()(n_neighbors, n_components, min_dist=0.0, random_state=seed)
        threads = torch.get_num_threads()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one thread because of the seed; a graph in several parts
            coordinates = model.fit_transform(z0)
        torch.set_num_threads(threads)  # numba has set torch's to its own, for whatever this process does next
        return np.nan_to_num(coordinates).astype(np.float32)  # a row without any neighbour gets NaN


def _umap() -> Any:
    settings.check_umap()
    from umap import UMAP

    return UMAP


def mixture_memberships(x: np.ndarray, means: np.ndarray, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """Responsibilities (n, k) of a stored Gaussian mixture for rows x (n, d)."""
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(len(means))
    mixture.means_ = means.astype(np.float64)
    mixture.weights_ = tensors["mixture.weights"].astype(np.float64)
    mixture.precisions_cholesky_ = tensors["mixture.precisions_cholesky"].astype(np.float64)
    return mixture.predict_proba(x.astype(np.float64)).astype(np.float32)


def among_neighbours(z: np.ndarray, known: np.ndarray, coordinates: np.ndarray, n_neighbors: int = 5) -> np.ndarray:
    """Coordinates (m, d') of new points: the mean of their nearest known points', weighted by 1/distance².

    UMAP's own transform starts from there too; what it adds needs the fitted object, and that is a pickle.

    Args:
        z: New points (m, d).
        known: Old points (n, d).
        coordinates: Theirs (n, d').
        n_neighbors: How many.
    """
    from sklearn.neighbors import NearestNeighbors

    model = NearestNeighbors(n_neighbors=min(n_neighbors, len(known))).fit(known)
    distance, index = model.kneighbors(z)
    weight = 1 / np.maximum(distance, 1e-6 * max(float(np.abs(known).max()), 1e-30)) ** 2
    weight /= weight.sum(axis=1, keepdims=True)
    return np.asarray((weight[:, :, None] * coordinates[index]).sum(axis=1), dtype=np.float32)

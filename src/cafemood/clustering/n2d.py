"""Two more clusterers for frozen features, behind the same verb: N2D and TEMI."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger

from cafemood.clustering.assign import mixture_memberships
from cafemood.clustering.base import Clustering
from cafemood.clustering.pretraining import Pretraining, Surroundings, TrainerFactory, embed, encoder_tensors, scaled
from cafemood.clustering.rows import MatrixDataModule
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


def _umap() -> Any:
    try:
        from umap import UMAP
    except ImportError:
        why, fix = "the package umap-learn is not installed", "pip install 'cafemood[umap]', or take method=dec"
        raise ClusteringError("method=n2d needs UMAP", where="method", why=why, fix=fix) from None
    return UMAP

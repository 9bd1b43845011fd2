"""N2D: a Gaussian mixture on the UMAP of an autoencoder's embedding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pytorch_lightning.loggers import Logger

from cafemood.clustering import settings, umap_space
from cafemood.clustering.base import Clustering
from cafemood.clustering.pretraining import Pretraining, embed, encoded, encoder_tensors, scaled
from cafemood.clustering.trained import TrainedClusterer
from cafemood.clustering.training import TrainerFactory


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
        settings.check_umap("n2d")

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
        umap_space.check_rows("N2D", len(x), self.n_clusters)
        rows, scale = scaled(x)
        autoencoder, _ = self._pretraining(seed).run(rows, self.batch_size, self._context())
        z0 = embed(autoencoder, rows)
        coordinates = umap_space.coordinates(z0, self.n_neighbors, self.n_components, seed)
        tensors = {
            **encoder_tensors(autoencoder, scale),
            "neighbours.z": z0,
            "neighbours.coordinates": coordinates,
        }
        of, baseline = "the autoencoder's embedding", {"AE + k-means": z0}
        return umap_space.mixture_clustering(tensors, self.n_clusters, self.n_init, seed, of, baseline)

    def _soft_assign(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        tensors = self._tensors
        z = umap_space.placed(encoded(x, tensors), tensors)
        return umap_space.mixture_memberships(z, self.cluster_centers_, tensors), z

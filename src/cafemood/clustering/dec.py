"""The clusterers behind one verb, `fit(data, …) -> Clustering`, and the cheap baselines beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger

from cafemood.clustering.autoencoder import Autoencoder
from cafemood.clustering.base import Clustering, digest
from cafemood.clustering.kmeans import kmeans
from cafemood.clustering.modules import RefinementModule
from cafemood.clustering.pretraining import (
    MEAN_SQUARE,
    Pretraining,
    Surroundings,
    TrainerFactory,
    embed,
    encoder_tensors,
    scaled,
)
from cafemood.clustering.rows import MatrixDataModule, Rows
from cafemood.clustering.spectral import spectral
from cafemood.errors import ClusteringError


class DEC:
    """Deep Embedded Clustering: pretrain an autoencoder, then refine by KL(P‖Q).

    The autoencoder does not depend on k: it is trained once per (features, architecture, seed) and read
    back from the cache by content hash. A killed run goes on where it was, and ends as it would have.

    Args:
        n_clusters: k.
        mode: `paper` takes the authors' schedule (layer by layer, SGD) and starts from k-means. `fast`
            trains end to end by Adam and starts from a spectral clustering of the embedding, whose labels
            are the target of the first `start_updates` intervals.
        start: `kmeans` or `spectral`; None: the mode's own.
        start_updates: With `spectral`: intervals whose target is the starting partition.
        hidden: Widths of the encoder's hidden layers.
        embedding: Width of the embedding.
        corruption: Share of inputs zeroed while pretraining.
        pretrain_epochs: Passes over the data (`paper`: a layer); None: 40, or the paper's 213.
        pretrain_min_steps: Steps at least, as long as that is not more than 400 passes.
        literal: `paper`: the authors' iterations as printed and not their equivalent in passes.
        update_interval: Steps between two targets; None: 0.6 of an epoch, at least 20 steps of the data's batch
            size (with few photos a target at every step would chase itself, and the stopping rule would fire
            at once).
        max_updates: Targets at most, after the first.
        tol: Share of changed labels below which it stops.
        gamma: None for DEC, the weight of the KL term for IDEC.
        lr: Learning rate of the refinement, for the data's batch size; `fast` takes larger batches at a larger rate.
        mean_square: What the features are scaled to (mean ‖x‖²/d); None: 1, or the 2.92 of the authors' MNIST.
        random_state: Seed.
    """

    name = "dec"

    def __init__(
        self,
        n_clusters: int,
        *,
        mode: str = "fast",
        start: str | None = None,
        start_updates: int = 3,
        hidden: Sequence[int] = (500, 500, 2000),
        embedding: int = 10,
        corruption: float = 0.2,
        pretrain_epochs: int | None = None,
        pretrain_min_steps: int = 2000,
        literal: bool = False,
        update_interval: int | None = None,
        max_updates: int = 100,
        tol: float = 1e-3,
        gamma: float | None = None,
        lr: float = 0.01,
        mean_square: float | None = None,
        random_state: int = 0,
    ) -> None:
        self.n_clusters, self.random_state = n_clusters, random_state
        self.pretraining = Pretraining(
            mode, tuple(hidden), embedding, corruption, pretrain_epochs, pretrain_min_steps, literal, random_state
        )
        self.start = start or ("spectral" if mode == "fast" else "kmeans")
        if self.start not in ("spectral", "kmeans"):
            raise ClusteringError(f"Unknown start {start!r}", where="method.start", fix="use spectral or kmeans")
        self.start_updates = start_updates if self.start == "spectral" else 0
        self.update_interval, self.max_updates, self.tol = update_interval, max_updates, tol
        self.gamma, self.lr = gamma, lr
        self.mean_square = MEAN_SQUARE[mode] if mean_square is None else mean_square
        if not 0 < self.mean_square < float("inf"):
            why = "the features are scaled to it, so it is more than 0 and finite"
            raise ClusteringError(f"mean_square={mean_square}", where="method.mean_square", why=why, fix="take 1")

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
            ClusteringError: k does not fit the number of photos, or the data holds NaN or only zeros.
        """
        around = Surroundings(trainer, logger, Path(cache_dir) if cache_dir else None)
        x, scale = scaled(data.matrix, self.n_clusters, space, self.mean_square)
        autoencoder, key = replace(self.pretraining, seed=self.random_state).run(x, data.batch_size, around)
        z0 = embed(autoencoder, x)
        batch_size = self.batch_size(len(x), data.batch_size)
        module, steps = self._refinement(autoencoder, x, z0, data.batch_size, around.cache_dir)
        recipe = [key, self.name, self.n_clusters, self.start, self.start_updates, module.update_interval]
        recipe += [self.max_updates, self.tol, self.gamma, module.lr, batch_size]
        rows = MatrixDataModule(x, batch_size=batch_size, seed=self.random_state)
        pl.seed_everything(self.random_state, workers=True, verbose=False)
        checkpoint = around.fit(module, rows, f"{self.name} refine (at most)", steps, digest(recipe))
        module.cpu()
        z = module.embed()
        log_q = module.log_q(z)
        if checkpoint:
            checkpoint.unlink(missing_ok=True)
        probabilities = log_q.exp().numpy()
        return Clustering(
            labels=probabilities.argmax(axis=1),
            centers=module.centers.detach().numpy(),
            probabilities=probabilities,
            embedding=z.numpy(),
            space=f"{self.name} embedding ({z.shape[1]}-d)",
            n_iter=module.step,
            converged=module.converged,
            stop_reason=module.stop_reason,
            tensors={"kernel_scale": np.ones(1, np.float32), **encoder_tensors(autoencoder, scale)},
            baseline_spaces={"AE + k-means": z0},
            updates=module.health,
        )

    def batch_size(self, n: int, batch_size: int) -> int:
        """Rows a batch of the refinement for n rows, where the data's are `batch_size`.

        In `fast` mode as many as in pretraining, but for DEC at least twice the data's: with SGD's rate raised in
        proportion it goes the same way in half the steps, and its labels come to rest sooner (on the digits after a
        third of the time, in the same place). IDEC's Adam does worse with more.
        """
        at_least = min(n, 2 * batch_size) if self.pretraining.mode == "fast" and self.gamma is None else 0
        return max(at_least, self.pretraining.batch_size(n, batch_size))

    def _refinement(
        self, autoencoder: Autoencoder, x: Rows, z0: np.ndarray, data_batch_size: int, cache_dir: Path | None
    ) -> tuple[RefinementModule, int]:
        """The module at its start, and its steps at most."""
        k, partition = self.n_clusters, None
        labels = spectral(z0, k, self.random_state, cache_dir=cache_dir) if self.start == "spectral" else np.zeros(0)
        if len(np.unique(labels)) == k:
            partition = torch.from_numpy(labels.astype(np.int64))
            centers = np.stack([z0[labels == j].mean(axis=0) for j in range(k)])
        else:  # by choice, or because the rows are too few or too alike to be cut into k parts
            centers = kmeans(z0, k, self.random_state, n_init=20).cluster_centers_
        batch_size = self.batch_size(len(x), data_batch_size)
        larger = batch_size / min(len(x), data_batch_size)
        interval = self.update_interval or max(round(20 / larger), round(0.6 * len(x) / batch_size))
        module = RefinementModule(
            autoencoder,
            x,
            torch.from_numpy(centers.astype(np.float32)),
            update_interval=interval,
            tol=self.tol,
            gamma=self.gamma,
            lr=self.lr * (larger if self.gamma is None else larger**0.5),
            partition=partition,
            partition_updates=self.start_updates,
        )
        return module, interval * self.max_updates + 1  # the last step's target check still runs


class IDEC(DEC):
    """DEC with the reconstruction kept in the loss (Guo et al., IJCAI 2017): gamma 0.1, Adam 1e-3.

    The reconstruction counts as half the mean squared error, where the authors' code has the whole: our gamma is half
    of theirs for the same balance.
    """

    name = "idec"

    def __init__(self, n_clusters: int, *, gamma: float = 0.1, lr: float = 1e-3, **options: Any) -> None:
        super().__init__(n_clusters, gamma=gamma, lr=lr, **options)

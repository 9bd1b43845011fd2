"""DEC and IDEC: pretrain an autoencoder, then refine its embedding and the cluster centres."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from pytorch_lightning.loggers import Logger

from cafemood.clustering import settings
from cafemood.clustering.autoencoder import Autoencoder
from cafemood.clustering.base import Clustering, digest, memberships
from cafemood.clustering.kmeans import kmeans
from cafemood.clustering.modules import RefinementModule
from cafemood.clustering.pretraining import MEAN_SQUARE, Pretraining, embed, encoded, encoder_tensors, scaled
from cafemood.clustering.random_state import seed_all
from cafemood.clustering.rows import MatrixDataModule, Rows
from cafemood.clustering.spectral import spectral
from cafemood.clustering.trained import TrainedClusterer
from cafemood.clustering.training import TrainerFactory
from cafemood.clustering.umap_methods import UMAPMixture


class DEC(TrainedClusterer):
    """Deep Embedded Clustering: pretrain an autoencoder, then refine by KL(P‖Q).

    The autoencoder does not depend on k: it is trained once per (features, architecture, seed) and read
    back from the cache by content hash. A killed run goes on where it was, and ends as it would have.

    Args:
        n_clusters: k.
        mode: `paper` takes the authors' schedule (layer by layer, SGD) and starts from k-means. `fast`
            trains end to end by Adam and starts from a spectral clustering of the embedding, whose labels
            are the target of the first `start_updates` intervals.
        start: `kmeans`; `spectral`, of the embedding; or `gmm`, the labels of `UMAPMixture` on the features, which
            are better on what a frozen network gives (docs/dec.md). None: the mode's own.
        start_updates: With `spectral` and `gmm`: intervals whose target is the starting partition.
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
        trainer, logger, cache_dir, batch_size, verbose: See `TrainedClusterer`.
    """

    name = "dec"

    def __init__(
        self,
        n_clusters: int = 4,
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
        random_state: int | np.random.RandomState | None = 0,
        trainer: TrainerFactory | None = None,
        logger: Logger | Sequence[Logger] | bool = False,
        cache_dir: str | Path | None = None,
        batch_size: int = 256,
        verbose: bool = False,
    ) -> None:
        self.n_clusters = n_clusters
        self.mode = mode
        self.start = start
        self.start_updates = start_updates
        self.hidden = hidden
        self.embedding = embedding
        self.corruption = corruption
        self.pretrain_epochs = pretrain_epochs
        self.pretrain_min_steps = pretrain_min_steps
        self.literal = literal
        self.update_interval = update_interval
        self.max_updates = max_updates
        self.tol = tol
        self.gamma = gamma
        self.lr = lr
        self.mean_square = mean_square
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
        self._pretraining(0)
        settings.check_start(self.start)
        settings.check_mean_square(self.mean_square)

    def _start(self) -> str:
        return self.start or ("spectral" if self.mode == "fast" else "kmeans")

    def _start_updates(self) -> int:
        return 0 if self._start() == "kmeans" else self.start_updates

    def _mean_square(self) -> float:
        return MEAN_SQUARE[self.mode] if self.mean_square is None else self.mean_square

    def _pretraining(self, seed: int) -> Pretraining:
        epochs, min_steps = self.pretrain_epochs, self.pretrain_min_steps
        hidden = tuple(self.hidden)
        return Pretraining(self.mode, hidden, self.embedding, self.corruption, epochs, min_steps, self.literal, seed)

    def _fit(self, x: np.ndarray, seed: int) -> Clustering:
        context = self._context()
        rows, scale = scaled(x, self._mean_square())
        autoencoder, key = self._pretraining(seed).run(rows, self.batch_size, context)
        z0 = embed(autoencoder, rows)
        batch_size = self.refinement_batch_size(len(rows))
        module, steps = self._refinement(autoencoder, rows, z0, self._starting_labels(x, z0, seed), seed)
        recipe = [key, self.name, self.n_clusters, self._start(), self._start_updates(), module.update_interval]
        recipe += [self.max_updates, self.tol, self.gamma, module.lr, batch_size]
        data = MatrixDataModule(rows, batch_size=batch_size, seed=seed)
        seed_all(seed)
        checkpoint = context.fit(module, data, f"{self.name} refine (at most)", steps, digest(recipe))
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

    def _soft_assign(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = encoded(x, self._tensors)
        return memberships(z, self.cluster_centers_, float(self._tensors["kernel_scale"][0])), z

    def refinement_batch_size(self, n: int) -> int:
        """Rows a batch of the refinement for n rows, where pretraining's are `batch_size`.

        In `fast` mode as many as in pretraining, but for DEC at least twice that: with SGD's rate raised in
        proportion it goes the same way in half the steps, and its labels come to rest sooner (on the digits after a
        third of the time, in the same place). IDEC's Adam does worse with more.
        """
        at_least = min(n, 2 * self.batch_size) if self.mode == "fast" and self.gamma is None else 0
        return max(at_least, self._pretraining(0).batch_size(n, self.batch_size))

    def _starting_labels(self, features: np.ndarray, z0: np.ndarray, seed: int) -> np.ndarray:
        """The partition (n,) that the first targets aim at; (0,) for none."""
        if self._start() == "spectral":
            cache_dir = Path(self.cache_dir) if self.cache_dir else None
            return spectral(z0, self.n_clusters, seed, cache_dir=cache_dir)
        if self._start() == "gmm":
            return np.asarray(UMAPMixture(self.n_clusters, random_state=seed).fit(features).labels_)
        return np.zeros(0)

    def _refinement(
        self, autoencoder: Autoencoder, x: Rows, z0: np.ndarray, labels: np.ndarray, seed: int
    ) -> tuple[RefinementModule, int]:
        """The module at its start, and its steps at most; with `labels` (n,), these are its partition."""
        k, partition = self.n_clusters, None
        if len(np.unique(labels)) == k:
            partition = torch.from_numpy(labels.astype(np.int64))
            centers = np.stack([z0[labels == j].mean(axis=0) for j in range(k)])
        else:  # by choice, or because the rows are too few or too alike to be cut into k parts
            centers = kmeans(z0, k, seed, n_init=20).cluster_centers_
        batch_size = self.refinement_batch_size(len(x))
        larger = batch_size / min(len(x), self.batch_size)
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
            partition_updates=self._start_updates(),
        )
        return module, interval * self.max_updates + 1  # the last step's target check still runs


class IDEC(DEC):
    """DEC with the reconstruction kept in the loss (Guo et al., IJCAI 2017): gamma 0.1, Adam 1e-3.

    The reconstruction counts as half the mean squared error, where the authors' code has the whole: our gamma is half
    of theirs for the same balance. Arguments are DEC's.
    """

    name = "idec"

    def __init__(
        self,
        n_clusters: int = 4,
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
        gamma: float = 0.1,
        lr: float = 1e-3,
        mean_square: float | None = None,
        random_state: int | np.random.RandomState | None = 0,
        trainer: TrainerFactory | None = None,
        logger: Logger | Sequence[Logger] | bool = False,
        cache_dir: str | Path | None = None,
        batch_size: int = 256,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            n_clusters,
            mode=mode,
            start=start,
            start_updates=start_updates,
            hidden=hidden,
            embedding=embedding,
            corruption=corruption,
            pretrain_epochs=pretrain_epochs,
            pretrain_min_steps=pretrain_min_steps,
            literal=literal,
            update_interval=update_interval,
            max_updates=max_updates,
            tol=tol,
            gamma=gamma,
            lr=lr,
            mean_square=mean_square,
            random_state=random_state,
            trainer=trainer,
            logger=logger,
            cache_dir=cache_dir,
            batch_size=batch_size,
            verbose=verbose,
        )

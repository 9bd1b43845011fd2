"""The clusterers behind one verb, `fit(data, …) -> Clustering`, and the cheap baselines beside them."""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from cafemood.atomic import writing
from cafemood.datamodule import MatrixDataModule
from cafemood.dec import Autoencoder, input_scale, log_soft_assignment, mlp_from_state
from cafemood.errors import ClusteringError
from cafemood.frozen import processor_has
from cafemood.module import PhaseProgress, ReconstructionModule, RefinementModule, health
from cafemood.reduction import PCAReduction, display_plane, project

log = logging.getLogger(__name__)

TrainerFactory = Callable[..., pl.Trainer]


@dataclass
class Clustering:
    """One official labelling and all that is needed to give it to new photos.

    Attributes:
        labels: Cluster of each photo (n,), the argmax of `probabilities`.
        centers: Cluster centres in the clustering space (k, d').
        probabilities: Student-t similarity to each centre, rows sum to 1 (n, k). A membership, not a
            calibrated chance.
        embedding: The photos in the clustering space (n, d').
        space: The clustering space's name.
        tensors: What `assign` needs besides the centres.
        baseline_spaces: Spaces whose plain k-means should stand beside this result.
    """

    labels: np.ndarray
    centers: np.ndarray
    probabilities: np.ndarray
    embedding: np.ndarray
    space: str
    n_iter: int
    converged: bool
    stop_reason: str
    tensors: dict[str, np.ndarray] = field(default_factory=dict)
    baseline_spaces: dict[str, np.ndarray] = field(default_factory=dict)
    updates: list[dict[str, float]] = field(default_factory=list)

    def health(self) -> dict[str, Any]:
        """Clusters in use, smallest cluster, entropy of sizes, least centre distance, label change an update."""
        record: dict[str, Any] = dict(health(torch.from_numpy(self.labels), torch.from_numpy(self.centers)))
        return record | {"label_change": [update["label_change"] for update in self.updates[1:]]}


@dataclass(frozen=True)
class Baseline:
    """A cheap system on the same features, run from several seeds."""

    name: str
    labels: list[np.ndarray]


class KMeans:
    """scikit-learn's k-means in the clustering space.

    Args:
        n_clusters: k.
        n_init: Starts; the best inertia wins.
        random_state: Seed.
    """

    name = "kmeans"

    def __init__(self, n_clusters: int, n_init: int = 10, random_state: int = 0) -> None:
        self.n_clusters, self.n_init, self.random_state = n_clusters, n_init, random_state

    def fit(self, data: MatrixDataModule, *, space: str = "features", **_: Any) -> Clustering:
        """Cluster `data.matrix` (n, d).

        Raises:
            ClusteringError: k does not fit the number of photos, or the data holds NaN.
        """
        x = check_matrix(data.matrix, self.n_clusters)
        model = kmeans(x, self.n_clusters, self.random_state, self.n_init)
        centers = model.cluster_centers_.astype(np.float32)
        scale = np.float32(model.inertia_ / len(x)) or np.float32(1)
        tensors = {"kernel_scale": np.array([scale])}
        probabilities = memberships(x, centers, float(scale))
        return Clustering(
            labels=probabilities.argmax(axis=1),
            centers=centers,
            probabilities=probabilities,
            embedding=x,
            space=space,
            n_iter=int(model.n_iter_),
            converged=model.n_iter_ < model.max_iter,
            stop_reason="centres no longer move" if model.n_iter_ < model.max_iter else "reached max_iter",
            tensors=tensors,
        )


class DEC:
    """Deep Embedded Clustering: pretrain an autoencoder, then refine by KL(P‖Q).

    The autoencoder does not depend on k: it is trained once per (features, architecture, seed) and read
    back from the cache by content hash.

    Args:
        n_clusters: k.
        hidden: Widths of the encoder's hidden layers.
        embedding: Width of the embedding.
        corruption: Share of inputs zeroed while pretraining.
        pretrain_epochs: Passes over the data, but at least `pretrain_min_steps` steps (few photos).
        pretrain_min_steps: See `pretrain_epochs`.
        update_interval: Steps between two targets; None: 0.6 of an epoch, at least 20 steps (with few
            photos a target at every step would chase itself, and the stopping rule would fire at once).
        max_updates: Targets at most, after the first.
        tol: Share of changed labels below which it stops.
        gamma: None for DEC, the weight of the KL term for IDEC.
        lr: Learning rate of the refinement.
        random_state: Seed.
    """

    name = "dec"

    def __init__(
        self,
        n_clusters: int,
        *,
        hidden: Sequence[int] = (500, 500, 2000),
        embedding: int = 10,
        corruption: float = 0.2,
        pretrain_epochs: int = 60,
        pretrain_min_steps: int = 500,
        update_interval: int | None = None,
        max_updates: int = 100,
        tol: float = 1e-3,
        gamma: float | None = None,
        lr: float = 0.01,
        random_state: int = 0,
    ) -> None:
        self.n_clusters, self.random_state = n_clusters, random_state
        self.hidden, self.embedding, self.corruption = tuple(hidden), embedding, corruption
        self.pretrain_epochs, self.pretrain_min_steps = pretrain_epochs, pretrain_min_steps
        self.update_interval, self.max_updates, self.tol = update_interval, max_updates, tol
        self.gamma, self.lr = gamma, lr

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
        x = torch.from_numpy(check_matrix(data.matrix, self.n_clusters))
        try:
            scale = input_scale(x)
        except ValueError as error:
            raise ClusteringError("The features cannot be scaled", where=space, why=error) from None
        scaled = MatrixDataModule((x * scale).numpy(), batch_size=data.batch_size, seed=self.random_state)
        autoencoder = self._pretrained(scaled, trainer, logger, cache_dir)
        with torch.inference_mode():
            z0 = torch.cat([autoencoder.encoder(chunk) for chunk in (x * scale).split(8192)]).numpy()
        start = kmeans(z0, self.n_clusters, self.random_state, n_init=20)

        pl.seed_everything(self.random_state, workers=True, verbose=False)
        interval = self.update_interval or max(20, round(0.6 * len(x) / data.batch_size))
        module = RefinementModule(
            autoencoder,
            x * scale,
            torch.from_numpy(start.cluster_centers_.astype(np.float32)),
            update_interval=interval,
            tol=self.tol,
            gamma=self.gamma,
            lr=self.lr,
        )
        steps = interval * self.max_updates + 1  # the last step's target check still runs
        progress = PhaseProgress(f"{self.name} refine (at most)", steps)
        fitted = trainer(max_steps=steps, max_epochs=-1, logger=logger, callbacks=[progress], **_PHASE)
        fit_phase(fitted, module, scaled)
        module.cpu()
        log_q, z = module.log_q(), module.embed()
        encoder = {f"encoder.{k}": v.numpy() for k, v in autoencoder.encoder.state_dict().items()}
        probabilities = log_q.exp().numpy()
        return Clustering(
            labels=probabilities.argmax(axis=1),
            centers=module.centers.detach().numpy(),
            probabilities=probabilities,
            embedding=z.numpy(),
            space=f"{self.name} embedding ({self.embedding}-d)",
            n_iter=module.step,
            converged=module.converged,
            stop_reason=module.stop_reason,
            tensors={
                "scale": np.array([float(scale)], np.float32),
                "kernel_scale": np.ones(1, np.float32),
                **encoder,
            },
            baseline_spaces={"AE + k-means": z0},
            updates=module.health,
        )

    def _pretrained(
        self,
        data: MatrixDataModule,
        trainer: TrainerFactory,
        logger: Logger | Sequence[Logger] | bool,
        cache_dir: str | Path | None,
    ) -> Autoencoder:
        precision = "bf16-mixed" if processor_has("bfloat16") else "32-true"
        per_epoch = -(-len(data.matrix) // min(data.batch_size, len(data.matrix)))
        epochs = max(self.pretrain_epochs, -(-self.pretrain_min_steps // per_epoch))
        recipe = [
            data.matrix.shape,
            self.hidden,
            self.embedding,
            self.corruption,
            epochs,
            data.batch_size,
            self.random_state,
            precision,
        ]
        key = hashlib.sha256(json.dumps(recipe).encode() + data.matrix.tobytes()).hexdigest()
        path = Path(cache_dir) / "autoencoders" / f"{key}.safetensors" if cache_dir else None

        pl.seed_everything(self.random_state, workers=True, verbose=False)
        autoencoder = Autoencoder(data.matrix.shape[1], self.hidden, self.embedding, self.corruption)
        if path and path.is_file():
            try:
                autoencoder.load_state_dict(load_file(path))
                log.info("Reusing the pretrained autoencoder %s", path.name[:12])
                return autoencoder
            except (SafetensorError, RuntimeError) as error:
                log.warning("Deleting the damaged cache file %s (%s)", path, error)
                path.unlink()
        progress = PhaseProgress("pretrain autoencoder", epochs * per_epoch)
        fitted = trainer(max_epochs=epochs, logger=logger, callbacks=[progress], **_PHASE | {"precision": precision})
        fit_phase(fitted, ReconstructionModule(autoencoder), data)
        autoencoder.cpu()
        if path:
            with writing(path) as partial:
                save_file(autoencoder.state_dict(), partial)
        return autoencoder


class IDEC(DEC):
    """DEC with the reconstruction kept in the loss (Guo et al., IJCAI 2017): gamma 0.1, Adam 1e-3."""

    name = "idec"

    def __init__(self, n_clusters: int, *, gamma: float = 0.1, lr: float = 1e-3, **options: Any) -> None:
        super().__init__(n_clusters, gamma=gamma, lr=lr, **options)


_PHASE: dict[str, Any] = {
    "precision": "32-true",
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
    "log_every_n_steps": 1,
}


def fit_phase(trainer: pl.Trainer, module: pl.LightningModule, data: MatrixDataModule) -> None:
    """Run one phase on a fresh trainer.

    Lightning turns Ctrl-C into an exit (older ones swallow it and return); here it goes on as the
    interruption it is.

    Raises:
        KeyboardInterrupt: The user stopped it.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
        try:
            trainer.fit(module, datamodule=data)
        except SystemExit as stop:
            if not isinstance(stop.__context__, KeyboardInterrupt):
                raise
    if trainer.interrupted:
        raise KeyboardInterrupt


def kmeans(x: np.ndarray, n_clusters: int, random_state: int, n_init: int = 10) -> Any:
    """Fit scikit-learn's KMeans; fewer distinct rows than clusters is allowed (some stay empty)."""
    from sklearn.cluster import KMeans as SklearnKMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the health record says it
        return SklearnKMeans(n_clusters, n_init=n_init, random_state=random_state).fit(x)


def plane_kmeans(k: int) -> Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]:
    """The study's pipeline, for nulls: features and a seed to their PCA-2 plane and its k-means labels."""

    def pipeline(features: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        plane, _ = display_plane(features)
        return plane, kmeans(plane, k, seed, n_init=3).labels_

    return pipeline


def memberships(z: np.ndarray, centers: np.ndarray, kernel_scale: float = 1.0) -> np.ndarray:
    """Student-t similarity (DEC, eq. 1) of z (n, d) to centres (k, d), distances² in units of `kernel_scale`."""
    root = kernel_scale**0.5
    q = log_soft_assignment(torch.from_numpy(z / root).double(), torch.from_numpy(centers / root).double()).exp()
    return q.float().numpy()


def check_matrix(x: np.ndarray, n_clusters: int) -> np.ndarray:
    """Refuse what cannot be clustered.

    Raises:
        ClusteringError: k < 2, k > n, or NaN or infinity in the matrix.
    """
    if not 2 <= n_clusters <= len(x):
        photos = "1 photo" if len(x) == 1 else f"{len(x)} photos"
        raise ClusteringError(
            f"{photos} cannot be put into {n_clusters} groups",
            where="k",
            why="k must be at least 2 and at most the number of photos",
            fix=f"choose k between 2 and {len(x)}, or add photos" if len(x) > 1 else "add photos",
        )
    bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if len(bad):
        why = f"{len(bad)} of {len(x)} rows, the first is row {bad[0]}"
        raise ClusteringError("The features hold NaN or infinity", where="features", why=why, fix="delete the cache")
    return np.ascontiguousarray(x, dtype=np.float32)


def baselines(features: np.ndarray, clustering: Clustering, k: int, *, n_seeds: int = 10) -> list[Baseline]:
    """Plain k-means from `n_seeds` seeds: on the features, and in the method's own starting spaces.

    For DEC and IDEC these are the autoencoder's embedding and a PCA of the same width.
    """
    spaces = {"k-means on the features": features}
    for name, z0 in clustering.baseline_spaces.items():
        width = min(z0.shape[1], *features.shape)
        spaces[f"PCA-{width} + k-means"] = PCAReduction(width).fit_transform(features)
        spaces[name] = z0
    return [Baseline(name, [kmeans(x, k, seed).labels_ for seed in range(n_seeds)]) for name, x in spaces.items()]


def assign(features: np.ndarray, tensors: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Give new photos to the clusters of a stored model.

    Args:
        features: Backbone outputs of the new photos (m, d).
        tensors: `model.safetensors` of the run.

    Returns:
        Probabilities (m, k) and the photos in the clustering space (m, d').
    """
    z = project(features.astype(np.float32), tensors)
    encoder = {k.removeprefix("encoder."): torch.from_numpy(v) for k, v in tensors.items() if k.startswith("encoder.")}
    if encoder:
        with torch.inference_mode():
            z = mlp_from_state(encoder)(torch.from_numpy(z * tensors["scale"])).numpy()
    return memberships(z, tensors["centers"], float(tensors["kernel_scale"][0])), z

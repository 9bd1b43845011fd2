"""Lightning around `dec.py`: reconstruction first, then KL refinement against a whole-data target."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from tqdm import tqdm

from cafemood.datamodule import Batch
from cafemood.dec import (
    Autoencoder,
    clustering_loss,
    log_soft_assignment,
    reconstruction_loss,
    target_distribution,
)
from cafemood.errors import ClusteringError

CHUNK = 8192
"""Rows a pass when the whole data set is embedded: bounds memory, changes nothing."""


class ReconstructionModule(pl.LightningModule):
    """Train a denoising autoencoder end to end: Adam, one-cycle schedule.

    Args:
        autoencoder: The network, trained in place.
        lr: The schedule's peak.
    """

    def __init__(self, autoencoder: Autoencoder, lr: float = 1e-3) -> None:
        super().__init__()
        self.autoencoder, self.lr = autoencoder, lr

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Half the mean squared error of the reconstruction of the uncorrupted input."""
        _, reconstruction = self.autoencoder(batch["features"])
        loss = reconstruction_loss(reconstruction, batch["features"])
        self.log("pretrain/loss", loss, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self) -> Any:
        """Adam under a one-cycle schedule over all steps of the fit."""
        optimizer = torch.optim.Adam(self.parameters(), lr=self.lr)
        steps = int(self.trainer.estimated_stepping_batches)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.lr, total_steps=max(steps, 2))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class RefinementModule(pl.LightningModule):
    """Refine embedding and centres by KL(P‖Q) (DEC), with the reconstruction kept in the loss (IDEC).

    P is computed from the whole data set in evaluation mode every `update_interval` steps and looked up
    by index. Training stops when fewer than `tol` of the labels change between two updates, never at the
    first one.

    Args:
        autoencoder: Pretrained; its encoder (and for IDEC its decoder) is refined in place.
        matrix: The whole scaled data set (n, d).
        centers: Starting centres in the embedding (k, embedding).
        update_interval: Steps between two targets.
        tol: Share of changed labels below which it stops.
        gamma: None for DEC; for IDEC the weight of the KL term beside the reconstruction.
        lr: Learning rate: SGD with momentum 0.9 for DEC, Adam for IDEC (as each paper has it).
    """

    matrix: Tensor
    p: Tensor
    last_labels: Tensor
    stop_reason: str

    def __init__(
        self,
        autoencoder: Autoencoder,
        matrix: Tensor,
        centers: Tensor,
        *,
        update_interval: int,
        tol: float = 1e-3,
        gamma: float | None = None,
        lr: float = 0.01,
    ) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.centers = nn.Parameter(centers.clone())
        self.update_interval, self.tol, self.gamma, self.lr = update_interval, tol, gamma, lr
        self.register_buffer("matrix", matrix, persistent=False)
        self.register_buffer("p", torch.zeros(len(matrix), len(centers)))
        self.register_buffer("last_labels", torch.full((len(matrix),), -1))
        self.step = 0
        self.converged = False
        self.stop_reason = "reached the largest number of updates"
        self.health: list[dict[str, float]] = []

    @torch.no_grad()
    def embed(self) -> Tensor:
        """The whole data set's embedding (n, embedding), in evaluation mode and in order."""
        return torch.cat([self.autoencoder.encoder(chunk) for chunk in self.matrix.split(CHUNK)])

    @torch.no_grad()
    def log_q(self) -> Tensor:
        """Soft assignment of the whole data set (n, k)."""
        return torch.cat([log_soft_assignment(z, self.centers) for z in self.embed().split(CHUNK)])

    def on_fit_start(self) -> None:
        """Refuse several devices: each would see its own part of P only."""
        if self.trainer.world_size > 1:
            raise ClusteringError(
                "DEC runs on one device",
                where="trainer.devices",
                why="its target needs all rows",
                fix="trainer=auto",
            )

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> int | None:
        """Every `update_interval` steps: a new target, the health record, and the stopping rule."""
        if self.step % self.update_interval == 0 and self._update_target():
            self.trainer.should_stop = True
            return -1
        return None

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """KL(P‖Q) of the batch, for IDEC plus its reconstruction."""
        x = batch["features"]
        z = self.autoencoder.encoder(x)
        loss = clustering_loss(log_soft_assignment(z, self.centers), self.p[batch["index"]])
        if self.gamma is not None:
            loss = reconstruction_loss(self.autoencoder.decoder(z), x) + self.gamma * loss
        self.step += 1
        self.log("refine/loss", loss, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """SGD 0.01 / 0.9 for DEC; Adam for IDEC."""
        if self.gamma is not None:
            return torch.optim.Adam(self.parameters(), lr=self.lr)
        parameters = [*self.autoencoder.encoder.parameters(), self.centers]
        return torch.optim.SGD(parameters, lr=self.lr, momentum=0.9)

    def _update_target(self) -> bool:
        log_q = self.log_q()
        q = log_q.exp()
        self.p.copy_(target_distribution(q))
        labels = q.argmax(dim=1)
        first = bool((self.last_labels < 0).all())
        changed = 1.0 if first else float((labels != self.last_labels).float().mean())
        self.last_labels.copy_(labels)
        self.health.append({"step": self.step, "label_change": changed} | health(labels, self.centers))
        if not first and changed < self.tol:
            self.converged = True
            self.stop_reason = f"fewer than {self.tol:.1%} of the labels changed between two targets"
        return self.converged


@torch.no_grad()
def health(labels: Tensor, centers: Tensor) -> dict[str, float]:
    """Is the clustering alive: clusters in use, smallest cluster, entropy of sizes (nats), least centre distance."""
    sizes = torch.bincount(labels, minlength=len(centers)).double()
    share = sizes[sizes > 0] / sizes.sum()
    distances = torch.pdist(centers.double())
    return {
        "clusters_in_use": int((sizes > 0).sum()),
        "smallest_cluster": int(sizes.min()),
        "size_entropy": float((share * (1 / share).log()).sum()),
        "least_centre_distance": float(distances.min()) if len(distances) else float("nan"),
    }


class PhaseProgress(pl.Callback):
    """One bar for a whole phase, in steps, with rate and time left.

    Args:
        description: What stands before the bar.
        total: Steps at most.
    """

    def __init__(self, description: str, total: int) -> None:
        self.bar: tqdm[Any] = tqdm(total=total, desc=description, unit="step", leave=True)

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        """One step further."""
        self.bar.update()

    def on_train_epoch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        """Show the loss."""
        shown = {key.split("/")[-1]: f"{float(value):.4g}" for key, value in trainer.logged_metrics.items()}
        self.bar.set_postfix(shown, refresh=False)

    def teardown(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        """Leave the finished bar on screen."""
        self.bar.close()

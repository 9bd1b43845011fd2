"""Lightning around `dec.py`: reconstruction first, then KL refinement against a whole-data target."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cafemood.clustering.autoencoder import Autoencoder, LayerAutoencoder
from cafemood.clustering.base import health
from cafemood.clustering.functional import (
    clustering_loss,
    log_soft_assignment,
    reconstruction_loss,
    target_distribution,
)
from cafemood.clustering.rows import CHUNK, Batch, Rows
from cafemood.errors import ClusteringError

log = logging.getLogger(__name__)


class PhaseModule(pl.LightningModule):
    """What both phases share: one device, and random numbers that a checkpoint takes along."""

    _random: dict[str, Tensor] | None = None

    def on_fit_start(self) -> None:
        """Refuse several devices: DEC's target needs all rows, and each would see its own part only."""
        refuse_several_devices(self.trainer)

    def on_train_start(self) -> None:
        """Go on with the random numbers of the checkpoint, if there is one."""
        if self._random is not None:
            torch.set_rng_state(self._random["cpu"].cpu())
            if "cuda" in self._random:
                torch.cuda.set_rng_state(self._random["cuda"].cpu())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the state of the random numbers."""
        checkpoint["random"] = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            checkpoint["random"]["cuda"] = torch.cuda.get_rng_state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """See `on_train_start`."""
        self._random = checkpoint["random"]


class ReconstructionModule(PhaseModule):
    """Train an autoencoder, or one layer of it.

    Args:
        network: Has `loss(x)`; trained in place.
        parameters: Those to train; None: all.
        optimizer: `adam` under a one-cycle schedule, or the paper's `sgd`: momentum that ramps up to 0.9,
            biases at twice the rate, the rate divided by ten from time to time.
        lr: The schedule's peak; for `sgd` its start.
        steps: Of the whole phase.
        drop_every: `sgd`: steps between two divisions by ten.
        ramp: `sgd`: steps until momentum is 0.9.
    """

    def __init__(
        self,
        network: Autoencoder | LayerAutoencoder,
        *,
        steps: int,
        parameters: Sequence[nn.Parameter] | None = None,
        optimizer: str = "adam",
        lr: float = 1e-3,
        drop_every: int = 20_000,
        ramp: int = 1_000,
    ) -> None:
        super().__init__()
        self.network, self.lr, self.steps, self.kind = network, lr, steps, optimizer
        self.trained = list(network.parameters()) if parameters is None else list(parameters)
        self.drop_every, self.ramp = drop_every, ramp
        self._sum, self._n = torch.zeros(()), 0

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Half the mean squared error of the reconstruction of the uncorrupted input."""
        loss = self.network.loss(batch["features"])
        self._sum, self._n = self._sum.to(loss.device) + loss.detach(), self._n + 1
        return loss

    def on_train_epoch_end(self) -> None:
        """Log the epoch's mean loss: by hand, since Lightning's own means cost more than a small step."""
        self.log("pretrain/loss", self._sum / max(self._n, 1))
        self._sum, self._n = torch.zeros(()), 0

    def configure_optimizers(self) -> Any:
        """Adam under one cycle, or SGD as the authors' code has it."""
        if self.kind == "adam":
            optimizer: torch.optim.Optimizer = torch.optim.Adam(self.trained, lr=self.lr, fused=True)
            scheduler: Any = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.lr, total_steps=max(self.steps, 2))
        else:
            groups: list[dict[str, Any]] = [{"params": [p for p in self.trained if p.dim() > 1]}]
            groups += [{"params": [p for p in self.trained if p.dim() == 1], "lr": 2 * self.lr}]
            optimizer = torch.optim.SGD(groups, lr=self.lr, momentum=0.9, fused=True)
            scheduler = torch.optim.lr_scheduler.StepLR(optimizer, max(self.drop_every, 1), gamma=0.1)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Ramp the momentum up."""
        if self.kind == "sgd":
            for group in self.trainer.optimizers[0].param_groups:
                group["momentum"] = 0.9 * min(1.0, self.global_step / max(self.ramp, 1))


class RefinementModule(PhaseModule):
    """Refine embedding and centres by KL(P‖Q) (DEC), with the reconstruction kept in the loss (IDEC).

    P is computed from the whole data set in evaluation mode every `update_interval` steps and looked up
    by index. Training stops when fewer than `tol` of the labels change between two updates, never at the
    first one and never before an interval towards equation 3 (a partition's intervals don't count). A
    checkpoint holds all of it, so that a run taken up again ends bit for bit as it would have.

    Args:
        autoencoder: Pretrained; its encoder (and for IDEC its decoder) is refined in place.
        rows: The whole scaled data set (n, d).
        centers: Starting centres in the embedding (k, embedding).
        update_interval: Steps between two targets.
        tol: Share of changed labels below which it stops.
        gamma: None for DEC; for IDEC the weight of the KL term beside the reconstruction.
        lr: Learning rate: SGD with momentum 0.9 for DEC, Adam for IDEC (as each paper has it).
        partition: If given, labels (n,) that are the target of the first `partition_updates` intervals.
        partition_updates: See `partition`.
    """

    p: Tensor
    last_labels: Tensor
    partition: Tensor
    stop_reason: str

    def __init__(
        self,
        autoencoder: Autoencoder,
        rows: Rows,
        centers: Tensor,
        *,
        update_interval: int,
        tol: float = 1e-3,
        gamma: float | None = None,
        lr: float = 0.01,
        partition: Tensor | None = None,
        partition_updates: int = 0,
    ) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.centers = nn.Parameter(centers.clone())
        self.update_interval, self.tol, self.gamma, self.lr = update_interval, tol, gamma, lr
        self.partition_updates = partition_updates if partition is not None else 0
        self.rows = rows
        self.register_buffer("partition", partition, persistent=False)
        self.register_buffer("p", torch.zeros(len(rows), len(centers)))
        self.register_buffer("last_labels", torch.full((len(rows),), -1))
        self.step = 0
        self.converged = False
        self.stop_reason = "reached the largest number of updates"
        self.health: list[dict[str, float]] = []

    @torch.no_grad()
    def embed(self) -> Tensor:
        """The whole data set's embedding (n, embedding), in evaluation mode and in order."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            chunks = (chunk.to(self.device) for chunk in self.rows.split(CHUNK))
            return torch.cat([self.autoencoder.encoder(chunk).to(chunk.dtype) for chunk in chunks])

    @torch.no_grad()
    def log_q(self, z: Tensor | None = None) -> Tensor:
        """Soft assignment (n, k) of the whole data set, whose embedding (n, embedding) may be known."""
        chunks = (self.embed() if z is None else z).split(CHUNK)
        return torch.cat([log_soft_assignment(chunk, self.centers) for chunk in chunks])

    @property
    def _half(self) -> bool:
        """While it trains, targets are computed in the precision of the steps; afterwards in float32."""
        return self._trainer is not None and self._trainer.training and self._trainer.precision == "bf16-mixed"

    def on_fit_start(self) -> None:
        """Have the rows on the device that trains."""
        super().on_fit_start()
        self.rows = self.rows.to(self.device)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> int | None:
        """Every `update_interval` steps: a new target, the health record, and the stopping rule."""
        # converged already: taken up again after its end
        if self.converged or (self.step % self.update_interval == 0 and self._update_target()):
            self.trainer.should_stop = True
            return -1
        return None

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """KL(P‖Q) of the batch, for IDEC plus its reconstruction."""
        x = batch["features"]
        z = self.autoencoder.encoder(x)
        with torch.autocast(self.device.type, enabled=False):
            loss = clustering_loss(log_soft_assignment(z.to(x.dtype), self.centers), self.p[batch["index"]])
        if self.gamma is not None:
            loss = reconstruction_loss(self.autoencoder.decoder(z), x) + self.gamma * loss
        self.step += 1
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """SGD 0.01 / 0.9 for DEC; Adam for IDEC."""
        if self.gamma is not None:
            return torch.optim.Adam(self.parameters(), lr=self.lr, fused=True)
        parameters = [*self.autoencoder.encoder.parameters(), self.centers]
        return torch.optim.SGD(parameters, lr=self.lr, momentum=0.9, fused=True)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what is neither a parameter nor a buffer."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["refinement"] = {name: getattr(self, name) for name in _KEPT}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up step, health and the verdict of the stopping rule."""
        super().on_load_checkpoint(checkpoint)
        for name in _KEPT:
            setattr(self, name, checkpoint["refinement"][name])

    def _update_target(self) -> bool:
        log_q = self.log_q()
        q = log_q.exp()
        labels = q.argmax(dim=1)
        first = not self.health
        record = {
            "step": self.step,
            "label_change": 1.0 if first else float((labels != self.last_labels).float().mean()),
            "loss": float(clustering_loss(log_q, target_distribution(q))),
        }
        if not math.isfinite(record["loss"]):
            raise ClusteringError(
                "DEC diverged",
                where="method.lr",
                why=f"after {self.step} steps the soft assignment is not finite",
                fix=f"take a smaller learning rate than {self.lr:g}",
            )
        self.health.append(record | health(labels.cpu().numpy(), self.centers.detach().cpu().numpy()))
        self._say_collapse()
        warm = len(self.health) <= self.partition_updates
        self.p.copy_(F.one_hot(self.partition, q.shape[1]) if warm else target_distribution(q))
        self.last_labels.copy_(labels)
        self.log_dict({f"refine/{key}": float(value) for key, value in self.health[-1].items() if key != "step"})
        # labels on both sides of a step towards the partition say nothing of eq. 3
        settled = len(self.health) > (self.partition_updates + 1 if self.partition_updates else 1)
        if settled and record["label_change"] < self.tol:
            self.converged = True
            self.stop_reason = f"fewer than {self.tol:.1%} of the labels changed between two targets"
        return self.converged

    def _say_collapse(self) -> None:
        """Warn when a cluster loses its last photo: once for each that is lost."""
        used, k = self.health[-1]["clusters_in_use"], len(self.centers)
        if used < min((record["clusters_in_use"] for record in self.health[:-1]), default=k):
            log.warning("After %d steps only %d of %d groups hold any photo", self.step, used, k)


_KEPT = ("step", "converged", "stop_reason", "health")


def refuse_several_devices(trainer: pl.Trainer) -> None:
    """Check a trainer before anything is computed.

    Raises:
        ClusteringError: It has more than one device.
    """
    if trainer.world_size > 1:
        raise ClusteringError(
            "DEC runs on one device",
            where="trainer.devices",
            why="its target needs all rows",
            fix="trainer=auto",
        )

"""Pretrain the autoencoder once per (features, architecture, seed), and keep it by content hash."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from torch import Tensor, nn

from cafemood.clustering.autoencoder import Autoencoder, LayerAutoencoder
from cafemood.clustering.base import check_matrix
from cafemood.clustering.callbacks import Checkpoints, PhaseProgress
from cafemood.clustering.functional import input_scale, reconstruction_loss
from cafemood.clustering.modules import CHUNK, ReconstructionModule, refuse_several_devices
from cafemood.clustering.rows import MatrixDataModule, Rows
from cafemood.core import chunks
from cafemood.core.atomic import keep, read_cached
from cafemood.core.devices import processor_has
from cafemood.core.reasons import DAMAGED, reason_of
from cafemood.errors import ClusteringError

log = logging.getLogger(__name__)

TrainerFactory = Callable[..., pl.Trainer]

LAYER_STEPS, FINE_TUNING_STEPS, DROP_EVERY, RAMP = 50_000, 100_000, 20_000, 1_000
"""The authors' schedule (their Caffe code), made for about 60,000 rows in batches of 256."""
PAPER_EPOCHS = LAYER_STEPS * 256 / 60_000
"""A layer's share of it in passes over the data: with 3,000 photos 50,000 steps would be 4,000 passes."""

MEAN_SQUARE = {"fast": 1.0, "paper": 2.92}
"""Of the scaled features (mean ‖x‖²/d). The paper says about 1, but its authors multiply MNIST's bytes by 0.02, and
it is 2.92 that their SGD goes with: it acts as a learning rate three times as large, and at 1 theirs is too small
(k-means on the MNIST embedding after all its passes: 0.73 at 1, 0.82 at 2.92, and the paper's is 0.82)."""

FAST_EPOCHS, MOST_EPOCHS = 40, 400
LARGE, LARGER = 20_000, 4
"""Rows from which the fast mode's batches are so many times as large: 256 rows don't fill a processor."""

PHASE: dict[str, Any] = {
    "max_epochs": -1,  # the phase ends by its steps
    "precision": "32-true",
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
    "log_every_n_steps": 1,
}


@dataclass(frozen=True)
class Surroundings:
    """Where a method is trained: trainers, loggers, and the folder that keeps what is dear.

    Attributes:
        trainer: Makes a new trainer for each phase (a second fit on one does nothing).
        logger: Lightning's.
        cache_dir: Holds autoencoders and the checkpoints of unfinished phases; None: nothing is kept.
    """

    trainer: TrainerFactory = pl.Trainer
    logger: Logger | Sequence[Logger] | bool = False
    cache_dir: Path | None = None

    def checkpoint(self, key: str) -> Path | None:
        """The file of an unfinished phase."""
        return self.cache_dir / "unfinished" / f"{key}.ckpt" if self.cache_dir else None

    def fit(self, module: pl.LightningModule, data: MatrixDataModule, name: str, steps: int, key: str) -> Path | None:
        """Run one phase on a new trainer, from its checkpoint if there is one.

        Args:
            module: What is trained.
            data: Its rows.
            name: Stands before the progress bar.
            steps: At most.
            key: Of the phase: the same for the same data, recipe and seed.

        Returns:
            The checkpoint's path; whoever has stored the result deletes it.
        """
        path, bar = self.checkpoint(key), PhaseProgress(name, steps)
        callbacks: list[pl.Callback] = [bar, *([Checkpoints(path)] if path else [])]
        options = PHASE | {"precision": precision()}
        trainer = self.trainer(max_steps=steps, logger=self.logger, callbacks=callbacks, **options)
        refuse_several_devices(trainer)
        known = path if path and _readable(path) else None
        if known:
            log.info("Going on with “%s” where it was stopped", name)
        fit_phase(trainer, module, data, checkpoint=known)
        return path


@dataclass(frozen=True)
class Phase:
    """One part of the pretraining."""

    name: str
    network: Autoencoder | LayerAutoencoder
    steps: int
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Pretraining:
    """How an autoencoder is made: `fast` end to end by Adam, `paper` layer by layer and then whole by SGD.

    Attributes:
        mode: `fast` or `paper`.
        hidden: Widths of the encoder's hidden layers.
        embedding: Width of the embedding.
        corruption: Share of zeroed entries.
        epochs: Passes over the data, in the paper's mode for each layer (and twice as many end to end);
            None: the mode's own, 40 and 213.
        min_steps: Steps a phase at least, as long as that is not more than 400 passes.
        literal: `paper`: the authors' iterations as printed, whatever the number of rows.
        seed: Of weights, noise and order.
    """

    mode: str = "fast"
    hidden: tuple[int, ...] = (500, 500, 2000)
    embedding: int = 10
    corruption: float = 0.2
    epochs: int | None = None
    min_steps: int = 2000
    literal: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in ("fast", "paper"):
            raise ClusteringError(f"Unknown mode {self.mode!r}", where="method.mode", fix="use fast or paper")
        if not 0 <= self.corruption < 1:
            why = "it is the share of entries set to zero"
            fix = "take 0 to 0.9"
            raise ClusteringError(f"corruption={self.corruption}", where="method.corruption", why=why, fix=fix)

    def batch_size(self, n: int, batch_size: int) -> int:
        """Rows a batch for n rows."""
        return min(n, LARGER * batch_size if self._larger(n) else batch_size)

    def _larger(self, n: int) -> bool:
        return self.mode == "fast" and n >= LARGE

    def phases(self, autoencoder: Autoencoder, n: int, batch_size: int) -> list[Phase]:
        """The schedule for n rows.

        Args:
            autoencoder: What is trained.
            n: Rows.
            batch_size: Of `batch_size`.
        """
        per_epoch = -(-n // batch_size)
        if self.mode == "fast":
            at_least = min(self.min_steps, MOST_EPOCHS * per_epoch)
            steps = max(per_epoch * (FAST_EPOCHS if self.epochs is None else self.epochs), at_least)
            lr = 1e-3 * (LARGER**0.5 if self._larger(n) else 1)
            return [Phase("pretrain autoencoder", autoencoder, steps, {"optimizer": "adam", "lr": lr})]
        epochs = PAPER_EPOCHS if self.epochs is None else self.epochs
        at_least = min(self.min_steps, MOST_EPOCHS * per_epoch)
        layer = LAYER_STEPS if self.literal else max(round(per_epoch * epochs), at_least)
        sgd = {"optimizer": "sgd", "lr": 0.1}
        sgd |= {"drop_every": layer * DROP_EVERY // LAYER_STEPS, "ramp": layer * RAMP // LAYER_STEPS}
        n_layers = len(self.hidden) + 1
        found = []
        for i in range(n_layers):
            part = LayerAutoencoder(autoencoder, i, self.corruption)
            found.append(Phase(f"pretrain layer {i + 1}/{n_layers}", part, layer, sgd | {"parameters": part.trained()}))
        whole = layer * FINE_TUNING_STEPS // LAYER_STEPS
        return [*found, Phase("fine-tune autoencoder", autoencoder, whole, sgd)]

    def key(self, x: Rows, batch_size: int) -> str:
        """Hash of the numbers and of all that the result depends on.

        Args:
            x: The scaled features (n, d).
            batch_size: Rows a batch.
        """
        recipe: list[Any] = [VERSION[self.mode], list(x.shape), vars(self), batch_size, precision()]
        recipe += [] if x.held else ["read in blocks"]  # another order of the same rows: another network
        digest = hashlib.sha256(json.dumps(recipe).encode())
        for chunk in x.split(CHUNK):
            digest.update(chunk.numpy().data)
        return digest.hexdigest()

    def run(self, x: Rows, batch_size: int, around: Surroundings) -> tuple[Autoencoder, str]:
        """Train an autoencoder on x (n, d), or read it from the cache.

        Args:
            x: The scaled features.
            batch_size: Rows a batch, before `batch_size`.
            around: Trainers, loggers, cache.

        Returns:
            The autoencoder in evaluation mode, on the CPU, and its key.
        """
        batch_size = self.batch_size(len(x), batch_size)
        key = self.key(x, batch_size)
        pl.seed_everything(self.seed, workers=True, verbose=False)
        paper = self.mode == "paper"
        autoencoder = Autoencoder(x.shape[1], self.hidden, self.embedding, 0 if paper else self.corruption)
        if paper:
            autoencoder.apply(_papers_weights)
        path = around.cache_dir / "autoencoders" / f"{key}.safetensors" if around.cache_dir else None
        if known := read_cached(path, autoencoder.state_dict()):
            autoencoder.load_state_dict({name: torch.from_numpy(value) for name, value in known.items()})
            log.info("Reusing the pretrained autoencoder %s", key[:12])
            return autoencoder.eval(), key
        phases = self.phases(autoencoder, len(x), batch_size)
        self._say_how_long(phases, x, batch_size, around)
        data = MatrixDataModule(x, batch_size=batch_size, seed=self.seed)
        unfinished = []
        for i, phase in enumerate(phases):
            pl.seed_everything(self.seed + i, workers=True, verbose=False)
            module = ReconstructionModule(phase.network, steps=phase.steps, **phase.options)
            unfinished.append(around.fit(module, data, phase.name, phase.steps, f"{key}.{i}"))
            module.cpu()
        autoencoder.eval()
        self._check(autoencoder, x)
        keep(path, {name: value.numpy() for name, value in autoencoder.state_dict().items()})
        for checkpoint in unfinished:
            if checkpoint:
                checkpoint.unlink(missing_ok=True)
        return autoencoder, key

    def _say_how_long(self, phases: list[Phase], x: Rows, batch_size: int, around: Surroundings) -> None:
        steps = sum(phase.steps for phase in phases)
        trainer = around.trainer(logger=False, **PHASE)
        refuse_several_devices(trainer)
        device = trainer.strategy.root_device
        batch = x[torch.arange(batch_size)].to(device)
        seconds = sum(phase.steps * seconds_per_step(phase.network, batch, phase.options) for phase in phases)
        log.info("Pretraining: %s steps of %d rows, about %s", f"{steps:,}", batch_size, duration(seconds))

    def _check(self, autoencoder: Autoencoder, x: Rows) -> None:
        with torch.inference_mode():
            rows = x[torch.arange(0, len(x), max(1, len(x) // 2000))]
            error = float(reconstruction_loss(autoencoder(rows)[1], rows))
        if not error < float("inf"):
            raise ClusteringError(
                "The autoencoder diverged",
                where="method",
                why="its reconstruction is not finite",
                fix="look for a few rows that are much larger than the rest, or put reduce=pca before it",
            )


VERSION = {"fast": 2, "paper": 3}
"""Of what `Pretraining` does: raise a mode's when the same recipe gives another network."""


def precision() -> str:
    """Lightning's precision for both phases: half where the processor has it, with weights in float32."""
    return "bf16-mixed" if processor_has("bfloat16") else "32-true"


def seconds_per_step(
    network: Autoencoder | LayerAutoencoder, x: Tensor, options: dict[str, Any], steps: int = 3
) -> float:
    """Time a few steps on a copy; random numbers go on as if nothing had been.

    Args:
        network: Has `loss(x)`.
        x: A batch, on the device that trains.
        options: Of `ReconstructionModule`.
        steps: Steps after a first one that does not count.
    """
    with torch.random.fork_rng():
        network = copy.deepcopy(network).to(x.device).train()
        kind = torch.optim.Adam if options["optimizer"] == "adam" else torch.optim.SGD
        optimizer = kind(network.parameters(), lr=1e-9, fused=True)
        start = 0.0
        for step in range(steps + 1):
            if step == 1:
                start = time.perf_counter()
            with torch.autocast(x.device.type, torch.bfloat16, enabled=precision() == "bf16-mixed"):
                loss = network.loss(x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        float(loss.detach())  # waits for the device
        return (time.perf_counter() - start) / steps


def duration(seconds: float) -> str:
    """Seconds in words: "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def fit_phase(
    trainer: pl.Trainer, module: pl.LightningModule, data: MatrixDataModule, *, checkpoint: Path | None = None
) -> None:
    """Run one phase on a fresh trainer.

    Lightning turns Ctrl-C into an exit (older ones swallow it and return); here it goes on as the
    interruption it is.

    Args:
        trainer: Fresh.
        module: What is trained.
        data: Its rows.
        checkpoint: Where to go on from.

    Raises:
        KeyboardInterrupt: The user stopped it.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
        warnings.filterwarnings("ignore", message=".*in eval mode at the start.*")  # refinement has no noise
        try:
            trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
        except SystemExit as stop:
            if not isinstance(stop.__context__, KeyboardInterrupt):
                raise
    if trainer.interrupted:
        raise KeyboardInterrupt


def _readable(path: Path) -> bool:
    """Whether a checkpoint is there and whole; a damaged one is deleted."""
    if not path.is_file():
        return False
    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and pickle raise a dozen kinds for a damaged file
        log.warning("Deleting the damaged checkpoint %s (%s)", path, reason_of(error, path, DAMAGED))
        path.unlink()
        return False
    return True


def _papers_weights(part: nn.Module) -> None:
    """N(0, 0.01²), biases 0: what layer-wise pretraining starts from."""
    if isinstance(part, nn.Linear):
        nn.init.normal_(part.weight, std=0.01)
        nn.init.zeros_(part.bias)


def scaled(x: np.ndarray, n_clusters: int, space: str, mean_square: float = 1.0) -> tuple[Rows, float]:
    """The features (n, d) times the one factor that brings their mean square to `mean_square`, and that factor.

    Raises:
        ClusteringError: k does not fit, or the features hold NaN or only zeros.
    """
    rows = check_matrix(x, n_clusters)
    try:
        scale = input_scale(torch.tensor(piece) for _, piece in chunks.read(rows)) * mean_square**0.5
    except ValueError:
        why = "the features are all zero, or not finite"
        raise ClusteringError("The features cannot be scaled", where=space, why=why) from None
    return Rows(rows, scale), scale


def embed(autoencoder: Autoencoder, x: Rows) -> np.ndarray:
    """The embedding of scaled rows (n, d), in float32."""
    with torch.inference_mode():
        return torch.cat([autoencoder.encoder(chunk) for chunk in x.split(CHUNK)]).numpy()


def encoder_tensors(autoencoder: Autoencoder, scale: float) -> dict[str, np.ndarray]:
    """What a run folder needs to embed new photos."""
    encoder = {f"encoder.{name}": value.numpy() for name, value in autoencoder.encoder.state_dict().items()}
    return {"scale": np.array([scale], np.float32), **encoder}

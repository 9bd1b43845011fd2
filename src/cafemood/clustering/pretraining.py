"""Pretrain the autoencoder once per (features, architecture, seed), and keep it by content hash."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cafemood.clustering import settings
from cafemood.clustering.autoencoder import Autoencoder, LayerAutoencoder, mlp_from_state
from cafemood.clustering.functional import input_scale, reconstruction_loss
from cafemood.clustering.modules import ReconstructionModule, refuse_several_devices
from cafemood.clustering.random_state import seed_all
from cafemood.clustering.rows import CHUNK, MatrixDataModule, Rows
from cafemood.clustering.training import PHASE, TrainingContext, precision, quiet_lightning
from cafemood.core import chunks
from cafemood.core.atomic import keep, read_cached
from cafemood.errors import ClusteringError

log = logging.getLogger(__name__)


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
        settings.check_mode(self.mode)
        settings.check_corruption(self.corruption)

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
        layers = []
        for i in range(n_layers):
            part = LayerAutoencoder(autoencoder, i, self.corruption)
            layers.append(
                Phase(f"pretrain layer {i + 1}/{n_layers}", part, layer, sgd | {"parameters": part.trained()})
            )
        whole = layer * FINE_TUNING_STEPS // LAYER_STEPS
        return [*layers, Phase("fine-tune autoencoder", autoencoder, whole, sgd)]

    def key(self, x: Rows, batch_size: int) -> str:
        """Hash of the numbers and of all that the result depends on.

        Args:
            x: The scaled features (n, d).
            batch_size: Rows a batch.
        """
        recipe: list[Any] = [VERSION[self.mode], list(x.shape), vars(self), batch_size, precision()]
        recipe += [] if x.in_memory else ["read in blocks"]  # another order of the same rows: another network
        digest = hashlib.sha256(json.dumps(recipe).encode())
        for chunk in x.split(CHUNK):
            digest.update(chunk.numpy().data)
        return digest.hexdigest()

    def run(self, x: Rows, batch_size: int, context: TrainingContext) -> tuple[Autoencoder, str]:
        """Train an autoencoder on x (n, d), or read it from the cache.

        Args:
            x: The scaled features.
            batch_size: Rows a batch, before `batch_size`.
            context: Trainers, loggers, cache.

        Returns:
            The autoencoder in evaluation mode, on the CPU, and its key.
        """
        batch_size = self.batch_size(len(x), batch_size)
        key = self.key(x, batch_size)
        seed_all(self.seed)
        paper = self.mode == "paper"
        autoencoder = Autoencoder(x.shape[1], self.hidden, self.embedding, 0 if paper else self.corruption)
        if paper:
            autoencoder.apply(_papers_weights)
        path = context.cache_dir / "autoencoders" / f"{key}.safetensors" if context.cache_dir else None
        if stored := read_cached(path, autoencoder.state_dict()):
            autoencoder.load_state_dict({name: torch.from_numpy(value) for name, value in stored.items()})
            log.info("Reusing the pretrained autoencoder %s", key[:12])
            return autoencoder.eval(), key
        phases = self.phases(autoencoder, len(x), batch_size)
        self._say_how_long(phases, x, batch_size, context)
        data = MatrixDataModule(x, batch_size=batch_size, seed=self.seed)
        unfinished = []
        for i, phase in enumerate(phases):
            seed_all(self.seed + i)
            module = ReconstructionModule(phase.network, steps=phase.steps, **phase.options)
            unfinished.append(context.fit(module, data, phase.name, phase.steps, f"{key}.{i}"))
            module.cpu()
        autoencoder.eval()
        self._check(autoencoder, x)
        keep(path, {name: value.numpy() for name, value in autoencoder.state_dict().items()})
        for checkpoint in unfinished:
            if checkpoint:
                checkpoint.unlink(missing_ok=True)
        return autoencoder, key

    def _say_how_long(self, phases: list[Phase], x: Rows, batch_size: int, context: TrainingContext) -> None:
        steps = sum(phase.steps for phase in phases)
        with nullcontext() if context.verbose else quiet_lightning():
            trainer = context.trainer(logger=False, **PHASE)
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


def _papers_weights(part: nn.Module) -> None:
    """N(0, 0.01²), biases 0: what layer-wise pretraining starts from."""
    if isinstance(part, nn.Linear):
        nn.init.normal_(part.weight, std=0.01)
        nn.init.zeros_(part.bias)


def scaled(x: np.ndarray, mean_square: float = 1.0) -> tuple[Rows, float]:
    """The features (n, d) times the one factor that brings their mean square to `mean_square`, and that factor.

    Raises:
        ClusteringError: The features hold only zeros, or are not finite.
    """
    try:
        scale = input_scale(torch.tensor(chunk) for _, chunk in chunks.read(x)) * mean_square**0.5
    except ValueError:
        why = "the features are all zero, or not finite"
        raise ClusteringError("The features cannot be scaled", where="features", why=why) from None
    return Rows(x, scale), scale


def encoded(x: np.ndarray, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """New rows (m, d) in the embedding of a stored encoder (m, embedding); see `encoder_tensors`."""
    state = {k.removeprefix("encoder."): torch.from_numpy(v) for k, v in tensors.items() if k.startswith("encoder.")}
    with torch.inference_mode():
        return mlp_from_state(state)(torch.from_numpy(x * tensors["scale"])).numpy()


def embed(autoencoder: Autoencoder, x: Rows) -> np.ndarray:
    """The embedding of scaled rows (n, d), in float32."""
    with torch.inference_mode():
        return torch.cat([autoencoder.encoder(chunk) for chunk in x.split(CHUNK)]).numpy()


def encoder_tensors(autoencoder: Autoencoder, scale: float) -> dict[str, np.ndarray]:
    """What a run folder needs to embed new photos."""
    encoder = {f"encoder.{name}": value.numpy() for name, value in autoencoder.encoder.state_dict().items()}
    return {"scale": np.array([scale], np.float32), **encoder}

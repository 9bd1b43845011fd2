"""Lightning callbacks of a training phase: its progress bar and its checkpoints."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from tqdm import tqdm

from cafemood.core.atomic import writing


class PhaseProgress(pl.Callback):
    """One bar for a whole phase, in steps, with rate and time left.

    Args:
        description: What stands before the bar.
        total: Steps at most.
    """

    def __init__(self, description: str, total: int) -> None:
        self.bar: tqdm[Any] = tqdm(total=total, desc=description, unit="step", leave=True)

    def on_train_start(self, trainer: pl.Trainer, *args: Any) -> None:
        """Count on from a checkpoint's step."""
        self.bar.update(trainer.global_step)

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


class Checkpoints(pl.Callback):
    """Write a checkpoint from time to time and at the end, so that a killed run goes on where it was.

    Args:
        path: Where; the file appears whole or not at all.
        seconds: Between two of them.
    """

    def __init__(self, path: Path, seconds: float = 30) -> None:
        self.path, self.seconds = path, seconds
        self._last = time.monotonic()

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        """Write one if it is time."""
        if time.monotonic() - self._last >= self.seconds:
            self.write(trainer)
            self._last = time.monotonic()

    def on_train_end(self, trainer: pl.Trainer, *args: Any) -> None:
        """Mark the phase as done."""
        self.write(trainer)

    def write(self, trainer: pl.Trainer) -> None:
        """Write one now."""
        with writing(self.path) as partial:
            trainer.save_checkpoint(partial, weights_only=False)  # the optimizer too

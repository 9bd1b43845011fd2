"""Run one phase of training under a Lightning `Trainer`: from its checkpoint if there is one, with a progress bar."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger

from cafemood.clustering.callbacks import Checkpoints, PhaseProgress
from cafemood.clustering.modules import refuse_several_devices
from cafemood.clustering.rows import MatrixDataModule
from cafemood.core import checked
from cafemood.core.devices import processor_has
from cafemood.core.reasons import DAMAGED, reason_of

log = logging.getLogger(__name__)

TrainerFactory = Callable[..., pl.Trainer]


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
class TrainingContext:
    """Where a method is trained: trainers, loggers, and the folder that keeps what is dear.

    Attributes:
        trainer: Makes a new trainer for each phase (a second fit on one does nothing).
        logger: Lightning's.
        cache_dir: Holds autoencoders and the checkpoints of unfinished phases; None: nothing is kept.
        verbose: Whether progress bars and Lightning's own messages are shown.
    """

    trainer: TrainerFactory = pl.Trainer
    logger: Logger | Sequence[Logger] | bool = False
    cache_dir: Path | None = None
    verbose: bool = True

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
        path = self.checkpoint(key)
        callbacks: list[pl.Callback] = [PhaseProgress(name, steps)] if self.verbose else []
        callbacks += [Checkpoints(path)] if path else []
        checkpoint = path if path and _readable(path) else None
        if checkpoint:
            log.info("Going on with “%s” where it was stopped", name)
        with nullcontext() if self.verbose else quiet_lightning():
            trainer = self.trainer(
                max_steps=steps, logger=self.logger, callbacks=callbacks, **PHASE | {"precision": precision()}
            )
            refuse_several_devices(trainer)
            fit_phase(trainer, module, data, checkpoint=checkpoint)
        return path


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """No messages of Lightning's about devices, loggers and tips; errors and warnings of ours stay."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric")]
    loggers += [logging.getLogger(f"{logger.name}.utilities.rank_zero") for logger in loggers[:2]]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def precision() -> str:
    """Lightning's precision for both phases: half where the processor has it, with weights in float32."""
    return "bf16-mixed" if processor_has("bfloat16") else "32-true"


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
    """Whether a checkpoint is there and whole; a damaged one is set aside."""
    if not path.is_file():
        return False
    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and pickle raise a dozen kinds for a damaged file
        checked.set_aside_and_say(path, reason_of(error, path, DAMAGED), "the training begins again")
        return False
    return True

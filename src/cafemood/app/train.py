"""`python train.py` and `cafemood train`: Hydra's configuration -> `RunConfig` -> a run and an exit code."""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from cafemood.app import command_line, config, early, quiet, sweeps, tables, with_words
from cafemood.app.opening import below_here, open_page
from cafemood.app.output import INTERRUPTED, close_bars, doing, say_error
from cafemood.core.names import guard_logs, plain
from cafemood.errors import CafemoodError

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

    from cafemood.app import pipeline

log = logging.getLogger("cafemood")
failed: list[str] = []
"""The folders of the jobs of this process that a user's mistake has ended."""
reports: list[Path] = []
"""The reports that this process has written."""
DEMO = "cafemood.data.demo_photos"
OPEN = "--open"
"""The one option that is not Hydra's: show the page in the browser."""


def main(words: list[str], program: str = "train.py") -> int:
    """Run what the command line asks for: one job, or a sweep.

    Args:
        words: Hydra's command line, without the program's name.
        program: `train.py`, or `cafemood` for `cafemood train`; the run keeps it in its command.

    Returns:
        The exit code: 1 if a job failed, or a sweep's result is missing.
    """
    guard_logs()
    typed = shlex.join([*config.program_of(program), *words])
    conf, command_line.typed[:] = config.folder(), [word for word in words if word != OPEN]
    show, words = OPEN in words, [word for word in words if word != OPEN]
    try:
        words = command_line.quoted(command_line.swept(command_line.options_first(words), conf / "experiment"))
        early.check(words)
    except CafemoodError as error:
        say_error(error)
        return 1
    sys.argv = [sys.argv[0] if program == "train.py" else program, *command_line.resumed(words)]
    try:
        hydra.main(config_path=str(conf), config_name="config", **config.HYDRA_MAIN)(run_job)()
    except KeyboardInterrupt:
        close_bars()
        again = typed if not command_line.is_sweep(words) or "resume=true" in words else f"{typed} resume=true"
        print(f"\nStopped. What was embedded and trained is kept; this goes on:\n  {plain(again)}", file=sys.stderr)
        return INTERRUPTED
    if show and (page := sweeps.CompareSweep.page or next(iter(reports), None)):
        open_page(page)
    return 1 if failed or sweeps.CompareSweep.incomplete else 0


def run_job(cfg: DictConfig) -> float:
    """Run one job; returns one number that a sweeper can use: see `sweeps.score_of`."""
    folder, multirun = Path(HydraConfig.get().runtime.output_dir), HydraConfig.get().mode == RunMode.MULTIRUN
    try:
        config.check(cfg, multirun=multirun)
        if cfg.resume and (score := sweeps.finished_score(folder, Path(cfg.cache_dir).expanduser())) is not None:
            return score
        return _run(cfg, folder)
    except CafemoodError as error:  # the user's to mend: no traceback, and a sweep goes on with its next job
        log.error("%s", error)
        failed.append(folder.name)
        if not multirun:  # a sweep keeps why each job failed
            from cafemood import runs

            runs.discard_refused(folder)
        return float("nan")


def _run(cfg: DictConfig, folder: Path) -> float:
    # Imported here: torch and scikit-learn take seconds, and --help or a typo must answer at once.
    with doing("loading PyTorch"):
        from cafemood.app import next_steps, pipeline
        from cafemood.report import terminal

        settings = run_config(cfg, folder)
    if settings.distributed is not None and settings.distributed.global_rank > 0:  # the rest is left to rank 0
        pipeline.embed_share(settings)
        return float("nan")
    finished = pipeline.run(settings)
    single = HydraConfig.get().mode == RunMode.RUN
    terminal.print_summary(finished, details=False)
    if single:
        for line in next_steps.next_steps(finished.folder, more=_of_ones_own(cfg)):
            print(line)
        print()
    reports.append(finished.folder / "report.html")
    print(f"Report: {plain(str(below_here(reports[-1])))}")
    return sweeps.score_of(finished, Path(settings.cache_dir))


def _of_ones_own(cfg: DictConfig) -> str:
    """The command that does the same with one's own photos, where these were the demo's."""
    if cfg.data.get("_target_") != DEMO:
        return ""
    words = [word for word in HydraConfig.get().overrides.task if not word.startswith("data=")]
    root = ["data=folder", "data.root=~/photos"]
    return " ".join([*config.program_of(Path(sys.argv[0]).name), *map(shlex.quote, words), *root])


def run_config(cfg: DictConfig, folder: Path) -> pipeline.RunConfig:
    """What a composed configuration asks for; its parts are built when the run comes to them."""
    from cafemood.app import pipeline

    quiet.quiet()
    choices = HydraConfig.get().runtime.choices
    trainer, distributed = _trainer(cfg, folder)
    return pipeline.RunConfig(
        folder=folder,
        photos=partial(config.photos, cfg.data),
        keep=cfg.data.get("keep", "all"),
        backbone=partial(config.build, cfg.backbone),
        reduction=partial(config.build, cfg.reduce),
        method=lambda k: config.build(config.with_k(cfg, k).method),
        reduction_facts={"name": choices["reduce"], **config.plain(cfg.reduce)},
        method_facts={"name": choices["method"], **config.plain(cfg.method)},
        command=command_line.command(),
        unit=cfg.unit,
        k=cfg.k,
        k_range=tuple(config.k_range(cfg)),
        seed=cfg.seed,
        batch_size=cfg.batch_size,
        embed_batch_size=None if cfg.embed_batch_size == "auto" else cfg.embed_batch_size,
        baseline_seeds=cfg.baseline_seeds,
        nulls=cfg.nulls,
        resamples=cfg.resamples,
        cache_dir=Path(cfg.cache_dir).expanduser(),
        working_memory=cfg.working_memory,
        trainer=trainer,
        distributed=distributed,
        words=with_words.towers(config.words(cfg)),
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

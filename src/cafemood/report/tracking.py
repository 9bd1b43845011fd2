"""Weights & Biases: one run a job, grouped by sweep; our own files stay the truth."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from cafemood.errors import CafemoodError
from cafemood.report import report
from cafemood.runs.run import Run

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger, WandbLogger

    from cafemood.report.comparison import Comparison


def wandb_logger(
    project: str,
    save_dir: str,
    *,
    sweep_dir: str,
    mode: object,
    offline: bool = True,
    tags: Sequence[str] = (),
) -> WandbLogger:
    """Make the logger of one job; offline by default, and never a prompt for a key.

    Args:
        project: W&B's project.
        save_dir: The run folder; `wandb/` appears in it.
        sweep_dir: The sweep's folder; its name is the group.
        mode: Hydra's mode, which tells a sweep from a single run.
        offline: Store the run on disk; `wandb sync` uploads it later.
        tags: Labels to find it by.

    Raises:
        CafemoodError: Online logging is asked for and no key is known.
    """
    key_known = bool(os.environ.get("WANDB_API_KEY")) or "api.wandb.ai" in _netrc()
    if not offline and not key_known:
        fix = "run `wandb login` first, set WANDB_API_KEY, or leave logger.wandb.offline=true"
        raise CafemoodError("No W&B key is known", where="logger.wandb.offline=false", fix=fix)
    from pytorch_lightning.loggers import WandbLogger

    os.environ.setdefault("WANDB_SILENT", "true")
    group = Path(sweep_dir).name if str(mode).endswith("MULTIRUN") else None
    return WandbLogger(
        project=project,
        save_dir=save_dir,
        name=Path(save_dir).name,
        group=group,
        offline=offline,
        tags=list(tags),
    )


def log_run(loggers: Iterable[Logger], run: Run, settings: dict[str, Any]) -> None:
    """Log the settings and scores of a finished run; to W&B also its contact sheets and assignments.

    Args:
        loggers: The job's loggers.
        run: The finished run.
        settings: The composed configuration.
    """
    for logger in loggers:
        logger.log_hyperparams(settings)
        scores = {f"score/{name}": value for name, value in run.scores["scores"].items() if value is not None}
        logger.log_metrics(scores)
        if _is_wandb(logger):
            _log_to_wandb(logger, run)
        logger.save()


def log_comparison(comparison: Comparison, page: Path, project: str, *, offline: bool, tags: Sequence[str]) -> None:
    """Log a sweep's table, page and verdict as one summary run of its group.

    Args:
        comparison: The sweep, compared.
        page: Its `compare.html`.
        project: W&B's project.
        offline: Store the run on disk.
        tags: Labels to find it by.
    """
    import wandb

    from cafemood.report.comparison_findings import findings

    os.environ.setdefault("WANDB_SILENT", "true")
    folder = page.parent
    run = wandb.init(
        project=project,
        dir=str(folder),
        group=folder.name,
        name=f"{folder.name} compared",
        job_type="comparison",
        mode="offline" if offline else "online",
        tags=list(tags),
    )
    try:
        run.log({"runs": wandb.Table(dataframe=comparison.table.drop(columns="folder")), "compare": wandb.Html(page)})
        best = None if comparison.best is None else comparison.names[comparison.best]
        pick = None if comparison.silhouettes_pick is None else comparison.names[comparison.silhouettes_pick]
        words = [finding.text for finding in findings(comparison)]
        run.summary.update({"best_supported": best, "silhouette_picks": pick, "verdict": words})
    finally:
        run.finish()


def finish(loggers: Iterable[Logger]) -> None:
    """Close the loggers, so that the next job of a sweep starts a run of its own."""
    for logger in loggers:
        if _is_wandb(logger):
            import wandb

            wandb.finish()


def _is_wandb(logger: Logger) -> TypeGuard[WandbLogger]:
    if "pytorch_lightning" not in sys.modules:  # whose logger could it be?
        return False
    from pytorch_lightning.loggers import WandbLogger

    return isinstance(logger, WandbLogger)


def _log_to_wandb(logger: WandbLogger, run: Run) -> None:
    import wandb

    sheets = {f"mood {j + 1}": wandb.Image(str(path)) for j, path in report.contact_sheets(run).items()}
    table = run.assignments.drop(columns=["attribution", "licence", "cafe_name"])
    logger.experiment.log({**sheets, "assignments": wandb.Table(dataframe=table)})
    logger.experiment.summary.update({"verdict": [finding.text for finding in run.findings]})


def _netrc() -> str:
    path = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    return path.read_text() if path.is_file() else ""

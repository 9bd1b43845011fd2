"""Sweeps: what a finished job scored, and one comparison over all jobs at the end."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from cafemood.app import config, swept_ks
from cafemood.app.opening import below_here
from cafemood.core.names import plain
from cafemood.errors import CafemoodError

if TYPE_CHECKING:
    from cafemood.runs.run import Run

log = logging.getLogger("cafemood")


def score_of(run: Run, cache_dir: Path | None = None) -> float:
    """What a job returns to its sweeper: `evaluation.objective` where that chooses by it, else silhouette@features.

    NaN where it is unknown; of the objective where no refit says how stable the run is.

    Args:
        run: The finished run.
        cache_dir: Where nulls are kept for the next job; None: nowhere.
    """
    if not HydraConfig.initialized() or HydraConfig.get().sweeper.get("_target_") != config.OPTUNA:
        score = run.scores["scores"].get("silhouette@features")
        return float("nan") if score is None else float(score)
    from cafemood.evaluation.objective import objective
    from cafemood.evaluation.store import JudgingStore
    from cafemood.report.candidates import held_out_information

    stability = ((run.scores.get("stability") or {}).get("ari") or {}).get("mean")
    if stability is None:
        fix = "give resamples=20"
        log.error("%s has no refits, and so no score for Optuna: %s", run.folder.name, fix)
        return float("nan")
    photos = run.assignments
    return objective(
        run.features["rows"],
        photos["cluster"].to_numpy(),
        float(stability),
        [str(cafe) for cafe in photos["cafe_id"]] if run.cafes_known else None,
        held_out=held_out_information(run),
        seed=run.card.seed,
        store=JudgingStore(cache_dir),
    )


def finished_score(folder: Path, cache_dir: Path | None = None) -> float | None:
    """The score of a job that a sweep, taken up again, has finished before; None if it has to be run.

    Args:
        folder: The job's.
        cache_dir: As in `score_of`.

    Raises:
        CafemoodError: Another process is at it.
    """
    from cafemood import runs
    from cafemood.report.finish import finish

    if runs.why_unfinished(folder) is None:
        run = runs.load(folder)
        if not (folder / "report.html").is_file():  # stopped while its pages were made
            finish(run)
        log.info("Finished before: %s", folder.name)
        return score_of(run, cache_dir)
    runs.clear_unfinished(folder)
    return None


class CompareSweep(Callback):
    """At the start of a multirun its jobs are told each k; at its end come one table and one page over all of them.

    With W&B a summary is logged there too.
    """

    incomplete: ClassVar[bool] = False
    """Whether a job's result is missing (a launcher may have run it in another process), or the comparison is."""

    page: ClassVar[Path | None] = None
    """The comparison, once it is written."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Let the first job draw the nulls of every k."""
        swept_ks.announce(config)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Compare what the sweep left; a comparison that cannot be made is told."""
        from cafemood.report import compare, comparison, terminal, tracking

        swept_ks.forget()
        CompareSweep.incomplete = True  # until all is done: of an error in a callback Hydra only warns
        folder = Path(config.hydra.sweep.dir)
        try:
            compared = comparison.compare_runs([folder])
            page = compare.write(compared, folder)
        except CafemoodError as error:
            log.error("%s", error)
            return
        CompareSweep.page = page
        terminal.print_comparison(compared)
        print(f"Comparison: {plain(str(below_here(page)))}")
        if "wandb" in (config.logger or {}):
            settings = config.logger.wandb
            tracking.log_comparison(compared, page, settings.project, offline=settings.offline, tags=settings.tags)
        CompareSweep.incomplete = bool(compared.unfinished)

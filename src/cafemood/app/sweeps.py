"""Sweeps: what a finished job scored, and one comparison over all jobs at the end."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, ClassVar

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from cafemood.app.opening import below_here
from cafemood.core.names import plain
from cafemood.errors import CafemoodError


def finished_score(folder: Path) -> float | None:
    """The score of a job that a sweep, taken up again, has finished before; None if it has to be run.

    Raises:
        CafemoodError: Another process is at it.
    """
    from cafemood import runs
    from cafemood.report.finish import finish

    if runs.why_unfinished(folder) is None:
        run = runs.load(folder)
        if not (folder / "report.html").is_file():  # stopped while its pages were made
            finish(run)
        score = run.scores["scores"].get("silhouette@features")
        logging.getLogger("cafemood").info("Finished before: %s", folder.name)
        return float("nan") if score is None else float(score)
    runs.clear_unfinished(folder)
    return None


class CompareSweep(Callback):
    """At the end of a multirun: one table and one page over all its jobs, and a summary in W&B if it is used."""

    incomplete: ClassVar[bool] = False
    """Whether a job's result is missing (a launcher may have run it in another process), or the comparison is."""

    page: ClassVar[Path | None] = None
    """The comparison, once it is written."""

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Compare what the sweep left; a comparison that cannot be made is told."""
        from cafemood.report import compare, comparison, terminal, tracking

        CompareSweep.incomplete = True  # until all is done: of an error in a callback Hydra only warns
        folder = Path(config.hydra.sweep.dir)
        try:
            compared = comparison.compare_runs([folder])
            page = compare.write(compared, folder)
        except CafemoodError as error:
            logging.getLogger("cafemood").error("%s", error)
            return
        CompareSweep.page = page
        terminal.print_comparison(compared)
        print(f"Comparison: {plain(str(below_here(page)))}")
        if "wandb" in (config.logger or {}):
            settings = config.logger.wandb
            tracking.log_comparison(compared, page, settings.project, offline=settings.offline, tags=settings.tags)
        CompareSweep.incomplete = bool(compared.unfinished)

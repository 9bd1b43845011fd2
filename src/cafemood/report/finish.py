"""Write all that a finished run's folder holds besides its result: thumbnails, looks, words, page, cafés."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cafemood.cafes import moods, profiles
from cafemood.report.report import write_report
from cafemood.runs import left_out, looked, thumbnails
from cafemood.runs.pictures import PictureCache
from cafemood.runs.run import Run

if TYPE_CHECKING:
    import numpy as np


def finish(
    run: Run,
    *,
    rows: np.ndarray | None = None,
    pixels: tuple[int, int] | None = None,
    cache_dir: str | Path | None = None,
) -> Path:
    """Write thumbnails, looks, words, the report and the cafés' profiles; returns the report's path.

    Args:
        run: A run that was recorded.
        rows: If its rows are pictures themselves: the matrix (n, h · w).
        pixels: And their h and w.
        cache_dir: Keeps pictures and looks by the photo's content, for other runs.

    Raises:
        CafemoodError: The folder cannot be written, or a file of the run is damaged.
    """
    run.in_memory["pictures"] = PictureCache(cache_dir)
    if rows is not None and pixels:
        thumbnails.draw_rows(run, rows, pixels)
    update(run, cafes=run.knows_cafes and run.has_features)
    return write_report(run)


def update(run: Run, *, cafes: bool = True) -> None:
    """Write thumbnails, looks, words, pHashes and (if wanted) the cafés' profiles, after photos were added too."""
    thumbnails.write(run, more=left_out.pictures(run))
    moods.write(run)
    looked.write(run)
    if cafes:
        profiles.build(run)

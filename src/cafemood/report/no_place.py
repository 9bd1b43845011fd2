"""What the report shows of photos that seem to show no place: those left out, or those that count all the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from cafemood.data.place_signs import LIMIT
from cafemood.report.gallery import gallery
from cafemood.runs import left_out, thumbnails
from cafemood.runs.run import Run


def shown(run: Run) -> dict[str, Any]:
    """The photos and their number, as the page's section wants them.

    Returns:
        `left_out` (whether they were), `n`, `by_words` (whether words told, too), and `photos`: `file`, `place`,
        `reason` and `picture` (a `data:` address, or None) of at most `left_out.SHOWN_AT_MOST`; those of one reason
        stand together.
    """
    entries = list(run.card.data.left_out)
    if run.card.data.keep == "place":
        kept: dict[str, bytes] = left_out.pictures(run)
    else:
        table = run.assignments
        if "place" not in table:  # an earlier cafemood's
            return {"left_out": False, "n": 0, "by_words": False, "photos": []}
        rows = np.flatnonzero(table["place"].fillna(1.0) < LIMIT)
        some = table.iloc[rows]
        columns = (some["photo_id"], some["file"], some["place"], some["no_place"])
        entries = [
            {"photo_id": photo_id, "file": file, "place": place, "reason": reason}
            for photo_id, file, place, reason in zip(*columns, strict=True)
        ]
        pictures = thumbnails.kept(run) if entries else []
        kept = {str(entry["photo_id"]): data for entry, i in zip(entries, rows, strict=True) if (data := pictures[i])}
    n = len(entries)
    entries = sorted(entries[: left_out.SHOWN_AT_MOST], key=lambda entry: (entry["reason"], entry["place"]))
    return {
        "left_out": run.card.data.keep == "place",
        "n": n,
        "by_words": "words" in ((run.scores.get("photos") or {}).get("place") or {}).get("told_by", []),
        "photos": gallery(run, entries, kept),
    }

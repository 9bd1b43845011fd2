"""What the report shows of photos that are like no other, whatever mood they were given."""

from __future__ import annotations

from typing import Any

import numpy as np

from cafemood.evaluation.outliers import LIMIT
from cafemood.report.gallery import SHOWN_AT_MOST, gallery
from cafemood.runs import thumbnails
from cafemood.runs.run import Run


def shown(run: Run) -> dict[str, Any]:
    """The photos above the limit and their number, the farthest first, as the page's section wants them.

    Returns:
        `n`, `limit`, and `photos`: `photo_id`, `file`, `z`, `cluster` and `picture` of at most `SHOWN_AT_MOST`.
    """
    table = run.assignments.reset_index(drop=True)
    if "outlying" not in table:  # an earlier cafemood's
        return {"n": 0, "limit": LIMIT, "photos": []}
    z = table["outlying"].to_numpy()
    rows = np.flatnonzero(z > LIMIT)
    first = rows[np.argsort(-z[rows], kind="stable")][:SHOWN_AT_MOST]
    some = table.iloc[first]
    columns = (some["photo_id"], some["file"], some["outlying"], some["cluster"])
    entries = [
        {"photo_id": photo_id, "file": file, "z": float(far), "cluster": int(cluster)}
        for photo_id, file, far, cluster in zip(*columns, strict=True)
    ]
    pictures = thumbnails.kept(run) if entries else []
    kept = {str(entry["photo_id"]): pictures[i] for entry, i in zip(entries, first, strict=True)}
    return {"n": len(rows), "limit": LIMIT, "photos": gallery(run, entries, kept)}

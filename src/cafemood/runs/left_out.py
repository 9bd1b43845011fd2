"""Pictures of the photos that a run left out because they seem to show no place."""

from __future__ import annotations

from cafemood.runs import thumbnails
from cafemood.runs.run import Run

SHOWN_AT_MOST = 500
"""So many of them are shown; `left_out.csv` lists all."""


def pictures(run: Run) -> dict[str, bytes]:
    """Thumbnails of the first `SHOWN_AT_MOST`, by photo_id, from `thumbnails.parquet` or made anew.

    Those that can be read no longer, and never were, are missing.
    """
    entries = run.card.data.left_out[:SHOWN_AT_MOST]
    if not entries:
        return {}
    stored = thumbnails.known(run)
    ids = [entry["photo_id"] for entry in entries]
    made = thumbnails.make_thumbnails(
        [run.where(entry["file"]) for entry in entries],
        [thumbnails.kept_side(len(run.photos))] * len(entries),
        [stored.get(photo_id) for photo_id in ids],
        ids,
        run.in_memory.get("pictures"),
    )
    return {photo_id: data for photo_id, data in zip(ids, made, strict=True) if data}

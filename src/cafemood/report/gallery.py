"""Small pictures of some photos for a folded section of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cafemood.runs import thumbnails
from cafemood.runs.run import Run

SHOWN_AT_MOST = 60
_SIDE = 160


def gallery(run: Run, entries: Sequence[dict[str, Any]], kept: Mapping[str, bytes | None]) -> list[dict[str, Any]]:
    """The entries, each with `picture`: a `data:` address, or None where the photo cannot be read.

    Args:
        run: The run.
        entries: Photos: `photo_id`, `file`, and what is said of them.
        kept: Pictures that are there already, by photo id.
    """
    found = [kept.get(str(entry["photo_id"])) for entry in entries]
    paths = [run.where(entry["file"]) for entry in entries]
    small = thumbnails.make_thumbnails(paths, [_SIDE] * len(found), found, cache=run.in_memory.get("pictures"))
    return [
        entry | {"picture": thumbnails.data_uri(data) if data else None}
        for entry, data in zip(entries, small, strict=True)
    ]

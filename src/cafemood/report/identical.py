"""Runs of a comparison that are one and the same: the same settings, the same groups."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cafemood.report.run_names import settings_of
from cafemood.runs.run import Run


def distinct(runs: Sequence[Run]) -> tuple[list[Run], list[tuple[Run, Run]]]:
    """Tell runs that differ from those that repeat one before them.

    A sweep repeats a run where two of its jobs come down to the same: systems that differ in the backbone, with the
    backbone overridden; or a space of cafés that falls back to none where no cafés are known.

    Returns:
        The runs without repetitions, and each repetition as (the run before it, itself).
    """
    first: dict[str, Run] = {}
    again = []
    for run in runs:
        key = _key(run)
        if key in first:
            again.append((first[key], run))
        first.setdefault(key, run)
    return list(first.values()), again


def _key(run: Run) -> str:
    card, table = run.card, run.assignments
    groups = hashlib.sha256()
    for photo, cluster in zip(table["photo_id"], table["cluster"], strict=True):
        groups.update(f"{photo} {cluster}\n".encode())
    settings = {**settings_of(run), **card.method.settings, "fingerprint": card.backbone.fingerprint}
    return f"{sorted(settings.items(), key=str)} {groups.hexdigest()}"

"""Names of runs and jobs in a comparison: the settings in which they differ, and nothing else."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cafemood.core.names import text_of
from cafemood.runs.card import MethodCard
from cafemood.runs.run import Run


def run_names(runs: Sequence[Run]) -> list[str]:
    """A short name of each run: the settings in which the runs differ."""
    settings = [settings_of(run) for run in runs]
    varying = [key for key in settings[0] if len({s[key] for s in settings}) > 1] or ["backbone", "method", "k"]
    options = _differing([run.card.method for run in runs])
    return [
        " ".join([*(f"{key}={s[key]}" if key in ("k", "seed") else str(s[key]) for key in varying), *more])
        for s, more in zip(settings, options, strict=True)
    ]


def settings_of(run: Run) -> dict[str, Any]:
    """Settings of a run that have a column in the comparison: backbone, reduce, method, unit, k, seed."""
    card = run.card
    backbone, reduce, options = card.backbone, card.reduce, card.backbone.options
    model = options.get("model") or (Path(str(options["path"])).stem if options.get("path") else backbone.name)
    return {
        "backbone": f"{model} {backbone.output}",
        "reduce": reduce.name + ("" if reduce.n_components is None else str(reduce.n_components)),
        "method": f"{card.method.name}, edited by hand" if card.edited else card.method.name,
        "unit": {"photo": "photos", "cafe": "cafés"}.get(card.unit, card.unit),
        "k": card.k,
        "seed": card.seed,
    }


def space_names(runs: Sequence[Run]) -> list[str]:
    """A name of each run's feature space: the backbone; where two spaces share it, the later one's fingerprint too."""
    known: dict[str, str] = {}
    for run in runs:
        fingerprint, name = run.card.backbone.fingerprint, settings_of(run)["backbone"]
        if fingerprint not in known:
            known[fingerprint] = f"{name} {fingerprint[:6]}" if name in known.values() else name
    return [known[run.card.backbone.fingerprint] for run in runs]


def _differing(methods: Sequence[MethodCard]) -> list[list[str]]:
    """Of each run's method the settings, k and seed apart, that runs of the same method do not share."""
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for method in methods:
        for key, value in method.settings.items():
            values[method.name, key].add(str(value))
    return [
        [f"{k}={v}" for k, v in method.settings.items() if k not in _HAS_COLUMN and len(values[method.name, k]) > 1]
        for method in methods
    ]


_HAS_COLUMN = ("n_clusters", "random_state")
"""Settings of a method that have a column of their own in the comparison."""


def job_names(folders: Sequence[Path]) -> list[str]:
    """Names of jobs without a result: their own overrides, without what all of them have in common."""
    parts = [re.split(r"[,_](?=[\w.]+=)", text_of(folder.name)) for folder in folders]
    shared = set(parts[0]).intersection(*parts[1:]) if len(parts) > 1 else set()
    return [" ".join(part for part in words if part not in shared) or words[0] for words in parts]

"""Names of runs and jobs in a comparison: the settings in which they differ, and nothing else."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cafemood.runs.run import Run


def run_names(runs: Sequence[Run]) -> list[str]:
    """A short name of each run: the settings in which the runs differ."""
    settings = [settings_of(run) for run in runs]
    varying = [key for key in settings[0] if len({s[key] for s in settings}) > 1] or ["backbone", "method", "k"]
    options = _differing([run.facts["method"] for run in runs])
    return [
        " ".join([*(f"{key}={s[key]}" if key in ("k", "seed") else str(s[key]) for key in varying), *more])
        for s, more in zip(settings, options, strict=True)
    ]


def settings_of(run: Run) -> dict[str, Any]:
    """Settings of a run that have a column in the comparison: backbone, reduce, method, k, seed."""
    facts = run.facts
    backbone, reduce = facts["backbone"], facts["reduce"]
    options = backbone.get("options") or {}
    named = options.get("model") or (Path(str(options["path"])).stem if options.get("path") else backbone["name"])
    return {
        "backbone": f"{named} {backbone['output']}",
        "reduce": reduce["name"] + (str(reduce["n_components"]) if "n_components" in reduce else ""),
        "method": facts["method"]["name"],
        "k": facts["k"],
        "seed": facts["seed"],
    }


def _differing(methods: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Of each run's method the settings, k and seed apart, that runs of the same method do not share."""
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for method in methods:
        for key, value in method.items():
            values[method["name"], key].add(str(value))
    return [
        [f"{k}={v}" for k, v in method.items() if k not in _NO_SETTINGS and len(values[method["name"], k]) > 1]
        for method in methods
    ]


_NO_SETTINGS = ("name", "n_clusters", "random_state", "n_iter", "converged", "stop_reason")
"""Keys of a run's method that are no settings of its own: its name, what has a column, and its outcome."""


def job_names(folders: Sequence[Path]) -> list[str]:
    """Names of jobs without a result: their own overrides, without what all of them have in common."""
    parts = [re.split(r"[,_](?=[\w.]+=)", folder.name) for folder in folders]
    shared = set(parts[0]).intersection(*parts[1:]) if len(parts) > 1 else set()
    return [" ".join(part for part in words if part not in shared) or words[0] for words in parts]

"""Comparison: finished runs of the same photos side by side, as one table, with the choice among them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cafemood import runs
from cafemood.core.names import text_of
from cafemood.errors import RunError
from cafemood.evaluation import certainty, selection
from cafemood.evaluation.score_table import compare_columns
from cafemood.evaluation.scores import silhouettes
from cafemood.evaluation.selection import Candidate, Choice
from cafemood.evaluation.verdict import NOISE_Z
from cafemood.report.candidates import candidate_of
from cafemood.report.identical import distinct
from cafemood.report.run_names import job_names, run_names, settings_of, space_names
from cafemood.runs.run import Run
from cafemood.survey.across import across

MIN_COMMON = 10
"""Photos that all runs must share to be compared."""
SPACE_ROWS = 2000
"""Photos that the silhouettes across spaces are computed on, at most."""

COLUMNS = {
    "run": "what tells it apart",
    **{
        name: "see the run's report" if score.from_evaluation else score.words
        for name, score in compare_columns().items()
    },
    "backbone": "backbone and output",
    "reduce": "reduction before the clustering",
    "method": "clusterer",
    "space": "where the photos were clustered: what @clustering means",
    "unit": "what was grouped: photos, or cafés by their photos",
    "k": "clusters",
    "seed": "seed",
    "n_photos": "photos of the run",
    "seconds": "of all stages",
    "status": "finished, or no result",
    "reason": "why there is none",
    "folder": "run folder",
}
"""The table's columns and what they hold (see docs/comparing.md)."""


@dataclass
class Comparison:
    """Runs side by side.

    Attributes:
        runs: The finished runs, in the order of their folders.
        unfinished: Folders without a result, each with its reason.
        photo_ids: The photos that all runs share.
        same: Runs that repeat one of `runs`, each as (that run, the repetition).
    """

    runs: list[Run]
    unfinished: list[tuple[Path, str]]
    photo_ids: list[str] = field(default_factory=list)
    same: list[tuple[Run, Run]] = field(default_factory=list)

    def __post_init__(self) -> None:
        common = set(self.runs[0].assignments["photo_id"]).intersection(
            *(run.assignments["photo_id"] for run in self.runs[1:])
        )
        self.photo_ids = [photo for photo in self.runs[0].assignments["photo_id"] if photo in common]
        if len(self.photo_ids) < MIN_COMMON and len(self.runs) > 1:
            sizes = ", ".join(f"{run.folder.name}: {len(run.assignments)} photos" for run in self.runs[:4])
            raise RunError(
                "These runs cannot be compared",
                where=self.runs[0].folder.parent,
                why=f"they share {len(self.photo_ids)} photos, and {MIN_COMMON} are the least ({sizes})",
                fix="compare runs of the same photos",
            )

    @cached_property
    def photos(self) -> pd.DataFrame:
        """The common photos: file, café and label, from the first run."""
        return _aligned(self.runs[0], self.photo_ids)

    @cached_property
    def labels(self) -> list[np.ndarray]:
        """Each run's cluster of each common photo (n,)."""
        return [_aligned(run, self.photo_ids)["cluster"].to_numpy() for run in self.runs]

    @cached_property
    def cafes(self) -> list[str] | None:
        """The café of each common photo, if known."""
        return [str(cafe) for cafe in self.photos["cafe_id"]] if self.runs[0].cafes_known else None

    @cached_property
    def names(self) -> list[str]:
        """Short names of the runs: the settings in which they differ."""
        return run_names(self.runs)

    @cached_property
    def candidates(self) -> list[Candidate]:
        """The runs as `selection.choose` takes them."""
        return [candidate_of(run, labels) for run, labels in zip(self.runs, self.labels, strict=True)]

    @cached_property
    def choices(self) -> list[Choice]:
        """Terms of each run's label-free score."""
        return selection.choose(self.candidates, self.cafes, agreement=self.agreement)

    @cached_property
    def sureness(self) -> certainty.Sureness | None:
        """How often each run would be chosen on other cafés; None for fewer than three runs."""
        return certainty.sureness(self.candidates, self.cafes) if len(self.runs) > 2 else None

    @cached_property
    def agreement(self) -> np.ndarray:
        """AMI of each pair of runs (m, m)."""
        return selection.pairwise_agreement([one[selection.sampled(len(one))] for one in self.labels])

    @cached_property
    def measured_in(self) -> list[dict[str, str]]:
        """Of each run the space that its scores were measured in, by what stands behind their `@`."""
        named = []
        for run, features in zip(self.runs, space_names(self.runs), strict=True):
            own = run.card.space.clustering
            clustering = features if own == "features" else f"{own} of {features}"
            named.append({"features": features, "pca2": f"pca2 of {features}", "clustering": clustering})
        return named

    @cached_property
    def spaces(self) -> dict[str, np.ndarray]:
        """The feature spaces that the runs kept, by name: rows of the common photos (n, d)."""
        spaces: dict[str, np.ndarray] = {}
        for run, name in zip(self.runs, space_names(self.runs), strict=True):
            if name not in spaces and run.has_features:
                order = pd.Index(run.assignments["photo_id"]).get_indexer(pd.Index(self.photo_ids))
                spaces[name] = run.features["rows"][order].astype(np.float32)
        return spaces

    @cached_property
    def cross_space(self) -> np.ndarray:
        """Silhouette of each run's labels in each of `spaces` (m, s): unit rows, up to 256 components."""
        rows = np.random.default_rng(0).permutation(len(self.photo_ids))[:SPACE_ROWS]
        return np.array(
            [[float(silhouettes(x[rows], labels[rows]).mean()) for x in self.spaces.values()] for labels in self.labels]
        )

    @cached_property
    def asked(self) -> dict[str, Any] | None:
        """Survey results of the runs, see `survey.across`; None if nobody was asked."""
        return across(self.runs, self.names, [choice.score for choice in self.choices])

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a run, the best supported first, then those without a result; see `COLUMNS`."""
        columns = compare_columns()
        rows = [
            {
                "run": name,
                "status": "finished",
                "reason": "",
                **{
                    column: run.scores["scores"].get(column)
                    for column, score in columns.items()
                    if score.from_evaluation
                },
                **_terms(run, choice),
                **settings_of(run),
                "space": run.card.space.clustering,
                "n_photos": run.card.data.n_photos,
                "seconds": round(sum(stage["seconds"] for stage in run.card.stages), 1),
                "folder": text_of(run.folder),
            }
            for name, run, choice in zip(self.names, self.runs, self.choices, strict=True)
        ]
        rows += [
            {"run": name, "status": "no result", "reason": reason.splitlines()[0], "folder": text_of(path)}
            for name, (path, reason) in zip(
                job_names([path for path, _ in self.unfinished]), self.unfinished, strict=True
            )
        ]
        table = pd.DataFrame(rows).reindex(columns=list(COLUMNS))
        for column in columns:
            table[column] = pd.to_numeric(table[column])
        table.insert(0, "rank", table["choice"].rank(ascending=False, method="min"))
        filled = [c for c in table if table[c].notna().any() or c in ("rank", "choice")]
        return table[filled].sort_values("rank", kind="stable", na_position="last", ignore_index=True)

    @cached_property
    def best(self) -> int | None:
        """The best supported run; None where nothing is known."""
        scores = [-np.inf if choice.score is None else choice.score for choice in self.choices]
        return int(np.argmax(scores)) if scores and max(scores) > -np.inf else None

    @cached_property
    def silhouettes_pick(self) -> int | None:
        """The run with the highest silhouette in the space that it was clustered in: what the study took."""
        values = [own_silhouette(run) for run in self.runs]
        return int(np.nanargmax(values)) if np.isfinite(values).any() else None

    def rank_on_other_half(self) -> int | None:
        """Rank, on one half of the cafés, of the run chosen on the other half; None for too few photos or runs."""
        units = np.asarray(self.cafes if self.cafes is not None else self.photo_ids)
        side = np.random.default_rng(0).permutation(len(np.unique(units)))[np.unique(units, return_inverse=True)[1]] % 2
        if min(np.bincount(side, minlength=2)) < MIN_COMMON or len(self.runs) < 3:
            return None
        scored = []
        for half in (0, 1):
            rows = np.flatnonzero(side == half)
            candidates = [replace(c, labels=c.labels[rows], held_out=None) for c in self.candidates]
            cafes = None if self.cafes is None else [self.cafes[i] for i in rows]
            scored.append([choice.score for choice in selection.choose(candidates, cafes)])
        if any(score is None for half in scored for score in half):
            return None
        first, second = np.array(scored, dtype=float).round(6)  # ties are ties, whatever a processor's last digit
        return int((second > second[first.argmax()]).sum()) + 1


def compare_runs(folders: Sequence[str | Path]) -> Comparison:
    """Read all runs below some folders: run folders themselves, or sweeps.

    Raises:
        RunError: A folder does not exist, none holds a finished run, or the runs share too few photos.
    """
    jobs: dict[Path, None] = {}
    for folder in (Path(given).expanduser() for given in folders):
        if not folder.is_dir():
            raise RunError("There is no such folder", where=folder, fix="give a sweep's folder, or run folders")
        inside = {path.parent for path in folder.rglob("run.json")}
        inside |= {path.parent for path in folder.rglob(".hydra") if path.is_dir()}
        jobs |= dict.fromkeys(sorted(inside, key=_natural))
    finished, unfinished = [], []
    for path in jobs:
        try:
            run = runs.load(path)
            _ = run.assignments, run.scores
        except RunError as error:
            unfinished.append((path, runs.why_unfinished(path) or f"{error.what}."))
        else:
            finished.append(run)
    if not finished:
        what = "; ".join(f"{path.name}: {reason}" for path, reason in unfinished[:4]) or "no run is in there"
        raise RunError("There is no finished run to compare", where=folders[0], why=what, fix="run the sweep again")
    finished, same = distinct(finished)
    return Comparison(finished, unfinished, same=same)


def own_silhouette(run: Run) -> float:
    """Silhouette in the space that the run was clustered in: what the study compared; NaN if it is undefined."""
    space = run.card.space.clustering
    name = f"silhouette@{space}" if space in ("features", "pca2") else "silhouette@clustering"
    value = run.scores["scores"].get(name)
    return float("nan") if value is None else float(value)


def is_noise(run: Run) -> bool:
    """Whether the run's silhouette in the features is within what noise gets."""
    null = run.scores["null"].get("silhouette@features") or {}
    z = null.get("z")
    return z is not None and float(z) < null.get("limit", NOISE_Z)


def _terms(run: Run, choice: Choice) -> dict[str, float | None]:
    """The scores that only the comparison shows: terms of the choice, distance from noise, stability."""
    null = run.scores["null"].get("silhouette@features") or {}
    stability = run.scores.get("stability") or {}
    jaccard = [value for value in stability.get("jaccard", []) if value is not None]
    return {
        "choice": choice.score,
        "agreement": choice.agreement,
        "cafes": choice.cafe_information,
        "persistence": choice.stability_across_k,
        "z@features": null.get("z"),
        "stability_ari": (stability.get("ari") or {}).get("mean"),
        "least_jaccard": min(jaccard) if jaccard else None,
    }


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort 10_… after 9_…."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name)]


def _aligned(run: Run, photo_ids: Sequence[str]) -> pd.DataFrame:
    return run.assignments.set_index("photo_id").loc[list(photo_ids)].reset_index()

"""Many runs -> one table, one page: what they agree on, which one is best supported, and what silhouette would say."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cafemood import runs
from cafemood.core.atomic import write_csv, writing
from cafemood.core.html import as_text, environment, for_script
from cafemood.errors import RunError
from cafemood.evaluation import selection
from cafemood.evaluation.scores import silhouettes
from cafemood.evaluation.selection import Candidate, Choice
from cafemood.evaluation.verdict import NOISE_Z, ORDER, Sentence
from cafemood.report.style import COLORS, MARKS
from cafemood.runs import thumbnails
from cafemood.runs.run import Run
from cafemood.survey.across import across

MIN_COMMON = 10
"""Photos that all runs must share to be compared."""
N_SHOWN = 600
"""Photos on the contact sheets of the page; above it, a sample drawn from every café in turn."""
SIDE = 112
SPACE_ROWS = 2000


@dataclass
class Comparison:
    """Runs side by side.

    Attributes:
        runs: The finished runs, in the order of their folders.
        unfinished: Folders without a result, each with its reason.
        photo_ids: The photos that all runs share.
    """

    runs: list[Run]
    unfinished: list[tuple[Path, str]]
    photo_ids: list[str] = field(default_factory=list)

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
        known = self.runs[0].facts["data"]["cafe_source"] != "none"
        return [str(cafe) for cafe in self.photos["cafe_id"]] if known else None

    @cached_property
    def names(self) -> list[str]:
        """What tells the runs apart, a short name each."""
        settings = [_settings(run) for run in self.runs]
        varying = [key for key in settings[0] if len({s[key] for s in settings}) > 1] or ["backbone", "method", "k"]
        options = _differing([run.facts["method"] for run in self.runs])
        return [
            " ".join([*(f"{key}={s[key]}" if key in ("k", "seed") else str(s[key]) for key in varying), *more])
            for s, more in zip(settings, options, strict=True)
        ]

    @cached_property
    def candidates(self) -> list[Candidate]:
        """The runs as `choosing` sees them."""
        found = []
        for run, labels in zip(self.runs, self.labels, strict=True):
            backbone, reduce = run.facts["backbone"], run.facts["reduce"]
            family = selection.family_of(backbone["name"], backbone.get("options"))
            found.append(Candidate(labels, run.facts["k"], family, reduce.get("n_components")))
        return found

    @cached_property
    def choices(self) -> list[Choice]:
        """The terms of each run's score."""
        return selection.choose(self.candidates, self.cafes, agreement=self.agreement)

    @cached_property
    def agreement(self) -> np.ndarray:
        """AMI of each pair of runs (m, m)."""
        rows = selection.sampled(len(self.photo_ids))
        return selection.pairwise_agreement([labels[rows] for labels in self.labels])

    @cached_property
    def spaces(self) -> dict[str, np.ndarray]:
        """The feature spaces that the runs kept, by name: rows of the common photos (n, d)."""
        found: dict[str, np.ndarray] = {}
        known: set[str] = set()
        for run in self.runs:
            fingerprint, name = run.facts["backbone"]["fingerprint"], _settings(run)["backbone"]
            if fingerprint not in known and run.has_features:
                known.add(fingerprint)
                name += f" {fingerprint[:6]}" if name in found else ""
                order = pd.Index(run.assignments["photo_id"]).get_indexer(pd.Index(self.photo_ids))
                found[name] = run.features["rows"][order].astype(np.float32)
        return found

    @cached_property
    def cross_space(self) -> np.ndarray:
        """Silhouette of each run's labels in each of `spaces` (m, s): unit rows, up to 256 components."""
        rows = np.random.default_rng(0).permutation(len(self.photo_ids))[:SPACE_ROWS]
        return np.array(
            [[float(silhouettes(x[rows], labels[rows]).mean()) for x in self.spaces.values()] for labels in self.labels]
        )

    @cached_property
    def asked(self) -> dict[str, Any] | None:
        """What people said of the runs; None if nobody was asked."""
        return across(self.runs, self.names, [choice.score for choice in self.choices])

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a run, the best supported first, then those without a result; see `COLUMNS`."""
        rows = []
        for i, (run, choice) in enumerate(zip(self.runs, self.choices, strict=True)):
            judged, settings = run.scores, _settings(run)
            null = judged["null"].get("silhouette@features") or {}
            stability = judged.get("stability") or {}
            jaccard = [v for v in stability.get("jaccard", []) if v is not None]
            rows.append(
                {
                    "run": self.names[i],
                    "status": "finished",
                    "reason": "",
                    "choice": choice.score,
                    "agreement": choice.agreement,
                    "cafes": choice.cafes,
                    "persistence": choice.persistence,
                    "z@features": null.get("z"),
                    "stability_ari": (stability.get("ari") or {}).get("mean"),
                    "least_jaccard": min(jaccard) if jaccard else None,
                    **{name: judged["scores"].get(name) for name in _SCORES},
                    **settings,
                    "n_photos": run.facts["data"]["n_photos"],
                    "seconds": round(sum(stage["seconds"] for stage in run.facts["stages"]), 1),
                    "folder": str(run.folder),
                }
            )
        rows += [
            {"run": name, "status": "no result", "reason": reason.splitlines()[0], "folder": str(path)}
            for name, (path, reason) in zip(_short([path for path, _ in self.unfinished]), self.unfinished, strict=True)
        ]
        table = pd.DataFrame(rows).reindex(columns=list(COLUMNS))
        for column in ("choice", "agreement", "cafes", "persistence", "z@features", *_SCORES):
            table[column] = pd.to_numeric(table[column])
        table.insert(0, "rank", table["choice"].rank(ascending=False, method="min"))
        known = [c for c in table if table[c].notna().any() or c in ("rank", "choice")]
        return table[known].sort_values("rank", kind="stable", na_position="last", ignore_index=True)

    @cached_property
    def best(self) -> int | None:
        """The best supported run; None where nothing is known."""
        scores = [-np.inf if choice.score is None else choice.score for choice in self.choices]
        return int(np.argmax(scores)) if scores and max(scores) > -np.inf else None

    @cached_property
    def silhouettes_pick(self) -> int | None:
        """The run with the highest silhouette in the space that it was clustered in: what the study took."""
        values = [_own_silhouette(run) for run in self.runs]
        return int(np.nanargmax(values)) if np.isfinite(values).any() else None

    def halves(self) -> tuple[int, int] | None:
        """Chosen on one half of the cafés: the rank of that run on the other half, and among how many."""
        units = np.asarray(self.cafes if self.cafes is not None else self.photo_ids)
        side = np.random.default_rng(0).permutation(len(np.unique(units)))[np.unique(units, return_inverse=True)[1]] % 2
        if min(np.bincount(side, minlength=2)) < MIN_COMMON or len(self.runs) < 3:
            return None
        scored = []
        for half in (0, 1):
            rows = np.flatnonzero(side == half)
            own = [Candidate(c.labels[rows], c.k, c.family, c.width) for c in self.candidates]
            cafes = None if self.cafes is None else [self.cafes[i] for i in rows]
            scored.append([choice.score for choice in selection.choose(own, cafes)])
        if any(score is None for half in scored for score in half):
            return None
        first, second = (np.array(half, dtype=float) for half in scored)
        return int((second > second[first.argmax()]).sum()) + 1, len(self.runs)

    def verdict(self) -> list[Sentence]:
        """In words: which run is best supported and why, what silhouette would have picked, and what is in doubt."""
        said: list[Sentence] = []
        families = {candidate.family for candidate in self.candidates}
        if len(self.runs) == 1:
            said.append(_say("warn", "There is one finished run only: nothing to choose from."))
        elif self.best is not None:
            said.append(self._winner(self.best))
            said += self._silhouettes_words(self.best)
        if len(self.runs) > 1 and self.best is None:
            text = "Nothing to choose by: one family of backbones, one k, and no cafés. Add a k, or a second backbone."
            said.append(_say("warn", text))
        elif len(self.runs) > 1 and len(families) == 1:
            rest = "persistence over k alone" if self.cafes is None else "the cafés and persistence over k"
            text = (
                f"All runs use one family of backbones ({families.pop()}): agreement across backbones cannot be "
                f"measured, and the choice rests on {rest}. Add a second backbone for a stronger one."
            )
            said.append(_say("warn", text))
        noise = [name for name, run in zip(self.names, self.runs, strict=True) if _is_noise(run)]
        if noise:
            some = "All runs are" if len(noise) == len(self.runs) else f"{len(noise)} of {len(self.runs)} runs are"
            listed = "" if len(noise) == len(self.runs) else f": {'; '.join(noise[:6])}{' …' if len(noise) > 6 else ''}"
            said.append(
                _say("bad" if len(noise) == len(self.runs) else "warn", f"{some} no better than noise{listed}.")
            )
        sizes = {len(run.assignments) for run in self.runs}
        if sizes != {len(self.photo_ids)}:
            text = f"The runs differ in their photos: compared on the {len(self.photo_ids)} that all of them share."
            said.append(_say("warn", text))
        if self.asked is not None:
            said.append(_say("info", self.asked["text"]))
        if self.unfinished:
            jobs = "1 job" if len(self.unfinished) == 1 else f"{len(self.unfinished)} jobs"
            text = f"{jobs} left no result; the table says why."
            said.append(_say("warn", text))
        return sorted(said, key=lambda sentence: ORDER[sentence["level"]])

    def _winner(self, best: int) -> Sentence:
        choice = self.choices[best]
        words = {
            "agreement": "other backbones agree with it",
            "cafes": "photos of one café fall together",
            "persistence": "it lasts over k",
        }
        terms = {key: value for key in words if (value := getattr(choice, key)) is not None}
        figures = ", ".join(f"{words[key]} ({value:.2f})" for key, value in terms.items())
        noise = _is_noise(self.runs[best])
        text = f"Best supported: {self.names[best]}: {figures}."
        if noise:
            text += " But its groups are no better than noise: being first among these runs makes it no finding."
        held = self.halves()
        if held is None:
            text += " Chosen and reported on the same photos."
        else:
            units = "photos" if self.cafes is None else "cafés"
            text += f" The run chosen on one half of the {units} is number {held[0]} of {held[1]} on the other half."
        return _say("warn" if noise else "good", text)

    def _silhouettes_words(self, best: int) -> list[Sentence]:
        pick = self.silhouettes_pick
        if pick is None:
            return []
        value = _own_silhouette(self.runs[pick])
        if pick == best:
            return [_say("info", f"The highest silhouette in its own space ({value:.2f}) picks the same run.")]
        scores = [choice.score or 0.0 for choice in self.choices]
        place = 1 + sum(score > scores[pick] for score in scores)
        text = (
            f"The highest silhouette in its own space ({value:.2f}) would have picked {self.names[pick]}, which is "
            f"number {place} of {len(self.runs)} here. Silhouettes of different spaces and k do not follow the truth."
        )
        return [_say("info", text)]


_SCORES = (
    "silhouette@features", "silhouette@clustering", "silhouette@pca2", "davies_bouldin@features",
    "calinski_harabasz@features", "accuracy", "nmi", "ami", "ari",
)  # fmt: skip
COLUMNS = {
    "run": "what tells it apart",
    "choice": "label-free score: witnesses that agree × √persistence (0 to 1)",
    "agreement": "mean AMI with the runs of other families of backbones, any k",
    "cafes": "what a photo's café tells of its group beyond chance, 0 to 1",
    "persistence": "mean AMI with this backbone's other runs, over k and reductions",
    "z@features": "standard deviations of the silhouette above data without structure; ! is no better than noise",
    "stability_ari": "mean ARI with refits on resampled cafés",
    "least_jaccard": "the least stable group's Jaccard over those refits",
    **dict.fromkeys(_SCORES, "see the run's report"),
    "backbone": "backbone and output",
    "reduce": "reduction before the clustering",
    "method": "clusterer",
    "k": "clusters",
    "seed": "seed",
    "n_photos": "photos of the run",
    "seconds": "of all stages",
    "status": "finished, or no result",
    "reason": "why there is none",
    "folder": "run folder",
}
"""The table's columns and what they hold (README, "Comparing runs")."""


def find(folders: Sequence[str | Path]) -> Comparison:
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
    return Comparison(finished, unfinished)


def write(comparison: Comparison, out: Path) -> Path:
    """Write `compare.html`, `compare.csv` and `compare.parquet`; returns the page's path."""
    write_csv(out / "compare.csv", comparison.table)
    with writing(out / "compare.parquet") as partial:
        comparison.table.to_parquet(partial, index=False)
    page = out / "compare.html"
    html = environment("cafemood.report").get_template("compare.html.j2").render(**_context(comparison, out))
    with writing(page) as partial:
        partial.write_text(html, encoding="utf-8")
    return page


def _context(comparison: Comparison, out: Path) -> dict[str, Any]:
    table = comparison.table
    shown = _shown(comparison)
    run = comparison.runs[0]
    paths = [run.where(comparison.photos["file"].iloc[i]) for i in shown]
    kept = dict(zip(run.photos["photo_id"], thumbnails.kept(run), strict=True))
    instead = [kept.get(comparison.photo_ids[i]) for i in shown]
    made = thumbnails.make_thumbnails(paths, [SIDE] * len(paths), instead)
    pictures = [thumbnails.data_uri(data) if data else None for data in made]
    place = {str(run.folder): i for i, run in enumerate(comparison.runs)}
    order = [place[folder] for folder in table["folder"] if folder in place]
    payload = {
        "columns": [c for c in table.columns if c not in ("folder", "status")],
        "numeric": [c for c in table.columns if pd.api.types.is_numeric_dtype(table[c])],
        "explained": COLUMNS | {"rank": "by the label-free score"},
        "rows": json.loads(table.to_json(orient="records")),
        "links": [_link(Path(folder), out) for folder in table["folder"]],
        "noise": [folder in place and _is_noise(comparison.runs[place[folder]]) for folder in table["folder"]],
        "names": [comparison.names[i] for i in order],
        "labels": [[int(comparison.labels[i][row]) for row in shown] for i in order],
        "agreement": [[round(float(comparison.agreement[i, j]), 3) for j in order] for i in order],
        "spaces": list(comparison.spaces),
        "cross": [[_rounded(v) for v in comparison.cross_space[i]] for i in order] if comparison.spaces else [],
        "pictures": pictures,
        "cafe": [
            as_text(cafe["cafe_name"]) or str(cafe["cafe_id"]) for _, cafe in comparison.photos.iloc[shown].iterrows()
        ],
        "colors": COLORS,
        "pick": order.index(comparison.silhouettes_pick) if comparison.silhouettes_pick is not None else None,
    }
    return {
        "n_photos": len(comparison.photo_ids),
        "n_shown": len(shown),
        "n_runs": len(comparison.runs),
        "n_unfinished": len(comparison.unfinished),
        "verdict": comparison.verdict(),
        "asked": comparison.asked,
        "marks": MARKS,
        "payload": for_script(payload),
        "title": out.name,
    }


def _shown(comparison: Comparison) -> list[int]:
    """Rows of the photos on the contact sheets: all, or of every café in turn."""
    n = len(comparison.photo_ids)
    if n <= N_SHOWN:
        return list(range(n))
    nth = comparison.photos.groupby("cafe_id", sort=False).cumcount().to_numpy()
    mixed = np.random.default_rng(0).permutation(n)
    return sorted(int(i) for i in mixed[np.argsort(nth[mixed], kind="stable")][:N_SHOWN])


def _settings(run: Run) -> dict[str, Any]:
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
"""What a run's facts say of its method besides: its name, what has a column of its own, and what came of it."""


def _short(folders: Sequence[Path]) -> list[str]:
    """Names of jobs without a result: their own overrides, without what all of them have in common."""
    parts = [re.split(r"[,_](?=[\w.]+=)", folder.name) for folder in folders]
    shared = set(parts[0]).intersection(*parts[1:]) if len(parts) > 1 else set()
    return [" ".join(part for part in own if part not in shared) or own[0] for own in parts]


def _own_silhouette(run: Run) -> float:
    """In the space that the run was clustered in: what the study compared."""
    space = run.facts["space"]["clustering"]
    name = f"silhouette@{space}" if space in ("features", "pca2") else "silhouette@clustering"
    value = run.scores["scores"].get(name)
    return float("nan") if value is None else float(value)


def _is_noise(run: Run) -> bool:
    null = run.scores["null"].get("silhouette@features") or {}
    z = null.get("z")
    return z is not None and float(z) < null.get("limit", NOISE_Z)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort 10_… after 9_…."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name)]


def _link(folder: Path, out: Path) -> str | None:
    """The run's report as seen from the page, if it lies below it."""
    from urllib.parse import quote

    page = folder / "report.html"
    inside = page.is_file() and page.resolve().is_relative_to(out.resolve())
    return quote(page.resolve().relative_to(out.resolve()).as_posix()) if inside else None


def _rounded(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None


def _say(level: str, text: str) -> Sentence:
    return {"level": level, "text": text}


def _aligned(run: Run, photo_ids: Sequence[str]) -> pd.DataFrame:
    return run.assignments.set_index("photo_id").loc[list(photo_ids)].reset_index()

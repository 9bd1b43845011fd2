"""From answers to a result: the study's table, what it lacked, what it means in words; files for others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cafemood import runs
from cafemood.core.atomic import write_json, writing
from cafemood.core.names import path_of, text_of
from cafemood.errors import RunError, SurveyError
from cafemood.runs.run import Run
from cafemood.survey import RESULT_FILE, figures, raters, statistics
from cafemood.survey.answers import Gathered, write_table
from cafemood.survey.kinds.base import Scoring
from cafemood.survey.kinds.registry import KINDS
from cafemood.survey.retest import retest
from cafemood.survey.study import Study
from cafemood.survey.verdict import verdict

Found = dict[str, Any]
N_BOOT = 2000


def score(
    study: Study,
    gathered: Gathered,
    run: Run | None,
    others: Sequence[Run] = (),
    *,
    n_boot: int = N_BOOT,
    seed: int = 0,
) -> Found:
    """Everything that the answers allow to say.

    Args:
        study: The survey.
        gathered: Its answers.
        run: The run that it was built from, for the machine's scores; None if it is gone.
        others: More runs on the same photos, whose backbones are set against people's triplets.
        n_boot: Bootstrap samples.
        seed: Of the bootstrap.

    Raises:
        SurveyError: No answer counts.
    """
    counted = gathered.counted
    if counted.empty:
        why = f"all {len(gathered.people)} people failed the attention check"
        raise SurveyError("No answer counts", where=study.folder, why=why, fix="look at answers.csv")
    spaces = _spaces(study, [r for r in (run, *others) if r is not None])
    found = from_table(study, counted, spaces, n_boot=n_boot, seed=seed)
    found |= {
        "survey": study.id,
        "scored": datetime.now(UTC).isoformat(timespec="seconds"),
        "design": study.facts["design"],
        "scale": study.scale,
        "people": _people(gathered),
        "follows": _follows(run, found["clusters"]),
        "by_words": [] if run is None else raters.beside_words(run, raters.means(study, counted)),
    }
    found["verdict"] = [finding.to_json() for finding in verdict(found)]
    return found


def from_table(
    study: Study,
    counted: pd.DataFrame,
    spaces: dict[str, dict[str, np.ndarray]] | None = None,
    *,
    n_boot: int = N_BOOT,
    seed: int = 0,
) -> Found:
    """The part of `score` that comes from answers (columns as in the codebook): each kind of question gives its own.

    Args:
        study: The survey.
        counted: The answers that count.
        spaces: By name, the position of each photo, to be set beside people.
        n_boot: Bootstrap samples.
        seed: Of the bootstrap.
    """
    scoring = Scoring(counted, study.clusters, study.facts["design"], spaces or {}, n_boot, seed)
    clusters: list[Found] = [{} for _ in study.clusters]
    found: Found = {"clusters": clusters}
    for kind in KINDS.values():
        part = kind.score(scoring)
        for cluster, entry in zip(clusters, part.pop("clusters", clusters), strict=True):
            cluster |= entry
        found |= part
    return found | {"retest": retest(counted)}


def _people(gathered: Gathered) -> Found:
    people = gathered.people
    counted = people[people["passed_check"] != False]  # noqa: E712
    whole = gathered.table[gathered.table["finished"]].groupby("person")["seconds"].sum()
    return {
        "began": len(people),
        "counted": len(counted),
        "men": int((counted["gender"] == "man").sum()),
        "women": int((counted["gender"] == "woman").sum()),
        "failed_check": int((people["passed_check"] == False).sum()),  # noqa: E712
        "unfinished": int((~counted["finished"]).sum()),
        "median_minutes": round(float(whole.median()) / 60, 1) if len(whole) else None,
        "skipped_files": gathered.skipped,
    }


def _spaces(study: Study, found: Sequence[Run]) -> dict[str, dict[str, np.ndarray]]:
    """The survey's photos in the features of each run that has them."""
    spaces: dict[str, dict[str, np.ndarray]] = {}
    for run in found:
        if not run.has_features:
            continue
        known = {name: run.rows[row].astype(np.float32) for name, row in study.rows_in(run).items()}
        backbone = run.card.backbone
        name = f"{backbone.name} {backbone.output}"
        if known and name not in spaces:
            spaces[name] = known
    return spaces


def _follows(run: Run | None, clusters: Sequence[Found]) -> list[Found]:
    if run is None:
        return []
    people = [entry["versus_mixed"]["difference"] for entry in clusters]
    silhouettes = run.assignments.groupby("cluster")["silhouette"].mean()
    machines: list[tuple[str, list[float | None]]] = []
    stability = run.scores.get("stability")
    if stability and stability.get("n"):
        machines.append(("stability (Jaccard over refits)", list(stability["jaccard"])))
    machines.append(("silhouette@features", [_maybe(silhouettes.get(j)) for j in range(len(clusters))]))
    return [{"name": name, "scores": each, **statistics.follows(each, people)} for name, each in machines]


def _maybe(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def run_of(study: Study, given: Path | None = None, *, same_moods: bool = True) -> tuple[Run | None, str | None]:
    """The run that a survey was built from: as given, around the survey, or where it was; and why there is none.

    Args:
        study: The survey.
        given: Where the run is.
        same_moods: False: the run given may have other moods of the same photos.

    Raises:
        SurveyError: The run given is another one.
    """
    about = study.facts["run"]
    for folder in [given] if given else [study.folder.resolve().parent, path_of(about["folder"])]:
        try:
            run = runs.load(folder)
            same = _is_of(study, run) if same_moods or not given else _has_its_photos(study, run)
        except RunError:
            if given:
                raise
            continue
        if same and (given or text_of(run.folder.name) == about["name"] or folder == study.folder.resolve().parent):
            return run, None
        if given:
            why = "it has other photos" + (" or another k, or puts them into other clusters" if same_moods else "")
            raise SurveyError(
                "The survey was not built from this run", where=given, why=why, fix=f"give {about['folder']}"
            )
    return None, f"The run is no longer at {about['folder']}: give it with --run to set machine scores beside people."


def _is_of(study: Study, run: Run) -> bool:
    """Whether the run has the survey's photos, each in the cluster that people were asked about."""
    if not _has_its_photos(study, run) or run.card.k != study.facts["k"]:
        return False
    clusters = dict(zip(run.assignments["photo_id"], run.assignments["cluster"], strict=True))
    return all(clusters.get(about["photo_id"]) == about["cluster"] for about in study.facts["photos"].values())


def _has_its_photos(study: Study, run: Run) -> bool:
    return bool(run.card.data.digest == study.facts["run"]["digest"])


def write(study: Study, gathered: Gathered, run: Run | None, found: Found) -> list[Path]:
    """Write `score.json`, `answers.csv`, `codebook.md` and the figure, and the result into the run's folder."""
    write_json(study.folder / "score.json", found)
    paths = [study.folder / "score.json", write_table(study, gathered)]
    with writing(study.folder / "figures" / "alike.svg") as partial:
        partial.write_text(figures.alike(found, standalone=True), encoding="utf-8")
    paths.append(study.folder / "figures" / "alike.svg")
    if run is not None:
        raters.keep(run, raters.means(study, gathered.counted))
        write_json(run.folder / RESULT_FILE, found)
    return paths

"""What people teach: a map of the features in which photos that they set apart lie apart, judged on what it never saw.

People tell by odd-one-out questions and by intruders which of some photos is least like the others. The map is learnt
from that (`clustering.triplet_map`), in the compact rows of the survey's run, and is kept as `people.safetensors`;
`reduce=people reduce.answers=DIR` takes groups from it. What it is worth is told by answers of people that it was not
learnt from, about photos of cafés that it was not learnt from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cafemood.clustering.triplet_map import UNTRAINED, TripletMap, cross_validated
from cafemood.core.atomic import write_tensors
from cafemood.errors import SurveyError
from cafemood.evaluation.findings import Finding
from cafemood.runs.run import Run
from cafemood.survey.statistics import Found, _tails
from cafemood.survey.study import Study

MAP_FILE = "people.safetensors"
N_PRINCIPAL = 64
"""Components of the compact rows that a map is learnt in."""
LEAST_ANSWERS, LEAST_CAFES = 60, 8
N_BOOT = 2000
_CAFE_FOLDS, _PEOPLE_FOLDS = 4, 2
_UNSEEN = 2
"""Photos of a judged question that are of held-out cafés, at least."""


@dataclass(frozen=True)
class Asked:
    """Answered questions.

    Attributes:
        rows: Of the run's photos, of each question; the chosen photo first.
        keys: Which question each is; people who were asked the same one share it.
        people: Number of the person of each (t,).
    """

    rows: list[tuple[int, ...]]
    keys: list[tuple[int, ...]]
    people: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def asked_of(study: Study, counted: pd.DataFrame, run: Run) -> Asked:
    """The choices among photos in the answers that count; repeats and skips do not."""
    row_of = study.rows_in(run)
    rows, keys, people = [], [], []
    choices = counted[counted["kind"].isin(["odd", "intruder"]) & counted["repeat_of"].isna()]
    for shown, chosen, person in choices.dropna(subset="answer")[["photos", "answer", "person"]].itertuples(
        index=False
    ):
        names = str(shown).split()
        known = {name: row for name in names if (row := row_of.get(name)) is not None}
        if chosen in names and len(known) == len(names):
            rows.append((known[chosen], *(row for name, row in known.items() if name != chosen)))
            keys.append(tuple(sorted(known.values())))
            people.append(person)
    return Asked(rows, keys, np.array(people, dtype=int))


def learn(study: Study, counted: pd.DataFrame, run: Run, *, seed: int = 0) -> tuple[dict[str, np.ndarray], Found]:
    """Learn the map.

    Args:
        study: The survey.
        counted: Its answers that count.
        run: The run that it was built from.
        seed: Of the folds and of the bootstrap.

    Returns:
        Its tensors, as `project` takes them; and the figures: `untrained` and `learnt`, the shares of
        held-out answers that the features and the map choose too, `gain` with `low` and `high` (95 %, bootstrap over
        people), and `between`, how often two people choose the same photo.

    Raises:
        SurveyError: There are too few answers, people or cafés.
    """
    asked = asked_of(study, counted, run)
    cafes = pd.factorize(run.photos["cafe_id"].astype(str))[0]
    taught = np.unique([row for rows in asked.rows for row in rows]).astype(int)
    n_cafes, n_people = len(np.unique(cafes[taught])), len(np.unique(asked.people))
    if len(asked) < LEAST_ANSWERS or n_people < 2 or n_cafes < LEAST_CAFES:
        why = (
            f"there are {len(asked):,} choices among photos, of {n_people} people, about {n_cafes} cafés; "
            f"{LEAST_ANSWERS} choices of 2 people about {LEAST_CAFES} cafés are the least"
        )
        fix = "ask more people, and build the survey with more --triplets and a larger --pool"
        raise SurveyError("Too few answers to learn from", where=study.folder, why=why, fix=fix)
    components = run.features["pca.components"].astype(np.float64)
    width = min(N_PRINCIPAL, len(components))
    rows = run.rows[:, :width].astype(np.float64)
    splits = _splits(asked, cafes, np.random.default_rng(seed))
    held = cross_validated(rows, asked.rows, splits)
    penalty = held.best()
    learnt = TripletMap(penalty).fit(rows, asked.rows)
    directions = learnt.components()
    spread = float((rows @ directions.T).var(axis=0).mean())
    directions = directions / max(np.sqrt(spread), 1e-12)  # a mean variance of 1, whatever people's certainty
    judged_people = np.concatenate([asked.people[judged] for _, judged in splits])
    right, before = np.concatenate(held.chosen()), np.concatenate(held.right[UNTRAINED])
    figures: Found = {
        "answers": len(asked), "people": n_people, "photos": len(taught), "cafes": n_cafes,
        "judged": len(right), "chance": float(np.mean([1 / len(rows) for rows in asked.rows])),
        "untrained": float(before.mean()), "learnt": float(right.mean()),
        **_gain(right, before, judged_people, seed),
        **_agreement(asked),
        "penalty": penalty if np.isfinite(penalty) else None, "n_components": len(directions),
    }  # fmt: skip
    tensors = {
        "pca.mean": run.features["pca.mean"].astype(np.float32),
        "pca.components": (directions @ components[:width]).astype(np.float32),
        "rows.unit": np.ones(1, np.float32),
    }
    return tensors, figures


def write(study: Study, run: Run, tensors: dict[str, np.ndarray]) -> Path:
    """Write `people.safetensors` into the survey's folder."""
    path = study.folder / MAP_FILE
    write_tensors(path, tensors, {"survey": study.id, "fingerprint": run.card.backbone.fingerprint})
    return path


def findings(figures: Found) -> list[Finding]:
    """What the map is worth, in words."""
    shares = {name: f"{figures[name]:.0%}" for name in ("untrained", "learnt", "chance")}
    told = {name: figures[name] for name in ("untrained", "learnt", "gain", "low", "high")}
    people = f" Two people choose the same photo {figures['between']:.0%} of the time." if figures["between"] else ""
    beside = f"{shares['learnt']} of held-out answers against {shares['untrained']} (chance {shares['chance']})."
    if figures["low"] > 0:
        text = f"What people teach holds for other people and cafés: {beside}{people}"
        return [Finding("people-map-holds", "good", text, told)]
    text = f"The space that people taught is no better than the untrained features: {beside}{people}"
    return [Finding("people-map-no-better", "warn", text, told)]


def _splits(asked: Asked, cafes: np.ndarray, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Fitted: questions of other people with no photo of a held-out café. Judged: two photos and more are of such."""
    fold = rng.permutation(cafes.max() + 1) % _CAFE_FOLDS
    names, person = np.unique(asked.people, return_inverse=True)
    half = rng.permutation(len(names)) % _PEOPLE_FOLDS
    splits = []
    for f in range(_CAFE_FOLDS):
        n_held = np.array([int((fold[cafes[list(rows)]] == f).sum()) for rows in asked.rows])
        for h in range(_PEOPLE_FOLDS):
            fitted = np.flatnonzero((n_held == 0) & (half[person] != h))
            judged = np.flatnonzero((n_held >= _UNSEEN) & (half[person] == h))
            if len(fitted) and len(judged):
                splits.append((fitted, judged))
    return splits


def _gain(right: np.ndarray, before: np.ndarray, people: np.ndarray, seed: int) -> Found:
    """Mean gain of held-out answers with its bootstrap interval over people."""
    _, person = np.unique(people, return_inverse=True)
    n = np.bincount(person)
    gains = np.bincount(person, right.astype(float) - before)
    drawn = np.random.default_rng(seed).integers(len(n), size=(N_BOOT, len(n)))
    low, high = np.quantile(gains[drawn].sum(axis=1) / n[drawn].sum(axis=1), _tails())
    return {"gain": float(gains.sum() / n.sum()), "low": float(low), "high": float(high)}


def _agreement(asked: Asked) -> Found:
    """How often two people who were asked the same choose the same photo; None where no two were."""
    chosen: dict[tuple[int, ...], list[int]] = {}
    for key, rows in zip(asked.keys, asked.rows, strict=True):
        chosen.setdefault(key, []).append(rows[0])
    same = pairs = 0
    for choices in chosen.values():
        counts = np.unique(choices, return_counts=True)[1]
        same += int((counts * (counts - 1)).sum())
        pairs += len(choices) * (len(choices) - 1)
    return {"between": same / pairs if pairs else None, "pairs": pairs // 2}

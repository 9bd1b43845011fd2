"""What ratings of some photos say of all: a ridge regression for each scale, judged on held-out cafés."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from cafemood.evaluation.findings import Finding
from cafemood.runs.run import Run
from cafemood.survey.kinds.ambiance import Ambiance, asked_scales, of_scale
from cafemood.survey.statistics import Found
from cafemood.survey.study import Study

LEAST_PHOTOS = 20
_FOLDS, _PERMUTATIONS = 5, 199
_PENALTIES = np.logspace(-3, 4, 15)


def predict(study: Study, counted: pd.DataFrame, run: Run, *, seed: int = 0) -> tuple[pd.DataFrame, list[Found]]:
    """Predict each scale for every photo of the run.

    A photo's rating is the mean over people, each person's own mean on the scale taken out where they rated three
    photos and more. Features are the run's compact rows.

    Args:
        study: The survey.
        counted: Its answers that count.
        run: The run that it was built from.
        seed: Of the folds and of the permutations.

    Returns:
        A column for each scale that photos of held-out cafés support, `photo_id` first; and what is known of each
        scale: numbers, `reliability` of a photo's mean (what R² cannot exceed), `r2` on held-out cafés, `p` of a
        permutation test, and `predicted`, whether there is a column.
    """
    rows = counted[counted["kind"] == Ambiance.name]
    row_of = study.rows_in(run)
    cafes = run.photos["cafe_id"].astype(str).to_numpy()
    features = run.rows.astype(np.float64)
    table, told = pd.DataFrame({"photo_id": run.photos["photo_id"].to_numpy()}), []
    for scale in asked_scales(rows):
        answers = rows[rows["condition"] == scale].dropna(subset="answer")
        found = of_scale(answers, scale) | {"r2": None, "p": None, "predicted": False}
        rated = ratings(answers)
        known = {row_of[name]: value for name, value in rated.items() if name in row_of}
        at, y = np.array(list(known), dtype=int), np.array(list(known.values()))
        if len(y) >= LEAST_PHOTOS and len(np.unique(cafes[at])) >= _FOLDS and np.ptp(y) > 0:
            found |= _judged(features[at], y, cafes[at], seed)
            found["predicted"] = bool(found["r2"] > 0 and found["p"] < 0.05)
        if found["predicted"]:
            values = _ridge().fit(features[at], y).predict(features)
            table[scale] = np.clip(values, 1, study.scale).round(3)
        told.append(found)
    return table, told


def findings(told: list[Found]) -> list[Finding]:
    """Which scales can be told from photos, in words."""
    good = [entry for entry in told if entry["predicted"]]
    bad = [entry["scale"] for entry in told if not entry["predicted"]]
    said = []
    if good:
        words = ", ".join(
            f"{entry['scale']} (R² {entry['r2']:.2f}" +
            (f" of {entry['reliability']:.2f} possible)" if entry["reliability"] is not None else ")")
            for entry in good
        )  # fmt: skip
        figures = {entry["scale"]: entry["r2"] for entry in good}
        said.append(Finding("scales-predicted", "good", f"Told of photos of held-out cafés: {words}.", figures))
    if bad:
        text = f"Not told of photos of held-out cafés, and not predicted: {', '.join(bad)}."
        said.append(Finding("scales-not-predicted", "warn", text, {"scales": bad}))
    return said


def ratings(answers: pd.DataFrame) -> dict[str, float]:
    """Mean rating of each photo, people's own means taken out."""
    values = answers["answer"].astype(float)
    by_person = values.groupby(answers["person"])
    own = by_person.transform("mean").where(by_person.transform("size") >= 3, values.mean())
    level = values - own + values.mean()
    return {str(name): float(value) for name, value in level.groupby(answers["photos"]).mean().items()}


def _ridge() -> Pipeline:
    from sklearn.linear_model import RidgeCV

    return make_pipeline(StandardScaler(with_std=False), RidgeCV(_PENALTIES, alpha_per_target=True))


def _judged(x: np.ndarray, y: np.ndarray, cafes: np.ndarray, seed: int) -> Found:
    """R² on held-out cafés, and how often permuted ratings do as well."""
    from sklearn.metrics import r2_score
    from sklearn.model_selection import GroupKFold, cross_val_predict

    folds = list(GroupKFold(_FOLDS, shuffle=True, random_state=seed).split(x, y, cafes))
    rng = np.random.default_rng(seed)
    ratings = np.column_stack([y, *(rng.permutation(y) for _ in range(_PERMUTATIONS))])
    with threadpool_limits(1):  # small matrices
        predicted = cross_val_predict(_ridge(), x, ratings, cv=folds)
    r2, *permuted = (float(value) for value in r2_score(ratings, predicted, multioutput="raw_values"))
    better = sum(value >= r2 for value in permuted)
    return {"r2": r2, "p": (1 + better) / (1 + _PERMUTATIONS)}

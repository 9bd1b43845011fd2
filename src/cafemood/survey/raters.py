"""People's mean ratings of photos, and how far what words guess of the same photos agrees with them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cafemood.cafes import profiles, scales
from cafemood.runs.run import Run
from cafemood.survey.kinds.ambiance import Ambiance, asked_scales
from cafemood.survey.scale_models import ratings
from cafemood.survey.statistics import Found
from cafemood.survey.study import Study
from cafemood.words import text_features

LEAST_PHOTOS = 4
"""Of fewer, a correlation has no interval (Fisher's z has n - 3 in its error)."""


def means(study: Study, counted: pd.DataFrame) -> pd.DataFrame:
    """Mean rating of each photo that people rated: `photo_id`, and a column for each scale, NaN where nobody did.

    Args:
        study: The survey.
        counted: Its answers that count.
    """
    rows = counted[counted["kind"] == Ambiance.name].dropna(subset="answer")
    by_scale = {scale: ratings(rows[rows["condition"] == scale]) for scale in asked_scales(rows)}
    names = sorted({name for rated in by_scale.values() for name in rated})
    table = pd.DataFrame({"photo_id": [study.facts["photos"][name]["photo_id"] for name in names]})
    for scale, rated in by_scale.items():
        table[scale] = [rated.get(name, np.nan) for name in names]
    return table


def keep(run: Run, table: pd.DataFrame) -> None:
    """Keep people's means in a run's folder; its table of cafés shows them. Nothing is written where nobody rated."""
    if table.empty:
        return
    scales.write(run, table, scales.RATED_FILE)
    if run.knows_cafes and run.has_features:
        profiles.build(run)


def beside_words(run: Run, table: pd.DataFrame) -> list[Found]:
    """How far what words guess agrees with people, over the photos that people rated.

    Args:
        run: The run that the survey was built from.
        table: As `means` gives it.

    Returns:
        Of each rated scale `scale`, `photos` (how many), Pearson's `r` with its 95 % interval `low` to `high` (by
        Fisher's z) and `p`, two-sided; None where there are too few photos, or one side does not vary. Nothing where
        the run has no text features. Each photo is of another café, so that they are independent.
    """
    from scipy.stats import pearsonr

    features = text_features.if_there(run)
    if features is None:
        return []
    ids = run.photos["photo_id"].to_numpy()[features.rows]
    guesses = {guess.scale.name: pd.Series(guess.photos, index=ids) for guess in features.ambiance}
    found: list[Found] = []
    for scale in table.columns.drop("photo_id"):
        if scale not in guesses:
            continue
        pairs = pd.DataFrame({"people": table.set_index("photo_id")[scale], "words": guesses[scale]}).dropna()
        entry: Found = {"scale": scale, "photos": len(pairs), "r": None, "low": None, "high": None, "p": None}
        if len(pairs) >= LEAST_PHOTOS and (pairs.std() > 1e-9).all():
            tested = pearsonr(pairs["people"], pairs["words"])
            interval = tested.confidence_interval(0.95)
            r, p = float(tested.statistic), float(tested.pvalue)
            entry |= {"r": r, "p": p, "low": float(interval.low), "high": float(interval.high)}
        found.append(entry)
    return found


def line(entry: Found) -> str:
    """`cozy: r 0.42 (0.10 to 0.66; p 0.012) over 40 photos`."""
    name = str(entry["scale"]).replace("_", " ")
    if entry["r"] is None:
        return f"{name}: {entry['photos']} photos are too few, or all alike"
    told = f"r {entry['r']:.2f} ({entry['low']:.2f} to {entry['high']:.2f}; p {entry['p']:.2g})"
    return f"{name}: {told} over {entry['photos']} photos"

"""What the report shows of scales of ambiance: what words guess, and people's ratings where they answered."""

from __future__ import annotations

from typing import Any

import numpy as np

from cafemood.core.html import as_text
from cafemood.runs.run import Run
from cafemood.words import text_features
from cafemood.words.ambiance import Guess


def rows(run: Run, asked: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Rows of the table, those that words tell beyond chance first; none without text features.

    Args:
        run: The run.
        asked: What people said (`survey.result`).

    Returns:
        Of each scale `name`, `low` and `high` (phrases), `tells` and `p`, `least` and `most` (the names of the cafés
        at both ends, None where it does not tell photos apart or cafés are not known), `rated` (`mean`, `photos`,
        `people`) and `agrees` (`r`, `low`, `high`, `p`, `photos`), None where nobody was asked; `left_out` where it
        neither tells photos apart nor was rated.
    """
    features = text_features.if_there(run)
    if features is None:
        return []
    rated = {entry["scale"]: entry for entry in (asked or {}).get("ambiance", [])}
    agrees = {entry["scale"]: entry for entry in (asked or {}).get("by_words", [])}
    photos = run.photos.iloc[features.rows]
    told = []
    for guess in sorted(features.ambiance, key=lambda guess: not guess.tells):
        name = guess.scale.name
        ends = _ends(photos, guess) if guess.tells and run.knows_cafes else (None, None)
        told.append(
            {"name": name.replace("_", " "), "low": guess.scale.low[0], "high": guess.scale.high[0]}
            | {"tells": guess.tells, "p": guess.p, "least": ends[0], "most": ends[1]}
            | {"rated": rated.get(name), "agrees": agrees.get(name)}
            | {"left_out": not guess.tells and name not in rated}
        )
    return told


def _ends(photos: Any, guess: Guess) -> tuple[str | None, str | None]:
    """The names of the cafés whose photos lie lowest and highest."""
    ids, of_photo = np.unique(photos["cafe_id"].astype(str), return_inverse=True)
    if len(ids) < 2:
        return None, None
    means = np.bincount(of_photo, guess.photos) / np.bincount(of_photo)
    names = photos.groupby(of_photo)["cafe_name"].first()
    low, high = (as_text(names.iloc[i]) or str(ids[i]) for i in (means.argmin(), means.argmax()))
    return low, high

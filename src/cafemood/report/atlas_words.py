"""Words for the atlas, so that its search box and its colours know them without a network."""

from __future__ import annotations

from typing import Any

import numpy as np

from cafemood.cafes import moods, word_tables
from cafemood.cafes import scales as scales_of_run
from cafemood.runs.run import Run
from cafemood.words import text_features


def of_page(run: Run, shown: np.ndarray, cafe_ids: list[str]) -> dict[str, Any]:
    """The words of the photos that a page shows, and of its cafés.

    Args:
        run: The run.
        shown: Rows of `run.photos`.
        cafe_ids: The cafés, in the page's order.

    Returns:
        `words`: of each photo one text, `dark wood, plants · 짙은 나무, 식물`, and the same of each café; None where
        the run has no text features.
    """
    if not text_features.exists(run):
        return {"words": None}
    photos, cafes = word_tables.of_photos(run), word_tables.of_cafes(run)
    ids = run.photos["photo_id"].to_numpy()[shown]
    return {
        "words": {
            "photo": [photos[photo_id].text if photo_id in photos else "" for photo_id in ids],
            "cafe": [cafes[cafe_id].text if cafe_id in cafes else "" for cafe_id in map(str, cafe_ids)],
        }
    }


def scales(run: Run, shown: np.ndarray) -> list[dict[str, Any]]:
    """The words that name moods, and the ambiance that words guess, as scales that photos can be coloured by.

    Returns:
        Of each `name`, the words at both ends, and `place`, where each photo lies, 0 to 100.
    """
    if not text_features.exists(run):
        return []
    features = text_features.load(run)
    row_of = {term.english: i for i, term in enumerate(features.terms)}
    named = dict.fromkeys(word.english for mood in moods.of_run(run) for word in mood.words if word.english in row_of)
    z = features.english.z(features.photos, features.words[[row_of[name] for name in named]])
    columns = {(f"word: {name}", f"less {name}", name): z[:, i] for i, name in enumerate(named)}
    for guess in features.ambiance:
        if guess.tells:
            low, high = guess.scale.low[0], guess.scale.high[0]
            columns[f"guess: {guess.scale.name}", low, f"{high} (guessed from words)"] = guess.photos
    told: list[dict[str, Any]] = []
    for (name, low, high), of_photos in columns.items():
        every = np.full(len(run.photos), np.nan, np.float32)
        every[features.rows] = of_photos
        told += between(name, low, high, every[shown])
    return told


def rated(run: Run, shown: np.ndarray) -> list[dict[str, Any]]:
    """The scales that people rated and photos tell, in the same form."""
    told: list[dict[str, Any]] = []
    for name, values in scales_of_run.read(run).items():
        (low, _), (high, _) = scales_of_run.words(str(name))
        told += between(f"rated: {name}", f"rated {low}", high, values.to_numpy()[shown])
    return told


def between(name: str, low: str, high: str, values: np.ndarray) -> list[dict[str, Any]]:
    """One entry; none where the values (n,) are all the same."""
    ends = np.nanquantile(values, [0.02, 0.98]) if np.isfinite(values).any() else (0, 0)
    if ends[1] - ends[0] < 1e-4:
        return []
    place = 100 * np.clip((values - ends[0]) / (ends[1] - ends[0]), 0, 1)
    return [{"name": name, "low": low, "high": high, "place": [int(v) if np.isfinite(v) else None for v in place]}]

"""The words of a run's photos and cafés, as tables and beside similar cafés."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cafemood.core.atomic import write_csv
from cafemood.runs.run import Run
from cafemood.words import tags, text_features
from cafemood.words.tags import Tags
from cafemood.words.text_features import TextFeatures

PHOTOS, CAFES = "words_of_photos.csv", "words_of_cafes.csv"
MOST_SHARED = 3


def write(run: Run) -> tuple[Path, int]:
    """Write the words of a run's photos, and of its cafés where they are known.

    Returns:
        The table of the photos, and how many of these seem to show no place.

    Raises:
        RunError: The run has no text features.
    """
    features = text_features.load(run)
    photos = run.photos.iloc[features.rows]
    found = tags.of_photos(features)
    table = photos[["photo_id", "file", "cafe_id"]].reset_index(drop=True)
    write_csv(run.folder / PHOTOS, table.assign(**_columns(found)))
    if run.knows_cafes:
        of_cafe = of_cafes(run)
        rows = pd.DataFrame({"cafe_id": list(of_cafe)})
        write_csv(run.folder / CAFES, rows.assign(**_columns(list(of_cafe.values()))))
    return run.folder / PHOTOS, sum(tag.shows is not None for tag in found)


def shared(run: Run, liked: Sequence[str], cafe_id: str) -> list[str]:
    """English words that a café has in common with all cafés that are liked; none without text features.

    Args:
        run: The run.
        liked: Ids of cafés.
        cafe_id: Another's.
    """
    known = if_there(run)
    if not liked or not all(name in known for name in (*liked, cafe_id)):
        return []
    others = [{term.english for term in known[name].words} for name in liked]
    return [term.english for term in known[cafe_id].words if all(term.english in words for words in others)][
        :MOST_SHARED
    ]


def if_there(run: Run) -> dict[str, Tags]:
    """The words of each café, by its id; none without text features, or with damaged ones."""
    if "words_of_cafes" not in run.in_memory:
        features = text_features.if_there(run)
        run.in_memory["words_of_cafes"] = {} if features is None else _of_cafes(run, features)
    known: dict[str, Tags] = run.in_memory["words_of_cafes"]
    return known


def of_photos(run: Run) -> dict[str, Tags]:
    """The words of each photo that has text features, by its id.

    Raises:
        RunError: The run has none.
    """
    features = text_features.load(run)
    ids = run.photos["photo_id"].to_numpy()[features.rows]
    return dict(zip((str(photo_id) for photo_id in ids), tags.of_photos(features), strict=True))


def of_cafes(run: Run) -> dict[str, Tags]:
    """The words of each café, by its id.

    Raises:
        RunError: The run has no text features.
    """
    return _of_cafes(run, text_features.load(run))


def _of_cafes(run: Run, features: TextFeatures) -> dict[str, Tags]:
    ids, groups = np.unique(run.photos["cafe_id"].astype(str).to_numpy()[features.rows], return_inverse=True)
    return dict(zip((str(name) for name in ids), tags.of_groups(features, groups, most=2 * tags.MOST), strict=True))


def _columns(found: Sequence[Tags]) -> dict[str, list[str]]:
    return {
        "words": ["; ".join(term.english for term in tag.words) for tag in found],
        "korean": ["; ".join(term.korean for term in tag.words) for tag in found],
        "shows": ["" if tag.shows is None else tag.shows.english for tag in found],
    }

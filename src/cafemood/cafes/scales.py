"""Scales of ambiance of a run's photos: what people rated, what that says of all photos, and what words alone guess.

Three kinds of columns in tables of cafés, never mixed: `scale_cozy` is predicted from ratings (`survey learn`),
`rated_cozy` the mean rating of the café's photos that people rated, and `words_guess_cozy` where its photos lie between
opposite phrases (`cafemood words`, see `words.ambiance`), in standard deviations: nobody was asked for that.
"""

from __future__ import annotations

import pandas as pd

from cafemood.cafes.ambiance_scales import ENDS
from cafemood.core.parquet import read_parquet, write_parquet
from cafemood.core.reasons import Flaw
from cafemood.runs.run import Run
from cafemood.words import text_features

SCALES_FILE, RATED_FILE = "scales.parquet", "rated.parquet"
COLUMN, RATED, GUESS = "scale_", "rated_", "words_guess_"
"""Their names in tables of cafés begin with these: no other column does."""


def words(column: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """How a café low and one high in a column `scale_…` is called, in English and Korean."""
    scale = column.removeprefix(COLUMN)
    name = scale.replace("_", " ")
    return ENDS.get(scale, ((f"not {name}", f"{name}: 낮음"), (name, f"{name}: 높음")))


def write(run: Run, table: pd.DataFrame, file: str = SCALES_FILE) -> None:
    """Keep predicted ratings, or with `RATED_FILE` people's means.

    Args:
        run: The run.
        table: `photo_id`, and a column for each scale.
        file: Its name in the run's folder.
    """
    write_parquet(run.folder / file, table)


def read(run: Run, file: str = SCALES_FILE) -> pd.DataFrame:
    """Predicted ratings of the run's photos, in their order, a column for each scale; NaN of photos added since.

    With `RATED_FILE` people's mean ratings; NaN of photos that nobody rated. No column where nobody rated, or where
    the file is damaged: `survey learn` (or `survey score`) makes it again.
    """
    path = run.folder / file
    if path.exists():
        try:
            table = read_parquet(path, ("photo_id",)).drop_duplicates("photo_id").set_index("photo_id")
            return table.reindex(run.photos["photo_id"]).reset_index(drop=True).astype(float)
        except (OSError, Flaw, ValueError):
            pass
    return pd.DataFrame(index=range(len(run.photos)))


def guessed(run: Run) -> pd.DataFrame:
    """Where the run's photos lie on the scales that words tell beyond chance, as `read` gives them.

    No column without text features.
    """
    table = pd.DataFrame(index=range(len(run.photos)))
    features = text_features.if_there(run)
    for guess in [] if features is None else features.ambiance:
        if guess.tells and features is not None:
            table[guess.scale.name] = pd.Series(guess.photos, index=features.rows)
    return table

"""What people's ratings of some photos say of all photos of a run: one column for each scale (`survey learn`)."""

from __future__ import annotations

import pandas as pd

from cafemood.cafes.ambiance_scales import ENDS
from cafemood.core.parquet import read_parquet, write_parquet
from cafemood.core.reasons import Flaw
from cafemood.runs.run import Run

SCALES_FILE = "scales.parquet"
COLUMN = "scale_"
"""Their names in tables of cafés begin with this: no other column does."""


def words(column: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """How a café low and one high in a column `scale_…` is called, in English and Korean."""
    scale = column.removeprefix(COLUMN)
    name = scale.replace("_", " ")
    return ENDS.get(scale, ((f"not {name}", f"{name}: 낮음"), (name, f"{name}: 높음")))


def write(run: Run, table: pd.DataFrame) -> None:
    """Keep predicted ratings.

    Args:
        run: The run.
        table: `photo_id`, and a column for each scale.
    """
    write_parquet(run.folder / SCALES_FILE, table)


def read(run: Run) -> pd.DataFrame:
    """Predicted ratings of the run's photos, in their order, a column for each scale; NaN of photos added since.

    No column where nobody rated, or where the file is damaged: `survey learn` makes it again.
    """
    path = run.folder / SCALES_FILE
    if path.exists():
        try:
            table = read_parquet(path, ("photo_id",)).drop_duplicates("photo_id").set_index("photo_id")
            return table.reindex(run.photos["photo_id"]).reset_index(drop=True).astype(float)
        except (OSError, Flaw, ValueError):
            pass
    return pd.DataFrame(index=range(len(run.photos)))

"""The cafés' profiles as the terminal shows them."""

from __future__ import annotations

import json

import numpy as np

from cafemood.cafes import moods
from cafemood.cafes.profiles import Cafes, label, share_words
from cafemood.core.names import plain, shown


def print_table(cafes: Cafes, limit: int = 20, sort: str = "n_photos", kept: np.ndarray | None = None) -> None:
    """Print the profiles as a table, the cafés with most photos first; `kept`: only these (c,)."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    named = moods.of_run(cafes.run)
    some = cafes.table if kept is None else cafes.table[kept]
    first = some.sort_values([sort, "cafe_id"], ascending=[False, True]).head(limit)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("café", "photos"):
        table.add_column(column, justify="right" if column == "photos" else "left")
    table.add_column("moods: share (90 % interval)")
    table.add_column("most like it")
    for values in first.to_dict("records"):
        record = {str(key): value for key, value in values.items()}
        table.add_row(
            Text(shown(label(record))),
            str(record["n_photos"]),
            Text(shown(share_words(record, named))),
            Text(shown(", ".join(json.loads(record["similar"])[:3]))),
        )
    console = Console()
    console.print(table)
    if len(some) > limit:
        console.print(
            f"… {len(some) - limit} more: {plain(str(cafes.run.folder / 'cafes.csv'))}",
            style="dim",
            markup=False,
        )

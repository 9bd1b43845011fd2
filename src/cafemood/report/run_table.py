"""The list of runs on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cafemood.core.names import shown
from cafemood.runs.listing import Listed

_STYLE = {"noise": "red", "collapsed": "red", "unstable": "red", "failed": "red", "damaged": "red", "apart": "green"}
_WIDE = 36
"""Letters up to which a name stays on its line."""
_ROOM = 100
"""Letters of a line below which columns are narrow, so that the last, the verdict, is not cut off."""


def print_runs(runs: Sequence[Listed], names: Sequence[str], console: Console | None = None) -> None:
    """Print a row a run: a name that commands take, when, backbone, method, k, photos, and the verdict in a word."""
    console = console or Console()
    narrow = console.width < _ROOM
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0) if narrow else (0, 1))
    table.add_column("run", overflow="fold", min_width=min(_WIDE, max(map(len, names), default=0)))
    table.add_column("when", no_wrap=True)
    for name, width in (("backbone", 12), ("method", 10)):
        table.add_column(name, overflow="fold", max_width=width if narrow else None)
    table.add_column("k", justify="right", no_wrap=True)
    table.add_column("photos", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    now = datetime.now().astimezone()
    for run, name in zip(runs, names, strict=True):
        facts = run.to_json()
        n, k = facts["n_photos"], facts["k"]
        table.add_row(
            Text(shown(name)),
            Text(ago(run.began, now)),
            Text(_cell(facts["backbone"])),
            Text(_method(facts)),
            Text(_cell(k)),
            Text(f"{n:,}" if isinstance(n, int) else "–"),
            Text(facts["verdict"], style=_STYLE.get(facts["verdict"], "")),
        )
    console.print(table)


def ago(began: datetime | None, now: datetime) -> str:
    """How long ago something began, in at most eleven letters."""
    if began is None:
        return "–"
    passed = now - began
    if passed < timedelta():
        return f"{began:%Y-%m-%d}"
    for unit, name in ((timedelta(minutes=1), "min"), (timedelta(hours=1), "h"), (timedelta(days=1), "d")):
        most = {"min": 60, "h": 24, "d": 14}[name]
        if passed < most * unit:
            return f"{passed // unit} {name} ago"
    return f"{began:%Y-%m-%d}"


def _method(facts: dict[str, Any]) -> str:
    """`kmeans`, or with a reduction before it `pca + kmeans`; `edited` where a person has edited its moods."""
    reduce, by_hand = facts["reduce"], "edited" if facts["edited"] else None
    return " + ".join(_cell(part) for part in (reduce, facts["method"], by_hand) if part not in (None, "none")) or "–"


def _cell(value: object) -> str:
    return "–" if value is None else shown(value)

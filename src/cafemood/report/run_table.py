"""The list of runs on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cafemood.core.names import shown
from cafemood.runs.listing import PHRASES, Listed

_STYLE = {"noise": "red", "collapsed": "red", "unstable": "red", "failed": "red", "damaged": "red", "apart": "green"}
_WIDE = 36
"""Letters up to which a name stays on its line."""
_ROOM = 100
"""Letters of a line below which columns are narrow, so that the last, the verdict, has room."""

_NARROW = {"backbone": 12, "method": 10}
"""Their widths then."""
_LEAST = 8
"""Letters that a verdict gets at least."""


def print_runs(runs: Sequence[Listed], names: Sequence[str], console: Console | None = None) -> None:
    """Print a row a run: a name that commands take, when, backbone, method, k, photos, and the verdict in a phrase."""
    console = console or Console()
    narrow = console.width < _ROOM
    now = datetime.now().astimezone()
    facts = [run.to_json() for run in runs]
    columns = {
        "run": [shown(name) for name in names],
        "when": [ago(run.began, now) for run in runs],
        "backbone": [_cell(each["backbone"]) for each in facts],
        "method": [_method(each) for each in facts],
        "k": [_cell(each["k"]) for each in facts],
        "photos": [f"{each['n_photos']:,}" if isinstance(each["n_photos"], int) else "–" for each in facts],
    }
    most = {"run": _WIDE} | (_NARROW if narrow else {})
    widths = {
        name: min(most.get(name, console.width), max(map(len, [name, *cells]))) for name, cells in columns.items()
    }
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0) if narrow else (0, 1))
    table.add_column("run", overflow="fold", min_width=widths["run"])
    table.add_column("when", no_wrap=True)
    for name in _NARROW:
        table.add_column(name, overflow="fold", max_width=widths[name] if narrow else None)
    table.add_column("k", justify="right", no_wrap=True)
    table.add_column("photos", justify="right", no_wrap=True)
    # what is left: of a column with more than there is, rich cuts words off
    room = max(_LEAST, console.width - sum(widths.values()) - len(widths)) if narrow else None
    table.add_column("verdict", overflow="fold", max_width=room)
    for *cells, verdict in zip(*columns.values(), [each["verdict"] for each in facts], strict=True):
        table.add_row(*map(Text, cells), Text(PHRASES.get(verdict, verdict), style=_STYLE.get(verdict, "")))
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

"""Terminal summaries of a finished run and of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cafemood.core.names import plain, shown
from cafemood.evaluation.score_table import first_columns, score_of
from cafemood.runs.run import Run

if TYPE_CHECKING:
    from cafemood.report.comparison import Comparison

_STYLE = {"bad": ("✗", "bold red"), "warn": ("!", "yellow"), "good": ("✓", "green"), "info": ("·", "dim")}


def print_summary(run: Run, console: Console | None = None) -> None:
    """Print the verdict, and the run's scores beside those of its baselines, each with its space."""
    console = console or Console()
    card, record = run.card, run.scores
    data, backbone = card.data, card.backbone
    if card.edited:
        console.print(Text(f"\n{plain(card.edited_words)}", style="bold"))
    console.print()
    grouped = f"{card.k} groups" + (f" of {data.n_cafes} cafés" if card.unit == "cafe" else "")
    console.print(
        f"{data.n_photos} photos ({len(data.skipped)} skipped), {grouped}; {backbone.name} "
        f"{backbone.output}, {backbone.precision}; clustered in {card.space.clustering}",
        style="bold",
        highlight=False,
        markup=False,
        emoji=False,
    )
    for finding in run.findings:
        mark, style = _STYLE[finding.level]
        console.print(Text(f" {mark} {plain(finding.text)}", style=style))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("score@space", no_wrap=True)
    table.add_column("this run", justify="right")
    for baseline in record["baselines"]:
        seeds = "1 seed" if baseline["n_seeds"] == 1 else f"{baseline['n_seeds']} seeds"
        table.add_column(Text(f"{baseline['name']}\n({seeds})"), justify="right")
    table.add_column("no structure", justify="right")
    for name, value in record["scores"].items():
        if not score_of(name).in_terminal:  # the rest is in the report
            continue
        others = [_mean_sd(baseline["scores"].get(name)) for baseline in record["baselines"]]
        table.add_row(name, _number(value), *others, _mean_sd(record["null"].get(name)))
    console.print(table)
    console.print()


def print_comparison(comparison: Comparison, console: Console | None = None, n_rows: int = 20) -> None:
    """Print which of many runs is best supported, and the head of their table."""
    from cafemood.report.comparison_findings import findings

    console = console or Console()
    console.print()
    for finding in findings(comparison):
        mark, style = _STYLE[finding.level]
        console.print(Text(f" {mark} {plain(finding.text)}", style=style))
    wanted = ("rank", "run", *first_columns("in_compare_terminal"), "reason")
    head = comparison.table.head(n_rows)
    columns = [c for c in wanted if c in head and any(value not in ("", None) and value == value for value in head[c])]
    cells = {c: [shown(_cell(c, value)) for value in head[c]] for c in columns}
    headings = {column: column.replace("@", "@\n").replace("_", "_\n") for column in columns}
    columns, left_out = _fitting(columns, headings, cells, console.width)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        words = column in _WORDS
        table.add_column(headings[column], justify="left" if words else "right", no_wrap=not words, overflow="fold")
    for row in zip(*(cells[column] for column in columns), strict=True):
        table.add_row(*map(Text, row))
    console.print(table)
    if left_out:
        console.print(f"And in the table of the page: {', '.join(left_out)}.", style="dim", highlight=False)
    if len(comparison.table) > n_rows:
        console.print(f"… and {len(comparison.table) - n_rows} more in the table.", style="dim")
    console.print()


_WORDS = ("run", "reason")
_KEPT = ("rank", "run", "choice", "silhouette@features", "reason")
"""Columns that every terminal shows."""
_READABLE = 24
"""Letters of a line that words need."""


def _fitting(
    columns: list[str], headings: dict[str, str], cells: dict[str, list[str]], width: int
) -> tuple[list[str], list[str]]:
    """The columns for which a terminal has room, and those that were left out, from the last."""
    room = {c: max(map(len, [*headings[c].split("\n"), *cells[c]])) for c in columns}
    room |= {c: min(room[c], _READABLE) for c in _WORDS if c in room}
    kept = list(columns)
    for column in [c for c in reversed(columns) if c not in _KEPT]:
        if sum(room[c] + 2 for c in kept) - 2 <= width:
            break
        kept.remove(column)
    return kept, [c for c in columns if c not in kept]


def _cell(column: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return "–"
    return str(int(value)) if column == "rank" else _number(float(value))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def _mean_sd(value: dict[str, float | None] | None) -> str:
    if not value or value["mean"] is None:
        return ""
    return _number(value["mean"]) + (f" ± {_number(value['sd'])}" if value["sd"] is not None else "")

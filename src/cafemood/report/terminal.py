"""Terminal summaries of a finished run and of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cafemood.core.names import plain, shown
from cafemood.evaluation.headline import Headline
from cafemood.evaluation.score_table import first_columns, score_of
from cafemood.report.telling import Told, told
from cafemood.runs.run import Run

if TYPE_CHECKING:
    from cafemood.report.comparison import Comparison

_STYLE = {"bad": ("✗", "bold red"), "warn": ("!", "yellow"), "good": ("✓", "green"), "info": ("·", "dim")}
_STANDING = {"solid": "green", "shaky": "yellow", "double": "yellow"}


def print_summary(run: Run, console: Console | None = None, *, details: bool = True) -> None:
    """Print whether the moods may be used, and each mood in a line; then, as details, the verdict and all scores.

    Args:
        run: A finished run.
        console: Where to; None: standard output.
        details: Print the figures too: findings, and scores beside those of baselines, each with its space.
    """
    console = console or Console()
    card = run.card
    data, backbone = card.data, card.backbone
    if card.edited:
        console.print(Text(f"\n{plain(card.edited_words)}", style="bold"))
    console.print()
    grouped = f"{card.k} groups" + (f" of {data.n_cafes} cafés" if card.unit == "cafe" else "")
    gone = f"{len(data.skipped)} skipped" + (f", {len(data.left_out)} left out" if data.left_out else "")
    console.print(
        f"{data.n_photos} photos ({gone}), {grouped}; {backbone.name} "
        f"{backbone.output}, {backbone.precision}; clustered in {card.space.clustering}",
        style="dim",
        highlight=False,
        markup=False,
        emoji=False,
    )
    said = told(run)
    _print_headline(said.headline, console)
    console.print()
    _print_moods(said, console)
    if details:
        _print_details(run, said, console)
    console.print()


def _print_headline(headline: Headline, console: Console) -> None:
    mark, style = _STYLE[headline.level]
    answer, *more = headline.english
    console.print(Text(f"\n {mark} {plain(answer)}", style=f"bold {style.removeprefix('bold ')}"))
    for sentence in more:
        console.print(Padding(Text(plain(sentence)), (0, 0, 0, 3)))


def _print_moods(said: Told, console: Console) -> None:
    """A line a mood: its number, its name, its size and how it stood in refits."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for mood in said.moods:
        table.add_row(
            f"   {mood.number}",
            Text(plain(mood.english) or "(nothing sets it apart)", style="" if mood.english else "dim"),
            f"{mood.size:,} photo{'' if mood.size == 1 else 's'}",
            Text(plain(said.standing(mood.cluster)), style=_STANDING.get(said.standings[mood.cluster].code, "")),
        )
    console.print(table)


def _print_details(run: Run, said: Told, console: Console) -> None:
    record = run.scores
    console.print("\nDetails", style="bold")
    for finding in said.findings:
        mark, style = _STYLE[finding.level]
        console.print(Text(f" {mark} {plain(finding.text)}", style=style))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("score@space", no_wrap=True)
    table.add_column("this run", justify="right")
    for baseline in record["baselines"]:
        seeds = "1 seed" if baseline["n_seeds"] == 1 else f"{baseline['n_seeds']} seeds"
        table.add_column(Text(f"{baseline['name']}\n({seeds})"), justify="right")
    table.add_column("noise", justify="right")
    for name, value in record["scores"].items():
        if not score_of(name).in_terminal:  # the rest is in the report
            continue
        others = [_mean_sd(baseline["scores"].get(name)) for baseline in record["baselines"]]
        table.add_row(name, _number(value), *others, _mean_sd(record["null"].get(name)))
    console.print(table)


def print_comparison(comparison: Comparison, console: Console | None = None, n_rows: int = 20) -> None:
    """Print which of many runs is best supported, and the head of their table."""
    from cafemood.report.comparison_findings import findings, headline

    console = console or Console()
    _print_headline(headline(comparison), console)
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

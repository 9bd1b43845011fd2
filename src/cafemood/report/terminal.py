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
    columns = [c for c in wanted if c in comparison.table and comparison.table[c].notna().any()]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        words = column in ("run", "reason")
        heading = column.replace("@", "@\n").replace("_", "_\n")
        table.add_column(heading, justify="left" if words else "right", no_wrap=column != "reason", overflow="fold")
    for row in comparison.table.head(n_rows)[columns].to_dict("records"):
        table.add_row(*(Text(shown(_cell(str(column), value))) for column, value in row.items()))
    console.print(table)
    if len(comparison.table) > n_rows:
        console.print(f"… and {len(comparison.table) - n_rows} more in the table.", style="dim")
    console.print()


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

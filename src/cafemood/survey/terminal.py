"""What a score and a simulation say in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cafemood.core.html import two
from cafemood.core.names import plain, shown
from cafemood.evaluation.findings import Finding
from cafemood.survey import raters
from cafemood.survey.kinds.registry import KINDS
from cafemood.survey.wording import p_value

_STYLE = {"bad": ("✗", "bold red"), "warn": ("!", "yellow"), "good": ("✓", "green"), "info": ("·", "dim")}


def study_table(found: dict[str, Any]) -> str:
    """The study's table: mean ratings of men, women and all, per cluster and for the mixed control."""
    rows = [row for row in found["conditions"] if row["condition"] != "random"]
    lines = [f"{'':<14}{'men':>7}{'women':>7}{'all':>7}"]
    for row in rows:
        values = "".join(f"{two(row[group]['mean']):>7}" for group in ("men", "women", "all"))
        lines.append(f"{row['label']:<14}{values}")
    return "\n".join(lines)


def print_score(found: dict[str, Any], console: Console | None = None) -> None:
    """Print the study's table, then what it lacked: intervals, tests, agreement; and what it means."""
    console = console or Console()
    people = found["people"]
    line = f"{people['counted']} people ({people['men']} men, {people['women']} women)"
    line += f"; {people['failed_check']} left out: failed the attention check" if people["failed_check"] else ""
    line += f"; {people['unfinished']} stopped early, their answers count" if people["unfinished"] else ""
    line += f"; half needed at most {people['median_minutes']:.1f} min" if people["median_minutes"] is not None else ""
    console.print(Text(f"\n{line}", style="bold"))
    for entry in people["skipped_files"]:
        console.print(Text(f"  {shown(entry['file'])}: left out, {shown(entry['reason'])}", style="yellow"))
    console.print(Text(f"\n{study_table(found)}\n"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    own_columns = [kind for kind in KINDS.values() if kind.column is not None]
    for column in ("", "mean [95 %]", "above control", "p", "effect", *(kind.column or "" for kind in own_columns)):
        table.add_column(column, justify="left" if not column else "right", no_wrap=True)
    for entry in found["clusters"]:
        versus = entry["versus_mixed"]
        table.add_row(
            f"cluster {entry['cluster'] + 1}",
            _interval(entry["mean"], entry["low"], entry["high"]),
            _interval(versus["difference"], versus["low"], versus["high"]),
            p_value(versus["p_holm"]),
            two(versus["effect"]),
            *(kind.cell(entry) for kind in own_columns),
        )
    control = next(row for row in found["conditions"] if row["condition"] == "random")["all"]
    table.add_row("random", _interval(control["mean"], control["low"], control["high"]))
    console.print(table)
    console.print(Text("Control: one photo of each cluster. p: Wilcoxon, binomial; each Holm-adjusted.", style="dim"))
    for name, test in (("Friedman", found["friedman"]), ("Ordinal GEE", found["model"])):
        if test and "p" in test:
            console.print(
                Text(f"{name}: chi2 {test['chi2']:.1f}, p {p_value(test['p'])}, {test['n']} people", style="dim")
            )
        elif test:
            console.print(Text(f"{name}: none, {test['why_not']}", style="dim"))
    for kind in KINDS.values():
        for text in kind.lines(found):
            console.print(Text(text, style="dim"))
    for entry in found.get("by_words", []):
        console.print(Text(f"Words beside people, {raters.line(entry)}", style="dim"))
    console.print()
    print_findings([Finding.from_json(finding) for finding in found["verdict"]], console)
    console.print()


def print_findings(findings: Sequence[Finding], console: Console | None = None) -> None:
    """Print what results mean, a line each."""
    for finding in findings:
        mark, style = _STYLE[finding.level]
        (console or Console()).print(Text(f" {mark} {plain(finding.text)}", style=style))


def print_power(rows: list[dict[str, Any]], console: Console | None = None) -> None:
    """Print a power curve, one row a number of people."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("people", "found if it is there", "claimed if it is not", ""):
        table.add_column(column, justify="left" if not column else "right", no_wrap=True)
    for row in rows:
        bar = "█" * round(24 * row["power"])
        table.add_row(str(row["people"]), f"{row['power']:.0%}", f"{row['false']:.1%}", bar)
    (console or Console()).print(table)


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    return two(value) + (f" [{two(low)}, {two(high)}]" if low is not None else "")

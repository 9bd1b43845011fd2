"""What must hold of every CSV file that is written here."""

import csv
import unicodedata
from pathlib import Path

FORMULAS = [
    "=1+1",
    "+82 2 970",
    "-1",
    "@공릉동",
    "\t=1",
    "\r=1",
    "a\r=1",
    "\n=1",
    "a\n=1",
    " =1",
    "＝1",
    "'=1",
    '"=1',
    "=1\0",
    "a,=1",
]
"""Texts that a spreadsheet may run, or that may break a row."""


def rows_of_csv(path: Path) -> list[list[str]]:
    """The rows of a table, strictly read and checked."""
    with open(path, encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream, strict=True))
    check(rows)
    return rows


def runs(cell: str) -> bool:
    """Whether a spreadsheet may take a cell for a formula."""
    seen = cell.lstrip("".join(c for c in cell if c.isspace() or unicodedata.category(c) in ("Cc", "Cf")))
    return cell[:1] in ("\t", "\r", "\n") or unicodedata.normalize("NFKC", seen[:1]) in ("=", "+", "-", "@")


def check(rows: list[list[str]]) -> None:
    """No cell of a table may run, and none is a zero byte."""
    assert len({len(row) for row in rows}) <= 1
    for row in rows:
        for cell in row:
            if runs(cell):
                float(cell)  # a number it may be
            assert "\0" not in cell

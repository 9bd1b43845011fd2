"""Tables that are text: CSV with any separator, and JSON lines; each cell as it is written."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from cafemood.core.cells import unguarded
from cafemood.core.names import shown
from cafemood.core.reasons import Flaw
from cafemood.data.decoding import decoded, opened

SEPARATORS = ",;\t|"
_HEAD = 100_000
"""Letters that are looked at for what parts the cells."""

Row = dict[str, Any]
Rows = tuple[list[str], Iterator[Sequence[Any]]]


def folded(name: str) -> str:
    """The name of a column without its case, its spaces and its Unicode form."""
    words = unicodedata.normalize("NFKC", name).replace("\ufeff", "").casefold().split()
    return "_".join(words).replace("-", "_")


def read_csv(path: Path, known: Collection[str]) -> Rows:
    """The columns and the rows of a table in CSV, whatever parts its cells; blank rows left out.

    Args:
        path: The file.
        known: Names of columns, which tell what parts the cells.

    Raises:
        Flaw: It is empty, of unknown encoding, a row is broken or longer than the header; also while rows are read.
    """
    with opened(path) as stream:
        head = stream.read(_HEAD)
    told = head[:4].lower() == "sep=" and head[5:6] in ("\n", "\r")  # Excel's own first line
    separator = head[4] if told else "\t" if path.suffix.strip().lower() == ".tsv" else _separator(head, known)
    with closing(_filled(path, separator, told=told)) as filled:
        header = next(filled, None)
    if header is None:
        raise Flaw("it is empty, or no table in CSV")
    columns = [unguarded(name).strip() for name in header[1]]
    while columns and not columns[-1]:
        columns.pop()
    return columns, _fitting(_filled(path, separator, told=told), columns)


def _separator(head: str, known: Collection[str]) -> str:
    """What stands between the names of columns; of several, what gives most that are known."""
    found: dict[str, tuple[int, int]] = {}
    for separator in SEPARATORS:
        rows = csv.reader(io.StringIO(head, newline=""), delimiter=separator, strict=True)
        try:
            header = next((row for row in rows if any(cell.strip() for cell in row)), [])
        except csv.Error:
            continue
        meant = {folded(name) for name in known}
        found[separator] = sum(folded(name) in meant for name in header), len(header)
    best = max(found.values(), default=(0, 0))
    first = [separator for separator, score in found.items() if score == best]
    if best[1] < 2:
        return ","
    if len(first) > 1:
        marks = " and ".join(repr(separator) for separator in first)
        raise Flaw(f"its header can be parted at {marks}: the cells of line 1 cannot be told")
    return first[0]


def _filled(path: Path, separator: str, *, told: bool) -> Generator[tuple[int, list[str]], None, None]:
    """The rows that are not blank, each with the line it ends at; where one is broken, which."""
    with opened(path) as stream:
        rows = csv.reader(stream, delimiter=separator, strict=True)
        while True:
            begun = rows.line_num + 1
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error:
                why = "a quotation mark in a cell has no fellow, or stands before its end"
                raise Flaw(f"the row of line {begun} is no CSV: {why} (line {rows.line_num})") from None
            if any(cell.strip() for cell in row):
                if not told:
                    yield rows.line_num, row
                told = False


def _fitting(filled: Iterator[tuple[int, list[str]]], columns: list[str]) -> Iterator[list[str]]:
    """The rows after the header, without the empty cells that a spreadsheet adds behind the last column."""
    next(filled)
    for line, row in filled:
        for place, cell in enumerate(row[len(columns) :], len(columns) + 1):
            if cell.strip():
                why = f"line {line} has {shown(cell[:40])!r} in cell {place}"
                raise Flaw(f"{why}, and the header has {len(columns)} columns (an unquoted separator?)")
        yield [unguarded(cell) for cell in row[: len(columns)]]  # our own tables guard what a spreadsheet runs


def read_json_lines(path: Path, known: Collection[str]) -> Rows:
    """The columns and the rows of objects, one a line; a number keeps its digits.

    Raises:
        Flaw: A line is no JSON, or no object.
    """
    lines = decoded(path.read_bytes()).split("\n")
    records = [_object(n, line) for n, line in enumerate(lines, 1) if line.strip()]
    columns = list(dict.fromkeys(name for record in records for name in record))
    return columns, ([record.get(name) for name in columns] for record in records)


def _object(n: int, line: str) -> Row:
    try:
        row = json.loads(line, parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise Flaw(f"line {n} is no JSON from column {error.colno} on") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, brackets without end
        raise Flaw(f"line {n} is no JSON that can be read") from None
    if not isinstance(row, dict):
        raise Flaw(f"line {n} is no object")
    return row

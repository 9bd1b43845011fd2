"""The one reader of lists that people bring: CSV of every kind, Parquet, JSON lines, Excel; each cell as it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cafemood.core import remote
from cafemood.core.names import shown
from cafemood.core.reasons import Flaw, reason_of
from cafemood.data import given
from cafemood.data.decoding import WAY_OUT
from cafemood.data.text_tables import Row, Rows, folded, read_csv, read_json_lines
from cafemood.errors import PhotoError

BATCH = 1000
"""Rows of a Parquet file that are read at a time."""
EXCEL_DIGITS = 15
"""What Excel keeps of a number; those behind became zeros in the file."""


@dataclass
class Table:
    """A list that was opened: the names of its columns, and its rows, to be read once.

    Attributes:
        path: The file.
        columns: All its columns, those that are `known` under the names they are known by.
        rows: Of each row the cells of the known columns: text, number, or None where there is nothing.
    """

    path: Path
    columns: list[str]
    rows: Iterator[Row]

    def need(self, names: Iterable[str]) -> None:
        """Refuse a list that lacks a column.

        Raises:
            PhotoError: It does.
        """
        missing = [repr(name) for name in names if name not in self.columns]
        if missing:
            # a table without a header has its first row there, which may be an address with a secret
            there = [remote.shown(c) if remote.is_address(c) else c for c in self.columns]
            raise PhotoError(
                f"The list has no column {', '.join(missing)}",
                where=self.path,
                why=f"its columns are {shown(', '.join(there))}",
                fix="export it again, or correct the column's name",
            )


def read_table(path: Path, known: Collection[str]) -> Table:
    """Open a list. Columns are known whatever the case of their names and the spaces around them.

    Args:
        path: `.csv`, `.tsv`, `.parquet`, `.jsonl`, or (with the extra `excel`) `.xlsx`.
        known: The columns to read.

    Raises:
        PhotoError: It is missing, of another kind, damaged, or can be read in more than one way; also while its rows
            are read.
    """
    kind = path.suffix.strip().lower()
    if kind not in _READERS:
        old = kind in (".xls", ".ods", ".numbers")
        fix = WAY_OUT if old else "export it again as one of these"
        why = f"{path.suffix!r} is not {', '.join(_READERS)}"
        raise PhotoError("Unknown kind of list", where=path, why=why, fix=fix)
    path = given.photo_list(path)
    with _Told(path, kind):
        named, rows = _READERS[kind](path, known)
        columns, places = _columns(named, known)
    return Table(path, columns, _records(path, kind, places, rows))


class _Told:
    """Turns what readers raise into an error that names the list."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path, self.kind = path, kind

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # pyarrow and openpyxl raise a dozen kinds for a damaged file
        if isinstance(error, Exception) and not isinstance(error, PhotoError):
            why = reason_of(error, self.path, f"it is empty, damaged, or no {self.kind} table")
            text = self.kind in (".csv", ".tsv", ".xlsx")
            fix = f"correct that place, or {WAY_OUT}" if text else "export it again"
            raise PhotoError("The list cannot be read", where=self.path, why=why, fix=fix) from None


def _records(path: Path, kind: str, places: dict[str, int], rows: Iterator[Sequence[Any]]) -> Iterator[Row]:
    with _Told(path, kind):
        for cells in rows:
            yield {name: _nothing(cells[i]) if i < len(cells) else None for name, i in places.items()}


def _nothing(cell: Any) -> Any:
    """A cell; None for an empty one and for NaN, which Parquet may hold."""
    return None if cell == "" or cell != cell else cell


def _columns(named: Sequence[str], known: Collection[str]) -> tuple[list[str], dict[str, int]]:
    """The columns' names, those that are known as they are known, and the place of each of these."""
    meant = {folded(name): name for name in known}
    columns = [name if name in known else meant.get(folded(name), name) for name in named]
    places: dict[str, int] = {}
    for name, n in Counter(name for name in columns if name in known).items():
        there = [i for i, column in enumerate(columns) if column == name]
        exact = [i for i in there if named[i] == name]
        if n > 1 and len(exact) != 1:
            raise Flaw(f"{n} columns are called {name!r}: cells {', '.join(str(i + 1) for i in there)} of its header")
        places[name] = exact[0] if n > 1 else there[0]
    return columns, places


def _parquet(path: Path, known: Collection[str]) -> Rows:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    columns = [str(name) for name in file.schema_arrow.names]
    meant = {folded(name) for name in known}
    wanted = [name for name in columns if name in known or folded(name) in meant]
    place = [columns.index(name) for name in wanted]

    def rows() -> Iterator[list[Any]]:
        for batch in file.iter_batches(BATCH, columns=wanted) if wanted else ():
            cells = [_listed(batch.column(batch.schema.get_field_index(name))) for name in wanted]
            for found in zip(*cells, strict=True):
                row: list[Any] = [None] * len(columns)
                for i, cell in zip(place, found, strict=True):
                    row[i] = cell
                yield row

    return columns, rows()


def _listed(column: Any) -> list[Any]:
    """The values of an Arrow column; moments as text, since Python's have no nanoseconds."""
    import pyarrow as pa

    moments = pa.types.is_temporal(column.type)
    values: list[Any] = (column.cast(pa.string()) if moments else column).to_pylist()
    return values


def _excel(path: Path, known: Collection[str]) -> Rows:
    try:
        from openpyxl import load_workbook
    except ImportError:
        why, fix = "the package openpyxl is not installed", f"pip install 'cafemood[excel]', or {WAY_OUT}"
        raise PhotoError("This needs the excel extra", where=path, why=why, fix=fix) from None
    book = load_workbook(path, data_only=True)
    sheets = [sheet for sheet in book.worksheets if any(any(_cell_text(c) for c in row) for row in sheet.values)]
    if len(sheets) != 1:
        names = ", ".join(repr(shown(sheet.title)) for sheet in sheets)
        raise Flaw(f"it has {len(sheets)} sheets with cells ({names}): keep one")
    lines = ((n, list(row)) for n, row in enumerate(sheets[0].values, 1) if any(_cell_text(c) for c in row))
    header = [_cell_text(cell).strip() for cell in next(lines)[1]]
    while header and not header[-1]:
        header.pop()
    return header, _sheet_rows(lines, header)


def _sheet_rows(lines: Iterator[tuple[int, list[Any]]], header: list[str]) -> Iterator[list[Any]]:
    for n, row in lines:
        for place, cell in enumerate(row, 1):
            if place > len(header) and _cell_text(cell):
                raise Flaw(f"line {n} has {shown(_cell_text(cell)[:40])!r} in cell {place}, which has no column")
            number = isinstance(cell, int | float) and not isinstance(cell, bool)
            if number and abs(cell) >= 10**EXCEL_DIGITS:
                why = f"Excel keeps {EXCEL_DIGITS} digits: make the column text and enter it again"
                raise Flaw(f"line {n}, cell {place} is a number that has lost its last digits ({why})")
        yield [str(cell).upper() if isinstance(cell, bool) else _moment(cell) for cell in row[: len(header)]]


def _cell_text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def _moment(cell: Any) -> Any:
    if isinstance(cell, datetime):
        return cell.isoformat(" ").removesuffix(" 00:00:00")
    return cell


_READERS: dict[str, Callable[[Path, Collection[str]], Rows]] = {
    ".parquet": _parquet,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".jsonl": read_json_lines,
    ".xlsx": _excel,
}

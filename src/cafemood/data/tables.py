"""Read lists of photos: Parquet, CSV and JSON lines, with exact text in each cell."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from cafemood.core import remote
from cafemood.core.cells import unguarded
from cafemood.core.reasons import Flaw, quoted, reason_of
from cafemood.data.photos import Photo
from cafemood.errors import PhotoError

_KNOWN = {f.name for f in fields(Photo)}


_NUMBERS: dict[str, Callable[[float], float]] = {"lat": float, "lon": float, "rank": int, "width": int, "height": int}


def _read_table(path: Path) -> Any:
    import pandas as pd

    readers: dict[str, Any] = {
        ".parquet": pd.read_parquet,
        ".csv": lambda p: pd.read_csv(p, dtype=str),
        ".jsonl": lambda p: pd.DataFrame(_lines(p), dtype=object),
    }
    if path.suffix not in readers:
        raise PhotoError(
            "Unknown kind of manifest",
            where=path,
            why=f"{path.suffix!r} is not {', '.join(readers)}",
            fix="export it again",
        )
    if not path.is_file():
        raise PhotoError(
            "The manifest does not exist",
            where=path,
            fix="crawl first (see crawler/), or point data.manifest at a manifest.parquet",
        )
    try:
        table = readers[path.suffix](path)
        if path.suffix == ".csv":  # our own have an apostrophe before what a spreadsheet would run
            table = table.map(unguarded, na_action="ignore").rename(columns=unguarded)
        return table.astype(object).where(table.notna(), None)
    except Exception as error:  # pyarrow and pandas raise a dozen kinds for a damaged file
        rows = path.suffix == ".csv" and not isinstance(error, pd.errors.EmptyDataError)  # pandas knows which row
        otherwise = quoted(error, "pandas") if rows else f"it is empty, damaged, or no {path.suffix} table"
        raise PhotoError(
            "The manifest cannot be read",
            where=path,
            why=reason_of(error, path, otherwise),
            fix="export it again with the crawler",
        ) from None


def _lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON-lines file as they are written: pandas would make numbers of texts, and times."""
    with open(path, encoding="utf-8-sig") as stream:
        return [_line(n, line) for n, line in enumerate(stream, 1) if line.strip()]


def _line(n: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise Flaw(f"line {n} is no JSON from column {error.colno} on") from None
    if not isinstance(row, dict):
        raise Flaw(f"line {n} is no object")
    return row


def _cast(record: dict[str, Any]) -> str:
    """Give the values of a row the types that `Photo` has, in place; returns what is wrong with one, or nothing."""
    wrong = ""
    for key, value in record.items():
        if value is None or key not in _KNOWN:
            continue
        if key in _NUMBERS and isinstance(value, str) and not value.strip():
            record[key] = None
            continue
        if key not in _NUMBERS:
            record[key] = _text(value)
            continue
        try:
            if not math.isfinite(number := float(value)):
                raise ValueError("not finite")
            record[key] = _NUMBERS[key](number)
        except (TypeError, ValueError):
            wrong = f"its {key} is no number: {str(value)[:40]!r}"
    return wrong


def _text(value: Any) -> str:
    """A name or an id as text: 24 and 24.0 (what a column of whole numbers becomes by one gap) are both "24"."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).encode(errors="replace").decode()  # JSON may hold half of a character, which no file takes


def _label(value: Any) -> str | None:
    return None if value in (None, "") else _text(value)


def _need(table: Any, columns: Iterable[str], path: Path) -> None:
    for column in columns:
        if column not in table.columns:
            # a table without a header has its first row there, which may be an address with a secret
            there = [remote.shown(c) if remote.is_address(c) else c for c in map(str, table.columns)]
            raise PhotoError(
                f"The manifest has no column {column!r}",
                where=path,
                why=f"its columns are {', '.join(there)}",
                fix="export it again with the crawler, or correct the column's name",
            )

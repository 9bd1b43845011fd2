"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import logging
import math
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cafemood.core import checked
from cafemood.core.cells import csv_line
from cafemood.core.names import without_halves
from cafemood.core.reasons import DAMAGED, Flaw, reason_of
from cafemood.errors import CafemoodError

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` that takes its place when the block ends well, and is removed if not.

    Raises:
        CafemoodError: The disk is full or the folder cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with open(partial, "rb") as stream:
            os.fsync(stream.fileno())
        partial.replace(path)
    except Exception as error:
        refused = _of_the_system(error)
        if refused is None:
            raise
        raise CafemoodError(
            "A file could not be written",
            where=path,
            why=reason_of(refused, path),
            fix="free some space or correct the folder's rights, or write elsewhere (hydra.run.dir=…, cache_dir=…)",
        ) from error
    finally:
        with suppress(OSError):  # it may never have come to be; what went wrong is said above
            partial.unlink()


def _of_the_system(error: Exception) -> OSError | None:
    """The system's refusal, if an error is one: safetensors wraps it in its own, as a text."""
    if isinstance(error, OSError):
        return error
    wrapped = re.search(r"\(os error (\d+)\)", str(error)) if type(error).__name__ == "SafetensorError" else None
    return OSError(int(wrapped[1]), "") if wrapped else None


def read_cached(path: Path | None, names: Collection[str]) -> dict[str, np.ndarray] | None:
    """What a cache keeps in a safetensors file.

    Args:
        path: The file; None: there is no cache.
        names: Of the arrays that it should hold.

    Returns:
        Arrays by name. None where there is no file, or a damaged one: it is set aside then, and a warning names it.
    """
    from safetensors import SafetensorError

    if path is None or not path.exists():
        return None
    try:
        found, _ = checked.read_tensors(path, path.name)
        if set(found) != set(names):
            raise Flaw("another layout")
        return found
    except (SafetensorError, ValueError) as error:
        why = reason_of(error, otherwise=DAMAGED)
        checked.set_aside_and_say(path, why, "what it held is computed again")
        return None


def keep(path: Path | None, tensors: Mapping[str, np.ndarray]) -> None:
    """Have a cache, if there is one, keep arrays for `read_cached`."""
    if path is not None:
        write_tensors(path, tensors, of=path.name)


def discard_partials(path: Path) -> None:
    """Remove what killed processes have left of `path`: for whoever holds its folder alone."""
    for partial in path.parent.glob(f".{escape(path.name)}.*.partial"):
        with suppress(OSError):
            partial.unlink()


def write_json(path: Path, value: object) -> None:
    """Write JSON; NumPy values become plain ones, NaN and infinity become null."""
    with writing(path) as partial:
        text = json.dumps(_jsonable(value), ensure_ascii=False, indent=1)
        partial.write_text(without_halves(text) + "\n", encoding="utf-8")


def write_tensors(
    path: Path, tensors: Mapping[str, np.ndarray], about: dict[str, str] | None = None, of: str = ""
) -> None:
    """Write arrays as safetensors, whole or not at all, and words and a checksum beside them.

    Args:
        path: The file.
        tensors: Arrays by name.
        about: Words.
        of: Whose file it is, for `checked.read_tensors` to tell one that was put in another's place.
    """
    from safetensors.numpy import save_file

    plain = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    with writing(path) as partial:
        save_file(plain, partial, checked.with_checksum(plain, about or {}, of))


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]], encoding: str = "utf-8") -> None:
    """Write a CSV file, one row after the other; no cell can run as a formula or end a row (see `core.cells`)."""
    with writing(path) as partial, open(partial, "w", encoding=encoding, newline="") as stream:
        stream.write(csv_line(columns))
        stream.writelines(map(csv_line, rows))


def write_csv(path: Path, table: pd.DataFrame, encoding: str = "utf-8") -> None:
    """Write a table without its index as CSV; see `write_rows`."""
    write_rows(path, [str(column) for column in table], _rows(table), encoding)


_ROWS = 10_000
"""Rows of a table that are Python's objects at a time."""


def _rows(table: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    for start in range(0, len(table), _ROWS):
        piece = table.iloc[start : start + _ROWS]
        columns = [piece.iloc[:, i] for i in range(piece.shape[1])]
        # as a number's own type is written: 0.1 of float32 is no 0.10000000149011612
        cells = [c.to_numpy() if c.dtype.kind == "f" else c.tolist() for c in columns]
        yield from zip(*cells, strict=True)


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _jsonable(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)

"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np

from cafemood.errors import CafemoodError


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
    except OSError as error:
        raise CafemoodError(
            "A file could not be written",
            where=path,
            why=error.strerror or error,
            fix="free some space or correct the folder's rights, or write elsewhere (hydra.run.dir=…, cache_dir=…)",
        ) from error
    finally:
        with suppress(OSError):  # it may never have come to be; what went wrong is said above
            partial.unlink()


def discard_partials(path: Path) -> None:
    """Remove what killed processes have left of `path`: for whoever holds its folder alone."""
    for partial in path.parent.glob(f".{escape(path.name)}.*.partial"):
        with suppress(OSError):
            partial.unlink()


def write_json(path: Path, value: object) -> None:
    """Write JSON; NumPy values become plain ones, NaN and infinity become null."""
    with writing(path) as partial:
        partial.write_text(json.dumps(_jsonable(value), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


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

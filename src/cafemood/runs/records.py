"""The JSON of a run folder, read and checked in one place: what is damaged or missing is named with its file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cafemood.core.reasons import DAMAGED, Flaw, reason_of
from cafemood.errors import RunError

LARGEST = 1 << 28
"""Bytes: a `scores.json` of a hundred thousand photos has a few million."""

_TEXT, _COUNT, _NUMBER, _LIST, _TABLE = "a text", "a whole number", "a number", "a list", "an object"
_TYPES: dict[str, type | tuple[type, ...]] = {
    _TEXT: str, _COUNT: int, _NUMBER: (int, float), _LIST: list, _TABLE: dict,
}  # fmt: skip
RUN = {
    "status": _TEXT, "reason": _TEXT, "process": _TABLE, "files": _TABLE, "files.*": _TEXT, "stages.*.name": _TEXT,
    "stages.*.seconds": _NUMBER, "stages.*.items": _COUNT, "notes.*": _TEXT, "versions.*": _TEXT,
    "data.left_out.*.photo_id": _TEXT, "data.left_out.*.file": _TEXT, "data.left_out.*.cafe_id": _TEXT,
    "data.left_out.*.place": _NUMBER, "data.left_out.*.reason": _TEXT,
    "data.skipped.*.file": _TEXT, "data.skipped.*.reason": _TEXT, "space.display.name": _TEXT,
    "space.display.explained": _NUMBER, "edited": _TABLE, "edited.from": _TEXT, "edited.done": _LIST,
    "edited.done.*": _TEXT, "edited.excluded.*": _TABLE, "edited.before": _TABLE,
}  # fmt: skip
"""What lies deeper in `run.json` than `RunCard` looks: `*` is each item of a list or an object."""
SCORES = {
    "scores": _TABLE, "scores.*": _NUMBER, "null": _TABLE, "null.*": _TABLE, "null.*.z": _NUMBER,
    "null.*.mean": _NUMBER, "verdict": _LIST, "verdict.*": _TABLE, "verdict.*.level": _TEXT,
    "verdict.*.text": _TEXT, "health": _TABLE,
}  # fmt: skip
"""What `scores.json` holds."""


class MissingError(RunError, KeyError):
    """A record lacks a key; also a `KeyError`, for whoever can do without it."""

    def __str__(self) -> str:
        return RunError.__str__(self)


class Record(dict[str, Any]):
    """An object of a file: asking for a key that it lacks is an error that names the file."""

    def __init__(self, values: Mapping[str, Any], path: Path, within: str = "") -> None:
        self._path, self._within = path, within
        super().__init__({name: _recorded(value, path, f"{within}{name}.") for name, value in values.items()})

    def __missing__(self, key: str) -> Any:
        why = f"it has no {self._within}{key}"
        raise MissingError("A file of the run cannot be read", where=self._path, why=why, fix="run its command again")

    def __reduce__(self) -> tuple[Any, ...]:
        return Record, (dict(self), self._path, self._within)


def read(path: Path, types: Mapping[str, str] = RUN) -> Record:
    """Read an object from a run's JSON file.

    Args:
        path: The file.
        types: The types of what it may hold; see `RUN`. A number may be null: it could not be computed.

    Raises:
        RunError: The file is missing, damaged or no JSON, or holds a value of another type. What it lacks is
            told by the `Record` where it is asked for.
    """
    try:
        if path.is_file() and path.stat().st_size > LARGEST:
            raise Flaw(f"it is larger than {LARGEST >> 20} MiB")
        text = path.read_text(encoding="utf-8")
        value = json.loads(text, parse_constant=_not_finite, parse_float=_finite)
        if not isinstance(value, dict):
            raise Flaw("not a JSON object")
        for name, wanted in types.items():
            _check(value, name.split("."), wanted, "")
        return Record(value, path)
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception, fix: str = "run its command again") -> RunError:
    """The error for a file of a run that is not there, or not what was written."""
    return RunError("A file of the run cannot be read", where=path, why=reason_of(error, path, DAMAGED), fix=fix)


def _recorded(value: Any, path: Path, within: str) -> Any:
    if isinstance(value, list):
        return [_recorded(item, path, f"{within}{i}.") for i, item in enumerate(value)]
    return Record(value, path, within) if isinstance(value, dict) else value


def _check(value: Any, names: list[str], wanted: str, within: str) -> None:
    if not names:
        number = wanted in (_COUNT, _NUMBER)
        right = isinstance(value, _TYPES[wanted]) and not (isinstance(value, bool) and number)
        if not right and not (value is None and number):
            raise Flaw(f"its {within} is not {wanted}")
        return
    head, *rest = names
    items: list[tuple[Any, Any]] = []
    if head != "*":
        items = [(head, value[head])] if isinstance(value, dict) and head in value else []
    elif isinstance(value, dict | list):
        items = list(value.items() if isinstance(value, dict) else enumerate(value))
    for name, item in items:
        _check(item, rest, wanted, f"{within}.{name}" if within else str(name))


def _not_finite(name: str) -> float:
    raise Flaw(f"it holds {name}, which is no number in JSON")


def _finite(text: str) -> float:
    return number if math.isfinite(number := float(text)) else _not_finite(text[:20])

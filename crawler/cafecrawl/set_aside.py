"""Photos that seem to show no place, such as menus and close-ups: set aside and listed where the folder asks for it.

Nothing is deleted or fetched again: a photo that is set aside stays in the folder and in the ledger, and only the
manifest leaves it out. Each photo is looked at once (`cafemood.data.place_signs`); what was seen is kept by its bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from cafecrawl.errors import ConfigError
from cafecrawl.ledger import Ledger
from cafemood.data.images import open_image
from cafemood.data.place_signs import SIDE, measure, told
from cafemood.errors import PhotoError

KEEP = ("all", "place")
_SCHEMA = "CREATE TABLE IF NOT EXISTS looked_at (photo_id TEXT PRIMARY KEY, place REAL, reason TEXT NOT NULL)"
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Aside:
    """Why a photo is set aside: how much place it shows, from 0 to 1, and the sign that says so."""

    place: float
    reason: str


def read_keep(value: object) -> str | None:
    """The argument `keep`, if it is given.

    Raises:
        ConfigError: It is neither `all` nor `place`.
    """
    if not value:
        return None
    if value not in KEEP:
        raise ConfigError(
            f"keep={value} keeps nothing that is known", where="-a keep=…", fix=f"use {' or '.join(KEEP)}"
        )
    return str(value)


def remember(ledger: Ledger, keep: str | None) -> None:
    """Let a folder keep what it was last asked to keep."""
    if keep is not None and keep != kept(ledger):
        ledger.fact("keep", keep)


def kept(ledger: Ledger) -> str:
    """What the manifest of a folder keeps: `all`, unless it was asked otherwise."""
    return ledger.fact("keep") or "all"


def set_aside(folder: Path, ledger: Ledger) -> dict[str, Aside]:
    """The photos that the manifest leaves out, by photo_id, after looking at those that nobody has looked at."""
    if kept(ledger) != "place":
        return {}
    with ledger.transaction() as db:
        db.execute(_SCHEMA)
    missing = ledger.rows(
        "SELECT DISTINCT photo_id, file FROM photos WHERE state = 'done' "
        "AND photo_id NOT IN (SELECT photo_id FROM looked_at) ORDER BY id"
    )
    for start in range(0, len(missing), _AT_ONCE):
        seen = [(row["photo_id"], *_look(folder / row["file"])) for row in missing[start : start + _AT_ONCE]]
        with ledger.transaction() as db:  # some at a time: an interrupted look goes on
            db.executemany(
                "INSERT OR IGNORE INTO looked_at VALUES (?, ?, ?)", [row for row in seen if row[2] is not None]
            )
    rows = ledger.rows("SELECT photo_id, place, reason FROM looked_at WHERE reason != ''")
    return {row["photo_id"]: Aside(row["place"], row["reason"]) for row in rows}


def _look(path: Path) -> tuple[float | None, str | None]:
    """A photo's score and the reason if it shows no place; no reason, not even an empty one, if it cannot be read."""
    try:
        score, reason = told(measure(open_image(path, shortest=SIDE)))
    except PhotoError:  # `scrapy verify` tells of it, and looks at it when it is whole again
        return None, None
    return None if math.isnan(score) else round(score, 4), reason

"""The cafés of a run and where they lie, with the ids that answers carry."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cafemood.cafes import places
from cafemood.cafes.places import Places
from cafemood.cafes.profiles import Cafes

if TYPE_CHECKING:
    from cafemood.runs.run import Run


@dataclass(frozen=True)
class TasteSpace:
    """The cafés of a run, for a taste.

    Attributes:
        cafes: Their profiles.
        places: Where they lie, in the order of `cafes.table`.
        run_id: Of the run: 16 hexadecimal digits over its photos. Answers carry it.
        list_id: Of the run and of this list of cafés: it changes when cafés are added.
    """

    cafes: Cafes
    places: Places
    run_id: str
    list_id: str

    @property
    def run(self) -> Run:
        """The run."""
        return self.cafes.run


def of_run(cafes: Cafes) -> TasteSpace:
    """The space of a run's cafés, those added too.

    Raises:
        RunError: The run keeps no features.
        TasteError: There is one café only, or all are the same.
    """
    run_id = _digest(cafes.run.assignments["photo_id"].tolist())
    list_id = _digest([run_id, *cafes.table["cafe_id"].astype(str)])
    return TasteSpace(cafes, places.load(cafes.run), run_id, list_id)


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

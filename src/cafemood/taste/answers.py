"""What a person tapped, as the page writes it: read, checked, and turned into choices."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cafemood.cafes.places import Places
from cafemood.cafes.preference import Choice
from cafemood.core.reasons import Flaw, reason_of
from cafemood.errors import TasteError
from cafemood.taste.space import TasteSpace

FORMAT = 1
LARGEST_FILE = 1_000_000
MOST_SHOWN = 4


@dataclass(frozen=True)
class Tap:
    """One question.

    Attributes:
        shown: Rows of the cafés whose photos were shown.
        chosen: Which was tapped; None: skipped.
    """

    shown: tuple[int, ...]
    chosen: int | None


@dataclass(frozen=True)
class Mark:
    """`More like this`, or `not this`, said of a café of the list."""

    cafe: int
    more: bool


Answer = Tap | Mark


def choices(places: Places, answers: Sequence[Answer]) -> list[Choice]:
    """What answers say: of photos shown which was preferred; of a café whether it is to the average one.

    A skipped question says nothing.
    """
    made = []
    for answer in answers:
        if isinstance(answer, Mark):
            made.append(Choice.of_one(places.features[answer.cafe], answer.more))
        elif answer.chosen is not None:
            made.append(Choice(places.evidence[list(answer.shown)], answer.shown.index(answer.chosen)))
    return made


def read(path: Path, space: TasteSpace) -> list[Answer]:
    """The answers of a file that the page saved.

    Raises:
        TasteError: It cannot be read, is no such file or of another run, names an unknown café, was changed, or holds
            no tap.
    """
    fix = "save it again from the page (cafemood taste RUN), or use the run it was made with"
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Flaw("it is too large for answers")
        answers = _answers(path, space)
    except (OSError, ValueError, RecursionError) as error:
        why = reason_of(error, path, "it is no file that the page saved, or it is damaged")
        raise TasteError("The answers cannot be used", where=path, why=why, fix=fix) from None
    if not choices(space.places, answers):
        why = "every question was skipped" if answers else "nothing was answered"
        fix = "tap a few photos on the page, and save again"
        raise TasteError("There is nothing to learn a taste from", where=path, why=why, fix=fix)
    return answers


def _answers(path: Path, space: TasteSpace) -> list[Answer]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise Flaw("it is no file that the page saved, or it is damaged") from None
    if not isinstance(kept, dict) or "cafemood_taste" not in kept:
        raise Flaw("it is no file that the page saved")
    version = kept["cafemood_taste"]
    if type(version) is not int or version < 1:
        raise Flaw("it was changed: its version is no number")
    if version > FORMAT:
        raise Flaw("a newer cafemood wrote it: update cafemood")
    if kept.get("run") != space.run_id:
        raise Flaw("it answers another run's page")
    if not isinstance(kept.get("answers"), list):
        raise Flaw("it was changed: it holds no answers")
    row_of = {str(cafe): i for i, cafe in enumerate(space.cafes.table["cafe_id"])}
    return [_answer(entry, row_of) for entry in kept["answers"]]


def _answer(entry: Any, row_of: dict[str, int]) -> Answer:
    def row(cafe: Any) -> int:
        if not isinstance(cafe, str):
            raise Flaw("it was changed: a café's id is no text")
        if cafe not in row_of:
            raise Flaw(f"the run has no café {cafe[:80]!r}")
        return row_of[cafe]

    if isinstance(entry, dict) and isinstance(entry.get("more"), bool):
        return Mark(row(entry.get("cafe")), entry["more"])
    shown = entry.get("shown") if isinstance(entry, dict) else None
    if not isinstance(shown, list) or not 2 <= len(shown) <= MOST_SHOWN:
        raise Flaw("it was changed: an answer is not what the page writes")
    rows, chosen = tuple(row(cafe) for cafe in shown), entry.get("chosen")
    if len(set(rows)) < len(rows):
        raise Flaw("it was changed: a question shows one café twice")
    if chosen is not None and chosen not in shown:
        raise Flaw("it was changed: what was tapped was not shown")
    return Tap(rows, None if chosen is None else row(chosen))

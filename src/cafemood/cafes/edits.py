"""Edits: one small JSON file of what a person changed in a run's moods, read, checked and carried out on labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cafemood.cafes.moods import checked_name
from cafemood.core.reasons import DAMAGED, Flaw, reason_of
from cafemood.errors import RunError

KIND, VERSION = "cafemood edits", 1
LARGEST = 1 << 26
"""Bytes: the ids of a hundred thousand photos are 7 million."""
OUT = -1
"""The mood of a photo that was excluded."""
_GONE = OUT + 1
"""The same where moods are numbered from 1."""

_FIELDS = {
    "rename": {"mood", "name"},
    "merge": {"moods"},
    "split": {"photos", "mood"},
    "move": {"photos", "mood"},
    "exclude": {"photos"},
}
"""What each edit holds besides `do`; `split` may hold a `name` too."""


@dataclass(frozen=True)
class Edit:
    """One edit.

    Attributes:
        do: `rename`, `merge`, `split`, `move` or `exclude`.
        moods: Numbers of the moods, from 1: of `merge` two and more, the first of which stays; of `split` the new
            one's, the next that no mood has had; of `rename` and `move` one.
        photos: `photo_id` of each photo that is split off, moved or excluded.
        name: Of `rename` and `split`; None: no name of its own.
    """

    do: str
    moods: tuple[int, ...] = ()
    photos: tuple[str, ...] = ()
    name: str | None = None


@dataclass(frozen=True)
class Edited:
    """Labels after all edits.

    Attributes:
        labels: Mood of each photo (n,), from 0; `OUT` where it was excluded.
        numbers: Of each mood (k,) the number that it had in the edits, from 1.
        names: Names of their own, by the new number, from 1.
        done: What was done, a sentence each.
        changed: Whether anything but names was edited.
    """

    labels: np.ndarray
    numbers: list[int]
    names: dict[int, str]
    done: list[str]
    changed: bool

    @property
    def k(self) -> int:
        """Moods."""
        return len(self.numbers)


def fingerprint(photo_ids: Sequence[str], labels: Sequence[int] | np.ndarray) -> str:
    """What an edit file and a run are known by together: SHA-256 of the photos' ids and their clusters."""
    lines = (f"{photo} {int(label)}\n" for photo, label in zip(photo_ids, labels, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read(path: Path, run: str) -> list[Edit]:
    """Read an edit file.

    Args:
        path: The file.
        run: The `fingerprint` of the run that it should be of.

    Raises:
        RunError: It cannot be read, holds what is not known here, or was made in another run's page.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise Flaw(f"it is larger than {LARGEST >> 20} MiB")
        record = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record, dict) or record.get("kind") != KIND:
            raise Flaw(f'it has no "kind": "{KIND}"')
        version = record.get("version")
        if type(version) is not int or version < 1:
            raise Flaw('its "version" is no whole number from 1 up')
        if version > VERSION:
            raise Flaw(f"it has version {version}, and this cafemood reads up to {VERSION}: update cafemood")
        unknown = set(record) - {"kind", "version", "run", "run_name", "edits"}
        if unknown:
            raise Flaw(f"it holds {_quoted(unknown)}, which means nothing here")
        if not isinstance(record.get("run"), str) or not isinstance(record.get("edits"), list):
            raise Flaw('it has no text "run" and no list "edits"')
        found = [_edit(i, edit) for i, edit in enumerate(record["edits"], 1)]
        if not found:
            raise Flaw('its "edits" are empty')
    except (OSError, ValueError, RecursionError) as error:
        fix = "download the file again from report.html or atlas.html of the run (docs/editing.md says what it holds)"
        raise RunError("The edits cannot be read", where=path, why=reason_of(error, path, DAMAGED), fix=fix) from None
    if record["run"] != run:
        of = f" (of {record['run_name']})" if isinstance(record.get("run_name"), str) else ""
        why = f"they were made in the page of another run{of}: its photos or its moods are others"
        raise RunError("These edits are of another run", where=path, why=why, fix="give the run that they were made in")
    return found


def _edit(i: int, record: Any) -> Edit:
    """The i-th edit, from 1, of a file."""
    if not isinstance(record, dict) or record.get("do") not in _FIELDS:
        raise Flaw(f'edit {i} has no "do" of {_quoted(_FIELDS)}')
    do = record["do"]
    needed, optional = _FIELDS[do], {"name"} if do == "split" else set()
    if lacking := needed - set(record):
        raise Flaw(f"edit {i} ({do}) lacks {_quoted(lacking)}")
    if unknown := set(record) - needed - optional - {"do"}:
        raise Flaw(f"edit {i} ({do}) holds {_quoted(unknown)}, which means nothing there")
    moods = record["moods"] if do == "merge" else [record["mood"]] if "mood" in needed else []
    photos, name = record.get("photos", []), record.get("name")
    if not isinstance(moods, list) or not all(type(mood) is int and mood >= 1 for mood in moods):
        raise Flaw(f"edit {i} ({do}) names a mood that is no whole number from 1 up")
    if do == "merge" and (len(moods) < 2 or len(set(moods)) < len(moods)):
        raise Flaw(f"edit {i} (merge) needs two different moods or more")
    if not isinstance(photos, list) or not all(isinstance(photo, str) for photo in photos):
        raise Flaw(f'edit {i} ({do}) has "photos" that are no list of texts')
    if "photos" in needed and (not photos or len(set(photos)) < len(photos)):
        raise Flaw(f"edit {i} ({do}) names {'a photo twice' if photos else 'no photo'}")
    if name is not None:
        if not isinstance(name, str):
            raise Flaw(f'edit {i} ({do}) has a "name" that is no text')
        try:
            name = checked_name(name)
        except Flaw as error:
            raise Flaw(f"the name of edit {i} ({do}) cannot be: {error}") from None
    return Edit(do, tuple(moods), tuple(photos), name)


@dataclass
class _State:
    """Moods while edits are carried out: a number once given is never another mood's."""

    ids: Mapping[str, int]
    labels: np.ndarray
    titles: dict[int, str]
    names: dict[int, str]
    next: int
    done: list[str] = field(default_factory=list)

    def carry_out(self, edit: Edit) -> None:
        """Carry out one edit.

        Raises:
            Flaw: It names a mood or a photo that is not there.
        """
        rows = np.array([self._row(photo) for photo in edit.photos], dtype=int)
        if edit.do == "split":
            if edit.moods != (self.next,):
                raise Flaw(f"the new mood is given the number {edit.moods[0]}, and the next one is {self.next}")
            self.titles[self.next] = f"mood {self.next}"
            self.next += 1
        for mood in edit.moods:
            if mood not in self.titles:
                raise Flaw(f"there is no mood {mood}" + (" any more" if mood < self.next else ""))
        into = edit.moods[0] if edit.moods else _GONE
        photos = "1 photo" if len(rows) == 1 else f"{len(rows):,} photos"
        if edit.do == "rename":
            self.done.append(
                f"Named {self.titles[into]} " + (f"“{edit.name}”." if edit.name else "by its words again.")
            )
        elif edit.do == "merge":
            others = [self.titles.pop(mood) for mood in edit.moods[1:]]
            self.done.append(f"Merged {' and '.join(others)} into {self.titles[into]}.")
            for mood in edit.moods[1:]:
                self.names.pop(mood, None)
            self.labels[np.isin(self.labels, edit.moods)] = into
        else:
            if edit.do == "split":
                self._name(into, edit.name)
            how = {"split": "Split {} off as {}.", "move": "Moved {} to {}.", "exclude": "Excluded {}."}[edit.do]
            self.done.append(how.format(photos, self.titles.get(into, "")))
            self.labels[rows] = into
        if edit.do == "rename":
            self._name(into, edit.name)

    def _row(self, photo: str) -> int:
        row = self.ids.get(photo)
        if row is None:
            raise Flaw(f"the run has no photo {photo[:80]!r}")
        if self.labels[row] == _GONE:
            raise Flaw(f"photo {photo[:80]!r} was excluded before")
        return row

    def _name(self, mood: int, name: str | None) -> None:
        self.names.pop(mood, None)
        self.titles[mood] = f"mood {mood}"
        if name is None:
            return
        taken = next((m for m, other in self.names.items() if other.casefold() == name.casefold()), None)
        if taken is not None:
            raise Flaw(f"mood {taken} is called {name!r} already")
        self.names[mood] = name
        self.titles[mood] = f"mood {mood} “{name}”"


def carry_out(
    edits: Iterable[Edit], photo_ids: Sequence[str], labels: np.ndarray, k: int, names: Mapping[int, str] | None = None
) -> Edited:
    """Carry out edits, one after the other.

    Args:
        edits: What to do.
        photo_ids: Id of each photo (n,).
        labels: Mood of each (n,), from 0.
        k: Moods.
        names: Names of their own that the moods have, by number, from 1.

    Returns:
        The labels, with the moods numbered anew from 0 in the order of their numbers; those without a photo are gone.

    Raises:
        Flaw: An edit names a mood or a photo that is not there, or a name that another mood has; or fewer than two
            moods are left.
    """
    before = np.asarray(labels, dtype=int) + 1
    names, edits = dict(names or {}), list(edits)
    titles = {j: f"mood {j} “{names[j]}”" if j in names else f"mood {j}" for j in range(1, k + 1)}
    state = _State({photo: row for row, photo in enumerate(photo_ids)}, before.copy(), titles, names, k + 1)
    for i, edit in enumerate(edits, 1):
        try:
            state.carry_out(edit)
        except Flaw as error:
            raise Flaw(f"edit {i} ({edit.do}): {error}") from None
    if all(edit.do == "rename" for edit in edits):
        return Edited(before - 1, list(range(1, k + 1)), state.names, state.done, changed=False)
    numbers = [int(number) for number in np.unique(state.labels) if number != _GONE]
    if len(numbers) < 2:
        raise Flaw(f"{'one mood' if numbers else 'no photo'} would be left, and two moods are the least")
    emptied = [state.titles[j] for j in sorted(set(state.titles) - set(numbers)) if j > k or (before == j).any()]
    state.done += [f"{title[0].upper()}{title[1:]} has no photo left." for title in emptied]
    new = {number: j for j, number in enumerate(numbers)}
    after = np.array([new.get(int(label), OUT) for label in state.labels], dtype=int)
    kept = {new[number] + 1: name for number, name in state.names.items() if number in new}
    return Edited(after, numbers, kept, state.done, changed=True)


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in sorted(map(str, words)))

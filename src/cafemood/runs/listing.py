"""The runs that lie below a folder, newest first, and which of them a short name means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from cafemood.core.names import path_of, shown, text_of
from cafemood.errors import RunError
from cafemood.runs import records

OUTPUTS = Path("outputs")
"""Where the command line writes: `runs/NAME` and `sweeps/NAME/JOB`."""

LATEST = "latest"
"""The word for the newest."""

_WORDS = {
    "collapsed": "collapsed",
    "noise-not-beaten": "noise",
    "unstable": "unstable",
    "silhouette-undefined": "undefined",
    "groups-overlap": "overlap",
    "groups-blend": "blend",
    "groups-apart": "apart",
}
"""Findings of a verdict that say most, the gravest first, each in a word for programs."""
PHRASES = {
    "collapsed": "empty groups",
    "noise": "no better than noise",
    "unstable": "groups do not repeat",
    "undefined": "no groups",
    "overlap": "groups overlap",
    "blend": "groups with soft borders",
    "apart": "groups lie apart",
}
"""The same words for people; the statuses `failed`, `running` … stand for themselves."""

_TOLD = 8
"""Runs that an error names."""

_SECOND = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")
"""How the command line's folders begin."""


@dataclass(frozen=True)
class Listed:
    """A run's folder with what a list says of it.

    Attributes:
        folder: The run's folder.
        name: Its path below `outputs/runs` or `outputs/sweeps`, else below the folder that was searched.
        facts: What its `run.json` says; empty where that is damaged.
    """

    folder: Path
    name: str
    facts: Mapping[str, Any]

    @property
    def status(self) -> str:
        """`finished`, `failed`, `interrupted`, `running` (or killed), or `damaged`."""
        return str(self.facts.get("status", "damaged"))

    @property
    def created(self) -> str:
        """When it began, ISO 8601; empty if that is not known."""
        created = self.facts.get("created")
        return created if isinstance(created, str) else ""

    @cached_property
    def began(self) -> datetime | None:
        """When it began, in this machine's time zone."""
        try:
            return datetime.fromisoformat(self.created).astimezone()
        except ValueError:
            return None

    @cached_property
    def verdict(self) -> str:
        """The verdict in a word, or the status of a run without a result."""
        if self.status != "finished":
            return self.status
        try:
            found = records.read(self.folder / "scores.json", records.SCORES)["verdict"]
        except RunError:
            return "damaged"
        codes = {finding.get("code") for finding in found}
        return next((word for code, word in _WORDS.items() if code in codes), "–")

    def to_json(self) -> dict[str, Any]:
        """What a program may want to know of the run."""
        backbone, reduce, method = (self._part(name) for name in ("backbone", "reduce", "method"))
        return {
            "name": self.name,
            "folder": text_of(self.folder),
            "created": self.created,
            "status": self.status,
            "verdict": self.verdict,
            "backbone": backbone.get("name"),
            "output": backbone.get("output"),
            "reduce": reduce.get("name"),
            "method": method.get("name"),
            "k": self.facts.get("k"),
            "seed": self.facts.get("seed"),
            "n_photos": self._part("data").get("n_photos"),
            "edited": bool(self._part("edited")),
        }

    def _part(self, name: str) -> Mapping[str, Any]:
        part = self.facts.get(name)
        return part if isinstance(part, Mapping) else {}


def below(folder: str | Path = OUTPUTS) -> list[Listed]:
    """All runs below a folder, those of sweeps too, the newest first.

    Raises:
        RunError: There is no such folder.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        why = "it is a file" if folder.exists() else "it does not exist"
        fix = "make a run first, or give the folder that holds yours"
        raise RunError("No runs can be listed", where=folder, why=why, fix=fix)
    found = [Listed(path.parent, _name(path.parent, folder), _facts(path)) for path in folder.rglob("run.json")]
    return newest_first(found)


def newest_first(runs: Iterable[Listed]) -> list[Listed]:
    """Sort runs by when they began; those of one second by their names, which hold microseconds."""
    return sorted(runs, key=lambda run: (run.began.timestamp() if run.began else 0.0, run.name), reverse=True)


def short_names(runs: Sequence[Listed], among: Sequence[Listed] | None = None) -> list[str]:
    """The shortest beginnings of names, from the second that they began, which `find` takes for these runs.

    Args:
        runs: What is to be named.
        among: All runs that a name has to be told from; None: `runs`.
    """
    all_parts = [run.name.split("/") for run in (runs if among is None else among)]
    short = []
    for run in runs:
        parts, kept = run.name.split("/"), list[str]()
        rivals = all_parts
        for i, part in enumerate(parts):
            rivals = [p for p in rivals if len(p) >= len(parts)]
            others = {p[i] for p in rivals} - {part}
            kept.append(_beginning(part, others))
            rivals = [p for p in rivals if p[i] == part]
        short.append("/".join(kept))
    return short


def _beginning(part: str, others: Iterable[str]) -> str:
    """The shortest beginning of a part of a name that no other has, cut where a word of it ends."""
    second, others = _SECOND.match(part), list(others)
    # a job's number goes with its `_`: 1 begins 10 too
    ends = [second.end()] if second else [found.end() for found in re.finditer("_", part)]
    ends += [found.start() for found in re.finditer("[_,]", part) if found.start() > min(ends, default=0)]
    return next((part[:end] for end in sorted(ends) if not any(o.startswith(part[:end]) for o in others)), part)


def find(word: str | Path, outputs: Path = OUTPUTS, *, sweeps: bool = False) -> Path:
    """The folder that a user's word for a run means.

    Args:
        word: A folder (or a file in it), `latest`, or the beginning of a name as `below` gives it.
        outputs: Where runs are looked for by their names.
        sweeps: Whether the word may also mean a whole sweep; `latest` is the newest one then.

    Returns:
        An existing folder; of a word with a `/` that nothing is known by, the folder as it was given.

    Raises:
        RunError: No run, or more than one, has a name that begins so; or there is none yet.
    """
    text = str(word)
    given = Path(word).expanduser()
    if given.is_dir() and text != LATEST:
        return given
    if given.is_file():
        return given.parent
    if given.name == LATEST and given.parent != Path():
        return _latest(given.parent, sweeps=False)
    if text == LATEST:
        return _latest(outputs, sweeps=sweeps)
    known = below(outputs) if outputs.is_dir() else []
    names = {run.name: run.folder for run in known}
    wanted = _relative(given, outputs).split("/")
    if sweeps and len(wanted) == 1:  # a job's name has two parts
        names = {name: folder for name, folder in names.items() if "/" not in name}
        names |= {_name(folder, outputs): folder for folder in _sweeps(outputs)}
    fits = {name: folder for name, folder in names.items() if _begins(name.split("/"), wanted)}
    exact = {name: folder for name, folder in fits.items() if len(name) == sum(map(len, wanted)) + len(wanted) - 1}
    if len(found := exact or fits) == 1:
        return next(iter(found.values()))
    if fits:
        told = [f"  {shown(name)}" for name in sorted(fits, reverse=True)[:_TOLD]]
        told += [f"  and {len(fits) - _TOLD} more"] if len(fits) > _TOLD else []
        why = "\n".join(["these begin so:", *told])
        raise RunError(f"{shown(text)!r} is the beginning of {len(fits)} names", where=outputs, why=why, fix=MORE)
    if "/" in text:
        return given
    beginnings = {name[: len(text)]: name for name in reversed(names)}
    near = get_close_matches(text, beginnings, n=1)
    fix = f"did you mean {shown(beginnings[near[0]])}? " if near else ""
    fix += "`cafemood runs` lists all" if names else "make one: cafemood train data=folder data.root=DIR k=4"
    why = f"none of the {len(names)} runs there has a name that begins so" if names else "no run is there yet"
    raise RunError(f"There is no run {shown(text)!r}", where=outputs, why=why, fix=fix)


MORE = "give more of the name, or `latest`"


def _latest(folder: Path, *, sweeps: bool) -> Path:
    if sweeps and (found := _sweeps(folder)):
        return max(found, key=lambda path: path.name)
    known = below(folder) if folder.is_dir() else []
    finished = [run for run in known if run.status == "finished"]
    if not finished:
        why = f"none of the {len(known)} runs there is finished" if known else "no run is there yet"
        fix = "make one: cafemood train data=folder data.root=DIR k=4"
        raise RunError("There is no latest run", where=folder, why=why, fix=fix)
    return finished[0].folder


def _sweeps(outputs: Path) -> list[Path]:
    return [path for path in (outputs / "sweeps").glob("*") if any(path.glob("*/run.json"))]


def _name(folder: Path, searched: Path) -> str:
    return text_of(_relative(folder, searched))


def _relative(folder: Path, searched: Path) -> str:
    """A folder below `runs` or `sweeps` of the searched one, else below that, else as it is."""
    for base in (searched / "runs", searched / "sweeps", searched):
        if folder.is_relative_to(base) and folder != base:
            return folder.relative_to(base).as_posix()
    return folder.name if folder == searched else folder.as_posix()


def _begins(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    texts = [text_of(path_of(part)) for part in wanted]  # as the list shows a name, or as the system has it
    return len(parts) >= len(texts) and all(map(str.startswith, parts, texts))


def _facts(path: Path) -> Mapping[str, Any]:
    try:
        return records.read(path)
    except RunError:
        return {}

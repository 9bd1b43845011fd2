"""Run: a finished run folder, read on demand; and what is known of one that did not finish."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cafemood.core import checked, remote
from cafemood.core.names import path_of, text_of
from cafemood.core.parquet import read_parquet
from cafemood.core.reasons import Flaw
from cafemood.errors import RunError
from cafemood.evaluation.findings import Finding
from cafemood.evaluation.headline import headline
from cafemood.runs import records
from cafemood.runs.card import SCHEMA_VERSION, RunCard

if TYPE_CHECKING:
    import pandas as pd


ASSIGNED = ("photo_id", "file", "cafe_id", "cluster")
"""Columns that the photos of a run, and those added to it, must have."""


@dataclass(frozen=True)
class Run:
    """A finished run folder, read on demand."""

    folder: Path
    facts: dict[str, Any]
    in_memory: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What was computed because the folder lacks its file."""

    @cached_property
    def card(self) -> RunCard:
        """What `run.json` says, checked."""
        return RunCard.from_json(self.facts, self.folder / "run.json")

    @cached_property
    def scores(self) -> dict[str, Any]:
        """What `scores.json` holds."""
        path = self.folder / "scores.json"
        self._check(path)
        return records.read(path, records.SCORES)

    @cached_property
    def findings(self) -> list[Finding]:
        """The verdict of `scores.json`; findings of an earlier cafemood have no code and no figures."""
        return [Finding.from_json(record) for record in self.scores["verdict"]]

    @cached_property
    def assignments(self) -> pd.DataFrame:
        """One row a photo; see docs/run_folder.md for the columns."""

        path = self.folder / "assignments.parquet"
        self._check(path)
        try:
            return read_parquet(path, ASSIGNED)
        except (OSError, Flaw) as error:
            raise records.unreadable(path, error) from None

    @cached_property
    def model(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """The tensors of `model.safetensors` and the words beside them."""
        return self._tensors("model.safetensors")

    @property
    def has_features(self) -> bool:
        """Whether the run keeps its features (runs of an early cafemood do not)."""
        return (self.folder / "features.safetensors").exists()

    @cached_property
    def features(self) -> dict[str, np.ndarray]:
        """What `features.safetensors` holds; see `compact.compress`.

        Raises:
            RunError: An earlier cafemood, which kept no features, wrote the run; or the file is damaged.
        """
        path = self.folder / "features.safetensors"
        if not self.has_features:
            why = "this run has no features.safetensors: an earlier cafemood wrote it"
            fix = "run its command again (nothing is embedded twice)"
            raise RunError("The run keeps no features", where=self.folder, why=why, fix=fix)
        return self._tensors(path.name)[0]

    def _tensors(self, name: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        path = self.folder / name
        self._check(path)
        return read_tensors(path)

    def _check(self, path: Path) -> None:
        """Hold a file against the checksum in `run.json`; a run of an earlier cafemood has none."""
        said = self.facts.get("files", {}).get(path.name)
        try:
            if said is not None and said != f"{checked.crc_of_file(path):08x}":
                raise Flaw(checked.MISMATCH)
        except (OSError, Flaw) as error:
            raise records.unreadable(path, error) from None

    @cached_property
    def photos(self) -> pd.DataFrame:
        """The run's photos, then those that `cafemood assign --keep` added: one row each.

        The columns of `assignments`, and `path` (absolute; `where` opens it), `added` (true or
        false). An added photo stands where its nearest neighbours stand on the map.
        """
        import pandas as pd

        photos = self.assignments.reset_index(drop=True)
        for column in ("area", "lat", "lon"):  # a run of an earlier cafemood
            if column not in photos:
                photos[column] = None
        photos = photos.assign(path=[_path_text(self.where(file)) for file in photos["file"]], added=False)
        path = self.folder / "added.parquet"
        if not path.exists():
            return photos
        try:
            added = read_parquet(path, ASSIGNED)
        except (OSError, Flaw) as error:
            raise records.unreadable(path, error, "delete it") from None
        added = added.assign(added=True).reindex(columns=photos.columns)
        return pd.DataFrame({c: [*photos[c], *added[c]] for c in photos.columns})

    @cached_property
    def rows(self) -> np.ndarray:
        """The compact features of `photos`, as they are stored: float16 (n, d')."""
        rows = self.features["rows"]
        path = self.folder / "added.safetensors"
        if path.exists():
            added = read_tensors(path)[0]["rows"][: len(self.photos) - len(rows)]  # written before its table
            rows = np.concatenate([rows, added])
        if len(rows) != len(self.photos):
            why = f"it holds {len(rows)} rows for {len(self.photos)} photos"
            fix = "delete added.parquet and added.safetensors, or run again"
            raise RunError("The run's features do not fit its photos", where=self.folder, why=why, fix=fix)
        return rows

    @property
    def cafes_known(self) -> bool:
        """Whether the café ids of the photos clustered were known; if not, each of them counts as its own café."""
        return self.card.data.cafes_known

    @property
    def knows_cafes(self) -> bool:
        """Whether café ids are known of any photo: those clustered, or those that were added since."""
        return bool(self.cafes_known or self.photos["added"].any())

    @cached_property
    def photos_root(self) -> Path:
        """The folder that `assignments["file"]` is relative to (it may have moved since)."""
        return path_of(self.card.data.root)

    def where(self, file: str) -> Path | str:
        """A photo's path, or its address; of an entry of `file`, or of `path` in `photos`."""
        return file if remote.is_address(file) else self.photos_root / path_of(file)

    def _repr_html_(self) -> str:
        """What was clustered, the answer, the findings, and the way to the report, as a notebook shows them."""
        card = self.card
        head = f"{card.data.n_photos:,} photos of {card.data.name}, {card.method.name} with k = {card.k}"
        findings = "".join(f"<li>{escape(finding.text)}</li>" for finding in self.findings)
        report = self.folder.resolve() / "report.html"
        link = f'<a href="{escape(report.as_uri())}">{escape(str(report))}</a>' if report.exists() else ""
        answer, *more = headline(self.findings, card.k, of_cafes=card.unit == "cafe").english
        said = f"<p><b>{escape(answer)}</b> {escape(' '.join(more))}</p>"
        return (
            f"<p>{escape(head)}</p>{said}<details><summary>Details</summary><ul>{findings}</ul></details><p>{link}</p>"
        )


def _path_text(place: Path | str) -> str:
    """A path as text; an address as it is."""
    return place if isinstance(place, str) else text_of(place)


def load(folder: str | Path) -> Run:
    """Open a finished run folder; `latest` in the place of its name is the newest beside it.

    Raises:
        RunError: It is no run folder, the run did not finish, or a newer cafemood wrote it.
    """
    folder = Path(folder).expanduser()
    if folder.name == "latest" and not folder.exists():
        cards = sorted(folder.parent.glob("*/run.json"), key=lambda path: path.stat().st_mtime)
        folder = cards[-1].parent if cards else folder
    if not (folder / "run.json").is_file():
        raise RunError(
            "This is not a run folder",
            where=folder,
            why="it has no run.json" if folder.is_dir() else "it does not exist",
            fix="give a folder below outputs/runs or outputs/sweeps",
        )
    facts = records.read(folder / "run.json")
    version = facts.get("schema_version", 0)
    if not isinstance(version, int):
        raise records.unreadable(folder / "run.json", Flaw(f"its schema_version is {version!r}"))
    if version > SCHEMA_VERSION:
        raise RunError("A newer cafemood wrote this run", where=folder, fix="update cafemood")
    if facts.get("status") != "finished":
        why = facts.get("reason") or f"its status is {facts.get('status')!r}"
        raise RunError("This run did not finish", where=folder, why=why, fix="run its command again")
    run = Run(folder, facts)
    run.card  # noqa: B018  (a card that cannot be read is told here, and not in the middle of a page)
    return run


load_run = load
"""`load` under the name that says it outside of this package."""


def why_unfinished(folder: Path) -> str | None:
    """Why a job's folder holds no result, in its own words; None if it does."""
    if (folder / "run.json").is_file():
        try:
            facts = records.read(folder / "run.json")
        except RunError:
            return "its run.json cannot be read"
        if facts.get("status") == "finished":
            return None
        killed = facts.get("status") == "running"
        return "unfinished: killed, or still running" if killed else str(facts.get("reason") or facts.get("status"))
    log = folder / "train.log"
    errors = re.findall(r"ERROR (.+)", log.read_text(encoding="utf-8", errors="replace")) if log.is_file() else []
    return errors[0] if errors else "stopped before it began"


def clear_unfinished(folder: Path) -> None:
    """Free a job's folder that holds no result, so that the job can be run again in it.

    Raises:
        RunError: It holds a finished run, or its process is still alive.
    """
    path = folder / "run.json"
    if not path.is_file():
        return
    facts = records.read(path) if path.stat().st_size else {}  # empty: killed while it claimed the folder
    if facts.get("status") == "finished":
        raise RunError("This folder already holds a run", where=folder, fix="choose another folder")
    process = facts.get("process") or {}
    if facts.get("status") == "running" and process.get("host") == platform.node() and _alive(process.get("pid")):
        why, fix = f"process {process['pid']} is alive", "wait for it, or stop it"
        raise RunError("This run is still going on", where=folder, why=why, fix=fix)
    path.unlink()


def _alive(pid: object) -> bool:
    if type(pid) is not int or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def read_tensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of a safetensors file, and the words beside them.

    Raises:
        RunError: It is missing or damaged.
    """
    from safetensors import SafetensorError

    try:
        return checked.read_tensors(path)
    except (OSError, ValueError, SafetensorError) as error:
        raise records.unreadable(path, error) from None

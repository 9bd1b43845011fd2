"""A run folder: claim it, fill it, read it back; a folder with a finished run is never written again."""

from __future__ import annotations

import json
import logging
import os
import platform
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cafemood.core import chunks, remote
from cafemood.core.atomic import write_csv, write_json, write_tensors, writing
from cafemood.core.reasons import DAMAGED, quoted, reason_of
from cafemood.errors import CafemoodError, RunError
from cafemood.runs import compact

if TYPE_CHECKING:
    import pandas as pd

    from cafemood.clustering.dec import Clustering
    from cafemood.clustering.rows import PhotoDataModule
    from cafemood.data.photos import Photo
    from cafemood.evaluation.selection import ChoiceOfK
    from cafemood.evaluation.verdict import Judgement

SCHEMA_VERSION = 1
_PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "pytorch-lightning",
    "scikit-learn",
    "numpy",
    "pillow",
    "hydra-core",
)


@dataclass
class RunWriter:
    """An open run: its folder, the facts of `run.json` gathered so far, and a clock per stage.

    Use it as a context manager: leaving it writes the status `finished`, `failed` or `interrupted`.
    """

    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> RunWriter:
        facts = {
            "schema_version": SCHEMA_VERSION,
            "status": "running",
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": versions(),
            "process": {"pid": os.getpid(), "host": platform.node()},
            "stages": [],
        }
        path, elsewhere = self.folder / "run.json", "give another folder (hydra.run.dir=…)"
        try:  # "x" claims the folder: of two runs that were given the same one, the second stops here
            self.folder.mkdir(parents=True, exist_ok=True)
            open(path, "x").close()
        except FileExistsError:
            fix = f"{elsewhere}, or delete this one yourself"
            raise RunError("This folder already holds a run", where=self.folder, fix=fix) from None
        except OSError as error:
            why = reason_of(error, self.folder)
            raise RunError("No run can be written here", where=self.folder, why=why, fix=elsewhere) from None
        write_json(path, facts)
        self.facts = facts | self.facts
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            self.facts["status"] = "finished"
        else:
            self.facts["status"] = "interrupted" if issubclass(kind, KeyboardInterrupt) else "failed"
            self.facts["reason"] = _why_ended(error or kind())
        self.facts["ended"] = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(self.folder / "run.json", self.facts)

    @contextmanager
    def stage(self, name: str, items: int | None = None) -> Iterator[dict[str, Any]]:
        """Time one stage; the caller may set `items` (and more) in the yielded record."""
        record: dict[str, Any] = {"name": name, "items": items}
        start = time.perf_counter()
        yield record
        record["seconds"] = round(time.perf_counter() - start, 3)
        if record["items"]:
            record["items_per_second"] = round(record["items"] / max(record["seconds"], 1e-3), 1)
        self.facts["stages"].append(record)

    def chose_k(self, picked: ChoiceOfK) -> int:
        """Write down how k was chosen; returns it."""
        self.facts |= {"k": picked.k, "choice_of_k": vars(picked) | {"words": picked.words()}}
        logging.getLogger("cafemood").info("%s", picked.words())
        return picked.k

    def record(
        self,
        data: PhotoDataModule,
        clustering: Clustering,
        judgement: Judgement,
        plane: np.ndarray,
        explained: float,
    ) -> None:
        """Write the results of a job: assignments, model, scores, and the facts of `run.json`.

        Args:
            data: The photos and their features, set up.
            clustering: The official labelling.
            judgement: Its scores.
            plane: The display plane (n, 2).
            explained: The share of variance that the plane keeps.
        """
        features = data.features.matrix()
        columns = {
            "silhouette": judgement.silhouettes,
            # to the group's mean in the feature space: the least is the medoid (of squared distances), and
            # unlike the distance in DEC's own space it is not what the method pulled to zero
            "distance": distances_to_means(features, clustering.labels),
            "x": plane[:, 0],
            "y": plane[:, 1],
        }
        photo_set, backbone = data.photo_set, data.backbone
        self.write_assignments(photo_set.photos, clustering.probabilities, columns)
        reduced = data.reduction.tensors()
        own = {"centers": clustering.centers}
        if clustering.embedding.shape[1] < features.shape[1]:  # else it is the features, which are kept compact
            own["embedding"] = clustering.embedding.astype(np.float32)
        self.write_model(own | clustering.tensors | reduced, {"space": clustering.space})
        cafes = [p.cafe_id for p in photo_set.photos]
        write_tensors(self.folder / "features.safetensors", compact.compress(features, cafes, backbone.facts()))
        write_json(self.folder / "scores.json", judgement.facts)
        stopped = {"n_iter": clustering.n_iter, "converged": clustering.converged}
        self.facts["method"] = self.facts.get("method", {}) | stopped | {"stop_reason": clustering.stop_reason}
        self.facts |= {
            "backbone": backbone.facts(),
            "space": {
                "features": f"{backbone.space} ({backbone.dim}-d)",
                "clustering": clustering.space,
                "display": {"name": "PCA-2 of the features", "explained": explained},
            },
            "data": {
                "name": photo_set.name,
                "root": str(photo_set.root),
                "digest": photo_set.digest,
                "n_photos": len(photo_set.photos),
                "n_cafes": len({p.cafe_id for p in photo_set.photos}),
                "cafe_source": photo_set.cafe_source,
                "has_files": photo_set.has_files,
                "labelled": photo_set.labelled,
                "skipped": [{"file": s.file, "reason": s.reason} for s in photo_set.skipped],
            },
            "notes": [
                *([self.facts["choice_of_k"]["words"]] if "choice_of_k" in self.facts else []),
                *photo_set.notes,
                *([backbone.note] if backbone.note else []),
            ],
        }

    def write_assignments(
        self, photos: Sequence[Photo], probabilities: np.ndarray, columns: dict[str, np.ndarray]
    ) -> None:
        """Write `assignments.parquet` and `.csv`: one row a photo.

        Args:
            photos: The n photos.
            probabilities: Membership of each in each cluster (n, k); the largest is the label.
            columns: More columns (n,).
        """
        import pandas as pd

        order = np.argsort(-probabilities, axis=1, kind="stable")
        row = np.arange(len(photos))
        names = (
            "photo_id", "file", "cafe_id", "cafe_name", "area", "lat", "lon", "licence", "attribution", "label",
        )  # fmt: skip
        table = pd.DataFrame({name: [getattr(p, name) for p in photos] for name in names})
        table["cluster"], table["second_cluster"] = order[:, 0], order[:, 1]
        table["probability"] = probabilities[row, order[:, 0]]
        table["second_probability"] = probabilities[row, order[:, 1]]
        table = table.assign(**columns)
        with writing(self.folder / "assignments.parquet") as partial:
            table.to_parquet(partial, index=False)
        write_csv(self.folder / "assignments.csv", table)

    def write_model(self, tensors: dict[str, np.ndarray], about: dict[str, str]) -> None:
        """Write `model.safetensors`: all that is needed to assign a new photo."""
        write_tensors(self.folder / "model.safetensors", tensors, about)


def distances_to_means(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Euclidean distance of each row (n, d) to the mean of the rows with its label: (n,)."""
    member = np.unique(labels, return_inverse=True)[1]
    means = chunks.group_means(x, member)
    return np.concatenate([np.linalg.norm(piece - means[member[rows]], axis=1) for rows, piece in chunks.read(x)])


@dataclass(frozen=True)
class Run:
    """A finished run folder, read on demand."""

    folder: Path
    facts: dict[str, Any]

    @cached_property
    def scores(self) -> dict[str, Any]:
        """What `scores.json` holds."""
        return _read_json(self.folder / "scores.json")

    @cached_property
    def assignments(self) -> pd.DataFrame:
        """One row a photo; see README, "Run folder", for the columns."""
        import pandas as pd

        path = self.folder / "assignments.parquet"
        try:
            return pd.read_parquet(path)
        except Exception as error:  # pyarrow raises a dozen kinds for a damaged file
            raise _unreadable(path, error) from None

    @cached_property
    def model(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """The tensors of `model.safetensors` and the words beside them."""
        return read_tensors(self.folder / "model.safetensors")

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
        return read_tensors(path)[0]

    @cached_property
    def photos(self) -> pd.DataFrame:
        """The run's photos, then those that `cafemood assign --keep` added: one row each.

        The columns of `assignments`, and `path` (absolute), `added` (true or false). An added photo stands
        where its nearest neighbours stand on the map.
        """
        import pandas as pd

        own = self.assignments.reset_index(drop=True)
        for column in ("area", "lat", "lon"):  # a run of an earlier cafemood
            if column not in own:
                own[column] = None
        own = own.assign(path=[str(self.where(file)) for file in own["file"]], added=False)
        path = self.folder / "added.parquet"
        if not path.exists():
            return own
        try:
            added = pd.read_parquet(path)
        except Exception as error:  # pyarrow raises a dozen kinds for a damaged file
            raise _unreadable(path, error, "delete it") from None
        added = added.assign(added=True).reindex(columns=own.columns)
        return pd.DataFrame({c: [*own[c], *added[c]] for c in own.columns})

    @cached_property
    def rows(self) -> np.ndarray:
        """The compact features of `photos`, as they are stored: float16 (n, d')."""
        own = self.features["rows"]
        path = self.folder / "added.safetensors"
        if path.exists():
            added = read_tensors(path)[0]["rows"][: len(self.photos) - len(own)]  # written before its table
            own = np.concatenate([own, added])
        if len(own) != len(self.photos):
            why = f"it holds {len(own)} rows for {len(self.photos)} photos"
            fix = "delete added.parquet and added.safetensors, or run again"
            raise RunError("The run's features do not fit its photos", where=self.folder, why=why, fix=fix)
        return own

    @property
    def knows_cafes(self) -> bool:
        """Whether café ids were known; if not, every photo counts as its own café."""
        return bool(self.facts["data"]["cafe_source"] != "none" or self.photos["added"].any())

    @property
    def photos_root(self) -> Path:
        """The folder that `assignments["file"]` is relative to (it may have moved since)."""
        return Path(self.facts["data"]["root"])

    def where(self, file: str) -> Path | str:
        """A photo's path, or its address."""
        return file if remote.is_address(file) else self.photos_root / file


def load(folder: str | Path) -> Run:
    """Open a finished run folder.

    Raises:
        RunError: It is no run folder, the run did not finish, or a newer cafemood wrote it.
    """
    folder = Path(folder).expanduser()
    if not (folder / "run.json").is_file():
        raise RunError(
            "This is not a run folder",
            where=folder,
            why="it has no run.json" if folder.is_dir() else "it does not exist",
            fix="give a folder below outputs/runs or outputs/sweeps",
        )
    facts = _read_json(folder / "run.json")
    if facts.get("schema_version", 0) > SCHEMA_VERSION:
        raise RunError("A newer cafemood wrote this run", where=folder, fix="update cafemood")
    if facts.get("status") != "finished":
        why = facts.get("reason") or f"its status is {facts.get('status')!r}"
        raise RunError("This run did not finish", where=folder, why=why, fix="run its command again")
    return Run(folder, facts)


def why_unfinished(folder: Path) -> str | None:
    """Why a job's folder holds no result, in its own words; None if it does."""
    if (folder / "run.json").is_file():
        try:
            facts = _read_json(folder / "run.json")
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
    facts = _read_json(path) if path.stat().st_size else {}  # empty: killed while it claimed the folder
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
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as stream:
            return {name: stream.get_tensor(name) for name in stream.keys()}, stream.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error) from None


def versions() -> dict[str, str]:
    """The versions that a result may depend on."""
    from cafemood import __version__

    known = {"cafemood": __version__, "python": platform.python_version(), "machine": platform.machine()}
    for package in _PACKAGES:
        try:
            known[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            known[package] = "not installed"
    return known


def _unreadable(path: Path, error: Exception, fix: str = "run it again") -> RunError:
    """The error for a file of a run that is not there, or not what was written."""
    return RunError("A file of the run cannot be read", where=path, why=reason_of(error, path, DAMAGED), fix=fix)


def _why_ended(error: BaseException) -> str:
    """What `run.json` keeps of an error: a user's mistake whole, of a bug what its traceback says last."""
    return str(error) if isinstance(error, CafemoodError) else reason_of(error, otherwise=quoted(error))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if not isinstance(value, dict):
        raise RunError("A file of the run cannot be read", where=path, why="not a JSON object", fix="run it again")
    return value

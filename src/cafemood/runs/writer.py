"""Write a run folder: each stage as it ends, all files whole, the card last."""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cafemood.core import checked, chunks
from cafemood.core.atomic import write_csv, write_json, write_tensors
from cafemood.core.names import text_of
from cafemood.core.parquet import write_parquet
from cafemood.core.reasons import quoted, reason_of
from cafemood.errors import CafemoodError, RunError
from cafemood.evaluation.store import JudgingStore
from cafemood.runs import compact, records
from cafemood.runs.card import SCHEMA_VERSION, DataCard, SpaceCard

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

if TYPE_CHECKING:
    from cafemood.clustering.base import Clustering
    from cafemood.data.photos import Photo
    from cafemood.evaluation.assessment import Evaluation
    from cafemood.evaluation.choosing_k import ChoiceOfK
    from cafemood.features.photo_matrix import PhotoMatrix


@dataclass
class RunWriter:
    """An open run: its folder, the facts of `run.json` gathered so far, photos left out, and a clock per stage.

    Use it as a context manager: leaving it writes the status: `finished` after
    `record`, else `failed` or `interrupted`.
    """

    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)
    keep: str = "all"
    left_out: list[dict[str, Any]] = field(default_factory=list)
    recorded: bool = field(default=False, init=False)

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
        if kind is None and self.recorded:
            self.facts["status"] = "finished"
        elif kind is None:
            self.facts |= {"status": "failed", "reason": "nothing was recorded"}
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
        data: PhotoMatrix,
        clustering: Clustering,
        evaluation: Evaluation,
        plane: np.ndarray,
        explained: float,
        more: dict[str, np.ndarray] | None = None,
    ) -> None:
        """Write the results of a job: assignments, model, scores, and the facts of `run.json`.

        Args:
            data: The photos and their features, set up.
            clustering: The official labelling.
            evaluation: Its scores and findings.
            plane: The display plane (n, 2).
            explained: The share of variance that the plane keeps.
            more: More columns of the table of photos (n,).
        """
        features = data.features.matrix()
        columns = {
            "silhouette": evaluation.silhouettes,
            # to the group's mean in the feature space: the least is the medoid (of squared distances), and
            # unlike the distance in DEC's own space it is not what the method pulled to zero
            "distance": distances_to_means(features, clustering.labels),
            "x": plane[:, 0],
            "y": plane[:, 1],
            **(more or {}),
        }
        photo_set, backbone = data.photo_set, data.backbone
        self.write_assignments(photo_set.photos, clustering.probabilities, columns)
        reduced = data.reduction.tensors()
        tensors = {"centers": clustering.centers}
        if clustering.embedding.shape[1] < features.shape[1]:  # else it is the features, which are kept compact
            tensors["embedding"] = clustering.embedding.astype(np.float32)
        if self.left_out:
            write_csv(self.folder / "left_out.csv", pd.DataFrame(self.left_out))
        self.write_model(tensors | clustering.tensors | reduced, {"space": clustering.space})
        cafes, store = [p.cafe_id for p in photo_set.photos], JudgingStore(data.cache_dir)
        write_tensors(self.folder / "features.safetensors", compact.kept(features, cafes, backbone.facts(), store))
        write_json(self.folder / "scores.json", evaluation.to_json())
        stopped = {"n_iter": clustering.n_iter, "converged": clustering.converged}
        self.facts["method"] = self.facts.get("method", {}) | stopped | {"stop_reason": clustering.stop_reason}
        self.facts |= {
            "backbone": backbone.facts(),
            "space": asdict(
                SpaceCard(
                    clustering=clustering.space,
                    features=f"{backbone.space} ({backbone.dim}-d)",
                    display={"name": "PCA-2 of the features", "explained": explained},
                )
            ),
            "data": asdict(
                DataCard(
                    root=text_of(photo_set.root),
                    n_photos=len(photo_set.photos),
                    cafe_source=photo_set.cafe_source,
                    name=photo_set.name,
                    digest=photo_set.digest,
                    n_cafes=len({p.cafe_id for p in photo_set.photos}),
                    has_files=photo_set.has_files,
                    labelled=photo_set.labelled,
                    skipped=[{"file": s.file, "reason": s.reason} for s in photo_set.skipped],
                    keep=self.keep,
                    left_out=self.left_out,
                )
            ),
            "notes": [
                *self.facts.get("notes", []),
                *([self.facts["choice_of_k"]["words"]] if "choice_of_k" in self.facts else []),
                *([data.why_reduced] if data.why_reduced and photo_set.cafes_known else []),
                *photo_set.notes,
                *([backbone.note] if backbone.note else []),
            ],
        }
        kept = ("assignments.parquet", "scores.json", "model.safetensors", "features.safetensors")
        self.facts["files"] = {name: f"{checked.crc_of_file(self.folder / name):08x}" for name in kept}
        self.recorded = True

    def write_assignments(
        self, photos: Sequence[Photo], probabilities: np.ndarray, columns: dict[str, np.ndarray]
    ) -> None:
        """Write `assignments.parquet` and `.csv`: one row a photo.

        Args:
            photos: The n photos.
            probabilities: Membership of each in each cluster (n, k); the largest is the label.
            columns: More columns (n,).
        """

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
        write_parquet(self.folder / "assignments.parquet", table)
        write_csv(self.folder / "assignments.csv", table)

    def write_model(self, tensors: dict[str, np.ndarray], about: dict[str, str]) -> None:
        """Write `model.safetensors`: all that is needed to assign a new photo."""
        write_tensors(self.folder / "model.safetensors", tensors, about)


def distances_to_means(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Euclidean distance of each row (n, d) to the mean of the rows with its label: (n,)."""
    member = np.unique(labels, return_inverse=True)[1]
    means = chunks.group_means(x, member)
    return np.concatenate([np.linalg.norm(piece - means[member[rows]], axis=1) for rows, piece in chunks.read(x)])


def versions() -> dict[str, str]:
    """The versions that a result may depend on."""
    from cafemood import __version__

    installed = {"cafemood": __version__, "python": platform.python_version(), "machine": platform.machine()}
    for package in _PACKAGES:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            installed[package] = "not installed"
    return installed


def _why_ended(error: BaseException) -> str:
    """What `run.json` keeps of an error: a user's mistake whole, of a bug what its traceback says last."""
    return str(error) if isinstance(error, CafemoodError) else reason_of(error, otherwise=quoted(error))


HYDRAS = (".hydra/config.yaml", ".hydra/hydra.yaml", ".hydra/overrides.yaml", "train.log")
"""What a job's folder holds before its run begins."""


def discard_refused(folder: Path) -> None:
    """Remove the folder of a run of this process that was refused before anything was computed.

    It stays, with all that it holds, where anything else lies in it.

    Args:
        folder: The run's folder.
    """
    ours = {Path(name) for name in (*HYDRAS, "run.json")}
    found = {path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()}
    if not found <= ours or not folder.is_dir():
        return
    if Path("run.json") in found:
        facts = records.read(folder / "run.json")
        stages = {stage["name"] for stage in facts.get("stages", [])}
        if (facts.get("process") or {}).get("pid") != os.getpid() or stages - {"find photos"}:
            return
    with suppress(OSError):  # another process has put something into it
        for path in found:
            (folder / path).unlink()
        for path in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
            path.rmdir()
        folder.rmdir()

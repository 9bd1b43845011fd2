"""Apply an edit file to a run: a new run folder with the edited moods, scored again; the run itself stays as it is."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cafemood.cafes import moods
from cafemood.cafes.edits import OUT, Edited, carry_out, fingerprint, read
from cafemood.clustering.base import memberships
from cafemood.clustering.cafe_places import CafePlaces
from cafemood.core import checked
from cafemood.core.atomic import write_csv, write_json, write_tensors
from cafemood.core.names import text_of
from cafemood.core.parquet import write_parquet
from cafemood.core.reasons import Flaw
from cafemood.errors import RunError
from cafemood.evaluation.edited import EditedRows, assess_edited, clustering_of, edited_probabilities
from cafemood.runs.listing import OUTPUTS
from cafemood.runs.run import Run, load
from cafemood.runs.writer import RunWriter, distances_to_means

EDITS_FILE, EXCLUDED_FILE = "edits.json", "excluded.csv"
_OF_PHOTOS = ("rows", "rests", "scenes", "scene_probabilities")
"""Tensors of `features.safetensors` with a row a photo."""
_PICTURES = ("thumbnails.parquet", "looks.parquet", "phashes.parquet", "left_out.csv")
_BY_ID = ("scales.parquet", "rated.parquet", "text_features.safetensors", "map.safetensors")
"""What a run's folder holds of its photos, in whatever moods; words and cafés are told anew."""
_RESULT = ("assignments.parquet", "scores.json", "model.safetensors", "features.safetensors")
_ADDED = ("added.parquet", "added.safetensors")
_LEAST_WEIGHT = 0.1
_BEGAN = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(_\d+)?_")
"""How the command line's folders begin."""


def fingerprint_of(run: Run) -> str:
    """What edits of this run are known by: its photos and their moods, without those that were added since."""
    return fingerprint(run.assignments["photo_id"].tolist(), run.assignments["cluster"].to_numpy())


def folder_for(run: Run, name: str | None = None) -> Path:
    """Where the edited run goes: beside the run, or in `outputs/runs` for a job of a sweep.

    Args:
        run: The run.
        name: Its name, or a path; None: now, and the run's name without its time.
    """
    beside = OUTPUTS / "runs" if run.folder.is_relative_to(OUTPUTS / "sweeps") else run.folder.parent
    if name is not None:
        given = Path(name).expanduser()
        return given if len(given.parts) > 1 else beside / given
    tail = _BEGAN.sub("", run.folder.name).removesuffix("_edited")
    return beside / f"{datetime.now().astimezone():%Y-%m-%d_%H-%M-%S_%f}_{tail}_edited"


def apply(
    run: Run, path: Path, folder: Path, *, n_nulls: int = 20, baseline_seeds: int = 10, quiet: bool = True
) -> Run:
    """Write the edited run; its pages and cafés are for `report.finish.finish`.

    Args:
        run: A finished run.
        path: The edit file.
        folder: The new run's, which must not hold one.
        n_nulls: Null models of each kind.
        baseline_seeds: Seeds of the baseline.
        quiet: No progress bars.

    Raises:
        RunError: The edits cannot be read, are another run's, or cannot be carried out; the run keeps no features; or
            the folder is taken.
    """
    listed, photos = read(path, fingerprint_of(run)), run.photos
    names = moods.own_names(run)
    try:
        edited = carry_out(listed, photos["photo_id"].tolist(), photos["cluster"].to_numpy(), run.card.k, names)
        if edited.changed:
            _check(run, photos, edited)
    except Flaw as error:
        fix = "download the edits again from the page of this run"
        raise RunError("These edits cannot be carried out", where=path, why=str(error), fix=fix) from None
    if edited.changed:
        run.features  # noqa: B018  (a run without is refused before its folder is made)
    command = shlex.join(["cafemood", "apply", text_of(run.folder), text_of(path)])
    with RunWriter(folder, {"command": command}) as writer:
        kept = {name: value for name, value in run.facts.items() if name not in writer.facts}
        writer.facts = kept | writer.facts
        with writer.stage("apply edits", items=len(photos)):
            for name in (*_PICTURES, *_BY_ID, *(() if edited.changed else (*_RESULT, "assignments.csv", *_ADDED))):
                if (run.folder / name).is_file():
                    shutil.copyfile(run.folder / name, folder / name)
            shutil.copyfile(path, folder / EDITS_FILE)
            write_json(folder / moods.NAMES_FILE, {str(n): edited.names[n] for n in sorted(edited.names)})
            _say(run, writer, photos, edited)
        if edited.changed:
            with writer.stage("score", items=int((edited.labels != OUT).sum())):
                _Result(run, edited).write(writer, n_nulls, baseline_seeds, quiet)
        present = [name for name in _RESULT if (folder / name).is_file()]
        writer.facts["files"] = {name: f"{checked.crc_of_file(folder / name):08x}" for name in present}
        writer.recorded = True
    return load(folder)


def _check(run: Run, photos: pd.DataFrame, edited: Edited) -> None:
    """Refuse a mood of added photos alone, and to part the photos of a café in a run that has grouped cafés."""
    own = edited.labels[: len(run.assignments)]
    if len(np.unique(own[own != OUT])) < edited.k:
        raise Flaw("a mood would hold nothing but photos that were added after the clustering, and none of the run's")
    if run.card.unit != "cafe":
        return
    stays = edited.labels != OUT
    n_moods = pd.Series(edited.labels[stays]).groupby(photos["cafe_id"].astype(str).to_numpy()[stays]).nunique()
    if (n_moods > 1).any():
        cafe = n_moods.index[n_moods > 1][0]
        raise Flaw(f"this run has grouped cafés, and café {cafe!r} would have two moods: move all of its photos")


def _say(run: Run, writer: RunWriter, photos: pd.DataFrame, edited: Edited) -> None:
    """Write into the card that the run was edited by hand, from what, and how."""
    out = np.flatnonzero(edited.labels == OUT)
    excluded = photos.iloc[out][["photo_id", "file", "cafe_id"]]
    if len(out):
        write_csv(writer.folder / EXCLUDED_FILE, excluded)
    writer.facts["edited"] = {
        "from": text_of(run.folder.name),
        "fingerprint": fingerprint_of(run),
        "done": edited.done,
        "excluded": excluded.astype(str).to_dict("records"),
        "before": run.card.edited,
    }
    picked = (writer.facts.pop("choice_of_k", None) or {}).get("words") if edited.changed else None
    writer.facts["notes"] = [note for note in run.card.notes if note != picked]


class _Result:
    """What a run whose moods were edited writes in the place of a clustering's result."""

    def __init__(self, run: Run, edited: Edited) -> None:
        n = len(run.assignments)
        self.run, self.edited = run, edited
        self.kept = np.flatnonzero(edited.labels[:n] != OUT)
        self.added = np.flatnonzero(edited.labels[n:] != OUT)
        self.labels, self.added_labels = edited.labels[:n][self.kept], edited.labels[n:][self.added]
        self.table = run.assignments.iloc[self.kept].reset_index(drop=True)
        self.features = run.features["rows"][self.kept].astype(np.float32)
        self.tensors, self.about = run.model
        own = self.tensors.get("embedding")
        self.embedding = self.features if own is None else np.asarray(own)[self.kept]

    def rows(self) -> EditedRows:
        """What is scored."""
        card, table = self.run.card, self.table
        cafes = table["cafe_id"].astype(str).tolist() if card.data.cafes_known else None
        truth = [_text(label) for label in table["label"]] if card.data.labelled else None
        apart = "embedding" in self.tensors
        return EditedRows(
            features=self.features,
            embedding=self.embedding,
            space=card.space.clustering if apart else "features",
            plane=table[["x", "y"]].to_numpy(dtype=np.float32),
            labels=self.labels,
            cafes=cafes,
            truth=truth,
            n_components=card.reduce.n_components if card.reduce.name == "pca" and apart else None,
            learnt=card.reduce.name not in ("none", "pca") and apart and "embedding" not in card.space.clustering,
            from_cafes=card.reduce.name == "cafe",
            places=self._places(cafes) if card.unit == "cafe" and cafes is not None else None,
            before=table["cluster"].to_numpy(),
            seed=card.seed,
        )

    def _places(self, cafes: Sequence[str]) -> CafePlaces:
        """The cafés in the clustering space, as the run placed them."""
        ratios = self.tensors.get("cafe.ratios")
        if ratios is not None and len(ratios) != self.embedding.shape[1]:
            ratios = None  # an encoder's space, and not the one that cafés taught
        place = self.table.get("place", pd.Series(1.0, self.table.index)).to_numpy(dtype=float)
        weights = np.clip(np.nan_to_num(place, nan=1.0), _LEAST_WEIGHT, 1)
        return CafePlaces.of(np.asarray(self.embedding, dtype=np.float32), cafes, ratios, weights)

    def write(self, writer: RunWriter, n_nulls: int, baseline_seeds: int, quiet: bool) -> None:
        """Score the moods, and write the result's files and facts."""
        rows = self.rows()
        clustering = clustering_of(rows)
        told = assess_edited(rows, clustering, n_nulls=n_nulls, baseline_seeds=baseline_seeds, quiet=quiet)
        columns = edited_probabilities(clustering)
        table = self.table.assign(**columns, silhouette=told.silhouettes)
        table["distance"] = distances_to_means(self.features, self.labels)
        if "alone" in table:  # of the moods as they are now; nothing tells the chance of a mood that a person made
            table = table.assign(alone=clustering.probabilities.argmax(axis=1), certainty=np.nan)
        write_parquet(writer.folder / "assignments.parquet", table)
        write_csv(writer.folder / "assignments.csv", table)
        writer.write_model(self._model(clustering.tensors), self.about | {"space": rows.space})
        features = {n: t[self.kept] if n in _OF_PHOTOS else t for n, t in self.run.features.items()}
        write_tensors(writer.folder / "features.safetensors", features)
        details = {"photos": self.run.scores["photos"]} if "photos" in self.run.scores else {}
        write_json(writer.folder / "scores.json", told.to_json() | details)
        self._write_added(writer.folder)
        self._tell(writer, table)

    def _model(self, edited: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The run's tensors, so that new photos reach the clustering space, and the means that they are given to."""
        tensors = {name: tensor for name, tensor in self.tensors.items() if not name.startswith("edited.")}
        if "embedding" in tensors:
            tensors["embedding"] = np.asarray(tensors["embedding"])[self.kept]
            return tensors | edited
        compact = self.run.features
        projection = {"edited.mean": compact["pca.mean"], "edited.components": compact["pca.components"]}
        return tensors | edited | projection

    def _write_added(self, folder: Path) -> None:
        """Carry over the photos that were added to the run: their moods as edited, by the same features."""
        n = len(self.run.assignments)
        if not len(self.added):
            return
        compact = self.run.rows[n:][self.added]
        moods_of_run = clustering_of(EditedRows(self.features, self.features, "", self.features, self.labels))
        scale = float(moods_of_run.tensors["edited.scale"][0])
        near = memberships(compact.astype(np.float32), moods_of_run.centers, scale)
        columns = edited_probabilities(replace(moods_of_run, labels=self.added_labels, probabilities=near))
        table = self.run.photos.iloc[n:].iloc[self.added].drop(columns="added").reset_index(drop=True)
        table = table.assign(**columns)
        if "alone" in table:
            table = table.assign(alone=near.argmax(axis=1), certainty=np.nan)
        write_tensors(folder / "added.safetensors", {"rows": compact})
        write_parquet(folder / "added.parquet", table)

    def _tell(self, writer: RunWriter, table: pd.DataFrame) -> None:
        """The facts of the card that the edits have changed."""
        facts, card = writer.facts, self.run.card
        text = "\n".join(
            f"{p} {c} {_text(label) or ''}"
            for p, c, label in zip(table["photo_id"], table["cafe_id"], table["label"], strict=True)
        )
        data = dict(facts["data"]) | {"n_photos": len(table), "n_cafes": int(table["cafe_id"].nunique())}
        facts["data"] = data | {"digest": hashlib.sha256(text.encode()).hexdigest()}
        compact = f"{self.features.shape[1]}-d copy in the run"
        said = card.space.features
        facts["space"] = dict(facts["space"]) | {"features": said if compact in said else f"{said}, {compact}"}
        facts["k"] = self.edited.k
        facts["method"] = dict(facts["method"]) | {"stop_reason": "edited by hand"}
        where = card.space.clustering if "embedding" in self.tensors else "the run's features"
        note = (
            f"New photos go to the mood with the nearest mean in {where}; scores are of the run's own copy of its "
            "features. What the method itself would do is in the run that was edited."
        )
        facts["notes"] = [*(n for n in facts["notes"] if not n.startswith("New photos go to")), note]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None

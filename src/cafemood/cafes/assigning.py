"""Give new photos and whole new cafés to the moods of a finished run, from its folder and the backbone's weights.

A photo unlike anything the run has seen is said to be so, not forced into a mood; see `novelty`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cafemood.backbones.backbone import Backbone
from cafemood.backbones.creating import create_backbone
from cafemood.cafes import new_cafes, new_places
from cafemood.clustering import stored, umap_space
from cafemood.clustering.reduction import project
from cafemood.core.atomic import write_tensors
from cafemood.core.names import existing, path_of, shown, text_of
from cafemood.core.parquet import write_parquet
from cafemood.data.folders import scan_folder
from cafemood.data.images import file_digest, open_image
from cafemood.data.photos import Photo, PhotoSet, Skipped
from cafemood.data.place_signs import measure
from cafemood.errors import PhotoError, RunError
from cafemood.runs import compact
from cafemood.runs.run import Run

BATCH = 32


@dataclass(frozen=True)
class Answer:
    """Where a new photo belongs.

    `mood` counts from 1, as the report does; `cluster` from 0, as the tables do. `probability` is the
    Student-t membership, and `nearest` names photos of the run with their distance in `space`. `novelty` is the
    photo's distance to its neighbours over the largest that photos of cafés held out have: above 1 the photo is
    `novel`, and its mood is not to be believed. It is None where the run keeps no features. `place` is how much
    place the photo shows, from 0 to 1, and `no_place` why it seems to show none; it is `left_out`, and has no mood,
    where the run has left such photos out.
    """

    photo: str
    cluster: int | None = None
    probability: float | None = None
    probabilities: list[float] = field(default_factory=list)
    nearest: list[dict[str, Any]] = field(default_factory=list)
    space: str = ""
    novelty: float | None = None
    error: str | None = None
    place: float | None = None
    no_place: str = ""
    left_out: bool = False
    row: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32), repr=False, compare=False)
    reduced: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32), repr=False, compare=False)

    @property
    def novel(self) -> bool:
        """Whether the photo is unlike anything that the run has seen."""
        return self.novelty is not None and self.novelty > 1

    @property
    def counts(self) -> bool:
        """Whether the photo tells the mood of its café."""
        return self.error is None and not self.novel and not self.left_out

    @property
    def mood(self) -> int | None:
        """The cluster as people see it."""
        return None if self.cluster is None else self.cluster + 1

    def facts(self) -> dict[str, Any]:
        """The answer as plain values."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("row", "reduced")}
        return {"mood": self.mood if self.counts else None, "novel": self.novel, **values}

    def __str__(self) -> str:
        if self.error is not None:
            return f"{shown(self.photo)}: skipped, {shown(self.error)}"
        if self.left_out:
            return f"{shown(self.photo)}: no place to see ({self.no_place}); left out, as in this run"
        if self.novel:
            far = f"{self.novelty:.1f} x the distance of a usual new photo"
            return f"{shown(self.photo)}: unlike any photo of this run ({far}); no mood (nearest: mood {self.mood})"
        lines = [f"{shown(self.photo)}: mood {self.mood} (cluster {self.cluster}), probability {self.probability:.2f}"]
        lines += [
            f"    near {shown(n['file'])} (mood {n['cluster'] + 1}, distance {n['distance']:.3g})" for n in self.nearest
        ]
        return "\n".join(lines)


def assign_photos(run: Run, photos: Sequence[Path], *, n_nearest: int = 3) -> Iterator[Answer]:
    """Assign photos one after the other, in the order given.

    Args:
        run: A finished run.
        photos: Files; one that cannot be read gives an answer with `error` set.
        n_nearest: How many of the run's photos to name, nearest first in the clustering space (in the compact
            features where that is the features themselves).

    Raises:
        RunError: The run's backbone cannot be made again as it was.
    """
    backbone = _backbone(run)
    tensors, words = run.model
    space = words.get("space", "")
    for start in range(0, len(photos), BATCH):
        chunk = photos[start : start + BATCH]
        opened = [_open(path, backbone) for path in chunk]
        pixels = [image[0] for image in opened if not isinstance(image, str)]
        rows: Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float | None]] = iter(())
        told: Iterator[dict[str, Any]] = iter(())
        if pixels:
            features = backbone.embed(torch.stack(pixels))
            reduced = project(features.astype(np.float32), tensors)
            probabilities, z = stored.assign_reduced(reduced, tensors)
            points, far = _novelty(run, features)
            signs = np.stack([image[1] for image in opened if not isinstance(image, str)])
            told = iter(new_places.told(run, features, signs))
            rows = zip(probabilities, z, reduced, points, far, strict=True)
        for path, image in zip(chunk, opened, strict=True):
            if isinstance(image, str):
                yield Answer(text_of(path), error=image)
                continue
            q, point, in_space, row, far_off = next(rows)
            if "embedding" in tensors:
                near = _nearest(run, tensors["embedding"], point, n_nearest)
            else:  # the clustering space is the features, which the run keeps compact
                near = _nearest(run, run.features["rows"], row, n_nearest)
            cluster = int(q.argmax())
            probability = [float(v) for v in q]
            yield Answer(
                text_of(path), cluster, float(q[cluster]), probability, near, space, far_off, row=row, reduced=in_space,
                **next(told),
            )  # fmt: skip


def find(paths: Sequence[Path]) -> PhotoSet:
    """The photos to assign: files as they are, folders at any depth, cafés known as `scan_folder` knows them.

    Raises:
        PhotoError: A folder holds no usable photo.
    """
    photos: list[Photo] = []
    skipped: list[Skipped] = []
    sources: set[str] = set()
    for path in map(existing, paths):
        if path.is_dir():
            photo_set = scan_folder(path)
            inside = photo_set.photos
            if not photo_set.cafes_known:  # one café's folder
                folder = text_of(path.resolve().name)
                inside = tuple(_moved(photo, photo_set.root, cafe_id=folder) for photo in inside)
            else:
                inside = tuple(_moved(photo, photo_set.root) for photo in inside)
            photos += inside
            skipped += [Skipped(text_of(photo_set.root / path_of(s.file)), s.reason) for s in photo_set.skipped]
            sources.add("folder")
        else:
            digest = file_digest(path) if path.is_file() else ""
            photos.append(Photo(digest, text_of(path), digest[:12]))
    return PhotoSet("new", Path(), tuple(photos), tuple(skipped), "folder" if sources else "none")


def keep(run: Run, photos: Sequence[Photo], answers: Sequence[Answer]) -> int:
    """Add assigned photos to the run's profiles, without training; returns how many are new to it.

    They go to `added.parquet` and `added.safetensors`; what the run itself holds stays as it is. A photo that
    the run knows already is not added again, one that is unlike anything seen, or left out, not at all.

    Args:
        run: The run.
        photos: The photos, with their cafés.
        answers: Theirs. Where cafés were grouped, a photo gets its café's group (`new_cafes.groups`).
    """
    import pandas as pd

    kept_ids = set(run.photos["photo_id"])
    chosen: dict[str, tuple[Photo, Answer]] = {}
    for photo, answer in zip(photos, answers, strict=True):
        if answer.counts and photo.photo_id not in kept_ids:
            chosen.setdefault(photo.photo_id, (photo, answer))
    if not chosen:
        return 0
    groups = new_cafes.groups(run, photos, answers)
    rows = np.stack([answer.row for _, answer in chosen.values()])
    plane = run.photos[["x", "y"]].to_numpy(dtype=np.float32)
    x, y = umap_space.among_neighbours(rows, run.rows.astype(np.float32), plane).T
    records = [_record(photo, answer, groups.get(photo.cafe_id)) for photo, answer in chosen.values()]
    table = pd.DataFrame(records).assign(x=x, y=y)
    before = run.photos[run.photos["added"]].drop(columns="added")
    if len(before):
        n_own = len(run.assignments)
        table = pd.DataFrame({c: [*before.get(c, [None] * len(before)), *table[c]] for c in table.columns})
        rows = np.concatenate([run.rows[n_own:], rows])
    # the table last: rows without a table are never read
    write_tensors(run.folder / "added.safetensors", {"rows": rows.astype(np.float16)})
    write_parquet(run.folder / "added.parquet", table)
    return len(chosen)


def _moved(photo: Photo, root: Path, **changes: Any) -> Photo:
    from dataclasses import replace

    return replace(photo, file=text_of(root / path_of(photo.file)), **changes)


def _record(photo: Photo, answer: Answer, group: new_cafes.CafeGroup | None) -> dict[str, Any]:
    probabilities = np.asarray(answer.probabilities if group is None else group.probabilities)
    order = np.argsort(-probabilities, kind="stable")
    nothing = float("nan")
    of_cafe = {} if group is None else {"alone": answer.cluster, "certainty": group.certainty}
    return {
        "photo_id": photo.photo_id,
        "file": photo.file,
        "path": text_of(path_of(photo.file).resolve()),
        **{name: getattr(photo, name) for name in ("cafe_id", "cafe_name", "area", "lat", "lon", "licence")},
        "attribution": photo.attribution,
        "label": None,
        "cluster": int(order[0]),
        "second_cluster": int(order[1]),
        "probability": float(probabilities[order[0]]),
        "second_probability": float(probabilities[order[1]]),
        "silhouette": nothing,
        "distance": nothing,
        "place": answer.place,
        "no_place": answer.no_place,
        **of_cafe,
    }


def _novelty(run: Run, features: np.ndarray) -> tuple[np.ndarray, list[float | None]]:
    """The compact rows of new features, and their distance over the threshold."""
    if not run.has_features:
        return np.zeros((len(features), 0), np.float32), [None] * len(features)
    far = compact.novelty_of(features, run.features)
    rows = compact.project_new(features, run.features)
    return rows, [None] * len(rows) if far is None else [float(d) for d in far]


def _backbone(run: Run) -> Backbone:
    card = run.card.backbone
    if not run.card.data.has_files or card.name in ("precomputed", "rows"):
        why = "its features were brought as a matrix, and no network is known that gives them"
        fix = "assign photos to a run whose photos a backbone has embedded, such as backbone=mobilenet_v2"
        raise RunError("This run cannot embed new photos", where=run.folder, why=why, fix=fix)
    options = {**card.options, "precision": card.precision}
    backbone = create_backbone(**options)
    if backbone.fingerprint != card.fingerprint or not isinstance(backbone, Backbone):
        raise RunError(
            "The backbone is no longer the one of this run",
            where=run.folder,
            why=f"its fingerprint begins {backbone.fingerprint[:12]}, the run's {card.fingerprint[:12]}",
            fix="give the same weight file and package versions (run.json names them), or run again",
        )
    return backbone


def _open(path: Path, backbone: Backbone) -> tuple[torch.Tensor, np.ndarray] | str:
    """What the network sees of a photo, and the photo's signs; or why it cannot be read."""
    try:
        image = open_image(path, shortest=backbone.shortest)
        return backbone.transform(image), measure(image).row()
    except PhotoError as error:
        return str(error.why or error.what)


def _nearest(run: Run, embedding: np.ndarray, point: np.ndarray, n: int) -> list[dict[str, Any]]:
    distances = np.linalg.norm(embedding - point, axis=1)
    order = np.argsort(distances, kind="stable")[:n]
    rows = run.assignments.iloc[order]
    named = rows[["file", "cafe_id", "cluster"]].to_dict("records")
    return [
        {str(key): value for key, value in row.items()} | {"distance": float(distances[i])}
        for i, row in zip(order, named, strict=True)
    ]

"""Give new photos to the moods of a finished run, from its folder and the backbone's weights alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cafemood import backbones, methods
from cafemood.errors import PhotoError, RunError
from cafemood.frozen import Backbone
from cafemood.photos import open_image
from cafemood.runs import Run

BATCH = 32


@dataclass(frozen=True)
class Answer:
    """Where a new photo belongs.

    `mood` counts from 1, as the report does; `cluster` from 0, as the tables do. `probability` is the
    Student-t membership, and `nearest` names photos of the run with their distance in `space`.
    """

    photo: str
    cluster: int | None = None
    probability: float | None = None
    probabilities: list[float] = field(default_factory=list)
    nearest: list[dict[str, Any]] = field(default_factory=list)
    space: str = ""
    error: str | None = None

    @property
    def mood(self) -> int | None:
        """The cluster as people see it."""
        return None if self.cluster is None else self.cluster + 1

    def facts(self) -> dict[str, Any]:
        """The answer as plain values."""
        return {"mood": self.mood, **asdict(self)}

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.photo}: skipped, {self.error}"
        lines = [f"{self.photo}: mood {self.mood} (cluster {self.cluster}), probability {self.probability:.2f}"]
        lines += [f"    near {n['file']} (mood {n['cluster'] + 1}, distance {n['distance']:.3g})" for n in self.nearest]
        return "\n".join(lines)


def assign_photos(run: Run, photos: Sequence[Path], *, n_nearest: int = 3) -> Iterator[Answer]:
    """Assign photos one after the other, in the order given.

    Args:
        run: A finished run.
        photos: Files; one that cannot be read gives an answer with `error` set.
        n_nearest: How many of the run's photos to name, nearest first in the clustering space.

    Raises:
        RunError: The run's backbone cannot be made again as it was.
    """
    backbone = _backbone(run)
    tensors, about = run.model
    for start in range(0, len(photos), BATCH):
        chunk = photos[start : start + BATCH]
        opened = [_open(path, backbone) for path in chunk]
        pixels = [image for image in opened if isinstance(image, torch.Tensor)]
        rows: Iterator[tuple[np.ndarray, np.ndarray]] = iter(())
        if pixels:
            probabilities, z = methods.assign(backbone.embed(torch.stack(pixels)), tensors)
            rows = zip(probabilities, z, strict=True)
        for path, image in zip(chunk, opened, strict=True):
            if isinstance(image, str):
                yield Answer(str(path), error=image)
                continue
            q, point = next(rows)
            near = _nearest(run, tensors["embedding"], point, n_nearest)
            cluster = int(q.argmax())
            space = about.get("space", "")
            yield Answer(str(path), cluster, float(q[cluster]), [float(v) for v in q], near, space)


def _backbone(run: Run) -> Backbone:
    facts = run.facts["backbone"]
    options = {**facts["options"], "precision": facts["precision"]}
    if facts["name"] == "precomputed":
        why = "its features were brought as a matrix"
        raise RunError("This run cannot embed new photos", where=run.folder, why=why, fix="use a run with a backbone")
    backbone = backbones.create(**options)
    if backbone.fingerprint != facts["fingerprint"] or not isinstance(backbone, Backbone):
        raise RunError(
            "The backbone is no longer the one of this run",
            where=run.folder,
            why=f"its fingerprint begins {backbone.fingerprint[:12]}, the run's {facts['fingerprint'][:12]}",
            fix="give the same weight file and package versions (run.json names them), or run again",
        )
    return backbone


def _open(path: Path, backbone: Backbone) -> torch.Tensor | str:
    try:
        return backbone.transform(open_image(path, shortest=backbone.shortest))
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

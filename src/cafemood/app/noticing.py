"""What a run sees in its photos before it groups them: how much place each shows, their light, twins of two cafés."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cafemood.backbones.places365 import scene_probabilities
from cafemood.backbones.precomputed import Precomputed
from cafemood.data.photos import TWIN, PhotoSet
from cafemood.data.place_signs import NAMES
from cafemood.errors import CafemoodError
from cafemood.evaluation import photo_findings, place
from cafemood.evaluation.findings import gravest_first
from cafemood.evaluation.store import JudgingStore
from cafemood.runs.looked import Glance, Looked, look
from cafemood.runs.thumbnails import SHORTEST, SHOWN_AT_MOST

if TYPE_CHECKING:
    from cafemood.app.with_words import RunWords
    from cafemood.backbones.backbone import Backbone
    from cafemood.evaluation.assessment import Evaluation
    from cafemood.features.photo_matrix import PhotoMatrix

log = logging.getLogger("cafemood")

KEEP = ("all", "place")
"""What `data.keep` may be."""


@dataclass(frozen=True)
class Noticed:
    """What was seen of the photos that are grouped.

    Attributes:
        columns: Of the table of photos: `place`, how much each shows (n,), 0 to 1, NaN where nothing tells; `no_place`,
            why it seems to show none, where it does.
        left_out: Those that are not grouped: `photo_id`, `file`, `cafe_id`, `place`, `reason` of each.
        told: `place` of `scores.json`, of all photos.
        looked: Signs and pHashes of those that are grouped; None where no picture was looked at.
    """

    columns: dict[str, np.ndarray]
    left_out: list[dict[str, Any]]
    told: dict[str, Any]
    looked: Looked | None

    def judged(self, evaluation: Evaluation, photo_set: PhotoSet, labels: np.ndarray) -> Evaluation:
        """An evaluation with what the photos say of it.

        Args:
            evaluation: Scores and findings of a clustering.
            photo_set: The photos that were grouped.
            labels: The group of each (n,).
        """
        record: dict[str, Any] = {"place": self.told, "light": None, "two_ids": []}
        cafes = photo_set.cafes
        if self.looked is not None and cafes is not None:
            signs, twins = self.looked.signs, _twins(photo_set)
            record["light"] = photo_findings.light_by_cafe(signs, cafes, labels)
            contrast = signs[:, NAMES.index("contrast")]
            pairs, n_pairs = photo_findings.shared_photos(self.looked.phashes, contrast, cafes, twins)
            record |= {"two_ids": pairs, "n_two_ids": n_pairs}
        findings = gravest_first([*evaluation.findings, *photo_findings.findings(record)])
        return replace(evaluation, findings=findings, details=evaluation.details | {"photos": record})


def glance(photo_set: PhotoSet, backbone: Backbone | Precomputed, keep: str, cache_dir: str | Path) -> Glance | None:
    """What looks at photos while they are embedded, so that `notice` opens none of them again.

    None where `notice` looks at no picture, or where the network wants them decoded at another size.
    """
    shared = not isinstance(backbone, Precomputed) and backbone.shortest == SHORTEST
    return Glance(len(photo_set.photos), cache_dir) if shared and _looks(photo_set, keep) else None


def _looks(photo_set: PhotoSet, keep: str) -> bool:
    """Whether pictures are looked at."""
    return photo_set.has_files and (keep == "place" or len(photo_set.photos) <= SHOWN_AT_MOST)


def notice(data: PhotoMatrix, keep: str, cache_dir: str | Path, words: RunWords | None = None) -> Noticed:
    """Look at embedded photos that are not reduced yet; with `keep="place"` leave out those that show no place.

    Of over `SHOWN_AT_MOST` photos no picture is looked at unless some are to be left out: Places365 outputs and
    distances tell then, or nothing; and words, if `words=` asked for a network that knows them.

    Raises:
        CafemoodError: `keep` is `place`, and nothing tells whether a photo shows one; or no photo, or too few cafés,
            would be left.
    """
    if keep not in KEEP:
        raise CafemoodError(f"{keep!r} cannot be kept", where="data.keep", fix=f"give {' or '.join(KEEP)}")
    photo_set, features = data.photo_set, data.features.matrix()
    cafes, n = photo_set.cafes, len(photo_set.photos)
    looked = look(photo_set, cache_dir) if _looks(photo_set, keep) else None
    scenes = scene_probabilities(data.backbone.name, data.backbone.output, features)
    signs = None if looked is None else looked.signs
    said = None if words is None else words.said(photo_set)
    known, store = cafes if photo_set.has_files else None, JudgingStore(cache_dir)
    places = place.tell(features, signs=signs, cafes=known, scenes=scenes, words=said, store=store)
    if keep == "place" and not places.told_by:
        why = "no picture could be read, no café ids are known, and the features are no Places365 outputs"
        fix = "give data.keep=all, or backbone=vgg16_places365_probs"
        raise CafemoodError("Nothing tells which photos show the place", where="data.keep=place", why=why, fix=fix)
    out = np.flatnonzero(places.none) if keep == "place" else np.empty(0, int)
    left_out = [
        {
            **{name: getattr(photo_set.photos[i], name) for name in ("photo_id", "file", "cafe_id")},
            "place": round(float(places.scores[i]), 4),
            "reason": places.reasons[i],
        }
        for i in out
    ]
    stays = np.setdiff1d(np.arange(n), out)
    if len(out):
        data.leave_out(out)
        log.warning("%d of %d photos seem to show no place and are left out; left_out.csv lists them.", len(out), n)
    gone = 0 if cafes is None else len(set(cafes)) - len({photo.cafe_id for photo in data.photo_set.photos})
    told = photo_findings.note(places.facts(), keep=keep, has_files=photo_set.has_files, n_cafes_gone=gone)
    columns = {"place": places.scores[stays], "no_place": np.array(places.reasons, dtype=object)[stays]}
    return Noticed(columns, left_out, told, None if looked is None else looked.rows(stays))


def _twins(photo_set: PhotoSet) -> list[tuple[str, str]]:
    """The cafés of each photo that was left out for its bytes, and of the one that has them too."""
    cafe_of = {photo.file: photo.cafe_id for photo in photo_set.photos}
    found = []
    for skipped in photo_set.skipped:
        first = cafe_of.get(skipped.reason.removeprefix(TWIN)) if skipped.reason.startswith(TWIN) else None
        if first is not None and skipped.cafe_id is not None:
            found.append((skipped.cafe_id, first))
    return found

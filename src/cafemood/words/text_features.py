"""A run's text features: its photos, the vocabulary and the unrelated texts as vectors of one space.

They lie in the run's folder, `text_features.safetensors`, so that names and pages need no network; photos are embedded
into the feature cache beside the run's own features, by the same code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cafemood.core import chunks
from cafemood.core.atomic import write_tensors
from cafemood.core.reasons import Flaw, reason_of
from cafemood.data.photos import Photo, PhotoSet, Skipped
from cafemood.errors import RunError, WeightsError
from cafemood.runs.run import Run, read_tensors
from cafemood.words.calibration import Null
from cafemood.words.texts import embed_texts
from cafemood.words.vocabulary import PHRASINGS, Term, unrelated, vocabulary

if TYPE_CHECKING:
    from cafemood.backbones.open_clip_towers import TextTower

FILE = "text_features.safetensors"
DEFAULT = "siglip2_vit_b16"
"""The backbone that knows Korean."""


@dataclass(frozen=True)
class TextFeatures:
    """What the file holds, for the photos that the run has now.

    Attributes:
        rows: Rows in `run.photos` of the photos that have text features (n,).
        photos: Their unit vectors (n, d), float16.
        words: Unit vectors (v, d) of `terms`.
        unrelated: Unit vectors (m, d) of the unrelated texts, by language.
        terms: The vocabulary when it was written.
        languages: Codes of the languages that the backbone knows.
        options: What makes the backbone again.
        fingerprint: The text tower's.
        n_lacking: Photos of the run without text features.
    """

    rows: np.ndarray
    photos: np.ndarray
    words: np.ndarray
    unrelated: dict[str, np.ndarray]
    terms: tuple[Term, ...]
    languages: tuple[str, ...]
    options: dict[str, Any]
    fingerprint: str
    n_lacking: int

    @property
    def name(self) -> str:
        """The backbone's."""
        return str(self.options["name"])

    @cached_property
    def english(self) -> Null:
        """What the English unrelated texts score, every photo being its own café."""
        return Null.of(self.photos, None, self.unrelated["en"])

    def keep(self, which: np.ndarray) -> TextFeatures:
        """Of some of the photos only; `which` is a mask (n,)."""
        return self if which.all() else replace(self, rows=self.rows[which], photos=self.photos[which])

    def tower(self) -> TextTower:
        """The text tower that made these vectors.

        Raises:
            RunError: The weights here are not those.
            WeightsError: They are not here.
        """
        from cafemood.backbones.open_clip_towers import text_tower

        made = text_tower(**self.options)
        if made.fingerprint != self.fingerprint:
            why = f"its fingerprint begins {made.fingerprint[:12]}, that of the run's {self.fingerprint[:12]}"
            fix = "give the same files, or write the run's text features again: cafemood words RUN"
            raise RunError("The text tower is no longer the one of this run", where=self.name, why=why, fix=fix)
        return made


def add(run: Run, options: dict[str, Any], cache_dir: str | Path) -> tuple[TextFeatures, int, list[Skipped]]:
    """Write a run's text features; nothing is clustered, and what the cache holds is not embedded again.

    Args:
        run: A finished run.
        options: Of the backbone: `name`, and what `image_tower` takes.
        cache_dir: The feature cache.

    Returns:
        The text features, how many photos were embedded now, and those that cannot be read.

    Raises:
        RunError: The run has no photos, only rows.
        WeightsError: The backbone knows no words, or its files cannot be had.
        FeaturesError: No photo can be read.
    """
    from cafemood.backbones.backbone import Backbone
    from cafemood.backbones.creating import create_backbone
    from cafemood.backbones.open_clip_towers import text_tower
    from cafemood.features.embedding import embed

    if not run.card.data.has_files:
        why, fix = "its rows were brought as a matrix", "take a run of photos"
        raise RunError("This run has no photos to look at", where=run.folder, why=why, fix=fix)
    tower = text_tower(**options)  # before hours of embedding
    backbone = create_backbone(**options)
    assert isinstance(backbone, Backbone)
    kept, features, n_embedded = embed(_photo_set(run), backbone, cache_dir)
    photos = np.empty((len(kept.photos), backbone.dim), np.float16)
    for where, piece in chunks.read(features.matrix()):
        photos[where] = piece / np.maximum(np.linalg.norm(piece, axis=1, keepdims=True), 1e-12)
    terms = vocabulary()
    tensors = {"photos": photos, "ids": _bytes([photo.photo_id for photo in kept.photos])}
    tensors["words"] = embed_texts(tower, [term.english for term in terms], PHRASINGS["en"], cache_dir)
    for language, texts in unrelated().items():
        if language in tower.languages:
            tensors[f"unrelated_{language}"] = embed_texts(tower, texts, PHRASINGS[language], cache_dir)
    about = {
        "options": json.dumps(backbone.options | {"precision": backbone.precision}),
        "fingerprint": tower.fingerprint,
        "languages": json.dumps(tower.languages),
        "licence": backbone.licence,
        "citation": backbone.citation,
        "terms": json.dumps([[term.kind, term.english, term.korean] for term in terms]),
    }
    write_tensors(run.folder / FILE, tensors, about)
    found = load(run)
    return found, n_embedded, list(kept.skipped)


def exists(run: Run) -> bool:
    """Whether the run has text features."""
    return (run.folder / FILE).exists()


def load(run: Run) -> TextFeatures:
    """Read a run's text features.

    Raises:
        RunError: It has none, or the file is damaged; the error names the one command that adds them.
    """
    path, fix = run.folder / FILE, f"add them, without another clustering: cafemood words {run.folder.name}"
    if not path.exists():
        raise RunError("This run has no text features", where=run.folder, fix=fix)
    tensors, about = read_tensors(path)
    try:
        ids = [bytes(row).rstrip(b"\0").decode() for row in tensors["ids"]]
        unrelated_ = {l: tensors[f"unrelated_{l}"].astype(np.float32) for l in PHRASINGS if f"unrelated_{l}" in tensors}  # noqa: E741
        terms = tuple(Term(*row) for row in json.loads(about["terms"]))
        options, languages = json.loads(about["options"]), tuple(json.loads(about["languages"]))
        if (
            len(ids) != len(tensors["photos"])
            or len(terms) != len(tensors["words"])
            or not {"en", *languages} & PHRASINGS.keys() <= unrelated_.keys()
        ):
            raise Flaw("another layout")
        if not isinstance(options, dict) or "name" not in options or not all(map(_is_text, options.values())):
            raise Flaw("it names no backbone")
        fingerprint = about["fingerprint"]
        widths = {
            part.shape[1] if part.ndim == 2 else -1
            for part in (tensors["photos"], tensors["words"], *unrelated_.values())
        }
        if len(widths) > 1 or -1 in widths or any(len(part) < 2 for part in unrelated_.values()):
            raise Flaw("its vectors do not fit each other")
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
        why = reason_of(error, path, "it is of another version, or damaged")
        raise RunError("The text features cannot be read", where=path, why=why, fix=fix) from None
    row_of = {photo_id: i for i, photo_id in enumerate(ids)}
    known = [(i, row_of[photo_id]) for i, photo_id in enumerate(run.photos["photo_id"]) if photo_id in row_of]
    if not known:
        raise RunError("The text features are of other photos", where=path, fix=fix)
    rows, there = (np.array(column) for column in zip(*known, strict=True))
    return TextFeatures(
        rows=rows,
        photos=tensors["photos"][there],
        words=tensors["words"].astype(np.float32),
        unrelated=unrelated_,
        terms=terms,
        languages=languages,
        options=options,
        fingerprint=fingerprint,
        n_lacking=len(run.photos) - len(known),
    )


def options_of(
    name: str, weights: str | Path | None, model: str | None, tokenizer: str | Path | None
) -> dict[str, Any]:
    """What makes a backbone that knows words.

    Raises:
        WeightsError: There is none of this name.
    """
    from cafemood.backbones.text_cards import TEXT_CARDS

    if name not in TEXT_CARDS:
        fix = f"use one of {', '.join(TEXT_CARDS)}"
        raise WeightsError(f"The backbone {name!r} knows no words", where="--backbone", fix=fix)
    given = {"weights": weights, "model": model, "tokenizer": tokenizer}
    return {"name": name} | {option: str(value) for option, value in given.items() if value is not None}


def _photo_set(run: Run) -> PhotoSet:
    columns = run.photos[["photo_id", "file", "cafe_id"]].to_dict("records")
    photos = tuple(Photo(str(row["photo_id"]), str(row["file"]), str(row["cafe_id"])) for row in columns)
    return PhotoSet(run.card.data.name, run.photos_root, photos)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _bytes(ids: list[str]) -> np.ndarray:
    """Ids as a matrix of bytes (n, the longest)."""
    packed = np.array([text.encode() for text in ids])
    return packed.view(np.uint8).reshape(len(ids), -1)

"""A run's text features: its photos, the vocabulary and the unrelated texts as vectors of one space.

They lie in the run's folder, `text_features.safetensors`, so that names and pages need no network; photos are embedded
into the feature cache beside the run's own features, by the same code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cafemood.core.reasons import Flaw, reason_of
from cafemood.errors import RunError
from cafemood.runs.run import Run, read_tensors
from cafemood.words.ambiance import Guess, guesses
from cafemood.words.calibration import Null
from cafemood.words.filtering import matched_filter
from cafemood.words.vocabulary import PHRASINGS, Scale, Term

if TYPE_CHECKING:
    from cafemood.backbones.open_clip_towers import TextTower

FILE = "text_features.safetensors"


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
        scales: The scales of ambiance when it was written; none of an earlier cafemood's.
        along: Their directions (s, d).
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
    scales: tuple[Scale, ...] = ()
    along: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32))

    @property
    def name(self) -> str:
        """The backbone's."""
        return str(self.options["name"])

    @cached_property
    def english(self) -> Null:
        """What the English unrelated texts score, every photo being its own café."""
        return Null.of(self.photos, None, self.unrelated["en"])

    @cached_property
    def filter(self) -> np.ndarray:
        """The matched filter (d, d) of the photos and the vocabulary."""
        return matched_filter(self.photos, self.words)

    @cached_property
    def ambiance(self) -> list[Guess]:
        """Where the photos lie on the scales of ambiance: a guess."""
        return guesses(self.photos, self.scales, self.along, self.unrelated["en"]) if self.scales else []

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


def exists(run: Run) -> bool:
    """Whether the run has text features."""
    return (run.folder / FILE).exists()


def if_there(run: Run) -> TextFeatures | None:
    """A run's text features; None without any, or with damaged ones, of which `load` tells whoever needs them."""
    try:
        return load(run) if exists(run) else None
    except RunError:
        return None


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
        known_scales = tuple(
            Scale(name, tuple(low), tuple(high)) for name, low, high in json.loads(about.get("scales", "[]"))
        )
        along = tensors["along"].astype(np.float32) if known_scales else np.empty((0, tensors["words"].shape[1]))
        options, languages = json.loads(about["options"]), tuple(json.loads(about["languages"]))
        if (
            len(ids) != len(tensors["photos"])
            or len(terms) != len(tensors["words"])
            or len(known_scales) != len(along)
            or not {"en", *languages} & PHRASINGS.keys() <= unrelated_.keys()
        ):
            raise Flaw("another layout")
        if not isinstance(options, dict) or "name" not in options or not all(map(_is_text, options.values())):
            raise Flaw("it names no backbone")
        fingerprint = about["fingerprint"]
        widths = {
            part.shape[1] if part.ndim == 2 else -1
            for part in (tensors["photos"], tensors["words"], along, *unrelated_.values())
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
        scales=known_scales,
        along=along,
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def packed(ids: list[str]) -> np.ndarray:
    """Ids as a matrix of bytes (n, the longest)."""
    texts = np.array([text.encode() for text in ids])
    return texts.view(np.uint8).reshape(len(ids), -1)

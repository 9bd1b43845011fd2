"""`words=`: a text-and-image network that sees a run's photos at the same opening, and what it says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cafemood.errors import CafemoodError

if TYPE_CHECKING:
    from cafemood.backbones.backbone import Backbone
    from cafemood.backbones.open_clip_towers import TextTower
    from cafemood.data.photos import PhotoSet
    from cafemood.evaluation.place import Said

OPTIONS = ("name", "weights", "model", "tokenizer")
"""What `words=` may hold; a text is the name."""


def options(given: object) -> dict[str, str]:
    """What `words=` asks for: `siglip2_vit_b16`, or `{name: …, weights: FILE, tokenizer: FILE}`.

    Raises:
        CafemoodError: It is neither, or names an option that there is not.
    """
    found = {"name": given} if isinstance(given, str) else given
    if not isinstance(found, Mapping) or "name" not in found or not all(isinstance(v, str) for v in found.values()):
        raise CafemoodError(f"words={given} names no network", where="words", fix="give words=siglip2_vit_b16")
    if unknown := [str(key) for key in found if key not in OPTIONS]:
        raise CafemoodError(f"words.{unknown[0]} is no option", where="words", fix=f"give {', '.join(OPTIONS)}")
    return {str(key): str(value) for key, value in found.items()}


def check(given: object) -> None:
    """Refuse what no photos could make right; the table of networks takes PyTorch.

    Raises:
        CafemoodError: See `options`; or a file is not there.
        WeightsError: There is no such network.
    """
    from cafemood.data.given import weight_file

    asked = options(given)
    _options_of(asked)
    for key in ("weights", "tokenizer"):
        if key in asked:
            weight_file(asked[key])


def towers(given: object) -> Callable[[], tuple[Backbone, TextTower]] | None:
    """What makes the two towers; None where no words are asked for."""
    return None if given is None else partial(_towers, given)


def _towers(given: object) -> tuple[Backbone, TextTower]:
    from cafemood.words.adding import both_towers

    return both_towers(_options_of(options(given)))


def _options_of(asked: dict[str, str]) -> dict[str, Any]:
    from cafemood.words.adding import options_of

    files = {key: value for key, value in asked.items() if key != "name"}
    return options_of(asked["name"], **files, where="words")


@dataclass(frozen=True)
class RunWords:
    """The photos of a run as the image tower sees them, and the text tower beside it.

    Attributes:
        row_of: Row of each photo by its id.
        rows: What the image tower gives (n, d).
        backbone: The image tower.
        tower: The text tower.
        cache_dir: The caches.
    """

    row_of: dict[str, int]
    rows: np.ndarray
    backbone: Backbone
    tower: TextTower
    cache_dir: Path

    @classmethod
    def of(cls, photo_set: PhotoSet, both: tuple[Backbone, TextTower], cache_dir: str | Path) -> RunWords:
        """Read from the cache what the image tower gave of the photos, or embed what is lacking there.

        Raises:
            CafemoodError: There are no photos, only rows.
        """
        from cafemood.features.embedding import embed

        if not photo_set.has_files:
            why, fix = "its rows were brought as a matrix", "leave words= out, or take photos"
            raise CafemoodError("There are no photos to look at", where="words", why=why, fix=fix)
        kept, features, _ = embed(photo_set, both[0], cache_dir)
        row_of = {photo.photo_id: i for i, photo in enumerate(kept.photos)}
        return cls(row_of, features.matrix(), *both, Path(cache_dir))

    def facts(self) -> dict[str, Any]:
        """What `run.json` holds."""
        backbone, tower = self.backbone, self.tower
        return {
            "name": backbone.name,
            "fingerprint": tower.fingerprint,
            "languages": list(tower.languages),
            "licence": backbone.licence,
            "citation": backbone.citation,
        }

    def said(self, photo_set: PhotoSet) -> Said:
        """What words say of the place that each photo shows."""
        from cafemood.evaluation.place import Said
        from cafemood.words import things
        from cafemood.words.adding import unit

        known = [self.row_of.get(photo.photo_id, -1) for photo in photo_set.photos]
        there = np.array(known) >= 0
        odds, reasons = np.full(len(known), np.nan), np.full(len(known), "", dtype=object)
        odds[there], reasons[there] = things.no_place(
            unit(self.rows[np.array(known)[there]]), self.tower, self.cache_dir
        )
        return Said(odds, tuple(reasons))

    def write(self, folder: Path, photo_set: PhotoSet) -> None:
        """Write the text features of a run's photos into its folder."""
        from cafemood.words.adding import write

        ids = [photo.photo_id for photo in photo_set.photos if photo.photo_id in self.row_of]
        rows = self.rows[[self.row_of[name] for name in ids]]
        write(folder, ids, rows, self.backbone, self.tower, self.cache_dir)

"""How much a photo shows a thing instead of a place, by words: a cup, a cake, a menu, a face against rooms and seats.

A text-and-image network was trained so that the softmax of its scaled cosines over texts is the probability of a text
given the photo (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021,
section 2.3; SigLIP's sigmoids have such a scale too). Here it is taken over the words of `NAMELESS` and over texts of
places, each group's mean, so that the log-odds for no place are

    log mean exp(scale * cosine with each word of things) - log mean exp(scale * cosine with each text of places).

Where no word of a thing is beyond chance (`naming.limit_of`), the photo shows none of these things, and words say no
more than that a place is a little likelier than not.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cafemood.core import chunks
from cafemood.words.calibration import RATE, Null
from cafemood.words.naming import limit_of
from cafemood.words.texts import embed_texts
from cafemood.words.vocabulary import NAMELESS, PHRASINGS, unrelated, vocabulary

if TYPE_CHECKING:
    from cafemood.backbones.open_clip_towers import TextTower

PLACES = (
    "interior of a café", "room with tables and chairs", "seats in a café", "café counter", "empty room", "corner seat",
    "view of the room", "people sitting in a café", "window seats", "shelves and furniture", "terrace with tables",
)  # fmt: skip
"""Texts of photos that show a place; the vocabulary's words about places stand beside them."""
_ABOUT_PLACES = ("light", "materials", "furniture", "decoration", "space")
"""Kinds of the vocabulary that say what a place looks like; an atmosphere, a use or a colour a cake may have, too."""
_LITTLE = 0.5
"""Log-odds for a place where no thing is beyond chance."""


def no_place(photos: np.ndarray, tower: TextTower, cache_dir: str | Path | None) -> tuple[np.ndarray, list[str]]:
    """The log-odds that each photo shows no place (n,), and what it shows instead, as a reason in words (n).

    Args:
        photos: Unit vectors of the image tower (n, d).
        tower: The text tower beside it.
        cache_dir: Keeps vectors of texts.
    """
    terms = vocabulary()
    things = [term.english for term in terms if term.kind == NAMELESS]
    places = [*PLACES, *(term.english for term in terms if term.kind in _ABOUT_PLACES)]
    vectors = embed_texts(tower, [*things, *places], PHRASINGS["en"], cache_dir)
    strange = embed_texts(tower, unrelated()["en"], PHRASINGS["en"], cache_dir)
    return odds(photos, vectors[: len(things)], vectors[len(things) :], strange, tower.scale, things)


def odds(
    photos: np.ndarray, things: np.ndarray, places: np.ndarray, strange: np.ndarray, scale: float, names: list[str]
) -> tuple[np.ndarray, list[str]]:
    """The same from vectors: of things (t, d), places (p, d) and unrelated texts (m, d); `names` are the things'."""
    null, limit = Null.of(photos, None, strange), limit_of(len(strange), RATE / len(things))
    found, reasons = np.empty(len(photos)), []
    for where, piece in chunks.read(photos, len(things) + len(places)):
        of_things, of_places = ((piece @ texts.T).astype(np.float64) for texts in (things, places))
        best = of_things.argmax(axis=1)
        z = (of_things.max(axis=1) - null.mean[where]) / null.sd[where]
        away = _log_mean(scale * of_things) - _log_mean(scale * of_places)
        found[where] = np.where(z > limit, away, np.minimum(away, -_LITTLE))
        reasons += [f"{names[i]}, by words" for i in best]
    return found, reasons


def _log_mean(values: np.ndarray) -> np.ndarray:
    """Log of the mean of the exponentials of each row (n, t)."""
    top = values.max(axis=1, keepdims=True)
    return np.asarray(top[:, 0] + np.log(np.exp(values - top).mean(axis=1)))

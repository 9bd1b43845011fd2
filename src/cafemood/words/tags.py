"""Words of single photos and of cafés: those that no unrelated text would reach by chance.

A photo has a word whose z (see `calibration`) one more unrelated text would reach with a probability of `RATE` over
the words of the vocabulary; a café, one whose mean z over its photos is as far from those of the unrelated texts. So a
photo or a café has a word by chance with a probability of `RATE` at most, as a mood's name has (see `naming`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cafemood.words.calibration import RATE
from cafemood.words.naming import limit_of
from cafemood.words.text_features import TextFeatures
from cafemood.words.vocabulary import NAMELESS, Term

MOST = 5
_AT_ONCE = 4_096


@dataclass(frozen=True)
class Tags:
    """The words of one photo or café.

    Attributes:
        words: Those that say something of the place, best first.
        shows: What it shows instead of a place, if that word is better than all the others; else None.
    """

    words: tuple[Term, ...] = ()
    shows: Term | None = None

    @property
    def text(self) -> str:
        """`dark wood, plants · 짙은 나무, 식물`; what it shows instead of a place comes last."""
        all_of_them = (*self.words, *([self.shows] if self.shows is not None else []))
        both = (", ".join(t.english for t in all_of_them), ", ".join(t.korean for t in all_of_them))
        return " · ".join(both) if all_of_them else ""


def of_photos(features: TextFeatures, most: int = MOST) -> list[Tags]:
    """The words of each photo that has text features, `most` at most."""
    limit, found = _limit(features), list[Tags]()
    for start in range(0, len(features.photos), _AT_ONCE):
        rows = np.arange(start, min(start + _AT_ONCE, len(features.photos)))
        z = features.photos[rows].astype(np.float32) @ features.words.T
        z = (z - features.english.mean[rows, None]) / features.english.sd[rows, None]
        found += [_tags(row, features.terms, limit, most) for row in z]
    return found


def of_groups(features: TextFeatures, groups: np.ndarray, most: int = MOST) -> list[Tags]:
    """The words of each café.

    Args:
        features: The run's.
        groups: Café of each photo that has text features, from 0 without gaps (n,).
        most: Words of one café.
    """
    null, unrelated = features.english, features.unrelated["en"]
    others = null.group_means(features.photos, groups, unrelated)
    own = null.group_means(features.photos, groups, features.words)
    spread = np.maximum(others.std(axis=1, ddof=1, keepdims=True), 1e-9)
    far = (own - others.mean(axis=1, keepdims=True)) / spread
    return [_tags(row, features.terms, _limit(features), most) for row in far]


def _limit(features: TextFeatures) -> float:
    return limit_of(len(features.unrelated["en"]), RATE / len(features.terms))


def _tags(far: np.ndarray, terms: tuple[Term, ...], limit: float, most: int) -> Tags:
    order = [int(i) for i in np.argsort(-far, kind="stable")[: most + 20] if far[i] > limit]
    if order and terms[order[0]].kind == NAMELESS:
        shows = terms[order[0]]
    else:
        shows = None
    return Tags(tuple(terms[i] for i in order if terms[i].kind != NAMELESS)[:most], shows)

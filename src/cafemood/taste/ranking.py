"""Cafés in the order of a taste: how sure it is, and why, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cafemood.cafes import moods, preference, scales, similar, where, word_tables
from cafemood.cafes.distance import distances
from cafemood.cafes.preference import Taste
from cafemood.cafes.ranked import RankedCafe, Ranking
from cafemood.taste.answers import Answer, Mark, Tap, choices
from cafemood.taste.space import TasteSpace

TOLD = ("light", "warmth", "colour", "clutter")
"""Looks that a reason may name, beside the rated scales."""
LEAST_RELATION, LEAST_DIFFERENCE, LEAST_SHARE = 0.25, 0.5, 0.3
"""A look or a mood is a reason if utilities go with it (Pearson's r), and the café has it: by so many standard
deviations of the cafés, or as this share of its photos."""
LEAST_CAFES, MOST_WORDS = 3, 60
"""A word may be a reason if so many cafés have it, and not all; the most frequent of them."""
A_GUESS = 0.5
"""A ranking that is less sure than this is called a guess, as on the page."""
_ROUNDED = 3


@dataclass(frozen=True, kw_only=True)
class Ranked(RankedCafe):
    """A café in the order of a taste; `shown`: whether a question has shown it."""

    shown: bool


@dataclass(frozen=True)
class Signs:
    """What reasons are made of, rounded as the page has it.

    Attributes:
        looks: Of each café, in standard deviations from the mean (c, l); 0 where it is not known. Of a word 1 where the
            café has it: that it lacks one is no reason.
        shares: Of each mood (c, k).
        names: Of the looks, rated scales and words (l,).
        words: English and Korean of each name that is a word.
    """

    looks: np.ndarray
    shares: np.ndarray
    names: tuple[str, ...] = TOLD
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def ends_of(self, name: str) -> tuple[tuple[str, str], tuple[str, str]]:
        """How a café low and one high in one of `names` is called, in English and Korean."""
        return (self.words[name],) * 2 if name in self.words else ends_of(name)


def signs(space: TasteSpace) -> Signs:
    """Looks, rated scales, words and mood shares of the cafés."""
    names = (*TOLD, *space.cafes.scales)
    values = space.cafes.table[list(names)].to_numpy(dtype=float)
    known = ~np.isnan(values)
    n = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0).sum(axis=0) / n
    spread = np.sqrt((np.where(known, values - mean, 0) ** 2).sum(axis=0) / n)
    z = np.where(known & (spread > similar.LEAST_SPREAD), (values - mean) / np.where(spread > 0, spread, 1), 0)
    has, words = _words(space)
    columns = np.column_stack([z.round(_ROUNDED), has])
    return Signs(columns, space.cafes.shares().round(_ROUNDED), (*names, *words), words)


def _words(space: TasteSpace) -> tuple[np.ndarray, dict[str, tuple[str, str]]]:
    """Whether each café has each word that may be a reason (c, w), and English and Korean of it by `word: English`."""
    known = word_tables.if_there(space.run)
    of_cafe = [known[name].words if name in known else () for name in space.cafes.table["cafe_id"].astype(str)]
    count = Counter(term for terms in of_cafe for term in terms)
    told = [term for term, n in count.most_common() if LEAST_CAFES <= n < len(of_cafe)][:MOST_WORDS]
    has = np.array([[float(term in terms) for term in told] for terms in of_cafe]).reshape(len(of_cafe), len(told))
    return has, {f"word: {term.english}": (term.english, term.korean) for term in told}


def learn(space: TasteSpace, answers: Sequence[Answer]) -> Taste:
    """The taste that answers show."""
    return preference.fit(choices(space.places, answers), space.places.features.shape[1])


def rank(
    space: TasteSpace,
    answers: Sequence[Answer],
    *,
    n: int = 10,
    near: tuple[float, float] | None = None,
    conditions: Sequence[str] = (),
) -> list[Ranked]:
    """The cafés that fit best, best first; those called `not this` left out.

    Args:
        space: The run's cafés.
        answers: What was tapped.
        n: How many.
        near: A place in degrees north and east: distances are told where coordinates are known.
        conditions: That a café has to meet (see `cafes.where.fitting`).

    Raises:
        RunError: `near`, and no café has coordinates.
        CafemoodError: A condition is none.
    """
    table, taste = space.cafes.table, learn(space, answers)
    ranking = Ranking.by(taste, space.places.features)
    distance, left = distances(table, space.run, near, None), where.fitting(space.cafes, conditions)
    known = signs(space)
    told = Words(space, known, reasons(ranking.utilities, known))
    shown = {row for answer in answers if isinstance(answer, Tap) for row in answer.shown}
    return [
        Ranked(**ranking.facts_of(table, i, distance), reasons=told.of(i), shown=i in shown)
        for i in [i for i in order(ranking.utilities, answers) if left[i]][:n]
    ]


def sureness(ranked: Sequence[Ranked], n_cafes: int) -> float:
    """How sure a ranking is: the mean chance of its first ten cafés, or of as many as a fifth of all are."""
    first = ranked[: min(10, -(-n_cafes // preference.FIFTH))]
    return sum(cafe.chance for cafe in first) / max(len(first), 1)


def order(utilities: np.ndarray, answers: Sequence[Answer]) -> list[int]:
    """Rows of the cafés, best first, without those last called `not this`."""
    last = {answer.cafe: answer.more for answer in answers if isinstance(answer, Mark)}
    return [int(i) for i in np.argsort(-utilities, kind="stable") if last.get(int(i), True)]


def reasons(utilities: np.ndarray, known: Signs) -> list[list[tuple[str, int]]]:
    """Of each café the mood and the looks, two at most, for which it stands where it does.

    Returns:
        `("mood", j)`; `("light", 1)` for brighter than most and `("light", -1)` for darker.
    """
    of_mood = np.array([_relation(utilities, share) for share in known.shares.T])
    of_look = np.array([_relation(utilities, look) for look in known.looks.T])
    found = []
    for look, share in zip(known.looks, known.shares, strict=True):
        mine: list[tuple[str, int]] = []
        worth = np.where((of_mood >= LEAST_RELATION) & (share >= LEAST_SHARE), share * of_mood, 0)
        if worth.max(initial=0) > 0:
            mine.append(("mood", int(worth.argmax())))
        differs = (np.abs(of_look) >= LEAST_RELATION) & (look * np.sign(of_look) >= LEAST_DIFFERENCE)
        strength = np.where(differs, look * of_look, 0)
        for i in np.argsort(-strength, kind="stable")[:2]:
            if strength[i] > 0:
                mine.append((known.names[i], 1 if look[i] > 0 else -1))
        found.append(mine)
    return found


@dataclass(frozen=True)
class Words:
    """Reasons in English, for the terminal."""

    space: TasteSpace
    known: Signs
    found: list[list[tuple[str, int]]]

    def of(self, row: int) -> list[str]:
        """The reasons of a café: `your mood (dark, warm)`, `full`; no word twice."""
        words: list[str] = []
        for kind, value in self.found[row]:
            word = self._word(kind, value)
            if not any(word in other for other in words):
                words.append(word)
        return words

    def _word(self, kind: str, value: int) -> str:
        if kind == "mood":
            mood = moods.of_run(self.space.run)[value]
            return f"your mood ({mood.english or f'mood {mood.number}'})"
        return self.known.ends_of(kind)[int(value > 0)][0]


def ends_of(name: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """How a café low and one high in a look of `TOLD` or a rated scale is called, in English and Korean."""
    if name not in TOLD:
        return scales.words(name)
    low, high = moods.LOOK_WORDS[name]
    assert low is not None
    return low, high


def _relation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r, 0 where one of them does not vary."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 1e-9 else 0.0

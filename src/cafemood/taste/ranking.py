"""Cafés in the order of a taste: how sure it is, and why, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cafemood.cafes import moods, similar
from cafemood.cafes.distance import haversine_km
from cafemood.cafes.profiles import label
from cafemood.errors import TasteError
from cafemood.taste import preference
from cafemood.taste.answers import Answer, Mark, Tap, choices
from cafemood.taste.draws import Draws
from cafemood.taste.preference import Taste
from cafemood.taste.space import TasteSpace

FIFTH = 5
"""`chance` is that of being among the best fifth of the cafés."""
SAMPLES, SEED = 128, 0
TOLD = ("light", "warmth", "colour", "clutter")
"""Looks that a reason may name."""
LEAST_RELATION, LEAST_DIFFERENCE, LEAST_SHARE = 0.25, 0.5, 0.3
"""A look or a mood is a reason if utilities go with it (Pearson's r), and the café has it: by so many standard
deviations of the cafés, or as this share of its photos."""
_ROUNDED = 3


@dataclass(frozen=True)
class Ranked:
    """A café in the order of a taste.

    Attributes:
        utility: Expected, in logits above the average café.
        deviation: Its standard deviation.
        chance: Probability that it is among the best fifth.
        reasons: In words.
        shown: Whether a question has shown it.
    """

    cafe_id: str
    cafe_name: str | None
    utility: float
    deviation: float
    chance: float
    reasons: list[str]
    shown: bool
    signature: str
    n_photos: int
    distance_km: float | None = None

    def facts(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    def __str__(self) -> str:
        away = "" if self.distance_km is None else f", {self.distance_km:.1f} km away"
        name = label({"cafe_id": self.cafe_id, "cafe_name": self.cafe_name})
        why = f": {'; '.join(self.reasons)}" if self.reasons else ""
        return f"{self.chance:4.0%}  {name}{away}{why}"


@dataclass(frozen=True)
class Signs:
    """What reasons are made of, rounded as the page has it.

    Attributes:
        looks: Of each café, in standard deviations from the mean (c, 4); 0 where it is not known.
        shares: Of each mood (c, k).
    """

    looks: np.ndarray
    shares: np.ndarray


def signs(space: TasteSpace) -> Signs:
    """Looks and mood shares of the cafés."""
    values = space.cafes.table[list(TOLD)].to_numpy(dtype=float)
    known = ~np.isnan(values)
    n = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0).sum(axis=0) / n
    spread = np.sqrt((np.where(known, values - mean, 0) ** 2).sum(axis=0) / n)
    z = np.where(known & (spread > similar.LEAST_SPREAD), (values - mean) / np.where(spread > 0, spread, 1), 0)
    return Signs(z.round(_ROUNDED), space.cafes.shares().round(_ROUNDED))


def learn(space: TasteSpace, answers: Sequence[Answer]) -> Taste:
    """The taste that answers show."""
    return preference.fit(choices(space.places, answers), space.places.features.shape[1])


def rank(
    space: TasteSpace, answers: Sequence[Answer], *, n: int = 10, near: tuple[float, float] | None = None
) -> list[Ranked]:
    """The cafés that fit best, best first; those called `not this` left out.

    Args:
        space: The run's cafés.
        answers: What was tapped.
        n: How many.
        near: A place in degrees north and east: distances are told where coordinates are known.

    Raises:
        TasteError: `near`, and no café has coordinates.
    """
    table, taste, known = space.cafes.table, learn(space, answers), signs(space)
    features = space.places.features
    utilities, deviations = taste.utilities(features), taste.deviations(features)
    sure = chances(features, taste)
    distance = None
    if near is not None:
        lat, lon = table["lat"].to_numpy(dtype=float), table["lon"].to_numpy(dtype=float)
        if np.isnan(lat).all():
            fix = "leave --near out, or run on a manifest with lat and lon"
            raise TasteError("No café of this run has coordinates", where=space.run.folder, fix=fix)
        distance = haversine_km(near, lat, lon)
    told = Words(space, reasons(utilities, known))
    shown = {row for answer in answers if isinstance(answer, Tap) for row in answer.shown}
    ranked = []
    for i in order(utilities, answers)[:n]:
        record = table.iloc[i]
        name = record["cafe_name"]
        away = None if distance is None or math.isnan(distance[i]) else round(float(distance[i]), 3)
        ranked.append(
            Ranked(
                str(record["cafe_id"]), name if isinstance(name, str) else None, float(utilities[i]),
                float(deviations[i]), float(sure[i]), told.of(i), i in shown, str(record["signature"]),
                int(record["n_photos"]), away,
            )
        )  # fmt: skip
    return ranked


def order(utilities: np.ndarray, answers: Sequence[Answer]) -> list[int]:
    """Rows of the cafés, best first, without those last called `not this`."""
    last = {answer.cafe: answer.more for answer in answers if isinstance(answer, Mark)}
    return [int(i) for i in np.argsort(-utilities, kind="stable") if last.get(int(i), True)]


def chances(features: np.ndarray, taste: Taste) -> np.ndarray:
    """Probability of each café (n,) that it is among the best fifth, over samples of the posterior."""
    drawn = features @ taste.samples(Draws(SEED).normal(SAMPLES, features.shape[1])).T
    best = -(-len(features) // FIFTH)
    least = np.partition(drawn, len(drawn) - best, axis=0)[len(drawn) - best]
    return (drawn >= least).mean(axis=1)


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
                mine.append((TOLD[i], 1 if look[i] > 0 else -1))
        found.append(mine)
    return found


@dataclass(frozen=True)
class Words:
    """Reasons in English, for the terminal."""

    space: TasteSpace
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
        low, high = moods.LOOK_WORDS[kind]
        return (high if value > 0 or low is None else low)[0]


def _relation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r, 0 where one of them does not vary."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 1e-9 else 0.0

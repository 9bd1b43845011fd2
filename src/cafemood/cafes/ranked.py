"""A café of a ranking: how much it is liked, how sure that is, and why; as `similar` and `taste` give it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from cafemood.cafes import preference
from cafemood.cafes.preference import Taste
from cafemood.cafes.profiles import label


@dataclass(frozen=True, kw_only=True)
class RankedCafe:
    """A café of a ranking.

    Attributes:
        utility: Expected, in logits above the average café.
        deviation: Its standard deviation.
        chance: Probability that it is among the fifth of the cafés that is liked best.
        likely: Probability that it is liked more than the average café.
        reasons: In words.
        signature: Its most typical photo.
        distance_km: From the place that was given; None: none was, or it is not known where the café is.
    """

    cafe_id: str
    cafe_name: str | None
    utility: float
    deviation: float
    chance: float
    likely: float
    reasons: list[str]
    signature: str
    n_photos: int
    distance_km: float | None = None

    def facts(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    def __str__(self) -> str:
        why = f": {'; '.join(self.reasons)}" if self.reasons else ""
        return f"{self.figure:4.0%}  {named(self)}{why}"

    @property
    def figure(self) -> float:
        """The probability that its line begins with."""
        return self.chance


@dataclass(frozen=True)
class Ranking:
    """How much each café of a table is liked (c,), by a taste; see `RankedCafe`."""

    utilities: np.ndarray
    deviations: np.ndarray
    chances: np.ndarray

    @classmethod
    def by(cls, taste: Taste, features: np.ndarray) -> Ranking:
        """By a taste over the features (c, r) of the cafés."""
        return cls(taste.utilities(features), taste.deviations(features), preference.chances(features, taste))

    def facts_of(self, table: pd.DataFrame, i: int, distance: np.ndarray | None) -> dict[str, Any]:
        """The fields of a `RankedCafe` but for its reasons.

        Args:
            table: The cafés' profiles.
            i: Row of the café.
            distance: Kilometres to each (c,), NaN where it is not known.
        """
        record = table.iloc[i]
        name = record["cafe_name"]
        return {
            "cafe_id": str(record["cafe_id"]),
            "cafe_name": name if isinstance(name, str) else None,
            "utility": float(self.utilities[i]),
            "deviation": float(self.deviations[i]),
            "chance": float(self.chances[i]),
            "likely": 0.5 * math.erfc(-self.utilities[i] / (math.sqrt(2) * max(self.deviations[i], 1e-12))),
            "signature": str(record["signature"]),
            "n_photos": int(record["n_photos"]),
            "distance_km": kilometres(distance, i),
        }


def kilometres(distance: np.ndarray | None, i: int) -> float | None:
    """Distance to a café, in metres' precision; None where it is not known."""
    return None if distance is None or math.isnan(distance[i]) else round(float(distance[i]), 3)


def named(cafe: Any) -> str:
    """A café's name and id, and how far away it is, of anything with `cafe_id`, `cafe_name` and `distance_km`."""
    away = "" if cafe.distance_km is None else f", {cafe.distance_km:.1f} km away"
    return label({"cafe_id": cafe.cafe_id, "cafe_name": cafe.cafe_name}) + away

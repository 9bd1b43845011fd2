"""How each group stood when the photos were drawn again: solid, fair, shaky, or a double of another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

STABLE, UNSTABLE = 0.75, 0.6
"""Per-cluster Jaccard: stable from the first on, not to be trusted below the second (Hennig 2007, clusterboot)."""
WORDS = {
    "solid": ("solid", "뚜렷함"),
    "fair": ("fairly solid", "대체로 뚜렷함"),
    "shaky": ("shaky", "흔들림"),
    "double": ("double", "겹침"),
}
"""Each standing in a word, English and Korean."""


@dataclass(frozen=True)
class Standing:
    """How one group stood in refits.

    Attributes:
        code: A key of `WORDS`; empty where no refit had the group, or there was none.
        double_of: The group (from 0) that its photos fall together with in most refits; None for all but doubles.
    """

    code: str = ""
    double_of: int | None = None

    @property
    def english(self) -> str:
        """The word, or nothing."""
        return WORDS[self.code][0] if self.code else ""

    @property
    def korean(self) -> str:
        """The same in Korean."""
        return WORDS[self.code][1] if self.code else ""


def standings(refits: Mapping[str, Any] | None, k: int) -> list[Standing]:
    """The standing of each of k groups, from the `stability` of `scores.json`.

    A group whose Jaccard similarity to its best match is at least `STABLE` is solid, below `UNSTABLE` shaky (Hennig,
    "Cluster-wise assessment of cluster stability", CSDA 2007). One that falls together with another in more than half
    of the refits is a double of the one that it does so with most, whatever its similarity.

    Args:
        refits: The record; None where nothing was refitted.
        k: Groups.
    """
    if not refits or not refits.get("n"):
        return [Standing() for _ in range(k)]
    known = [np.nan if value is None else float(value) for value in refits["jaccard"]][:k]
    jaccard = known + [np.nan] * (k - len(known))
    merged = np.asarray(refits["merged"], dtype=float)
    merged = merged.copy() if merged.shape == (k, k) else np.zeros((k, k))
    np.fill_diagonal(merged, 0)
    return [_standing(jaccard[j], merged[j]) for j in range(k)]


def _standing(jaccard: float, together: np.ndarray) -> Standing:
    if np.nanmax(together, initial=0) > 0.5:
        return Standing("double", int(np.nanargmax(together)))
    if np.isnan(jaccard):
        return Standing()
    return Standing("shaky" if jaccard < UNSTABLE else "fair" if jaccard < STABLE else "solid")

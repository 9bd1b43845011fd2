"""Design: what the user may set for a survey."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Design:
    """What the user may set.

    Args:
        size: Photos in a group; an intruder is found by chance one time in `size`.
        groups: Groups of a cluster, and of each control; None: 3, or 2 where 3 take too long.
        intruders: Intruder questions a cluster.
        triplets: Triplets a person.
        scale: Steps of the rating.
        seed: Of every draw.
        title: Shown to people instead of ours.
    """

    size: int = 4
    groups: int | None = None
    intruders: int = 2
    triplets: int = 12
    scale: int = 5
    seed: int = 0
    title: str = ""


def n_repeats(n_triplets: int) -> int:
    """Triplets that are asked again."""
    return max(2, math.ceil(n_triplets / 10)) if n_triplets >= 4 else 0

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
        pool: Photos, each of another café, that triplets and ratings are about.
        ratings: Ratings of single photos a person.
        scales: Names of the scales that are rated; none: coherence, fascination and hominess.
    """

    size: int = 4
    groups: int | None = None
    intruders: int = 2
    triplets: int = 12
    scale: int = 5
    seed: int = 0
    title: str = ""
    pool: int = 40
    ratings: int = 0
    scales: tuple[str, ...] = ()


def n_repeats(n_triplets: int) -> int:
    """Triplets that are asked again."""
    return max(2, math.ceil(n_triplets / 10)) if n_triplets >= 4 else 0

"""What the user may set for a survey, and how long it takes a person."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cafemood.errors import SurveyError
from cafemood.survey.study import Question, Step

SECONDS = {"alike": 9, "intruder": 12, "odd": 7, "check": 6}
"""What a screen is taken to last when the length is planned; `score` tells what it lasted."""
INTRODUCTION = 60
LONGEST = 600
"""Seconds: people get careless in longer ones."""


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


def seconds(questions: Sequence[Question], plan: Sequence[Step]) -> float:
    """How long a person is taken to need."""
    kinds = {question.id: question.kind for question in questions}
    return INTRODUCTION + sum(SECONDS[kinds[name]] for name, _ in plan)


def checked(design: Design, k: int) -> Design:
    ranges = {
        "size": (3, 6), "groups": (1, 6), "intruders": (0, 4), "triplets": (0, 40), "seed": (0, 2**31),
    }  # fmt: skip
    for name, (low, high) in ranges.items():
        value = getattr(design, name)
        if value is not None and not low <= value <= high:
            raise SurveyError(f"--{name} is {value}", where="cafemood survey build", fix=f"give {low} to {high}")
    if design.scale not in (5, 7):
        raise SurveyError(f"--scale is {design.scale}", where="cafemood survey build", fix="give 5 or 7")
    if len(design.title) > 120:
        raise SurveyError("The title is too long", where="--title", fix="120 characters at most")
    if k < 2:
        why = "with one cluster there is no control to set it against"
        raise SurveyError("A survey needs two clusters", where="k", why=why, fix="run again with k=2 or more")
    if design.groups is not None:
        expected = _expected_seconds(design, k)
        if expected > LONGEST:
            why = f"a person would need about {expected / 60:.0f} minutes, and people get careless after ten"
            fix = "lower --groups, --intruders or --triplets"
            raise SurveyError("The survey is too long", where="cafemood survey build", why=why, fix=fix)
        return design
    for groups, intruders in ((3, design.intruders), (2, design.intruders), (2, 1), (1, 1), (1, 0)):
        tried = replace(design, groups=groups, intruders=min(intruders, design.intruders))
        if _expected_seconds(tried, k) <= LONGEST:
            return tried
    why = f"{k} clusters and {design.triplets} triplets take a person more than ten minutes"
    raise SurveyError("The survey is too long", where="cafemood survey build", why=why, fix="lower --triplets")


def _expected_seconds(design: Design, k: int) -> float:
    alike = (k + 2) * (design.groups or 1) + 2
    odd = design.triplets + n_repeats(design.triplets)
    return (
        INTRODUCTION
        + alike * SECONDS["alike"]
        + SECONDS["check"]
        + k * design.intruders * SECONDS["intruder"]
        + odd * SECONDS["odd"]
    )


def n_repeats(n_triplets: int) -> int:
    return max(2, math.ceil(n_triplets / 10)) if n_triplets >= 4 else 0

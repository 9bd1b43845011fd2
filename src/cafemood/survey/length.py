"""How long a survey takes a person, and designs that fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from cafemood.cafes.ambiance_scales import SCALES
from cafemood.core.names import shown
from cafemood.errors import SurveyError
from cafemood.survey.design import Design
from cafemood.survey.kinds.registry import KINDS
from cafemood.survey.question import Question, Step

INTRODUCTION = 60
LONGEST = 600
"""Seconds: people get careless in longer ones."""


def seconds(questions: Sequence[Question], plan: Sequence[Step]) -> float:
    """How long a person is taken to need."""
    kinds = {question.id: KINDS[question.kind] for question in questions}
    return INTRODUCTION + sum(kinds[name].seconds for name, _ in plan)


def checked(design: Design, k: int) -> Design:
    """The design with a number of groups; checked.

    Raises:
        SurveyError: A setting is out of range, or the survey would be too long.
    """
    ranges = {
        "size": (3, 6), "groups": (1, 6), "intruders": (0, 4), "triplets": (0, 40), "seed": (0, 2**31),
        "pool": (6, 400), "ratings": (0, 60),
    }  # fmt: skip
    for name, (low, high) in ranges.items():
        value = getattr(design, name)
        if value is not None and not low <= value <= high:
            raise SurveyError(f"--{name} is {value}", where="cafemood survey build", fix=f"give {low} to {high}")
    if design.scale not in (5, 7):
        raise SurveyError(f"--scale is {design.scale}", where="cafemood survey build", fix="give 5 or 7")
    for name in design.scales:
        if name not in SCALES:
            near = get_close_matches(name, SCALES, 1)
            fix = f"{f'did you mean {near[0]}? ' if near else ''}there are {', '.join(SCALES)}"
            raise SurveyError(f"There is no scale {shown(name)!r}", where="--scales", fix=fix)
    if design.scales and not design.ratings:
        raise SurveyError("Scales are named and no ratings are asked", where="--scales", fix="give --ratings 12")
    if len(design.title) > 120:
        raise SurveyError("The title is too long", where="--title", fix="120 characters at most")
    if k < 2:
        why = "with one cluster there is no control to set it against"
        raise SurveyError("A survey needs two clusters", where="k", why=why, fix="run again with k=2 or more")
    if design.groups is not None:
        expected = _expected_seconds(design, k)
        if expected > LONGEST:
            why = f"a person would need about {expected / 60:.0f} minutes, and people get careless after ten"
            fix = "lower --groups, --intruders, --triplets or --ratings"
            raise SurveyError("The survey is too long", where="cafemood survey build", why=why, fix=fix)
        return design
    for groups, intruders in ((3, design.intruders), (2, design.intruders), (2, 1), (1, 1), (1, 0)):
        tried = replace(design, groups=groups, intruders=min(intruders, design.intruders))
        if _expected_seconds(tried, k) <= LONGEST:
            return tried
    more = f" and {design.ratings} ratings" if design.ratings else ""
    why = f"{k} clusters, {design.triplets} triplets{more} take a person more than ten minutes"
    fix = "lower --triplets or --ratings"
    raise SurveyError("The survey is too long", where="cafemood survey build", why=why, fix=fix)


def _expected_seconds(design: Design, k: int) -> float:
    return INTRODUCTION + sum(kind.seconds * kind.n_screens(design, k) for kind in KINDS.values())

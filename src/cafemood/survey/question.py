"""Question: one screen of a survey; Step: a question and its photos in the order shown."""

from __future__ import annotations

from dataclasses import dataclass

MIXED, RANDOM = "mixed", "random"
"""The controls: one photo of each cluster; photos as frequent as in the run."""

Value = int | str | None
Step = tuple[str, tuple[str, ...]]
"""A question and its photos in the order shown."""


@dataclass(frozen=True)
class Question:
    """One screen.

    `kind` is the name of a `QuestionKind`. `condition` is a cluster (`cluster 1`, as the report counts), a control,
    `pool` or `check`. `answer` is the photo or number that is right, where one is; `stratum` how the photos were
    drawn; `repeat_of` the question that this one asks again.
    """

    id: str
    kind: str
    condition: str
    photos: tuple[str, ...]
    answer: Value = None
    stratum: str | None = None
    repeat_of: str | None = None

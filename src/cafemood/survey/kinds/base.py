"""QuestionKind: what a kind of survey question has to say of itself. A new kind is one file beside this one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from cafemood.evaluation.findings import Finding
from cafemood.runs.run import Run
from cafemood.survey.deck import Deck
from cafemood.survey.design import Design
from cafemood.survey.question import Question, Value

SHIFTS = 30
"""Runs of questions that are tried where those of a person stand in each other's way."""

Found = dict[str, Any]
Group = tuple[Question, tuple[int, ...]]
"""A question, and the rows of its photos in the run's table."""


@dataclass(frozen=True)
class Drawing:
    """What groups are drawn from.

    Attributes:
        run: The run.
        deck: Its photos; what was drawn before comes less often.
        design: What the user set.
        gone: Photos of the run that cannot be shown, for messages.
        notes: What `survey.json` keeps of the draw, by name.
    """

    run: Run
    deck: Deck
    design: Design
    gone: int
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def k(self) -> int:
        """Clusters."""
        return self.run.card.k


@dataclass(frozen=True)
class Turn:
    """One person's place among the orders.

    Attributes:
        number: Of the order, from 0.
        design: What the user set.
        rng: Of this order.
        again: Gives the question that asks one again.
    """

    number: int
    design: Design
    rng: np.random.Generator
    again: Callable[[Question], Question]


@dataclass(frozen=True)
class Scoring:
    """What results are computed from.

    Attributes:
        answers: The answers that count, columns as in the codebook.
        clusters: The conditions that are clusters, in order.
        design: What was set, as `survey.json` holds it.
        spaces: By name, the position of each photo, for kinds that set a space beside people.
        n_boot: Bootstrap samples.
        seed: Of the bootstrap.
    """

    answers: pd.DataFrame
    clusters: Sequence[str]
    design: Mapping[str, Any]
    spaces: dict[str, dict[str, np.ndarray]]
    n_boot: int
    seed: int

    def of(self, kind: QuestionKind) -> pd.DataFrame:
        """The answers to questions of a kind, first askings and repeats."""
        return self.answers[self.answers["kind"] == kind.name]


class QuestionKind:
    """A kind of question: how it is drawn, ordered, answered, scored and worded.

    Attributes:
        name: As `survey.json` and the table of answers have it.
        order: Place among the parts of a survey.
        about: What it asks, for the codebook.
        seconds: What a screen is taken to last when the length is planned.
        input: `scale` (a number) or `photo`.
        within: The kind into whose part its screens go; None: a part of its own.
        is_check: Whether a wrong answer says that the person does not read.
        asked_again: Whether some of its questions are asked twice.
        column: Head of its column in the terminal's table of clusters, if it has one.
        words: By language, the texts of its pages: `ask`, and for a part of its own `intro_title` and `intro`.
    """

    name: ClassVar[str]
    order: ClassVar[int]
    about: ClassVar[str]
    seconds: ClassVar[float]
    input: ClassVar[Literal["scale", "photo"]] = "photo"
    within: ClassVar[str | None] = None
    is_check: ClassVar[bool] = False
    asked_again: ClassVar[bool] = False
    column: ClassVar[str | None] = None
    words: ClassVar[dict[str, dict[str, str]]]

    def n_screens(self, design: Design, k: int) -> int:
        """Screens of this kind that a person sees."""
        raise NotImplementedError

    def draw(self, drawing: Drawing) -> list[Group]:
        """Draw the groups of its questions.

        Raises:
            SurveyError: There are too few cafés.
        """
        raise NotImplementedError

    def with_names(self, question: Question, names: Mapping[int, str], rows: tuple[int, ...]) -> Question:
        """The question with the names of its photos; `answer` is kept unless the kind says otherwise."""
        return replace(question, photos=tuple(names[i] for i in rows))

    def blocks(self, questions: Sequence[Question], turn: Turn) -> Iterable[list[Question]]:
        """Its part of a person's order: wishes, of which the first that can be ordered is taken."""
        return [[questions[int(i)] for i in turn.rng.permutation(len(questions))]]

    def windows(self, questions: Sequence[Question], number: int, n: int) -> Iterator[list[Question]]:
        """The n questions of the person with this number, around and around all of them; then those a step further."""
        if not questions:
            yield []
        for shift in range(SHIFTS if questions else 0):
            first = number * n + shift
            yield [questions[(first + i) % len(questions)] for i in range(n)]

    def insert(self, questions: Sequence[Question], block: list[Question]) -> list[Question]:
        """For a kind `within` another: that kind's block with its own screens in it."""
        raise NotImplementedError

    def step(self, question: Question) -> dict[str, Any]:
        """What the page is told of a question; nothing in it may tell which answer is right."""
        return {"kind": self.name, "part": self.within or self.name, "input": self.input}

    def refusal(self, question: Question, value: Any, scale: int) -> str | None:
        """Why a value is no answer; None if it is one."""
        if self.input == "scale":
            good = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= scale
            return None if good else f"a whole number from 1 to {scale} is asked for"
        return None if isinstance(value, str) and value in question.photos else "one of the photos shown is asked for"

    def simulated(self, question: Question, scale: int, rng: np.random.Generator) -> Value:
        """What somebody answers who presses anything."""
        if self.input == "scale":
            return int(rng.integers(1, scale + 1))
        return question.photos[int(rng.integers(len(question.photos)))]

    def score(self, scoring: Scoring) -> Found:
        """Its part of `score.json`; `clusters` holds what belongs to each cluster, in order."""
        return {}

    def retest(self, pairs: Sequence[tuple[Any, Any]]) -> Found:
        """More of what people answer when they are asked again, from pairs (again, before)."""
        return {}

    def cell(self, cluster: Found) -> str:
        """Its cell in the terminal's table of clusters."""
        raise NotImplementedError

    def lines(self, found: Found) -> list[str]:
        """Its lines below that table."""
        return []

    def findings(self, found: Found) -> list[Finding]:
        """What its results mean, in words."""
        return []

    def question(self, design: Design, condition: str, index: int, **more: Any) -> Question:
        """A new question; its id tells a respondent nothing."""
        word = hashlib.sha256(f"{design.seed} {self.name} {condition} {index}".encode()).hexdigest()[:10]
        return Question(f"q{word}", self.name, condition, (), **more)

"""The attention check: press a number that the page names. Who presses another one does not count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from cafemood.errors import SurveyError
from cafemood.survey.design import Design
from cafemood.survey.kinds.base import Drawing, Group, QuestionKind
from cafemood.survey.question import Question, Value


class Check(QuestionKind):
    """A number to press, in the middle of the ratings."""

    name = "check"
    order = 2
    about = "attention"
    seconds = 6
    input = "scale"
    within = "alike"
    is_check = True
    words: ClassVar[dict[str, dict[str, str]]] = {
        "ko": {
            "ask": "잠깐 확인할게요. 아래에서 {n}번을 눌러 주세요.",
        },
        "en": {
            "ask": "A quick check: please press {n} below.",
        },
    }

    def n_screens(self, design: Design, k: int) -> int:
        """One."""
        return 1

    def draw(self, drawing: Drawing) -> list[Group]:
        """Any photos, and the number to press."""
        deck, design = drawing.deck, drawing.design
        chosen = deck.draw(deck.rows(), design.size)
        if chosen is None:
            raise SurveyError("There are too few cafés", where=drawing.run.folder, fix="lower --size")
        return [(self.question(design, "check", 0, answer=int(deck.rng.integers(2, design.scale))), chosen)]

    def insert(self, questions: Sequence[Question], block: list[Question]) -> list[Question]:
        """In the middle."""
        middle = len(block) // 2
        return [*block[:middle], *questions, *block[middle:]]

    def step(self, question: Question) -> dict[str, Any]:
        """The number to press is told."""
        return super().step(question) | {"press": question.answer}

    def simulated(self, question: Question, scale: int, rng: np.random.Generator) -> Value:
        """What is asked for."""
        return question.answer

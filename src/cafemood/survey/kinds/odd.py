"""Triplets: which of three photos is least like the other two? What people choose is set beside feature spaces."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar

from cafemood.errors import SurveyError
from cafemood.survey import triplets
from cafemood.survey.design import Design, n_repeats
from cafemood.survey.kinds.base import Drawing, Found, Group, QuestionKind, Scoring, Turn
from cafemood.survey.question import Question


class Odd(QuestionKind):
    """The odd one out of three."""

    name = "odd"
    order = 4
    about = "a photo is chosen: the odd one of three"
    seconds = 7
    asked_again = True
    words: ClassVar[dict[str, dict[str, str]]] = {
        "ko": {
            "ask": "나머지 둘과 분위기가 가장 다른 카페는?",
            "intro_title": "셋 중 가장 다른 곳은?",
            "intro": (
                "사진 세 장 가운데 분위기가 나머지 둘과 가장 다른 카페를 눌러 주세요. 같은 사진이 다시 나와도 괜찮아요."
            ),
        },
        "en": {
            "ask": "Which café feels least like the other two?",
            "intro_title": "Which of three is different?",
            "intro": (
                "Of three photos, tap the café whose mood is least like the other two. Some photos will come again."
            ),
        },
    }

    def n_screens(self, design: Design, k: int) -> int:
        """So many as were set, and their repeats."""
        return design.triplets + n_repeats(design.triplets)

    def draw(self, drawing: Drawing) -> list[Group]:
        """Random triplets of a pool of photos, each photo about as often.

        Of a pool of 40 there are ten times as many as a person sees, of larger ones more in proportion.
        """
        deck, design = drawing.deck, drawing.design
        if not design.triplets:
            return []
        pool = deck.draw(deck.rng.permutation(deck.rows()), min(design.pool, len(set(deck.cafe.values()))))
        if pool is None or len(pool) < 6:
            fix = "give --triplets 0, or more photos"
            raise SurveyError("There are too few cafés for triplets", where="--triplets", fix=fix)
        wanted = min(10 * design.triplets * math.ceil(design.pool / 40), math.comb(len(pool), 3))
        chosen: dict[frozenset[int], tuple[int, ...]] = {}
        while len(chosen) < wanted:
            shuffled = [int(i) for i in deck.rng.permutation(pool)]
            for at in range(0, len(shuffled) - 2, 3):
                if len(chosen) < wanted:
                    chosen.setdefault(frozenset(shuffled[at : at + 3]), tuple(shuffled[at : at + 3]))
        return [(self.question(design, "pool", g), rows) for g, rows in enumerate(chosen.values())]

    def blocks(self, questions: Sequence[Question], turn: Turn) -> Iterator[list[Question]]:
        """The next triplets of the pool; where they stand in each other's way, those after."""
        n = turn.design.triplets
        for block in self.windows(questions, turn.number, n):
            yield block + [turn.again(question) for question in block[: n_repeats(n)]]

    def score(self, scoring: Scoring) -> Found:
        """Which spaces choose the odd one that people choose."""
        return {"triplets": triplets.triplets(scoring.of(self), scoring.spaces, scoring.n_boot, scoring.seed)}

    def lines(self, found: Found) -> list[str]:
        """Each space beside people, and people beside themselves."""
        odd, again = found["triplets"], found["retest"][self.name]
        lines = [
            f"Odd one out as people chose: {space['name']} {space['accuracy']:.0%} "
            f"[{space['low']:.0%}, {space['high']:.0%}] of {odd['n']} (chance 33 %)"
            for space in odd["spaces"]
        ]
        if again["n"]:
            lines.append(f"People choose the same odd one again {again['same']:.0%} of {again['n']} times")
        return lines

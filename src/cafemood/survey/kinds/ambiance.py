"""Ratings of one photo on scales of ambiance: what people say of a place, to be learnt from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pandas as pd

from cafemood.cafes.ambiance_scales import COBURN, SCALES
from cafemood.survey.design import Design
from cafemood.survey.kinds.base import Drawing, Found, Group, QuestionKind, Scoring, Turn
from cafemood.survey.question import Question
from cafemood.survey.statistics import reliability


class Ambiance(QuestionKind):
    """A rating of one photo from 1 to `scale`; the question's condition is the name of the scale."""

    name = "ambiance"
    order = 5
    about = "rating of one photo on the scale that `condition` names"
    seconds = 6
    input = "scale"
    words: ClassVar[dict[str, dict[str, str]]] = {
        "ko": {
            "ask": "이 카페는 어떤 느낌인가요?",
            "intro_title": "이 카페는 어떤 느낌인가요?",
            "intro": "카페 사진이 한 장씩 나와요. 물어보는 느낌이 얼마나 드는지 1점에서 {scale}점 사이로 골라 주세요.",
        },
        "en": {
            "ask": "How does this café feel?",
            "intro_title": "How does this café feel?",
            "intro": "You will see one photo of a café at a time. Choose from 1 to {scale} how far the words fit.",
        },
    }

    def n_screens(self, design: Design, k: int) -> int:
        """So many as were set."""
        return design.ratings

    def draw(self, drawing: Drawing) -> list[Group]:
        """Each scale of each photo of a pool, in random order."""
        deck, design = drawing.deck, drawing.design
        if not design.ratings:
            return []
        n_cafes = len(set(deck.cafe.values()))
        pool = deck.draw(deck.rng.permutation(deck.rows()), min(design.pool, n_cafes)) or ()
        pairs = [(row, scale) for row in pool for scale in design.scales or COBURN]
        shuffled = [pairs[int(i)] for i in deck.rng.permutation(len(pairs))]
        return [(self.question(design, scale, n), (row,)) for n, (row, scale) in enumerate(shuffled)]

    def blocks(self, questions: Sequence[Question], turn: Turn) -> Iterator[list[Question]]:
        """The next of all; where they stand in each other's way, those after."""
        for block in self.windows(questions, turn.number, turn.design.ratings):
            yield block[: len(questions)]

    def step(self, question: Question) -> dict[str, Any]:
        """The scale's own words go along."""
        texts = {
            language: dict(zip(("ask", "low", "high"), words, strict=True))
            for language, words in SCALES.get(question.condition, {}).items()
        }
        return super().step(question) | {"words": texts}

    def score(self, scoring: Scoring) -> Found:
        """Of each scale, its mean and how far the means of photos can be relied on."""
        rows = scoring.of(self)
        return {"ambiance": [of_scale(rows[rows["condition"] == name], name) for name in asked_scales(rows)]}

    def lines(self, found: Found) -> list[str]:
        """Each scale."""
        return [
            f"{entry['scale']}: mean {entry['mean']:.2f} of {entry['answers']} ratings of {entry['photos']} photos; "
            + (f"reliability of a photo's mean {entry['reliability']:.2f}" if entry["reliability"] is not None else
               "too few people rated the same photo to say how far they agree")
            for entry in found.get("ambiance", [])
        ]  # fmt: skip


def asked_scales(answers: pd.DataFrame) -> list[str]:
    """The scales that were answered, in the order of `SCALES`."""
    found = set(answers.dropna(subset="answer")["condition"])
    return [name for name in SCALES if name in found]


def of_scale(answers: pd.DataFrame, name: str) -> Found:
    """Mean, numbers, and reliability of the answers to one scale."""
    rows = answers.dropna(subset="answer")
    values = rows["answer"].astype(float)
    relied = reliability([group.to_numpy() for _, group in values.groupby(rows["photos"])])
    return {
        "scale": name, "answers": len(rows), "photos": int(rows["photos"].nunique()),
        "people": int(rows["person"].nunique()), "mean": float(values.mean()), **relied,
    }  # fmt: skip

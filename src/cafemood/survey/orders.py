"""Balanced orders of questions, and orders in which no café comes twice running."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cafemood.errors import SurveyError
from cafemood.survey.study import Question

APART = 4
"""Screens that lie at least between a question and its repeat."""


def williams_square(n: int) -> list[list[int]]:
    """A Latin square in which each condition follows each other one equally often.

    n rows for an even n, 2n for an odd one (Williams 1949, Aust. J. Sci. Res. A 2, 149-168).
    """
    first = [0]
    for i in range(1, n):
        first.append((i + 1) // 2 if i % 2 else n - i // 2)
    rows = [[(c + shift) % n for c in first] for shift in range(n)]
    return rows if n % 2 == 0 else rows + [row[::-1] for row in rows]


def order_block(
    block: Sequence[Question],
    cafes: Callable[[Question], set[str]],
    before: Sequence[Question],
    rng: np.random.Generator,
) -> list[Question]:
    """The block with as few swaps as needed so that neighbours share no café and repeats lie apart.

    Args:
        block: Questions in the order wanted.
        cafes: The cafés that a question shows.
        before: The question that comes before the block, if one does.
        rng: Chooses among swaps.

    Raises:
        SurveyError: No such order was found.
    """
    order = list(block)
    shown = {question.id: cafes(question) for question in (*before, *block)}
    apart = min(APART, max(0, len(order) // 2 - 1))

    def faults() -> list[int]:
        place = {question.id: i for i, question in enumerate(order)}
        row = [*before, *order]
        found = [i + 1 - len(before) for i in range(len(row) - 1) if shown[row[i].id] & shown[row[i + 1].id]]
        for i, question in enumerate(order):
            original = place.get(question.repeat_of or "")
            if original is not None and i - original <= apart:
                found.append(i)
        return found

    wrong = faults()
    for _ in range(400):
        if not wrong:
            return order
        at = wrong[int(rng.integers(len(wrong)))]
        best: tuple[int, int, int] | None = None
        for i in {at, max(at - 1, 0)}:
            for j in rng.permutation(len(order)):
                order[i], order[j] = order[j], order[i]
                n = len(faults())
                order[i], order[j] = order[j], order[i]
                if i != j and (best is None or n < best[0]):
                    best = (n, i, int(j))
        if best is None:
            break
        order[best[1]], order[best[2]] = order[best[2]], order[best[1]]
        wrong = faults()
    why = "too few cafés stand for too many groups"
    fix = "lower --groups, --intruders, --triplets or --size, or take a run with more cafés"
    raise SurveyError("No order keeps a café from coming twice running", where="survey build", why=why, fix=fix)

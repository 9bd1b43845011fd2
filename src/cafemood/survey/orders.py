"""Balanced orders of questions, and orders in which no café comes twice running."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cafemood.errors import SurveyError
from cafemood.survey.question import Question

APART = 4
"""Screens that lie at least between a question and its repeat."""
SWAPS, RESTARTS, TURNS = 60, 3, 300
"""Swaps before it walks, walks before it gives up, and times that a walk turns back."""


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
    row = [*before[-1:], *block]
    shown = [cafes(question) for question in row]
    clash = [[bool(a & b) for b in shown] for a in shown]
    place = {question.id: i for i, question in enumerate(row)}
    original = [place.get(question.repeat_of or "") for question in row]
    fixed = len(row) - len(block)
    apart = min(APART, max(0, len(block) // 2 - 1))
    order = list(range(len(row)))

    def faults() -> list[int]:
        at = {node: i for i, node in enumerate(order)}
        found = [i + 1 for i in range(len(order) - 1) if clash[order[i]][order[i + 1]]]
        for i, node in enumerate(order):
            before_it = original[node]
            if before_it is not None and i - at[before_it] <= apart:
                found.append(i)
        return found

    for _ in range(SWAPS):
        wrong = faults()
        if not wrong:
            return [row[node] for node in order[fixed:]]
        at = wrong[int(rng.integers(len(wrong)))]
        best: tuple[int, int, int] | None = None
        for i in {at, max(at - 1, fixed)}:
            for j in map(int, fixed + rng.permutation(len(block))):
                order[i], order[j] = order[j], order[i]
                n = len(faults())
                order[i], order[j] = order[j], order[i]
                if i != j and (best is None or n < best[0]):
                    best = (n, i, j)
        if best is None:
            break
        order[best[1]], order[best[2]] = order[best[2]], order[best[1]]
    for _ in range(RESTARTS):
        found = _walk(clash, original, fixed, apart, rng)
        if found is not None:
            return [row[node] for node in found[fixed:]]
    why = "too few cafés stand for too many groups"
    fix = "lower --groups, --intruders, --triplets or --size, or take a run with more cafés"
    raise SurveyError("No order keeps a café from coming twice running", where="survey build", why=why, fix=fix)


def _walk(
    clash: Sequence[Sequence[bool]],
    original: Sequence[int | None],
    fixed: int,
    apart: int,
    rng: np.random.Generator,
) -> list[int] | None:
    """A Hamiltonian path among nodes that do not clash, the most hemmed-in neighbour first (Warnsdorff's rule).

    Args:
        clash: Which of the nodes (n, n) cannot follow each other.
        original: For each node the one that must lie more than `apart` before it, or None.
        fixed: The path begins with this many nodes, in their order.
        apart: See `original`.
        rng: Breaks ties.

    Returns:
        The path, or None where the walk had to turn back too often.
    """
    nodes = range(len(clash))
    path = list(range(fixed))
    turns = TURNS

    def ahead() -> list[int]:
        place = {node: i for i, node in enumerate(path)}
        left = [node for node in nodes if node not in place]
        free = []
        for node in left:
            before = original[node]
            late = before is None or (before in place and len(path) - place[before] > apart)
            if late and not (path and clash[path[-1]][node]):
                free.append(node)
        ways = {node: sum(not clash[node][other] for other in left) for node in free}
        chance = rng.random(len(clash))
        return sorted(free, key=lambda node: (ways[node], chance[node]), reverse=True)

    options = [ahead()]
    while options and turns:
        if not options[-1]:
            options.pop()
            if options:
                path.pop()
            turns -= 1
            continue
        path.append(options[-1].pop())
        if len(path) == len(clash):
            return path
        options.append(ahead())
    return None

"""Which photos to show next: those whose answer promises the best cafés, not those that tell most of everything.

The value of a question is the mean utility of the best fifth of the cafés after its answer, over the answers that the
posterior expects (the knowledge gradient: Frazier, Powell and Dayanik, SIAM J. Control Optim. 2008; for choices among
several, Astudillo et al., qEUBO, AISTATS 2023). The answers are weighed on samples of the posterior. Cafés far apart,
or answers that tell most of the weights (BALD), were worth little more than questions at random: see docs/taste.md.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from cafemood.cafes.draws import Draws
from cafemood.cafes.preference import LAPSE, Taste, probabilities

BEST, LEAST = 5, 10
"""The answer is meant to find the best fifth of the cafés, ten at least: of the best ten alone, all are soon shown."""
SAMPLES = 64
"""Of the posterior."""
CANDIDATES = 24
"""Questions that are weighed."""
_ROUNDING = 1e-12
"""A question must be better by more than what two machines round differently."""


def next_question(
    features: np.ndarray,
    evidence: np.ndarray,
    taste: Taste,
    seen: Collection[int],
    *,
    seed: int,
    size: int = 4,
    unable: Collection[int] = (),
    lapse: float = LAPSE,
) -> list[int]:
    """The cafés of the next question.

    Args:
        features: Of the cafés (n, r).
        evidence: Of the photos that stand for them (n, r).
        taste: What is known.
        seen: Cafés that were shown, and are shown again only when too few others are left.
        seed: Equal seeds and tastes give equal questions.
        size: Photos; fewer where there are fewer cafés.
        unable: Cafés without a photo.
        lapse: See `preference.LAPSE`.

    Returns:
        Rows of the cafés, one photo each; fewer than two where nothing can be asked.
    """
    usable = [i for i in range(len(features)) if i not in set(unable)]
    free = [i for i in usable if i not in set(seen)]
    free, size = (free if len(free) >= size else usable), min(size, len(usable))
    if size < 2:
        return usable
    draws = Draws(seed)
    weights = taste.samples(draws.normal(SAMPLES, features.shape[1]))
    liked, shown = features @ weights.T, evidence @ weights.T  # (n, s)
    best, found = -np.inf, free[:size]
    for candidate in range(CANDIDATES):
        pick = _by_taste(liked, free, size, draws) if candidate % 2 == 0 else _by_chance(free, size, draws)
        worth = value(liked, shown[pick], lapse)
        if worth > best + _ROUNDING:
            best, found = worth, pick
    return found


def value(liked: np.ndarray, shown: np.ndarray, lapse: float = LAPSE) -> float:
    """What a question is worth: the expected mean utility of the best cafés after its answer.

    Args:
        liked: Utility of each café in each sample (n, s).
        shown: The same of the photos asked about (m, s).
        lapse: See `preference.LAPSE`.
    """
    answers = probabilities(shown, lapse)  # (m, s)
    after = liked @ (answers / answers.sum(axis=1, keepdims=True)).T  # (n, m)
    n = min(max(LEAST, len(liked) // BEST), len(liked))
    top = np.partition(after, len(after) - n, axis=0)[len(after) - n :].mean(axis=0)
    return float(answers.mean(axis=1) @ top)


def _by_taste(liked: np.ndarray, free: list[int], size: int, draws: Draws) -> list[int]:
    """The best café of one sample, then of others (Thompson, 1933): promising, and unlike each other in doubt."""
    pick: list[int] = []
    for _ in range(size):
        sample = draws.below(liked.shape[1])
        left = [i for i in free if i not in pick]
        pick.append(left[int(liked[left, sample].argmax())])
    return pick


def _by_chance(free: list[int], size: int, draws: Draws) -> list[int]:
    pool, pick = list(free), []
    for _ in range(size):
        pick.append(pool.pop(draws.below(len(pool))))
    return pick

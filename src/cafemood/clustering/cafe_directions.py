"""Directions by between-café over within-café scatter, and what held-out cafés say of them."""

from __future__ import annotations

import numpy as np

from cafemood.core import chunks

MOST_PHOTOS = 20
"""A café counts as one of so many photos at most: one of a thousand does not outweigh fifty of two."""
_FOLDS, _SPLITS = 4, 3


def directions_between(z: np.ndarray, member: np.ndarray, shrinkage: float) -> tuple[np.ndarray, np.ndarray]:
    """Ratios (p,), the largest first, and directions (p, p) of unit variance within cafés, of rows z (n, p).

    Cafés count alike in the scatter between them, up to `MOST_PHOTOS` photos by their number; the part of it that the
    spread within cafés makes is taken off (the analysis of variance's estimate). Rows are read in chunks.

    Args:
        z: Rows.
        member: Café of each row, from 0, with two photos and more; -1 for rows that take no part.
        shrinkage: See `CafeReduction`.
    """
    from scipy.linalg import eigh

    n = np.bincount(member[member >= 0])
    means = means_between(z, member)
    weight = np.minimum(1, MOST_PHOTOS / n)
    p = z.shape[1]
    within = np.zeros((p, p))
    for rows, piece in chunks.read(z, 4 * p):
        taking = member[rows] >= 0
        of = member[rows][taking]
        off = (piece[taking].astype(np.float64) - means[of]) * np.sqrt(weight)[of][:, None]
        within += off.T @ off
    within /= (weight * (n - 1)).sum()
    share = np.minimum(n, MOST_PHOTOS) / np.minimum(n, MOST_PHOTOS).sum()
    away = (means - share @ means) * np.sqrt(share)[:, None]
    between = (away.T @ away - within * (share * (1 - share) / n).sum()) / (1 - (share**2).sum())
    shrunk = (1 - shrinkage) * within + shrinkage * np.trace(within) / p * np.eye(p)
    shrunk += 1e-9 * max(np.trace(shrunk) / p, 1e-12) * np.eye(p)  # photos that are all alike within their cafés
    ratios, directions = eigh(between, shrunk)
    return ratios[::-1].clip(min=1e-6), directions[:, ::-1]


def means_between(z: np.ndarray, member: np.ndarray) -> np.ndarray:
    """The mean (m, p) of each café's rows; -1 for rows that take no part."""
    m = int(member.max()) + 1
    return chunks.group_means(z, np.where(member < 0, m, member))[:m]


def taking_part(member: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Café of each row (n,), numbered anew, where only some rows (n,) take part; -1 for the others."""
    renumbered = np.full(len(member), -1)
    renumbered[rows] = np.unique(member[rows], return_inverse=True)[1]
    return renumbered


def held_out(
    z: np.ndarray, member: np.ndarray, tried: np.ndarray, shrinkage: float, rng: np.random.Generator
) -> np.ndarray:
    """How well the halves of held-out cafés find each other, in directions learnt from the other cafés.

    Args:
        z: Rows (n, p).
        member: Café of each row; -1 for rows that take no part.
        tried: Numbers of directions (m,).
        shrinkage: See `CafeReduction`.
        rng: Draws the folds and the halves.

    Returns:
        (folds, m): the chance that the halves of one café are nearer than halves of two, 0.5 where ids say nothing.
    """
    from scipy.spatial.distance import cdist

    fold = rng.permutation(member.max() + 1) % _FOLDS
    scores = np.zeros((_FOLDS, len(tried)))
    for f in range(_FOLDS):
        test = (member >= 0) & (fold[member] == f)
        ratios, directions = directions_between(z, taking_part(member, (member >= 0) & ~test), shrinkage)
        y, of = z[test] @ directions[:, : tried.max()], np.unique(member[test], return_inverse=True)[1]
        for _ in range(_SPLITS):
            order = rng.permutation(len(of))
            order = order[np.argsort(of[order], kind="stable")]
            n = np.bincount(of)
            place = np.arange(len(of)) - np.repeat(np.cumsum(n) - n, n)
            first = place < np.repeat(n // 2, n)
            halves = [chunks.group_means(y[order[part]], of[order[part]]) for part in (first, ~first)]
            for i, d in enumerate(tried):
                size = (n / 2)[:, None]
                a, b = (half[:, :d] * size * ratios[:d] / (1 + size * ratios[:d]) for half in halves)
                distances = cdist(a, b)
                own, m = np.diag(distances), len(distances)
                nearer = (own[:, None] < distances).sum() + (own[None] < distances).sum()
                scores[f, i] += nearer / (2 * m * (m - 1)) / _SPLITS
    return scores

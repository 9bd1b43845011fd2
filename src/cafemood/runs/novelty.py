"""Unlike anything seen: how far a photo lies from its nearest neighbours, against photos of cafés held out.

Sun et al., Out-of-Distribution Detection with Deep Nearest Neighbors, ICML 2022.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cafemood.core import chunks

N_NEIGHBORS = 3
FALSE_ALARMS = 0.02
"""The share of photos of cafés held out that lies beyond the threshold; at 4 % new drawn cafés had 7.5 % alarms."""
MAX_ROWS = 3000
"""Photos at most that the threshold is taken from; their neighbours are looked for among all."""
LEAST_ROWS = 10
"""With fewer photos there is no threshold."""
_CHUNK = 512


def neighbour_distances(
    points: np.ndarray,
    rows: np.ndarray,
    *,
    apart: tuple[np.ndarray, np.ndarray] | None = None,
    rests: tuple[np.ndarray, np.ndarray] | None = None,
    n_neighbors: int = N_NEIGHBORS,
) -> np.ndarray:
    """Mean Euclidean distance of each point to its nearest rows: (m,).

    Args:
        points: The points (m, d).
        rows: The known rows (n, d), any float type.
        apart: Groups of the points (m,) and of the rows (n,): rows of a point's own group do not count.
        rests: Squared lengths, of the points (m,) and of the rows (n,), of what the d components leave out.
            They are added: in many dimensions two rests are nearly at right angles.
        n_neighbors: How many; fewer where fewer rows count.

    Returns:
        The distances; infinite where no row counts.
    """
    k = min(n_neighbors, len(rows))
    nearest = np.full((len(points), k), np.inf, dtype=np.float32)
    for columns, piece in chunks.read(rows):
        squares = (piece * piece).sum(axis=1)
        for start in range(0, len(points), _CHUNK):
            block = slice(start, start + _CHUNK)
            chunk = np.asarray(points[block], dtype=np.float32)
            d2 = np.maximum((chunk * chunk).sum(axis=1)[:, None] + squares - 2 * chunk @ piece.T, 0)
            if rests is not None:
                d2 += rests[0][block, None] + rests[1][None, columns]
            if apart is not None:
                d2[apart[0][block, None] == apart[1][None, columns]] = np.inf
            nearest[block] = np.partition(np.hstack([nearest[block], d2]), k - 1, axis=1)[:, :k]
    counted = np.isfinite(nearest)
    total = np.sqrt(np.where(counted, nearest, 0)).sum(axis=1)
    return np.where(counted.any(axis=1), total / np.maximum(counted.sum(axis=1), 1), np.inf).astype(np.float32)


def threshold(
    rows: np.ndarray,
    cafes: Sequence[str],
    *,
    rests: np.ndarray | None = None,
    false_alarms: float = FALSE_ALARMS,
    seed: int = 0,
) -> float:
    """The distance beyond which a photo is unlike anything seen.

    It is the conformal (1 − `false_alarms`) quantile over the n known photos, each looked for among the photos of
    *other* cafés: a new café has no photo of its own among the known. That is the distance of rank
    ceil((n + 1) · (1 − `false_alarms`)), which one more exceeds with this chance at most (Vovk et al., Algorithmic
    Learning in a Random World, 2005); the largest where n is too small for it.

    Args:
        rows: The known rows (n, d).
        cafes: Café of each.
        rests: Squared length of what the components leave out of each (n,).
        false_alarms: Share of held-out photos beyond it.
        seed: Of the sample that stands for many rows.

    Returns:
        The threshold; infinite (nothing is called novel) with fewer than ten photos or a single café.
    """
    groups = np.unique(np.asarray(cafes, dtype=str), return_inverse=True)[1]
    if len(rows) < LEAST_ROWS or groups.max() == 0:
        return float("inf")
    chosen = np.arange(len(rows))
    if len(rows) > MAX_ROWS:
        chosen = np.random.default_rng(seed).choice(len(rows), MAX_ROWS, replace=False)
    left_out = None if rests is None else (rests[chosen], rests)
    held_out = neighbour_distances(rows[chosen], rows, apart=(groups[chosen], groups), rests=left_out)
    rank = math.ceil(round((len(chosen) + 1) * (1 - false_alarms), 9))
    return float(np.sort(held_out)[min(rank, len(chosen)) - 1])

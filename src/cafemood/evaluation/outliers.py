"""Photos that are like no other: far from their nearest photos, beside what is usual.

A clustering gives each photo a group, also one that belongs to none. The distance to the nearest photos tells it
without any group: "distance to the k nearest" (Ramaswamy, Rastogi and Shim, SIGMOD 2000), as the mean over them, which
is as good as later methods (Campos et al., Data Mining and Knowledge Discovery 2016). Its limit is that of the modified
z-score of the logarithm (Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993).
"""

from __future__ import annotations

import numpy as np

from cafemood.clustering.lloyd import MOST_ROWS
from cafemood.core import chunks
from cafemood.evaluation.judged import JudgedRows

LIMIT = 3.5
N_NEIGHBORS = 10
LEAST_SPREAD = 1e-6


def outlying(features: np.ndarray | JudgedRows, n_neighbors: int = N_NEIGHBORS, seed: int = 0) -> np.ndarray:
    """How far each row is from its nearest ones, as a modified z-score (n,): above `LIMIT` it is like no other.

    Few foreign photos stand out, many that are alike do not: they are each other's neighbours.

    Args:
        features: Backbone outputs (n, d).
        n_neighbors: Nearest rows. Of more than `MOST_ROWS` rows they are looked for among so many.
        seed: Of that sample.

    Returns:
        0 for all where there are no more than twice as many rows as neighbours, so that nothing is usual, or where half
        of them have the same distance.
    """
    judged = JudgedRows.of(features)
    n = len(judged)
    if n <= 2 * n_neighbors:
        return np.zeros(n)
    z, spread = modified_z(np.log(np.maximum(_distances(judged, n_neighbors, seed), 1e-12)))
    return z if spread > LEAST_SPREAD else np.zeros(n)


def modified_z(values: np.ndarray) -> tuple[np.ndarray, float]:
    """The modified z-score of each value (n,), and their median absolute deviation, at least `LEAST_SPREAD`."""
    middle = np.median(values)
    spread = max(float(np.median(abs(values - middle))), LEAST_SPREAD)
    return np.asarray(0.6745 * (values - middle) / spread), spread


def _distances(judged: JudgedRows, n_neighbors: int, seed: int) -> np.ndarray:
    """Mean distance of each row to its nearest other ones (n,)."""
    if len(judged) <= MOST_ROWS:
        nearest = np.partition(judged.squared, n_neighbors, axis=1)[:, : n_neighbors + 1]  # with itself, at 0
        return np.asarray(np.sqrt(np.maximum(nearest, 0)).sum(axis=1) / n_neighbors)
    from sklearn.neighbors import NearestNeighbors

    among = np.sort(np.random.default_rng(seed).choice(len(judged), MOST_ROWS, replace=False))
    others = NearestNeighbors(n_neighbors=n_neighbors + 1, algorithm="brute").fit(np.float32(judged.rows[among]))
    found = np.empty(len(judged))
    for rows, piece in chunks.read(judged.rows):
        near = others.kneighbors(np.asarray(piece, dtype=np.float32))[0]
        itself = np.isin(np.arange(rows.start, rows.start + len(piece)), among)  # at 0, the first of its neighbours
        found[rows] = np.where(itself, near[:, 1:].mean(axis=1), near[:, :-1].mean(axis=1))
    return found

"""k-means from the distances between rows alone: computed once, they serve every start, k and seed.

Neither k-means nor a silhouette needs coordinates. The squared distance of row r to the mean of the rows of a cluster
C is mean over C of d²(r, i), less half the mean of d² within C (the parallel axis theorem); so a turned, mirrored or
moved copy of the rows has the same partition, and rows of many columns cost no more than rows of few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

MOST_ROWS = 10_000
"""The squared distances of so many rows take 400 MB; of more they are not held."""
FEW_COLUMNS = 64
"""Up to so many columns, scikit-learn's own k-means over the rows is as fast."""
MAX_ITER, TOL = 300, 1e-4
"""As scikit-learn."""
_FEW = 16
"""Up to so many columns, differences cost no more than products."""
_NEAR = 0.01
"""Below this share of |a|² + |b|², a squared distance is computed from the difference: |a|² + |b|² - 2ab has lost
its digits."""


@dataclass(frozen=True)
class Partition:
    """The best of some starts.

    Attributes:
        labels: Cluster of each row (n,).
        inertia: Sum of the squared distances to the clusters' means.
        n_iter: Iterations of Lloyd's algorithm.
    """

    labels: np.ndarray
    inertia: float
    n_iter: int


def pays(n: int, d: int) -> bool:
    """Whether k-means of n rows of d columns is to be computed from their distances."""
    return n <= MOST_ROWS and d > FEW_COLUMNS


def squared_distances(x: np.ndarray, *, near: bool = True) -> np.ndarray:
    """The squared Euclidean distances (n, n) between rows (n, d), float32, with an exact zero diagonal.

    They are symmetric, and as exact as float32 is for near rows too: those few are taken from the difference.

    Args:
        x: The rows.
        near: Whether some may be near to each other for their length, as no two of many random columns are.
    """
    if x.shape[1] <= _FEW:
        return cdist(x, x, "sqeuclidean").astype(np.float32)
    x = np.asarray(x, dtype=np.float32)
    x = x - x.mean(axis=0, dtype=np.float64).astype(np.float32)  # far from zero, products lose the last digits
    squares = np.einsum("ij,ij->i", x, x)
    products = x @ x.T  # BLAS sees that it is symmetric
    size, at_once = max(1, 2**20 // max(1, len(x))), max(1, 2**22 // x.shape[1])
    for start in range(0, len(x), size):
        some, both = products[start : start + size], squares[start : start + size, None] + squares
        some *= -2
        some += both
        if not near:
            continue
        those, to = np.nonzero(some < _NEAR * both)
        for part in range(0, len(those), at_once):
            rows, columns = those[part : part + at_once], to[part : part + at_once]
            some[rows, columns] = np.square(x[rows + start] - x[columns]).sum(axis=1)
    if not near:
        np.maximum(products, 0, out=products)
        np.fill_diagonal(products, 0)
    return products


def kmeans_of_distances(
    squared: np.ndarray, n_clusters: int, random_state: int, n_init: int = 10, *, n_columns: int
) -> Partition:
    """k-means of rows whose squared distances (n, n) are known.

    It draws the starts that scikit-learn's `KMeans` draws from the same seed, and stops where that stops, so that its
    partition is scikit-learn's but for rounding.

    Args:
        squared: `squared_distances`.
        n_clusters: k; where fewer rows differ, some clusters stay empty.
        random_state: Seed.
        n_init: Starts; the lowest inertia wins.
        n_columns: Columns of the rows: scikit-learn's tolerance is a share of the mean variance of one.
    """
    draws = np.random.RandomState(random_state)
    starts = [plus_plus(squared, n_clusters, draws) for _ in range(n_init)]
    tolerance = TOL * float(squared.mean(dtype=np.float64)) / 2 / n_columns
    return min(_lloyd(squared, starts, tolerance), key=lambda found: found.inertia)


def plus_plus(squared: np.ndarray, n_clusters: int, draws: np.random.RandomState) -> np.ndarray:
    """Rows to start from (k,), drawn by greedy k-means++ with scikit-learn's numbers of trials, in its order."""
    n = len(squared)
    n_trials = 2 + int(np.log(n_clusters))
    chosen = [int(draws.choice(n, p=np.full(n, 1 / n)))]
    closest = squared[chosen[0]]
    potential = float(closest.sum(dtype=np.float64))
    for _ in range(1, n_clusters):
        wanted = draws.uniform(size=n_trials) * potential
        candidates = np.searchsorted(np.cumsum(closest, dtype=np.float64), wanted).clip(max=n - 1)
        nearer = np.minimum(closest, squared[candidates])
        potentials = nearer.sum(axis=1, dtype=np.float64)
        best = int(potentials.argmin())
        chosen.append(int(candidates[best]))
        closest, potential = nearer[best], float(potentials[best])
    return np.array(chosen)


def _lloyd(squared: np.ndarray, starts: list[np.ndarray], tolerance: float) -> list[Partition]:
    """Lloyd's algorithm from each start. The first means of all starts come from one product."""
    k, every = len(starts[0]), np.arange(len(squared))
    labels = [_refilled(squared[rows].argmin(axis=0), squared[rows], k) for rows in starts]
    members = np.zeros((len(starts) * k, len(squared)), np.float32)
    for i, of_rows in enumerate(labels):
        members[i * k + of_rows, every] = 1
    sums = members @ squared
    return [_until_still(squared, of_rows, sums[i * k : (i + 1) * k], tolerance) for i, of_rows in enumerate(labels)]


def _until_still(squared: np.ndarray, labels: np.ndarray, first: np.ndarray, tolerance: float) -> Partition:
    """Lloyd's algorithm from a partition (n,) until no row changes its cluster, or the means hardly move.

    Only rows that change are looked up: their distances are taken off the sums of one cluster and added to another's.

    Args:
        squared: Squared distances (n, n).
        labels: Where it starts.
        first: Sums (k, n) of each row's squared distances to each cluster's rows.
        tolerance: It stops when the squared shifts of the means add up to this or less.
    """
    k, every = len(first), np.arange(len(labels))
    sums, before = first.astype(np.float64), None
    n_iter = 0
    while n_iter < MAX_ITER:
        n_iter += 1
        sizes = np.bincount(labels, minlength=k)
        there = np.maximum(sizes, 1)
        within = np.bincount(labels, sums[labels, every], minlength=k) / (2 * there)
        to_means = (sums - within[:, None]) / there[:, None]
        to_means[sizes == 0] = np.inf
        nearest = _refilled(_first_least(to_means), to_means, k)
        moved = np.flatnonzero(nearest != labels)
        # the rows of a cluster are farther from where its mean was than from where it is, by its squared shift
        shifts = np.inf if before is None else (before - to_means[labels, every]) / there[labels]
        if not len(moved) or np.sum(shifts) <= tolerance:
            break
        change = np.zeros((k, len(moved)), np.float32)
        change[labels[moved], np.arange(len(moved))] = -1
        change[nearest[moved], np.arange(len(moved))] = 1
        sums += change @ squared[moved]
        labels, before = nearest, to_means[nearest, every]
    return Partition(nearest, float(np.maximum(to_means[nearest, every], 0).sum()), n_iter)


def _first_least(values: np.ndarray) -> np.ndarray:
    """`values.argmin(axis=0)` of (k, n), which is slow where k is small."""
    if len(values) > 16:
        return values.argmin(axis=0)
    least, at = values[0].copy(), np.zeros(values.shape[1], np.intp)
    for j in range(1, len(values)):
        at[values[j] < least] = j
        np.minimum(least, values[j], out=least)
    return at


def _refilled(labels: np.ndarray, to_means: np.ndarray, k: int) -> np.ndarray:
    """A cluster that has lost its rows gets the row that is farthest from its own mean, as in scikit-learn.

    Where all rows lie on their means, it stays empty.
    """
    sizes = np.bincount(labels, minlength=k)
    if sizes.all():
        return labels
    labels = labels.copy()
    away = to_means[labels, np.arange(len(labels))].astype(np.float64)
    scale = float(away.max())
    for j in np.flatnonzero(sizes == 0):
        away[np.bincount(labels, minlength=k)[labels] < 2] = 0  # no cluster is emptied for another
        farthest = int(away.argmax())
        if away[farthest] <= 1e-6 * scale or not scale:
            break
        labels[farthest], away[farthest] = j, 0
    return labels

"""k-means from the distances between rows alone: computed once, they serve every start, k and seed.

Neither k-means nor a silhouette needs coordinates. The squared distance of row r to the mean of the rows of a cluster
C is mean over C of d²(r, i), less half the mean of d² within C (the parallel axis theorem); so a turned, mirrored or
moved copy of the rows has the same partition, and rows of many columns cost no more than rows of few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.spatial.distance import cdist

MOST_ROWS = 10_000
"""The squared distances of so many rows take 400 MB; of more they are not held."""
FEW_COLUMNS = 64
"""Up to so many columns, scikit-learn's own k-means over the rows is as fast."""
MAX_ITER, TOL = 300, 1e-4
"""As scikit-learn."""
_FEW = 16
"""Up to so many columns, differences cost no more than products."""
_BLOCK = 64
"""Rows of a matrix that stay in a core's cache."""
_POWERS = 5
_FEW_MOVED = 32
"""Up to so many rows, a copy of their distances costs no more than a sparse product, which makes none."""
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


def squared_distances(x: np.ndarray) -> np.ndarray:
    """The squared Euclidean distances (n, n) between rows (n, d), float32, with an exact zero diagonal.

    They are symmetric, and as exact as float32 is for near rows too: those few are taken from the difference.
    """
    if x.shape[1] <= _FEW:
        return cdist(x, x, "sqeuclidean").astype(np.float32)
    x = _centred(x)
    squares = np.einsum("ij,ij->i", x, x)
    products = x @ x.T  # BLAS sees that it is symmetric
    size, at_once = max(1, 2**20 // max(1, len(x))), max(1, 2**22 // x.shape[1])
    for start in range(0, len(x), size):
        some, both = products[start : start + size], squares[start : start + size, None] + squares
        some *= -2
        some += both
        those, to = np.nonzero(some < _NEAR * both)
        for part in range(0, len(those), at_once):
            rows, columns = those[part : part + at_once], to[part : part + at_once]
            some[rows, columns] = np.square(x[rows + start] - x[columns]).sum(axis=1)
    return products


_shared: ContextVar[tuple[np.ndarray, Callable[[], np.ndarray]] | None] = ContextVar("_shared", default=None)


@contextmanager
def sharing(rows: np.ndarray, squared: Callable[[], np.ndarray]) -> Iterator[None]:
    """Within the block, `shared_distances` of these rows are not computed again.

    Args:
        rows: The rows (n, d).
        squared: Gives their `squared_distances`.
    """
    token = _shared.set((rows, squared))
    try:
        yield
    finally:
        _shared.reset(token)


def shared_distances(x: np.ndarray) -> np.ndarray:
    """The `squared_distances` (n, n) of rows (n, d), which whoever judges them may share; not to be written to."""
    if (known := _shared.get()) is not None and np.array_equal(known[0], x):
        return known[1]()
    return squared_distances(x)


def _centred(x: np.ndarray) -> np.ndarray:
    """Rows around zero, float32: far from it, products lose the last digits."""
    x = np.asarray(x, dtype=np.float32)
    return x - x.mean(axis=0, dtype=np.float64).astype(np.float32)


def inner_products(x: np.ndarray) -> np.ndarray:
    """The inner products (n, n) of rows (n, d) around their mean, float32."""
    x = _centred(x)
    return x @ x.T


def to_distances(products: np.ndarray) -> np.ndarray:
    """`inner_products` (n, n), overwritten by the squared distances of rows of which no two are near for their length,
    as no two of many random columns are."""
    squares = products.diagonal().copy()
    for start in range(0, len(products), _BLOCK):
        some = products[start : start + _BLOCK]
        some *= -2
        some += squares
        some += squares[start : start + _BLOCK, None]
        np.maximum(some, 0, out=some)
    np.fill_diagonal(products, 0)
    return products


def principal_coordinates(products: np.ndarray, n_components: int) -> np.ndarray:
    """The rows (n, n_components), float32, in their leading principal components: PCA from inner products alone.

    Randomized subspace iteration (Halko, Martinsson, Tropp 2011, algorithm 4.4) with scikit-learn's ten further
    directions; signs are arbitrary.

    Args:
        products: `inner_products` (n, n).
        n_components: At most n.
    """
    n = len(products)
    width = min(n, n_components + 10)
    basis = np.random.default_rng(0).standard_normal((n, width), dtype=np.float32)
    for _ in range(_POWERS):
        basis = np.linalg.qr(products @ basis)[0]
    values, vectors = np.linalg.eigh(basis.T @ (products @ basis))
    leading = slice(None, width - n_components - 1 if width > n_components else None, -1)
    return np.asarray(basis @ vectors[:, leading] * np.sqrt(np.maximum(values[leading], 0)), dtype=np.float32)


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
    sums, before, n_iter = first.astype(np.float64), None, 0
    while n_iter < MAX_ITER:
        n_iter += 1
        sizes = np.bincount(labels, minlength=k)
        there = np.maximum(sizes, 1)
        within = np.bincount(labels, sums.ravel()[labels * len(every) + every], minlength=k) / (2 * there)
        to_means = sums - within[:, None]
        to_means /= there[:, None]
        to_means[sizes == 0] = np.inf
        found, least = _first_least(to_means)
        nearest = _refilled(found, to_means, k)
        moved = np.flatnonzero(nearest != labels)
        # the rows of a cluster are farther from where its mean was than from where it is, by its squared shift
        shift = np.inf if before is None else ((np.bincount(labels, before, minlength=k) - within) / there).sum()
        if nearest is not found:
            least = to_means[nearest, every]
        if not len(moved) or shift <= tolerance:
            break
        sums += _change(squared, moved, labels[moved], nearest[moved], k)
        labels, before = nearest, least
    return Partition(nearest, float(np.maximum(least, 0).sum()), n_iter)


def _change(squared: np.ndarray, moved: np.ndarray, left: np.ndarray, joined: np.ndarray, k: int) -> np.ndarray:
    """What the sums (k, n) gain when rows (m,) leave clusters (m,) and join others (m,)."""
    m = len(moved)
    if m <= _FEW_MOVED:
        change = np.zeros((k, m), np.float32)
        change[left, np.arange(m)] = -1
        change[joined, np.arange(m)] = 1
        return change @ squared[moved]
    signs, of = np.repeat(np.array([-1, 1], np.float32), m), np.concatenate([left, joined])
    return np.asarray(csr_matrix((signs, (of, np.tile(moved, 2))), shape=(k, len(squared))) @ squared)


def _first_least(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`values.argmin(axis=0)` of (k, n), which is slow where k is small, and the least values (n,)."""
    if len(values) > 16:
        at = values.argmin(axis=0)
        return at, values[at, np.arange(len(at))]
    least, at = values[0].copy(), np.zeros(values.shape[1], np.intp)
    for j in range(1, len(values)):
        at[values[j] < least] = j
        np.minimum(least, values[j], out=least)
    return at, least


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

"""Matrices that are too long to copy, read piece by piece within scikit-learn's `working_memory`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

LARGE = 100_000
"""Above this many rows k-means starts from a sample: ten starts on all rows would take too long."""
SHARE = 16
"""A piece takes this part of the working memory: what is computed of it needs some too."""


def working_memory() -> int:
    """The bytes that a copy of a matrix may take: `sklearn.set_config(working_memory=MiB)`, 1 GiB unless set."""
    from sklearn import get_config

    return int(get_config()["working_memory"] * 2**20)


def read(x: np.ndarray, width: int = 0) -> Iterator[tuple[slice, np.ndarray]]:
    """A matrix (n, d), such as a memory map of float16, piece by piece as float32, with the rows that it is.

    Pieces are smaller where more than d numbers are computed of a row: `width`.
    """
    n_bytes = working_memory() // SHARE
    size = min(rows_within(n_bytes, x), max(1, n_bytes // (4 * max(1, width))))
    for start in range(0, len(x), size):
        rows = slice(start, min(start + size, len(x)))
        yield rows, np.asarray(x[rows], dtype=np.float32)


def rows_within(n_bytes: int, x: np.ndarray) -> int:
    """How many rows of x, as float32, so many bytes hold; at least one."""
    return max(1, n_bytes // (4 * max(1, x[:1].size)))


def fits(x: np.ndarray) -> bool:
    """Whether a copy in float32 takes no more than the working memory."""
    return fits_shape(*x.shape)


def fits_shape(n: int, d: int) -> bool:
    """Whether n rows of d numbers in float32 take no more than the working memory."""
    return 4 * n * d <= working_memory()


def is_long(x: np.ndarray) -> bool:
    """Whether k-means and PCA read it in chunks and never hold a copy."""
    return len(x) > LARGE or not fits(x)


def group_means(x: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The means (c, d), float32, of the rows (n, d) of each group; groups are numbered from 0, without gaps (n,)."""
    from scipy.sparse import csr_matrix

    sizes = np.bincount(groups)
    sums = np.zeros((len(sizes), x.shape[1]))
    for rows, piece in read(x):
        there, present = np.unique(groups[rows], return_inverse=True)
        pick = csr_matrix((np.ones(len(present)), (present, np.arange(len(present)))), shape=(len(there), len(present)))
        sums[there] += pick @ piece
    return np.asarray(sums / sizes[:, None], dtype=np.float32)


def bad_rows(x: np.ndarray) -> np.ndarray:
    """The rows that hold NaN or infinity."""
    bad = [~np.isfinite(piece).all(axis=1) for _, piece in read(x)]
    return np.flatnonzero(np.concatenate(bad)) if bad else np.empty(0, int)

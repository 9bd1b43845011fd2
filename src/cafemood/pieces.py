"""Matrices that are too long to copy, read piece by piece."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

LARGE = 100_000
"""Above this many rows, k-means and PCA read the matrix in pieces and never hold a copy of it."""
PIECE = 32_768
"""Rows a piece."""


def read(x: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """A matrix (n, d), such as a memory map of float16, piece by piece as float32, with the rows that it is."""
    for start in range(0, len(x), PIECE):
        rows = slice(start, min(start + PIECE, len(x)))
        yield rows, np.asarray(x[rows], dtype=np.float32)


def is_long(x: np.ndarray) -> bool:
    """Whether no copy of it is to be made."""
    return len(x) > LARGE


def bad_rows(x: np.ndarray) -> np.ndarray:
    """The rows that hold NaN or infinity."""
    bad = [~np.isfinite(piece).all(axis=1) for _, piece in read(x)]
    return np.flatnonzero(np.concatenate(bad)) if bad else np.empty(0, int)

"""Rows that are judged, and what is computed of them once: their squared distances, and the digest that names them."""

from __future__ import annotations

import hashlib
import threading
from functools import cached_property

import numpy as np

from cafemood.clustering.kmeans import kmeans
from cafemood.clustering.lloyd import MOST_ROWS, kmeans_of_distances, pays, squared_distances
from cafemood.core import chunks

_last: dict[str, np.ndarray] = {}
_lock = threading.Lock()


class JudgedRows:
    """The rows of one space.

    Args:
        rows: The rows (n, d), any float type.
    """

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows

    @classmethod
    def of(cls, rows: np.ndarray | JudgedRows) -> JudgedRows:
        """Rows as they are, or a matrix (n, d) as rows."""
        return rows if isinstance(rows, JudgedRows) else cls(rows)

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def squared(self) -> np.ndarray:
        """Their squared distances (n, n), not to be written to; only of `MOST_ROWS` rows or fewer.

        Those of the last rows stay in memory: the next job of a sweep has the same.
        """
        with _lock:
            if self.digest not in _last:
                _last.clear()
                _last[self.digest] = squared_distances(np.asarray(self.rows, dtype=np.float32))
            return _last[self.digest]

    def prepare(self) -> None:
        """Compute what k-means needs, with all threads, before several k-means share it."""
        if pays(*self.rows.shape):
            self.squared  # noqa: B018

    def squared_of(self, rows: np.ndarray) -> np.ndarray:
        """The squared distances (m, m) of some of them, which may come twice."""
        if len(self) > MOST_ROWS:
            return squared_distances(np.asarray(self.rows[rows], dtype=np.float32))
        every = len(rows) == len(self) and np.array_equal(rows, np.arange(len(self)))
        return self.squared if every else self.squared[np.ix_(rows, rows)]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of their shape and their numbers in float32."""
        digest = hashlib.sha256(str(self.rows.shape).encode())
        for _, piece in chunks.read(self.rows):
            digest.update(np.ascontiguousarray(piece).data)
        return digest.hexdigest()

    def kmeans_labels(self, k: int, seed: int, n_init: int = 10) -> np.ndarray:
        """Cluster (n,) of each row by k-means."""
        n, d = self.rows.shape
        if pays(n, d):
            return kmeans_of_distances(self.squared, k, seed, n_init, n_columns=d).labels
        return np.asarray(kmeans(self.rows, k, seed, n_init).labels_)

"""The matched filter: what a text says of a photo beside what all photos and all words have in common.

Photos of cafés share much, and so do texts about them: a text scores high on a photo that shows something else of its
topic. Taking that as clutter with the second moments of photos and words, the vector that best tells a text t from
clutter is S^-1 t (the adaptive matched filter: Robey, Fuhrmann, Kelly and Nitzberg, IEEE Transactions on Aerospace and
Electronic Systems 28(1), 1992, eq. 13), with S loaded on its diagonal so that few photos or words give a filter, too
(Carlson, "Covariance Matrix Estimation Errors and Diagonal Loading in Adaptive Arrays", same journal 24(4), 1988).
Where most photos show a thing, it is clutter itself: the filter is a second view, not the only one (`calibration`).
"""

from __future__ import annotations

import numpy as np

from cafemood.core import chunks

PHOTOS_WEIGHT = 3.0
"""Weight of the photos' clutter; that of the words, and of the loading, is 1. Chosen on other seeds than those that
docs/words.md reports."""


def matched_filter(photos: np.ndarray, words: np.ndarray) -> np.ndarray:
    """The filter (d, d), float32, of unit vectors of photos (n, d) and of words about them (v, d)."""
    clutter = np.eye(photos.shape[1])
    return np.asarray(np.linalg.inv(clutter + PHOTOS_WEIGHT * _clutter(photos) + _clutter(words)), dtype=np.float32)


def filtered(texts: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Texts (t, d) through the filter, as unit vectors."""
    seen = texts @ matrix
    return np.asarray(seen / np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def _clutter(rows: np.ndarray) -> np.ndarray:
    """Sum of the squares of rows (n, d), as a matrix (d, d); its unit is their mean variance in a direction."""
    squares, total = np.zeros((rows.shape[1],) * 2), np.zeros(rows.shape[1])
    for _, piece in chunks.read(rows):
        piece = piece.astype(np.float32)
        squares += piece.T @ piece
        total += piece.sum(axis=0, dtype=np.float64)
    variance = (np.trace(squares) - (total @ total) / max(len(rows), 1)) / rows.shape[1]
    return squares / max(float(variance), 1e-9)

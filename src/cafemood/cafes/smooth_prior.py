"""What may be liked before anyone was asked: a smooth utility over the space of cafés, from the cafés' own spread.

The utility is a Gaussian process with a squared-exponential kernel, so that a taste may have one favourite spot, two,
or a direction (Chu and Ghahramani, "Preference Learning with Gaussian Processes", ICML 2005). Its leading
eigenvectors over the cafés (Williams and Seeger, NIPS 2001) make it linear: u(x) = φ(x)·w with w ~ N(0, σ² I). A page
can then do with a few numbers a café.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from cafemood.errors import TasteError

LENGTH = 0.8
"""Length of the kernel, in units of the cafés' root mean square distance to their middle."""
N_FEATURES = 24
"""Eigenvectors at most."""
_LANDMARKS = 1_500
"""Of more cafés, the eigenvectors are taken from so many, drawn at random."""
_LEAST = 1e-7
_BLOCK = 4_096
"""Places whose kernel with the landmarks is held at once."""


class SmoothPrior:
    """Features φ of places, in which the utility is linear.

    Args:
        length: See `LENGTH`.
        n_features: See `N_FEATURES`.

    Attributes:
        features_: φ of the places that it was learnt from (n, r), mean squared length 1 after their mean was taken off:
            a utility is measured from the average café.
    """

    def __init__(self, length: float = LENGTH, n_features: int = N_FEATURES) -> None:
        self.length, self.n_features = length, n_features

    def fit(self, points: np.ndarray) -> Self:
        """Learn the features from the cafés' places (n, d).

        Raises:
            TasteError: There are fewer than two, or they all lie on one spot.
        """
        points = np.asarray(points, dtype=np.float64)
        self._middle = points.mean(axis=0) if len(points) else np.zeros(points.shape[1])
        away = points - self._middle
        self._spread = float(np.sqrt((away**2).sum(axis=1).mean())) if len(points) > 1 else 0.0
        if self._spread < 1e-9:
            why = "there is only one" if len(points) < 2 else "all of them look the same"
            fix = "use a run of more cafés"
            raise TasteError("There is nothing to choose from: cafés must differ", why=why, fix=fix)
        chosen = np.arange(len(points))
        if len(points) > _LANDMARKS:
            chosen = np.sort(np.random.default_rng(0).choice(len(points), _LANDMARKS, replace=False))
        self._landmarks = away[chosen] / self._spread
        kernel = self._kernel(self._landmarks)
        self._means = kernel.mean(axis=0)
        centered = kernel - self._means - self._means[:, None] + self._means.mean()
        values, vectors = np.linalg.eigh(centered)
        values, vectors = values[::-1][: self.n_features], vectors[:, ::-1][:, : self.n_features]
        kept = values > _LEAST * values[0]
        vectors = vectors[:, kept] * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(kept.size)])[kept]
        self._map, self._shift, self._scale = vectors / np.sqrt(values[kept]), np.zeros(int(kept.sum())), 1.0
        features = self.of(points)
        self._shift = features.mean(axis=0)
        self._scale = 1 / float(np.sqrt(((features - self._shift) ** 2).sum(axis=1).mean()))
        self.features_ = (features - self._shift) * self._scale
        return self

    def of(self, points: np.ndarray) -> np.ndarray:
        """φ of places (m, d): float64 (m, r)."""
        away = (np.asarray(points, dtype=np.float64) - self._middle) / self._spread
        found = np.empty((len(away), self._map.shape[1]))
        for first in range(0, len(away), _BLOCK):
            kernel = self._kernel(away[first : first + _BLOCK])
            found[first : first + _BLOCK] = ((kernel - self._means) @ self._map - self._shift) * self._scale
        return found

    def _kernel(self, x: np.ndarray) -> np.ndarray:
        from scipy.spatial.distance import cdist

        return np.exp(-cdist(x, self._landmarks, "sqeuclidean") / (2 * self.length**2))

"""Principal components in the space of a kernel: what lets straight directions between cafés bend."""

from __future__ import annotations

from typing import Self

import numpy as np

from cafemood.clustering.reduction import components_in_chunks, similarities
from cafemood.core import chunks

LANDMARKS = 1000
"""Photos, drawn at random, that all others are compared with: with as many or fewer the kernel PCA is exact."""
_LEAST_SHARE = 1e-10


class RbfComponents:
    """Kernel PCA (Schölkopf, Smola and Müller, Neural Computation 1998) of rows of length 1, by landmarks.

    The kernel is exp(-g |a - b|²), with 1 / g the median squared distance of two landmarks; its space is spanned by
    the landmarks (Nyström's method: Williams and Seeger, NeurIPS 2000). Rows have length 1 (Garcia-Romero
    and Espy-Wilson, "Analysis of i-vector length normalization", Interspeech 2011).

    Args:
        n_components: Components at most.
        random_state: Seed of the landmarks.

    Attributes:
        landmarks_: Rows (m, p).
        gamma_: g.
        components_: (q, m): similarities to the landmarks times this, less `offset_` (q,), are the components.
    """

    def __init__(self, n_components: int, random_state: int = 0) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, z: np.ndarray) -> Self:
        """Learn from rows (n, p) around zero; of more than `chunks.LARGE` from a quarter of that, drawn at random."""
        from scipy.spatial.distance import pdist
        from sklearn.kernel_approximation import Nystroem

        rng = np.random.default_rng(self.random_state)
        if len(z) > chunks.LARGE:
            z = z[np.sort(rng.choice(len(z), chunks.LARGE // 4, replace=False))]
        units = _unit(z[np.sort(rng.choice(len(z), min(LANDMARKS, len(z)), replace=False))])
        squared = pdist(units, "sqeuclidean")
        apart = squared[squared > 1e-12]
        self.gamma_ = 1 / float(np.median(apart)) if len(apart) else 1.0
        nystroem = Nystroem(gamma=self.gamma_, n_components=len(units), random_state=self.random_state).fit(units)
        most = min(self.n_components, len(units))
        found = components_in_chunks(z, most, lambda piece: nystroem.transform(_unit(piece)), 2 * len(units))
        kept = found.explained_variance_ratio_ > _LEAST_SHARE  # the others are rounding
        kept[0] = True
        self.landmarks_ = nystroem.components_
        self.components_ = found.components_[kept] @ nystroem.normalization_
        self.offset_ = found.components_[kept] @ found.mean_
        return self

    def transform(self, z: np.ndarray) -> np.ndarray:
        """Components (n, q), float32, of rows (n, p)."""
        found = np.empty((len(z), len(self.components_)), np.float32)
        for rows, piece in chunks.read(z, 2 * len(self.landmarks_)):
            alike = similarities(piece.astype(np.float64), self.landmarks_, self.gamma_)
            found[rows] = alike @ self.components_.T - self.offset_
        return found


def _unit(z: np.ndarray) -> np.ndarray:
    from sklearn.preprocessing import normalize

    return np.asarray(normalize(z.astype(np.float64)))

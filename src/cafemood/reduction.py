"""The spaces a clustering happens in and is shown in: the features themselves, or their PCA."""

from __future__ import annotations

import numpy as np

from cafemood.errors import ClusteringError


class NoReduction:
    """Cluster in the feature space itself."""

    name = "none"
    space = "features"

    def fit_transform(self, features: np.ndarray) -> np.ndarray:
        """Return the features (n, d) as they are."""
        return features

    def tensors(self) -> dict[str, np.ndarray]:
        """Nothing needs to be kept."""
        return {}


class PCAReduction:
    """Principal components by scikit-learn's PCA.

    Args:
        n_components: How many.
        random_state: Seed of the randomized solver.
    """

    name = "pca"

    def __init__(self, n_components: int = 2, random_state: int = 0) -> None:
        self.n_components, self.random_state = n_components, random_state
        self.space = f"pca{n_components}"

    def fit_transform(self, features: np.ndarray) -> np.ndarray:
        """Project the features (n, d) to (n, n_components).

        Raises:
            ClusteringError: More components are asked for than rows or columns exist.
        """
        from sklearn.decomposition import PCA

        if not 1 <= self.n_components <= min(features.shape):
            raise ClusteringError(
                f"PCA cannot give {self.n_components} components",
                where="reduce.n_components",
                why=f"the features are {features.shape[0]} photos x {features.shape[1]} columns",
                fix=f"take 1 to {min(features.shape)}",
            )
        self._pca = PCA(self.n_components, random_state=self.random_state).fit(features)
        return np.ascontiguousarray(self._pca.transform(features), dtype=np.float32)

    @property
    def explained(self) -> float:
        """Share of the variance that is kept, 0 to 1."""
        return float(self._pca.explained_variance_ratio_.sum())

    def tensors(self) -> dict[str, np.ndarray]:
        """What `project` needs for new photos."""
        return {
            "pca.mean": self._pca.mean_.astype(np.float32),
            "pca.components": self._pca.components_.astype(np.float32),
        }


def project(features: np.ndarray, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """Apply a stored reduction to features (n, d)."""
    if "pca.components" not in tensors:
        return features
    return (features - tensors["pca.mean"]) @ tensors["pca.components"].T


def display_plane(features: np.ndarray) -> tuple[np.ndarray, float]:
    """PCA-2 for the map: coordinates (n, 2) and the share of variance they keep."""
    pca = PCAReduction(min(2, *features.shape))
    plane = pca.fit_transform(features)
    if plane.shape[1] < 2:
        plane = np.hstack([plane, np.zeros((len(plane), 2 - plane.shape[1]), dtype=np.float32)])
    return plane, pca.explained if np.isfinite(pca.explained) else 0.0

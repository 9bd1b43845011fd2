"""The spaces a clustering happens in and is shown in: the features themselves, or their PCA."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from cafemood.core import chunks
from cafemood.errors import ClusteringError


class NoReduction(TransformerMixin, BaseEstimator):
    """Cluster in the feature space itself: a transformer that changes nothing."""

    name = "none"
    space = "features"
    n_components = None

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Do nothing: there is nothing to learn."""
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the features (n, d) as they are."""
        return X

    def fit_transform(self, X: np.ndarray, y: Any = None) -> np.ndarray:
        """Return the features (n, d) as they are."""
        return X

    def tensors(self) -> dict[str, np.ndarray]:
        """Nothing needs to be kept."""
        return {}


class PCAReduction(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Principal components by scikit-learn's PCA in float64; in chunks where the matrix is too long to copy.

    Args:
        n_components: How many.
        random_state: Seed of the randomized solver.

    Attributes:
        mean_: Mean of the rows (d,).
        components_: Principal axes (n_components, d).
        explained_variance_ratio_: Share of the variance of each component (n_components,).
    """

    name = "pca"

    def __init__(self, n_components: int = 2, random_state: int = 0) -> None:
        self.n_components = n_components
        self.random_state = random_state

    @property
    def space(self) -> str:
        """The clustering space's name."""
        return f"pca{self.n_components}"

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Learn the components of the features (n, d).

        Raises:
            ClusteringError: More components are asked for than rows or columns exist.
        """
        from sklearn.decomposition import PCA

        x = self._checked(X, reset=True)
        if not 1 <= self.n_components <= min(x.shape):
            raise ClusteringError(
                f"PCA cannot give {self.n_components} components",
                where="reduce.n_components",
                why=f"the features are {x.shape[0]} photos x {x.shape[1]} columns",
                fix=f"take 1 to {min(x.shape)}",
            )
        if chunks.is_long(x):
            pca: Any = components_in_chunks(x, self.n_components)
            self.mean_ = pca.mean_
        else:
            # float64, and around zero: in float32 the last digits would be the processor's, and lost far from zero
            mean = x.mean(axis=0, dtype=np.float64)
            with np.errstate(invalid="ignore"):  # equal rows: of no variance no share is kept
                pca = PCA(self.n_components, random_state=self.random_state, copy=False).fit(x - mean)
            self.mean_ = pca.mean_ + mean
        self.components_ = pca.components_
        self.explained_variance_ratio_ = pca.explained_variance_ratio_
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Project the features (n, d) to (n, n_components), in float32."""
        check_is_fitted(self)
        x = self._checked(X, reset=False)
        projected = np.empty((len(x), self.n_components), np.float32)
        for rows, chunk in chunks.read(x):
            projected[rows] = (chunk - self.mean_) @ self.components_.T
        return projected

    @property
    def explained(self) -> float:
        """Share of the variance that is kept, 0 to 1."""
        return float(self.explained_variance_ratio_.sum())

    def tensors(self) -> dict[str, np.ndarray]:
        """What `project` needs for new photos."""
        return {
            "pca.mean": self.mean_.astype(np.float32),
            "pca.components": self.components_.astype(np.float32),
        }

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.n_components

    def _checked(self, X: Any, *, reset: bool) -> np.ndarray:
        if isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind == "f" and X.size:
            if reset:
                self.n_features_in_ = X.shape[1]
            if X.shape[1] == self.n_features_in_ and (chunks.is_long(X) or not len(chunks.bad_rows(X))):
                return X
        return np.asarray(validate_data(self, X, reset=reset, dtype=[np.float64, np.float32]))


@dataclass(frozen=True)
class Components:
    """What scikit-learn's PCA would have learnt, under its names."""

    mean_: np.ndarray
    components_: np.ndarray
    explained_variance_ratio_: np.ndarray


def components_in_chunks(
    x: np.ndarray, n_components: int, of: Callable[[np.ndarray], np.ndarray] | None = None, width: int = 0
) -> Components:
    """Exact principal components of x (n, d) from its covariance, summed up in float64 over one pass.

    Memory is d² and a chunk of rows, whatever n. Signs as scikit-learn's: each component's largest loading
    is positive.

    Args:
        x: Rows.
        n_components: How many.
        of: What is computed of rows (m, d) first: (m, d'), of which the components are.
        width: Numbers that it computes of a row.
    """
    computed = of or (lambda chunk: chunk)
    shift = np.asarray(computed(np.asarray(x[:1]))[0], dtype=np.float64)  # any row near the mean keeps the sums small
    n, d = len(x), len(shift)
    total, products = np.zeros(d), np.zeros((d, d))
    for _, chunk in chunks.read(x, width):
        moved = computed(chunk).astype(np.float64) - shift
        total += moved.sum(axis=0)
        products += moved.T @ moved
    mean = total / n
    values, vectors = np.linalg.eigh((products - n * np.outer(mean, mean)) / (n - 1))
    values, components = values[::-1].clip(0), vectors[:, ::-1].T
    components = components * np.sign(components[np.arange(d), np.abs(components).argmax(axis=1)])[:, None]
    share = values / values.sum() if values.sum() > 0 else np.full(d, np.nan)
    kept = slice(n_components)
    return Components(mean + shift, components[kept], share[kept])


def project(features: np.ndarray, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """Apply a stored reduction to features (n, d); `rows.unit` among its tensors: of rows scaled to length 1."""
    if "pca.components" not in tensors:
        return features
    if "rows.unit" in tensors:
        length = np.linalg.norm(features, axis=1, keepdims=True)
        features = features / np.where(length > 0, length, 1)
    z = (features - tensors["pca.mean"]) @ tensors["pca.components"].T
    if "kernel.landmarks" not in tensors:
        return z
    alike = similarities(z, tensors["kernel.landmarks"], float(tensors["kernel.gamma"][0]))
    return np.asarray(alike @ tensors["kernel.components"].T - tensors["kernel.offset"])


def similarities(z: np.ndarray, landmarks: np.ndarray, gamma: float) -> np.ndarray:
    """exp(-gamma |a - b|²) of rows (n, p), scaled to length 1, and landmarks (m, p) of length 1: (n, m)."""
    from sklearn.metrics.pairwise import rbf_kernel
    from sklearn.preprocessing import normalize

    return np.asarray(rbf_kernel(normalize(z), landmarks, gamma=gamma))


def display_plane(features: np.ndarray) -> tuple[np.ndarray, float]:
    """PCA-2 for the map: coordinates (n, 2) and the share of variance they keep."""
    pca = PCAReduction(min(2, *features.shape))
    plane = pca.fit_transform(features)
    if plane.shape[1] < 2:
        plane = np.hstack([plane, np.zeros((len(plane), 2 - plane.shape[1]), dtype=np.float32)])
    return plane, pca.explained if np.isfinite(pca.explained) else 0.0

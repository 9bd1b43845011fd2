"""Pipelines (reduction and method, from features to labels) that nulls and refits fit again on other rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cafemood.clustering.kmeans import kmeans, nearest_center
from cafemood.clustering.lloyd import kmeans_of_distances, pays, principal_coordinates
from cafemood.clustering.reduction import PCAReduction
from cafemood.clustering.stored import assign

MAX_ROWS = 2000
"""A null sees this many rows at most, drawn at random."""


@dataclass(frozen=True)
class KMeansPipeline:
    """Reduction and k-means, from features to labels: what is run again on nulls and on resampled cafés.

    Args:
        k: Clusters.
        n_components: Of the PCA before it; None: no reduction.
        n_init: Starts.
    """

    k: int
    n_components: int | None = None
    n_init: int = 3

    @property
    def space(self) -> str:
        """The name of the clustering space."""
        return "features" if self.n_components is None else f"pca{self.n_components}"

    def __call__(self, features: np.ndarray, rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Fit on some rows, and give every row of `features` (n, d) a label.

        Returns:
            Labels (n,) and the rows in the clustering space (n, d').
        """
        x = features
        if self.n_components is not None:
            reduction = PCAReduction(min(self.n_components, *features[rows].shape))
            reduction.fit_transform(features[rows])
            tensors = reduction.tensors()
            x = (features - tensors["pca.mean"]) @ tensors["pca.components"].T
        model = kmeans(x[rows], self.k, seed, self.n_init)
        return nearest_center(x, model.cluster_centers_), x

    def reduced(self, x: np.ndarray, products: np.ndarray | None = None) -> np.ndarray:
        """Rows (n, d) in the clustering space (n, d'), up to a turn, in float32.

        Args:
            x: The rows.
            products: Their `inner_products` (n, n), if they are known.
        """
        if self.n_components is None:
            return x
        n_components = min(self.n_components, *x.shape)
        if products is not None:
            return principal_coordinates(products, n_components)
        from sklearn.decomposition import PCA

        with np.errstate(invalid="ignore"):  # equal rows: of no variance no share is kept
            return np.asarray(PCA(n_components, iterated_power=4, random_state=0).fit_transform(x))

    def of_all(self, z: np.ndarray, squared: np.ndarray | None, seed: int) -> np.ndarray:
        """Labels (n,) of all rows, in float32 throughout.

        Args:
            z: The rows in the clustering space (n, d'), in any orthogonal basis: the labels are the same in each.
            squared: Their squared distances (n, n), if they are known.
            seed: Of the starts.
        """
        if squared is not None and pays(*z.shape):
            return kmeans_of_distances(squared, self.k, seed, self.n_init, n_columns=z.shape[1]).labels
        return np.asarray(kmeans(z, self.k, seed, self.n_init).labels_)


@dataclass(frozen=True)
class MethodPipeline:
    """A whole method, training included, as a pipeline for `stability`: as dear as the run itself, each time.

    Args:
        method: A clusterer, such as a run's; each refit has a new one with its parameters, and without its loggers.
        n_components: Of the PCA before it; None: no reduction.
    """

    method: Any
    n_components: int | None = None

    def __call__(self, features: np.ndarray, rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Fit on some rows, and give every row of `features` (n, d) a label (n,) and its place (n, d')."""
        settings = self.method.get_params() | {"random_state": seed}
        method = type(self.method)(**settings | ({"logger": False} if "logger" in settings else {}))
        x, tensors = features[rows], {}
        if self.n_components is not None:
            reduction = PCAReduction(min(self.n_components, *x.shape))
            x, tensors = reduction.fit_transform(x), reduction.tensors()
        fitted = method.fit(x).clustering(x)
        probabilities, z = assign(features, {"centers": fitted.centers} | fitted.tensors | tensors, method.name)
        return probabilities.argmax(axis=1), z

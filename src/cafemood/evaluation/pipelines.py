"""Pipelines (reduction and method, from features to labels) that nulls and refits fit again on other rows."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from cafemood.clustering.assign import assign
from cafemood.clustering.kmeans import kmeans, nearest_center
from cafemood.clustering.reduction import PCAReduction
from cafemood.clustering.rows import MatrixDataModule

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


@dataclass(frozen=True)
class MethodPipeline:
    """A whole method, training included, as a pipeline for `stability`: as dear as the run itself, each time.

    Args:
        method: A clusterer with `fit`; it is copied for each refit.
        n_components: Of the PCA before it; None: no reduction.
        options: What its `fit` takes besides the data.
        batch_size: Of the data.
    """

    method: Any
    n_components: int | None
    options: dict[str, Any]
    batch_size: int = 256

    def __call__(self, features: np.ndarray, rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Fit on some rows, and give every row of `features` (n, d) a label (n,) and its place (n, d')."""
        method = copy.deepcopy(self.method)
        method.random_state = seed
        x, tensors = features[rows], {}
        if self.n_components is not None:
            reduction = PCAReduction(min(self.n_components, *x.shape))
            x, tensors = reduction.fit_transform(x), reduction.tensors()
        clustering = method.fit(MatrixDataModule(x, batch_size=self.batch_size, seed=seed), **self.options)
        probabilities, z = assign(features, {"centers": clustering.centers} | clustering.tensors | tensors)
        return probabilities.argmax(axis=1), z

"""Baselines on the same features: plain k-means in each space that the method uses."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from tqdm import tqdm

from cafemood.clustering.base import Clustering
from cafemood.clustering.kmeans import kmeans
from cafemood.clustering.reduction import PCAReduction


@dataclass(frozen=True)
class Baseline:
    """A cheap system on the same features, run from several seeds."""

    name: str
    labels: list[np.ndarray]


def baselines(features: np.ndarray, clustering: Clustering, k: int, *, n_seeds: int = 10) -> list[Baseline]:
    """Plain k-means from `n_seeds` seeds: on the features, and in the method's own starting spaces.

    For DEC and IDEC these are the autoencoder's embedding and a PCA of the same width.
    """
    spaces = {"k-means on the features": features}
    for name, z0 in clustering.baseline_spaces.items():
        width = min(z0.shape[1], *features.shape)
        spaces[f"PCA-{width} + k-means"] = PCAReduction(width).fit_transform(features)
        spaces[name] = z0
    labels = [
        kmeans(x, k, seed).labels_
        for x, seed in tqdm(list(product(spaces.values(), range(n_seeds))), "baselines", unit="fit", leave=False)
    ]
    return [Baseline(name, labels[i * n_seeds : (i + 1) * n_seeds]) for i, name in enumerate(spaces)]

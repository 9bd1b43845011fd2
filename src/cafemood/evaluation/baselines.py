"""Baselines on the same features: plain k-means in each space that the method uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cafemood.clustering.base import Clustering
from cafemood.clustering.reduction import PCAReduction
from cafemood.core import chunks
from cafemood.core.parallel import on_all_cores
from cafemood.evaluation.judged import JudgedRows
from cafemood.evaluation.store import JudgingStore


@dataclass(frozen=True)
class Baseline:
    """A cheap system on the same features, run from several seeds.

    Attributes:
        name: What it is.
        labels: Cluster of each photo (n,), a seed each.
        n_reused: How many of them were read from the store.
    """

    name: str
    labels: list[np.ndarray]
    n_reused: int = 0


def baselines(
    features: np.ndarray | JudgedRows,
    clustering: Clustering,
    k: int,
    *,
    n_seeds: int = 10,
    store: JudgingStore | None = None,
    plain: bool = False,
) -> list[Baseline]:
    """Plain k-means from `n_seeds` seeds: on the features, and in the method's own starting spaces.

    For DEC and IDEC these are the autoencoder's embedding and a PCA of the same width.

    Args:
        features: Backbone outputs (n, d).
        clustering: The result; it names its starting spaces.
        k: Clusters.
        n_seeds: Seeds of each.
        store: Keeps the labels, which the method has no part in, for other runs.
        plain: The result is a k-means on the features itself, which is not set beside itself.
    """
    judged, store = JudgedRows.of(features), store or JudgingStore(None)
    found = [] if plain else [_baseline("k-means on the features", judged, k, n_seeds, store)]
    for name, z0 in clustering.baseline_spaces.items():
        width = min(z0.shape[1], *judged.rows.shape)
        reduced = JudgedRows(PCAReduction(width).fit_transform(judged.rows))
        found.append(_baseline(f"PCA-{width} + k-means", reduced, k, n_seeds, store))
        found.append(_baseline(name, JudgedRows(z0), k, n_seeds, store))
    return found


def _baseline(name: str, space: JudgedRows, k: int, n_seeds: int, store: JudgingStore) -> Baseline:
    recipes = [{"rows": space.digest, "k": k, "seed": seed} for seed in range(n_seeds)]
    long = chunks.is_long(space.rows)  # it goes through the rows with all threads

    def make(seeds: Sequence[int]) -> list[dict[str, np.ndarray]]:
        space.prepare()
        jobs = [(k, seed) for seed in seeds]
        labels = on_all_cores(space.kmeans_labels, jobs, "baselines", parallel=not long)
        return [{"labels": of_seed.astype(np.int32)} for of_seed in labels]

    found = store.several("baselines", recipes, [["labels"]] * n_seeds, make)
    return Baseline(name, [arrays["labels"] for arrays, _ in found], sum(reused for _, reused in found))

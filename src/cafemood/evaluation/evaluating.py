"""`evaluate`: scores and findings of a fitted clusterer, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cafemood.clustering.kmeans import KMeans
from cafemood.clustering.reduction import display_plane
from cafemood.evaluation.assessment import Evaluation, assess
from cafemood.evaluation.baselines import baselines
from cafemood.evaluation.judged import JudgedRows
from cafemood.evaluation.resampling import ReliabilityOptions


def evaluate(
    clusterer: Any,
    X: np.ndarray,
    *,
    cafes: Sequence[str] | None = None,
    truth: Sequence[str | None] | None = None,
    resamples: int | str = "auto",
    n_nulls: int = 20,
    baseline_seeds: int = 10,
    seed: int = 0,
) -> Evaluation:
    """Score a fitted clusterer on the rows that it was fitted to, beside null models, refits and baselines.

    Args:
        clusterer: Fitted, such as `DEC(4).fit(X)`.
        X: The same rows (n, d).
        cafes: Café of each row, if known: refits leave out cafés, and clusters of one café are named.
        truth: Ground-truth label of each row, if there is one; used for external scores and nowhere else.
        resamples: Refits; `auto`: 20 of a k-means, none of a training.
        n_nulls: Null models of each kind.
        baseline_seeds: Seeds of each baseline.
        seed: Of all that is random here.

    Raises:
        sklearn.exceptions.NotFittedError: The clusterer is not fitted.
        ValueError: X has another number of rows than it was fitted to.
    """
    rows = np.asarray(X, dtype=np.float32)
    clustering = clusterer.clustering(rows)
    if len(clustering.labels) != len(rows):
        raise ValueError(f"X has {len(rows)} rows, but the clusterer was fitted to {len(clustering.labels)}")
    plane, _ = display_plane(rows)
    judged = JudgedRows(rows)
    compared = baselines(
        judged, clustering, clusterer.n_clusters, n_seeds=baseline_seeds, plain=isinstance(clusterer, KMeans)
    )
    options = ReliabilityOptions.of(clusterer, clusterer.n_clusters, None, resamples, n_nulls=n_nulls, seed=seed)
    return assess(judged, plane, clustering, compared, options, truth=truth, cafes=cafes)

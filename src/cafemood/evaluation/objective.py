"""A label-free score that a single run has, for an optimiser: C · sqrt(S · L).

The score that `cafemood compare` sorts by is made from several runs: an optimiser needs a number as soon as a run is
done, and one that later runs do not change. S is the stability of the run's own refits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cafemood.evaluation.cafe_evidence import adjusted_cafe_information, grouped
from cafemood.evaluation.nulls import null_lift
from cafemood.evaluation.pipelines import KMeansPipeline
from cafemood.evaluation.selection import sampled
from cafemood.evaluation.store import JudgingStore

LEAST_LIFT = 1e-4
"""L at least: below it, S and C still say which of two is better."""


def objective(
    features: np.ndarray,
    labels: np.ndarray,
    stability: float,
    cafes: Sequence[str] | None = None,
    *,
    held_out: float | None = None,
    n_nulls: int = 3,
    seed: int = 0,
    store: JudgingStore | None = None,
) -> float:
    """C · sqrt(S · L) of one run, 0 to 1. Runs on the same features compare; a silhouette is of one space.

    C is `adjusted_cafe_information` (1 where no two photos share a café), S the mean ARI of the refits, and L the lift
    of silhouette@features above the harder null of a k-means.

    Args:
        features: Features of the photos (n, d).
        labels: Cluster of each photo (n,).
        stability: Mean ARI of the run's refits on resampled cafés or photos.
        cafes: Café of each photo (n,), if known.
        held_out: C of a run that learnt from café ids, on cafés that it did not learn from.
        n_nulls: Nulls of each kind.
        seed: Of the sample, the nulls and their starts.
        store: Keeps what the nulls score, for other runs on the same rows.
    """
    rows = np.sort(sampled(len(labels), seed))
    x, labels = np.ascontiguousarray(features[rows], dtype=np.float32), np.asarray(labels)[rows]
    k = len(np.unique(labels))
    if not 1 < k < len(x):
        return 0.0
    null = null_lift(x, labels, {}, KMeansPipeline(k), n_nulls, max_rows=1000, seed=seed, store=store)
    lift = null["silhouette@features"]["lift"]
    venues = grouped(None if cafes is None else [str(cafe) for cafe in np.asarray(cafes)[rows]])
    told = held_out
    if told is None:
        told = 1.0 if venues is None else adjusted_cafe_information(labels, venues)
    return float(max(told, 0.0) * np.sqrt(max(stability, 0.0) * max(float(np.nan_to_num(lift)), LEAST_LIFT)))

"""Judge a clustering: internal scores named with their space, a null beside them, and external ones if labels exist."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn import metrics

MAX_ROWS = 10_000
"""Above this, internal scores are computed on a sample drawn from every cluster alike, and say so."""

N_NULLS = 10


@dataclass(frozen=True)
class Sample:
    """The rows that internal scores are computed on, with what says so when they are not all."""

    rows: np.ndarray
    n: int

    @property
    def facts(self) -> dict[str, Any] | None:
        """None if all rows are taken."""
        how = "drawn from every cluster in proportion"
        return {"n": len(self.rows), "of": self.n, "how": how} if len(self.rows) < self.n else None


def sample_rows(labels: np.ndarray, *, max_rows: int = MAX_ROWS, seed: int = 0) -> Sample:
    """All rows, or `max_rows` of them drawn per cluster in proportion to its size (at least one each)."""
    n = len(labels)
    if n <= max_rows:
        return Sample(np.arange(n), n)
    rng = np.random.default_rng(seed)
    rows = [
        rng.choice(members, max(1, round(len(members) * max_rows / n)), replace=False)
        for members in (np.flatnonzero(labels == j) for j in np.unique(labels))
    ]
    return Sample(np.sort(np.concatenate(rows)), n)


def silhouettes(x: np.ndarray, labels: np.ndarray, *, precomputed: bool = False) -> np.ndarray:
    """Silhouette of each row (n,); NaN where it is undefined (one cluster, or every row its own).

    Args:
        x: Rows (n, d), or their distances (n, n) if `precomputed`.
        labels: Cluster of each row (n,).
        precomputed: Whether `x` holds distances.
    """
    if not 2 <= len(np.unique(labels)) < len(labels):
        return np.full(len(labels), np.nan)
    return metrics.silhouette_samples(x, labels, metric="precomputed" if precomputed else "euclidean")


def internal(x: np.ndarray, labels: np.ndarray, space: str, *, distances: np.ndarray | None = None) -> dict[str, float]:
    """Silhouette (mean over photos, and over clusters), share of negatives, Davies-Bouldin, Calinski-Harabasz.

    Args:
        x: Rows in the space (n, d).
        labels: Cluster of each row (n,).
        space: Its name; every key ends in `@space`.
        distances: Their Euclidean distances (n, n) if they are known already.

    Returns:
        NaN for what is undefined.
    """
    each = silhouettes(x if distances is None else distances, labels, precomputed=distances is not None)
    defined = not np.isnan(each).all()
    macro = np.mean([each[labels == j].mean() for j in np.unique(labels)])
    return {
        f"silhouette@{space}": float(each.mean()),
        f"silhouette_macro@{space}": float(macro),
        f"negative_share@{space}": float((each < 0).mean()) if defined else float("nan"),
        f"davies_bouldin@{space}": float(metrics.davies_bouldin_score(x, labels)) if defined else float("nan"),
        f"calinski_harabasz@{space}": float(metrics.calinski_harabasz_score(x, labels)) if defined else float("nan"),
    }


def external(truth: Sequence[str], labels: np.ndarray) -> dict[str, float]:
    """Accuracy (best one-to-one matching), NMI (arithmetic), AMI and ARI against a ground truth.

    With more clusters than classes, or fewer, the surplus is matched to nothing.
    """
    _, classes = np.unique(np.asarray(truth, dtype=str), return_inverse=True)
    table = metrics.cluster.contingency_matrix(classes, labels)
    rows, columns = linear_sum_assignment(-table)
    return {
        "accuracy": float(table[rows, columns].sum() / len(labels)),
        "nmi": float(metrics.normalized_mutual_info_score(classes, labels)),
        "ami": float(metrics.adjusted_mutual_info_score(classes, labels)),
        "ari": float(metrics.adjusted_rand_score(classes, labels)),
    }


def plane_null(
    features: np.ndarray,
    pipeline: Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]],
    *,
    n_nulls: int = N_NULLS,
    max_rows: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """What a 2-d silhouette is worth: the score that structureless data of this shape gets.

    Every column of the features is permuted by itself (which leaves each column's values and destroys
    what links them) and goes through the pipeline. Above `max_rows` photos a sample is taken. Pure
    noise in a plane scores about 0.3, whatever it is.

    Args:
        features: The real features (n, d).
        pipeline: From features and a seed to the plane (n, 2) and the labels (n,).
        n_nulls: How many nulls.
        max_rows: Rows of a null at most.
        seed: Of the sample and the permutations.

    Returns:
        `mean`, `sd`, `n` (nulls with a defined score; with none or one, `mean` or `sd` is NaN) and `how`.
    """
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(features), min(len(features), max_rows), replace=False)
    found = [float(silhouettes(*pipeline(rng.permuted(features[rows], axis=0), i)).mean()) for i in range(n_nulls)]
    how = f"k-means in the PCA-2 plane of {len(rows)} rows with every column permuted"
    defined = [score for score in found if np.isfinite(score)]
    mean = float(np.mean(defined)) if defined else float("nan")
    sd = float(np.std(defined, ddof=1)) if len(defined) > 1 else float("nan")
    return {"mean": mean, "sd": sd, "n": len(defined), "how": how}


def mean_and_sd(found: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Mean and sample standard deviation of each score over seeds."""
    return {
        name: {
            "mean": float(np.mean([scores[name] for scores in found])),
            "sd": float(np.std([scores[name] for scores in found], ddof=1)) if len(found) > 1 else float("nan"),
        }
        for name in found[0]
    }

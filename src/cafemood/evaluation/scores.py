"""Scores of a labelling: internal ones named with their space, external ones against labels, and those of its cafés."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import pdist
from sklearn import metrics

MAX_ROWS = 10_000
"""Above this, internal scores are computed on a sample drawn from every cluster alike, and say so."""

DUPLICATE_COSINE = 0.98
"""Photos of one café whose features are nearer than this show the same thing twice."""


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
        NaN for what is undefined: all of it with one cluster, or with every row its own; Davies-Bouldin where two
        clusters have the same mean; Calinski-Harabasz where no rows of a cluster differ.
    """
    values = silhouettes(x if distances is None else distances, labels, precomputed=distances is not None)
    defined = not np.isnan(values).all()
    clusters = [x[labels == j] for j in np.unique(labels)]
    macro = np.mean([values[labels == j].mean() for j in np.unique(labels)])
    # scikit-learn says 0 and 1 where these two divide by zero: the best there is, and as good as chance
    apart = defined and _least_gap(clusters) > 1e-8 * float(np.abs(x).max())
    loose = defined and any((rows != rows[0]).any() for rows in clusters)
    return {
        f"silhouette@{space}": float(values.mean()),
        f"silhouette_macro@{space}": float(macro),
        f"negative_share@{space}": float((values < 0).mean()) if defined else float("nan"),
        f"davies_bouldin@{space}": float(metrics.davies_bouldin_score(x, labels)) if apart else float("nan"),
        f"calinski_harabasz@{space}": float(metrics.calinski_harabasz_score(x, labels)) if loose else float("nan"),
    }


def _least_gap(clusters: Sequence[np.ndarray]) -> float:
    """The distance of the two nearest means of clusters, each (m, d)."""
    return float(pdist(np.stack([rows.mean(axis=0, dtype=np.float64) for rows in clusters])).min())


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


def same_cafe_lift(
    labels: np.ndarray, cafes: Sequence[str], features: np.ndarray, *, n_permutations: int = 500, seed: int = 0
) -> dict[str, Any] | None:
    """Lift of one café's photos: how much more often than any two photos they fall into one group.

    P(same cluster | same café) / P(same cluster), over pairs; 1 is chance. Near-duplicates (photos of one café
    whose features have a cosine above `DUPLICATE_COSINE`) count once, or they alone would make it large. The p
    value is the share of permutations of the labels over all photos that reach it, as (1 + reached) / (1 + drawn).

    Args:
        labels: Cluster of each photo (n,).
        cafes: Café of each photo (n,).
        features: Backbone outputs (n, d), to find near-duplicates.
        n_permutations: Permutations drawn.
        seed: Of the permutations.

    Returns:
        `ratio`, `p`, `n_photos`, `n_duplicates`, `n_cafes` (with two photos or more); None where no café has two.
    """
    ids = np.unique(np.asarray(cafes), return_inverse=True)[1]
    kept = _without_near_duplicates(ids, features)
    ids, labels_kept = np.unique(ids[kept], return_inverse=True)[1], labels[kept]
    sizes = np.bincount(ids)
    pairs = float((sizes * (sizes - 1)).sum())
    if not pairs:
        return None
    k = int(labels_kept.max()) + 1

    def together(chosen: np.ndarray) -> float:
        counts = np.bincount(ids * k + chosen, minlength=len(sizes) * k)
        return float((counts * (counts - 1)).sum()) / pairs

    totals = np.bincount(labels_kept)
    chance = float((totals * (totals - 1)).sum()) / (len(labels_kept) * (len(labels_kept) - 1))
    rng = np.random.default_rng(seed)
    observed = together(labels_kept)
    reached = sum(together(rng.permutation(labels_kept)) >= observed for _ in range(n_permutations))
    return {
        "ratio": observed / chance if chance else float("nan"),
        "p": (1 + reached) / (1 + n_permutations),
        "n_photos": len(labels_kept),
        "n_duplicates": len(labels) - len(labels_kept),
        "n_cafes": int((sizes > 1).sum()),
    }


def _without_near_duplicates(cafes: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Rows that are no near-duplicate of an earlier row of their café."""
    kept = np.ones(len(cafes), dtype=bool)
    order = np.argsort(cafes, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(cafes[order])) + 1):
        x = np.asarray(features[rows], dtype=np.float32)
        x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
        if len(rows) > 1:
            kept[rows] = ~(np.tril(x @ x.T, -1) > DUPLICATE_COSINE).any(axis=1)
    return np.flatnonzero(kept)


def dominant_cafe_share(labels: np.ndarray, cafes: Sequence[str]) -> list[dict[str, Any]]:
    """Dominant café of each cluster: its share, and the effective number of cafés exp(H).

    Args:
        labels: Cluster of each photo (n,).
        cafes: Café of each photo (n,).
    """
    shares = []
    for j in np.unique(labels):
        names, counts = np.unique(np.asarray(cafes)[labels == j], return_counts=True)
        share = counts / counts.sum()
        shares.append(
            {
                "cluster": int(j),
                "n_photos": int(counts.sum()),
                "largest_cafe": str(names[counts.argmax()]),
                "largest_share": float(share.max()),
                "effective_cafes": float(np.exp(-(share * np.log(share)).sum())),
            }
        )
    return shares


def mean_and_sd(by_seed: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Mean and sample standard deviation of each score over seeds."""
    return {
        name: {
            "mean": float(np.mean([scores[name] for scores in by_seed])),
            "sd": float(np.std([scores[name] for scores in by_seed], ddof=1)) if len(by_seed) > 1 else float("nan"),
        }
        for name in by_seed[0]
    }

"""Scores of a labelling: internal ones named with their space, external ones against labels, and those of its cafés."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import pdist, squareform
from sklearn import metrics

from cafemood.clustering.lloyd import squared_distances

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


def silhouettes(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Silhouette of each row (n,) in float64; NaN where it is undefined (one cluster, or every row its own).

    Args:
        x: Rows (n, d).
        labels: Cluster of each row (n,).
    """
    if not _has_silhouette(labels):
        return np.full(len(labels), np.nan)
    return metrics.silhouette_samples(x, labels, metric="euclidean")


def silhouettes_of_distances(squared: np.ndarray, labelings: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Silhouettes (n,) of each of several labellings of the same rows, whose distances are looked at once.

    Args:
        squared: Squared Euclidean distances (n, n).
        labelings: Cluster of each row (n,), one or more times.
    """
    coded = [np.unique(labels, return_inverse=True)[1] for labels in labelings]
    found = []
    for codes, sums in zip(coded, _sums(squared, coded, np.sqrt), strict=True):
        sizes, every = np.bincount(codes), np.arange(len(codes))
        if not _has_silhouette(codes):
            found.append(np.full(len(codes), np.nan))
            continue
        own = sums[every, codes] / np.maximum(sizes[codes] - 1, 1)
        others = sums / sizes
        others[every, codes] = np.inf
        nearest = others.min(axis=1)
        larger = np.maximum(own, nearest)
        apart = (sizes[codes] > 1) & (larger > 0)  # a cluster of one counts 0, as in scikit-learn
        found.append(np.divide(nearest - own, larger, out=np.zeros(len(codes)), where=apart))
    return found


def _has_silhouette(labels: np.ndarray) -> bool:
    return 2 <= len(np.unique(labels)) < len(labels)


def _sums(
    squared: np.ndarray, coded: Sequence[np.ndarray], of: Callable[[np.ndarray], np.ndarray] | None = None
) -> list[np.ndarray]:
    """For each labelling, the sums (n, k), float64, of each row's entries at each cluster's rows.

    Args:
        squared: Squared distances (n, n).
        coded: Clusters from 0, without gaps.
        of: What is taken of the squared distances first.
    """
    ends = np.cumsum([0, *(int(codes.max()) + 1 for codes in coded)])
    members = np.zeros((len(squared), int(ends[-1])), np.float32)
    for start, codes in zip(ends, coded, strict=False):
        members[np.arange(len(codes)), start + codes] = 1
    whole = np.empty(members.shape)
    size = max(1, 2**22 // max(1, len(squared)))
    for start in range(0, len(squared), size):
        some = squared[start : start + size]
        whole[start : start + size] = (some if of is None else of(some)) @ members
    return [whole[:, start:end] for start, end in pairwise(ends)]


def internal(x: np.ndarray, labels: np.ndarray, space: str) -> dict[str, float]:
    """Silhouette (mean over photos, and over clusters), share of negatives, Davies-Bouldin, Calinski-Harabasz.

    Args:
        x: Rows in the space (n, d).
        labels: Cluster of each row (n,).
        space: Its name; every key ends in `@space`.

    Returns:
        NaN for what is undefined: all of it with one cluster, or with every row its own; Davies-Bouldin where two
        clusters have the same mean; Calinski-Harabasz where no rows of a cluster differ.
    """
    return internal_of_all(x, squared_distances(x), [labels], space)[0]


def internal_of_all(
    x: np.ndarray, squared: np.ndarray, labelings: Sequence[np.ndarray], space: str
) -> list[dict[str, float]]:
    """`internal` of several labellings (n,) of rows (n, d) whose squared distances (n, n) are known."""
    values = silhouettes_of_distances(squared, labelings)
    coded = [np.unique(labels, return_inverse=True)[1] for labels in labelings]
    return [
        _internal(x, codes, sums, of_rows, space)
        for codes, sums, of_rows in zip(coded, _sums(squared, coded), values, strict=True)
    ]


def _internal(x: np.ndarray, codes: np.ndarray, sums: np.ndarray, values: np.ndarray, space: str) -> dict[str, float]:
    """The internal scores from the silhouettes (n,) and the sums of squared distances (n, k)."""
    sizes, (n, k) = np.bincount(codes), sums.shape
    defined = not np.isnan(values).all()
    macro = np.mean(np.bincount(codes, values) / sizes)
    members = np.eye(k)[codes]
    between = members.T @ sums  # of each two clusters, the sum over their pairs of rows
    within = np.diag(between) / (2 * sizes)  # of each, the sum of squared distances to its mean
    from_mean = np.maximum(sums[np.arange(n), codes] / sizes[codes] - (within / sizes)[codes], 0) ** 0.5
    spread = np.bincount(codes, from_mean) / sizes
    variance = within / sizes
    gaps = np.maximum(between / np.outer(sizes, sizes) - variance[:, None] - variance, 0) ** 0.5
    np.fill_diagonal(gaps, np.inf)
    scale = float(between.sum()) / n**2
    if k > 1 and gaps.min() ** 2 < 1e-4 * scale:  # the difference of nearly equal numbers: take the means themselves
        means = np.stack([x[codes == j].mean(axis=0, dtype=np.float64) for j in range(k)])
        gaps = squareform(pdist(means))
        np.fill_diagonal(gaps, np.inf)
    # scikit-learn says 0 and 1 where these two divide by zero: the best there is, and as good as chance
    apart = defined and float(gaps.min()) > 1e-8 * float(np.abs(x).max())
    loose = defined and float(within.sum()) > 0
    davies_bouldin = float(((spread[:, None] + spread) / gaps).max(axis=1).mean()) if apart else float("nan")
    inside, total = float(within.sum()), float(between.sum()) / (2 * n)
    calinski_harabasz = (total - inside) * (n - k) / (inside * (k - 1)) if loose else float("nan")
    return {
        f"silhouette@{space}": float(values.mean()),
        f"silhouette_macro@{space}": float(macro),
        f"negative_share@{space}": float((values < 0).mean()) if defined else float("nan"),
        f"davies_bouldin@{space}": davies_bouldin,
        f"calinski_harabasz@{space}": calinski_harabasz,
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


def same_cafe_lift(
    labels: np.ndarray,
    cafes: Sequence[str],
    features: np.ndarray,
    *,
    rows: np.ndarray | None = None,
    n_permutations: int = 500,
    seed: int = 0,
) -> dict[str, Any] | None:
    """Lift of one café's photos: how much more often than any two photos they fall into one group.

    P(same cluster | same café) / P(same cluster), over pairs; 1 is chance. Near-duplicates (photos of one café
    whose features have a cosine above `DUPLICATE_COSINE`) count once, or they alone would make it large. The p
    value is the share of permutations of the labels over all photos that reach it, as (1 + reached) / (1 + drawn).

    Args:
        labels: Cluster of each photo (n,).
        cafes: Café of each photo (n,).
        features: Backbone outputs (n, d), to find near-duplicates.
        rows: Where only some photos are judged: their rows of the features (n,), of which nothing is copied.
        n_permutations: Permutations drawn.
        seed: Of the permutations.

    Returns:
        `ratio`, `p`, `n_photos`, `n_duplicates`, `n_cafes` (with two photos or more); None where no café has two.
    """
    ids = np.unique(np.asarray(cafes), return_inverse=True)[1]
    kept = _without_near_duplicates(ids, features, np.arange(len(ids)) if rows is None else rows)
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


def _without_near_duplicates(cafes: np.ndarray, features: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Photos that are no near-duplicate of an earlier one of their café."""
    kept = np.ones(len(cafes), dtype=bool)
    order = np.argsort(cafes, kind="stable")
    for photos in np.split(order, np.flatnonzero(np.diff(cafes[order])) + 1):
        x = np.asarray(features[rows[photos]], dtype=np.float32)
        x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
        if len(photos) > 1:
            kept[photos] = ~(np.tril(x @ x.T, -1) > DUPLICATE_COSINE).any(axis=1)
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

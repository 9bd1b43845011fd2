"""What the cafés say of clusterings: the information of a photo's café about its cluster, and how sure it is.

Photos of one café share a mood more often than not. `adjusted_cafe_information` tells it in units of the clusters'
entropy, and loses little where two moods are merged. Among clusterings of several k it is taken in units that a true
grouping would share with all of them, and what cannot be told from 0 does not count against a clustering (`evidence`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

N_RESAMPLES = 100


def adjusted_cafe_information(labels: np.ndarray, cafes: np.ndarray) -> float:
    """Mutual information of cafés and clusters beyond chance, over the clusters' entropy: 0 by chance, 1 at most.

    (I − E[I]) / (H(labels) − E[I]): AMI's adjustment (Vinh, Epps and Bailey, JMLR 2010, eq. 10) in units of the
    labels' entropy. AMI's own unit, the mean of both entropies, is mostly that of the many cafés: no grouping comes
    near 1, and more clusters come nearer. A cluster with more than half of its photos from one café is that café and
    no mood: its photos count as without information.

    Args:
        labels: Cluster of each photo (n,).
        cafes: Café of each, as integers (n,).
    """
    return float(informations(labels, cafes, np.ones((1, int(cafes.max()) + 1)))[0])


def informations(labels: np.ndarray, cafes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """`adjusted_cafe_information` of several samples of the cafés (b,).

    Args:
        labels: Cluster of each photo (n,).
        cafes: Café of each, as integers (n,).
        counts: How often each café is in each sample (b, n_cafes).
    """
    table = contingency_matrix(labels, cafes)
    used = np.unique(cafes)
    table = table[2 * table.max(axis=1) <= table.sum(axis=1)]
    there = table.any(axis=0)
    table, counts = table[:, there], counts[:, used[there]].astype(float)
    if len(table) < 2:
        return np.zeros(len(counts))
    n, sizes = int(table.sum()), table.sum(axis=0)
    expected = expected_mutual_information(table, n)
    sums = counts @ table.T  # (b, clusters)
    total = np.maximum(sums.sum(axis=1), 1e-12)
    entropies = _entropies(sums)
    information = entropies - counts @ (sizes * _entropies(table.T)) / total
    most = entropies - expected
    share = n / len(labels)
    return np.asarray(np.where(most > 1e-9, share * (information - expected) / np.maximum(most, 1e-9), 0.0))


def resamples(cafes: np.ndarray, n: int, seed: int) -> np.ndarray:
    """How often each café is in each of n bootstraps of the cafés (n, n_cafes)."""
    n_cafes = int(cafes.max()) + 1
    return np.random.default_rng(seed).multinomial(n_cafes, np.full(n_cafes, 1 / n_cafes), n)


def evidence(information: np.ndarray, sampled: np.ndarray, labels: Sequence[np.ndarray]) -> np.ndarray:
    """What the cafés say of each clustering, C + σ, 0 or more (s, m).

    C = 2 I / (H + H̄), I the information in nats, H the clustering's entropy and H̄ the mean over clusterings: the
    normalised mutual information with a grouping of that entropy, where cafés tell all of it. σ is the median over
    clusterings of C's standard deviation over bootstraps of the cafés: as long as C is within its error, it decides
    nothing.

    Args:
        information: `adjusted_cafe_information` of each in s samples (s, m).
        sampled: The same in bootstraps of the cafés (b, m).
        labels: Clusters of each (n,).
    """
    entropies = np.array([_entropies(np.bincount(np.unique(one, return_inverse=True)[1])[None])[0] for one in labels])
    unit = 2 * entropies / np.maximum(entropies + entropies.mean(), 1e-12)
    error = float(np.median((sampled * unit).std(axis=0, ddof=1)))
    return np.asarray(np.clip(information * unit, 0, None) + max(error, 1e-6))


def _entropies(sums: np.ndarray) -> np.ndarray:
    """Entropy of each row's shares (nats)."""
    shares = sums / np.maximum(sums.sum(axis=1, keepdims=True), 1e-12)
    return np.asarray(-(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1))


def grouped(cafes: Sequence[str] | None) -> np.ndarray | None:
    """Cafés as integers (n,); None where there is one, or one photo of each: nothing to compare."""
    if cafes is None:
        return None
    found = np.unique(np.asarray(cafes), return_inverse=True)[1]
    return None if np.bincount(found).max() < 2 or found.max() == 0 else found

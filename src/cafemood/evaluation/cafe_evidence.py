"""What the cafés say of clusterings: their information, how sure it is, and what it says of clusterings that are alike.

Photos of one café share a mood more often than not. The information c_i that a photo's café has about its cluster is
measured on a sample of cafés, and has an error. With agreement A (AMI) as the covariance of what clusterings are worth,

    c = β s + g + e,    g ~ N(0, τ² A),    e_i ~ N(0, v_i),

with v_i the variance of c_i over bootstraps of the cafés, s the score without cafés, and β ≥ 0: where the cafés do not
bear it out, β is 0, and it counts for nothing. The estimate of β s + g is the score with cafés (best
linear unbiased prediction; Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, eq. 2.25 and 2.38).
τ² is the one of greatest likelihood.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import cho_factor, cho_solve
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


def predicted(
    measured: np.ndarray, resampled: np.ndarray, agreement: np.ndarray, prior: np.ndarray | None
) -> np.ndarray:
    """What each clustering is worth by the cafés (m,), told from its own information and that of those like it.

    Args:
        measured: Information of each (m,).
        resampled: The same of bootstraps of the cafés (b, m).
        agreement: AMI of each pair (m, m).
        prior: Score of each without cafés (m,); None: unknown.
    """
    values, vectors = np.linalg.eigh(np.clip((agreement + agreement.T) / 2, 0, None))
    alike = (vectors * np.clip(values, 1e-6, None)) @ vectors.T
    spread = np.diag(resampled.var(axis=0, ddof=1) + 1e-8)
    scale = max(float(np.mean(measured**2)), 1e-9)
    best, found = -np.inf, measured
    for variance in scale * np.logspace(-3, 2, 26):
        factor = cho_factor(variance * alike + spread)
        trend = np.zeros(len(measured))
        if prior is not None and prior.any():
            inverse = cho_solve(factor, prior)
            trend = max(float(inverse @ measured / (inverse @ prior)), 0.0) * prior
        rest = measured - trend
        explained = cho_solve(factor, rest)
        likelihood = -0.5 * float(rest @ explained) - float(np.log(np.diag(factor[0])).sum())
        if likelihood > best:
            best, found = likelihood, trend + variance * alike @ explained
    return found


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

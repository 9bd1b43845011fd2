"""Shares of moods from few photos: a Dirichlet-multinomial whose prior is learnt from all cafés.

A café with two photos says little about itself; what it leaves open, the other cafés fill. Intervals are
the narrowest that hold the given probability of each share's posterior, a beta distribution.
"""

from __future__ import annotations

import numpy as np

INTERVAL = 0.9
"""The probability that an interval holds."""
UNKNOWN_CONCENTRATION = 2.0
"""Weight of the prior, in photos, where no café has two photos: how much cafés differ cannot be learnt then."""
_CONCENTRATIONS = (0.1, 1000.0)


def fit_prior(counts: np.ndarray) -> np.ndarray:
    """The Dirichlet prior (k,) that makes the cafés' counts most likely (empirical Bayes).

    Maximises the Dirichlet-multinomial likelihood (Minka, Estimating a Dirichlet distribution, 2000, eq. 57).

    Args:
        counts: Photos of each café in each mood (c, k).
    """
    from scipy.optimize import minimize
    from scipy.special import gammaln

    counts = np.asarray(counts, dtype=np.float64)
    mean = (counts.sum(axis=0) + 0.5) / (counts.sum() + 0.5 * counts.shape[1])
    several = counts[counts.sum(axis=1) >= 2]
    if not len(several):
        return UNKNOWN_CONCENTRATION * mean
    n = several.sum(axis=1)

    def loss(log_alpha: np.ndarray) -> float:
        alpha = np.exp(log_alpha)
        total = alpha.sum()
        each = gammaln(total) - gammaln(n + total) + (gammaln(several + alpha) - gammaln(alpha)).sum(axis=1)
        return -float(each.sum()) / len(several)

    low, high = np.log(_CONCENTRATIONS)
    start = np.log(UNKNOWN_CONCENTRATION * mean)
    bounds = [(low + np.log(m), high + np.log(m)) for m in mean]
    return np.exp(minimize(loss, np.clip(start, *np.array(bounds).T), method="L-BFGS-B", bounds=bounds).x)


def intervals(counts: np.ndarray, prior: np.ndarray, probability: float = INTERVAL) -> tuple[np.ndarray, np.ndarray]:
    """The narrowest interval of each share that holds `probability`.

    Args:
        counts: Photos of each café in each mood (c, k).
        prior: The Dirichlet prior (k,).
        probability: What the interval holds.

    Returns:
        The lower and the upper ends (c, k), between 0 and 1.
    """
    from scipy.stats import beta

    a = np.asarray(counts, dtype=np.float64) + prior
    b = a.sum(axis=1, keepdims=True) - a
    b = np.maximum(b, 1e-9)  # one mood only: the share is 1
    pairs, back = np.unique(np.stack([a, b]).reshape(2, -1), axis=1, return_inverse=True)  # many cafés have the same
    below = np.linspace(0, 1 - probability, 61)[:, None]  # the probability left out below the interval
    low, high = beta.ppf(below, *pairs), beta.ppf(below + probability, *pairs)
    best = (high - low).argmin(axis=0)[None]
    ends = [np.take_along_axis(each, best, 0)[0][back].reshape(a.shape) for each in (low, high)]
    return ends[0], ends[1]

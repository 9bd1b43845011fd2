"""What taps say of a taste: the posterior of a utility that is linear in the features of cafés.

Of the m photos of a question, photo i is tapped with the probability exp(u_i) / Σ exp(u_j) (Luce, "Individual Choice
Behavior", 1959; McFadden's multinomial logit, 1974), and with a fixed rate any of them, whatever the taste. The
posterior is Laplace's: a normal distribution around the most probable weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cafemood.cafes.draws import Draws

LAPSE = 0.15
"""Share of taps that say nothing: one that contradicts all others changes little."""
SPREAD = 1.5
"""Prior standard deviation of a café's utility, in the logit's units."""
FIFTH = 5
"""`chances` are those of being among the best fifth of the cafés."""
SAMPLES, SEED = 128, 0
"""Of the posterior, for them."""
_STEPS = 500
_CLOSE = 1e-11


@dataclass(frozen=True)
class Choice:
    """One of several was preferred.

    Attributes:
        options: Their features (m, r); a row of zeros is the average café.
        chosen: Which of them, from 0.
    """

    options: np.ndarray
    chosen: int

    @classmethod
    def of_one(cls, features: np.ndarray, liked: bool) -> Choice:
        """One place (r,) that is liked more than the average café, or less."""
        return cls(np.stack([features, np.zeros(len(features))]), 0 if liked else 1)


@dataclass(frozen=True)
class Taste:
    """The posterior of the weights: normal, around `mean` (r,), of precision `precision` (r, r)."""

    mean: np.ndarray
    precision: np.ndarray

    def utilities(self, features: np.ndarray) -> np.ndarray:
        """Expected utility (n,) of places with these features (n, r)."""
        return features @ self.mean

    def deviations(self, features: np.ndarray) -> np.ndarray:
        """Standard deviation (n,) of the same."""
        from scipy.linalg import solve_triangular

        lower = np.linalg.cholesky(self.precision)
        return np.sqrt((solve_triangular(lower, features.T, lower=True) ** 2).sum(axis=0))

    def samples(self, normal: np.ndarray) -> np.ndarray:
        """Weights drawn from the posterior (s, r), made of standard normal numbers (s, r)."""
        from scipy.linalg import solve_triangular

        lower = np.linalg.cholesky(self.precision)
        return self.mean + solve_triangular(lower, normal.T, lower=True, trans="T").T


def fit(choices: Sequence[Choice], n_features: int, *, lapse: float = LAPSE, spread: float = SPREAD) -> Taste:
    """The posterior after some choices; without any, the prior.

    Newton's method with Fisher's information as curvature, each choice weighted by the probability that it was none of
    the lapses (expectation maximisation), from the prior mean: equal choices give an equal taste.

    Args:
        choices: Any number.
        n_features: r.
        lapse: See `LAPSE`.
        spread: See `SPREAD`.
    """
    weights, at = np.zeros(n_features), _log_posterior(np.zeros(n_features), choices, lapse, spread)
    for _ in range(_STEPS):
        gradient, precision = _derivatives(weights, choices, lapse, spread)
        step, size = np.linalg.solve(precision, gradient), 1.0
        while size > 1e-6:
            then = _log_posterior(weights + size * step, choices, lapse, spread)
            if then >= at - 1e-12:
                break
            size /= 2
        weights, at = weights + size * step, then
        if np.abs(size * step).max(initial=0) < _CLOSE:
            break
    return Taste(weights, _derivatives(weights, choices, lapse, spread)[1])


def probabilities(utilities: np.ndarray, lapse: float = LAPSE) -> np.ndarray:
    """Which of m photos is tapped, by their utilities (m, ...): (m, ...)."""
    raised = np.exp(utilities - utilities.max(axis=0))
    return (1 - lapse) * raised / raised.sum(axis=0) + lapse / len(utilities)


def chances(features: np.ndarray, taste: Taste) -> np.ndarray:
    """Probability of each café (n,) that it is among the best fifth, over samples of the posterior."""
    drawn = features @ taste.samples(Draws(SEED).normal(SAMPLES, features.shape[1])).T
    best = -(-len(features) // FIFTH)
    least = np.partition(drawn, len(drawn) - best, axis=0)[len(drawn) - best]
    return (drawn >= least).mean(axis=1)


def _log_posterior(weights: np.ndarray, choices: Sequence[Choice], lapse: float, spread: float) -> float:
    value = -0.5 * float(weights @ weights) / spread**2
    for choice in choices:
        value += float(np.log(probabilities(choice.options @ weights, lapse)[choice.chosen]))
    return value


def _derivatives(
    weights: np.ndarray, choices: Sequence[Choice], lapse: float, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient (r,) and curvature (r, r) of the log posterior, the curvature positive definite."""
    gradient, precision = -weights / spread**2, np.eye(len(weights)) / spread**2
    for choice in choices:
        options = choice.options
        share = probabilities(options @ weights, 0.0)
        meant = (1 - lapse) * share[choice.chosen]
        meant = meant / (meant + lapse / len(options))
        away = options - share @ options
        gradient = gradient + meant * away[choice.chosen]
        precision = precision + meant * (away.T * share) @ away
    return gradient, precision

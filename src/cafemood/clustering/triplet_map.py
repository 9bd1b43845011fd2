"""TripletMap: a linear map of features in which the photos that people set apart lie apart.

Of the photos of a question people choose the one that is least like the others. With z = W x, the chance that photo i
is chosen is the softmax of -mean |z_j - z_k|², over the pairs of the other photos: for three photos the most alike
pair stays, as in Muttenthaler et al., "Human alignment of neural network representations", ICLR 2023
(https://arxiv.org/abs/2211.01201), who learn W too. W is held near a multiple of the identity, so that few answers
change little (the same authors, "Improving neural network representations using human similarity judgments",
NeurIPS 2023, https://arxiv.org/abs/2306.04507).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from cafemood.errors import ClusteringError

PENALTIES = (1.0, 0.1, 0.03, 0.01, 0.003, 0.001)
"""Weights of |W / a - I|² that are tried, in units of a question."""
UNTRAINED = float("inf")


class TripletMap(TransformerMixin, BaseEstimator):
    """A linear map learnt from which photo of some is least like the others.

    Args:
        penalty: Weight of |W / a - I|² beside the sum of the questions' log-losses over a hundred; infinite: W = a I.
        max_iter: Of L-BFGS.

    Attributes:
        scale_: a, with which the untrained features predict the answers best.
        map_: W (q, q).
        loss_: Mean log-loss of the questions it was fitted on.
    """

    def __init__(self, penalty: float = 0.03, max_iter: int = 100) -> None:
        self.penalty = penalty
        self.max_iter = max_iter

    def fit(self, X: np.ndarray, questions: Sequence[Sequence[int]]) -> Self:
        """Learn the map.

        Args:
            X: Rows of the photos (n, q).
            questions: Rows of the photos of each question, three or more; the chosen one first.

        Raises:
            ClusteringError: There are no questions, or one has fewer than three photos.
        """
        x = np.asarray(X, dtype=np.float64)
        asked = _Asked(x, questions)
        with threadpool_limits(1):  # small matrices: two threads took ten times as long beside other work
            self.scale_ = asked.best_scale()
            shape = np.eye(x.shape[1])
            scale = self.scale_
            if np.isfinite(self.penalty):
                scale = asked.firm(scale)
                shape = asked.best_shape(scale, self.penalty, shape, self.max_iter)
        self.map_ = scale * shape
        self.loss_ = asked.loss(self.map_)[0]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Rows (n, q) in the space of the map (n, q)."""
        check_is_fitted(self)
        return np.asarray(np.asarray(X, dtype=np.float64) @ self.map_.T)

    def predict(self, X: np.ndarray, questions: Sequence[Sequence[int]]) -> np.ndarray:
        """The place (t,) in each question of the photo that is most likely chosen."""
        z = self.transform(X)
        return np.array([odd_of(z[list(question)]) for question in questions], dtype=int)

    def score(self, X: np.ndarray, questions: Sequence[Sequence[int]]) -> float:
        """Share of the questions whose chosen photo, which stands first, is the most likely one."""
        return float(np.mean(self.predict(X, questions) == 0))

    def log_loss(self, X: np.ndarray, questions: Sequence[Sequence[int]]) -> float:
        """Mean log-loss of questions whose chosen photo stands first."""
        check_is_fitted(self)
        return _Asked(np.asarray(X, dtype=np.float64), questions).loss(self.map_)[0]

    def components(self, least: float = 0.01) -> np.ndarray:
        """The directions that matter: V with V'V near W'W (r, q), those left out hold under `least` of its trace."""
        check_is_fitted(self)
        _, spread, directions = np.linalg.svd(self.map_)
        rest = 1 - np.cumsum(spread**2) / max(float((spread**2).sum()), 1e-300)
        kept = int((rest > max(least, 1e-12)).sum()) + 1
        return np.asarray(spread[:kept, None] * directions[:kept])


def odd_of(z: np.ndarray) -> int:
    """Which of some points (m, r) is chosen: the one without which the others lie nearest each other."""
    gaps = ((z[:, None] - z[None]) ** 2).sum(axis=-1)
    total = gaps.sum() / 2
    return int(np.argmin(total - gaps.sum(axis=1)))


class _Asked:
    """Questions by their number of photos, with the differences of all pairs of photos."""

    def __init__(self, x: np.ndarray, questions: Sequence[Sequence[int]]) -> None:
        sizes = {len(question) for question in questions}
        if not sizes or min(sizes) < 3:
            why = "no question was answered" if not sizes else "a question has fewer than three photos"
            raise ClusteringError("No map can be learnt", where="TripletMap", why=why, fix="give answers to triplets")
        self.n = len(questions)
        self.groups: list[tuple[np.ndarray, np.ndarray]] = []
        for m in sorted(sizes):
            rows = np.array([list(question) for question in questions if len(question) == m])
            pairs = list(combinations(range(m), 2))
            without = np.array([[i not in pair for pair in pairs] for i in range(m)], dtype=float)
            first, second = np.array(pairs).T
            self.groups.append((x[rows[:, first]] - x[rows[:, second]], without / without.sum(axis=1, keepdims=True)))

    def __len__(self) -> int:
        return self.n

    def best_scale(self) -> float:
        """a: what the features say as they are, as sharply as fits the answers best; 0 where they say nothing."""
        from scipy.optimize import minimize_scalar

        identity = np.eye(self.groups[0][0].shape[-1])
        found = minimize_scalar(lambda power: self.loss(np.exp(power) * identity)[0], bounds=(-12, 12))
        return float(np.exp(found.x))

    def firm(self, scale: float) -> float:
        """A scale that W can be learnt from: pairs lie 1 apart at least, on the mean; at 0 no direction counts."""
        squared = np.concatenate([(apart**2).sum(axis=-1).ravel() for apart, _ in self.groups])
        return max(scale, 1 / np.sqrt(max(float(squared.mean()), 1e-300)))

    def best_shape(self, scale: float, penalty: float, start: np.ndarray, max_iter: int) -> np.ndarray:
        """V (q, q), with W = a V, from a start."""
        from scipy.optimize import minimize

        identity, weight = np.eye(len(start)), penalty * 100 / self.n

        def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
            v = flat.reshape(start.shape)
            loss, gradient = self.loss(scale * v)
            away = v - identity
            return loss + weight * float((away**2).sum()), (scale * gradient + 2 * weight * away).ravel()

        found = minimize(objective, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": max_iter})
        return np.asarray(found.x.reshape(start.shape))

    def loss(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        """Mean log-loss and its gradient (q, q) by W."""
        from scipy.special import log_softmax

        total, gradient = 0.0, np.zeros_like(w)
        for apart, without in self.groups:
            squared = ((apart @ w.T) ** 2).sum(axis=-1)  # (t, pairs)
            log_p = log_softmax(-squared @ without.T, axis=1)  # (t, m)
            total -= float(log_p[:, 0].sum())
            wrong = np.exp(log_p)
            wrong[:, 0] -= 1
            weight = -(wrong @ without)  # d loss / d squared
            flat = apart.reshape(-1, apart.shape[-1])
            gradient += 2 * w @ ((flat * weight.reshape(-1, 1)).T @ flat)
        return total / self.n, gradient / self.n


@dataclass(frozen=True)
class Held:
    """What questions say that a map was not fitted on.

    Attributes:
        losses: By penalty, the mean log-loss of each split (s,); the untrained map's penalty is infinite.
        right: By penalty, for each split, of each question judged, whether the most likely photo was chosen.
    """

    losses: dict[float, np.ndarray]
    right: dict[float, list[np.ndarray]]

    def best(self, without: int | None = None) -> float:
        """The penalty whose mean loss is least; the untrained map unless that one is better by two standard errors.

        Args:
            without: A split whose losses are not looked at.
        """
        losses = self.losses if without is None else {p: np.delete(each, without) for p, each in self.losses.items()}
        best = min(losses, key=lambda penalty: float(losses[penalty].mean()))
        gained = losses[UNTRAINED] - losses[best]
        error = gained.std(ddof=1) / np.sqrt(len(gained)) if len(gained) > 1 else np.inf
        return best if np.isfinite(best) and gained.mean() > 2 * error else UNTRAINED

    def chosen(self) -> list[np.ndarray]:
        """`right` of each split, by the penalty that the other splits choose."""
        return [self.right[self.best(without=s)][s] for s in range(len(self.right[UNTRAINED]))]


def cross_validated(
    X: np.ndarray,
    questions: Sequence[Sequence[int]],
    splits: Sequence[tuple[np.ndarray, np.ndarray]],
    penalties: Sequence[float] = PENALTIES,
    max_iter: int = 100,
) -> Held:
    """Judge each penalty on questions that it was not fitted on.

    Args:
        X: Rows of the photos (n, q).
        questions: The chosen photo first.
        splits: The questions that are fitted on, and those that are judged (indices).
        penalties: Those tried; the untrained map is always among them.
        max_iter: Of L-BFGS.
    """
    x = np.asarray(X, dtype=np.float64)
    tried = sorted(penalties, reverse=True)
    losses: dict[float, list[float]] = {penalty: [] for penalty in (*tried, UNTRAINED)}
    right: dict[float, list[np.ndarray]] = {penalty: [] for penalty in losses}
    with threadpool_limits(1):
        for fitted, judged in splits:
            train, test = (_Asked(x, [questions[i] for i in which]) for which in (fitted, judged))
            scale, shape = train.best_scale(), np.eye(x.shape[1])
            for penalty in (UNTRAINED, *tried):  # from stiff to free, each from the one before
                if np.isfinite(penalty):
                    scale = train.firm(scale)
                    shape = train.best_shape(scale, penalty, shape, max_iter)
                losses[penalty].append(test.loss(scale * shape)[0])
                z = x @ shape.T
                right[penalty].append(np.array([odd_of(z[list(questions[i])]) == 0 for i in judged]))
    return Held({penalty: np.array(each) for penalty, each in losses.items()}, right)

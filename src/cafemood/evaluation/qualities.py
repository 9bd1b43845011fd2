"""How good clusterings are by their agreement alone: each is judged by how far better ones bear it out.

If clusterings of different backbones err independently of each other, their agreement is a product, A_ij = q_i q_j, and
the qualities q follow from the table of agreements without any truth (Parisi, Strino, Nadler and Kluger, "Ranking and
combining multiple predictors without labeled data", PNAS 2014, eq. 5, for classifiers). The mean agreement of a run
punishes the best backbone, whose only judges are poorer ones; q doesn't.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MIN_WIDTH = 20
"""Fewer dimensions than these are no evidence for others: a plane agrees with a plane by chance of projection."""
UNTRAINED = "random"
"""The family of the backbone without training: no evidence for others where there are two others."""
_ROUNDS = 200


def witnesses(families: Sequence[str], widths: Sequence[int | None]) -> np.ndarray:
    """The weight of each clustering as evidence (m,): those of a family share one vote.

    Narrow ones have none, but where a family has no other. An untrained network has none beside two others: it sees
    brightness and colour, and agrees with whatever else sees them.

    Args:
        families: Family of each one's backbone.
        widths: Dimensions that a PCA left before it; None: the features as they are.
    """
    names, of = np.unique(np.asarray(families), return_inverse=True)
    wide = np.array([width is None or width >= MIN_WIDTH for width in widths])
    heard = wide | ~np.isin(of, of[wide])
    vote = heard / np.bincount(of, heard)[of]
    return np.asarray(np.where((names[of] == UNTRAINED) & (len(names) > 2), 0.0, vote))


def qualities(agreement: np.ndarray, families: Sequence[str], widths: Sequence[int | None]) -> np.ndarray | None:
    """Quality q of each clustering (m,), 0 to about 1: the rank-one fit of agreements between families.

    Least squares of A_ij − q_i q_j over pairs of different families, each weighted by both `witnesses`. With two
    families a fit says nothing of which is better: their mean squares are made equal.

    Args:
        agreement: Of each pair, such as AMI (m, m); less than 0 counts as 0.
        families: Family of each one's backbone.
        widths: Dimensions that a PCA left before it; None: the features as they are.

    Returns:
        None with one family.
    """
    names, of = np.unique(np.asarray(families), return_inverse=True)
    if len(names) < 2:
        return None
    vote = witnesses(families, widths)
    weight = vote[None, :] * (of[:, None] != of[None, :])
    table = weight * np.clip(agreement, 0, None)
    q = np.full(len(of), 0.5)
    for _ in range(_ROUNDS):
        least = table @ q / np.maximum(weight @ q**2, 1e-9)
        q = np.sqrt(np.maximum(least, 0) * q)  # half-way: whole steps can go to and fro between two families
    heard = [i for i in range(len(names)) if vote[of == i].any()]
    if len(heard) == 2:
        size = np.ones(len(names))
        size[heard] = [np.sqrt(np.sum(vote[of == i] * q[of == i] ** 2)) for i in heard]
        if size.all():
            size[heard] /= np.sqrt(size[heard].prod())
            q = q / size[of]
    return q


def other_truth(agreement: np.ndarray, families: Sequence[str], best: int, noise: float) -> tuple[int, int] | None:
    """Two runs that agree with each other on something else than the best run, or None.

    If there were one truth, two runs would agree less with each other than the better of them with the best run. Where
    both agree with each other by more than `noise` above what they agree with the best, they share a second one.

    Args:
        agreement: AMI of each pair (m, m).
        families: Family of each one's backbone; the two are of different ones, and neither is the best run's.
        best: The best supported run.
        noise: What a difference of two agreements may be by chance.
    """
    of = np.unique(np.asarray(families), return_inverse=True)[1]
    beyond = agreement - np.maximum(agreement[best][:, None], agreement[best][None, :])
    barred = (of[:, None] == of[None, :]) | (of == of[best])[:, None] | (of == of[best])[None, :]
    beyond = np.where(barred, -np.inf, beyond)
    i, j = np.unravel_index(int(beyond.argmax()), beyond.shape)
    return (min(int(i), int(j)), max(int(i), int(j))) if beyond[i, j] > noise else None

"""How good clusterings are by their agreement alone: each is judged by how far better ones bear it out.

If clusterings of different backbones err independently of each other, their agreement is a product, A_ij = q_i q_j, and
the qualities q follow from the table of agreements without any truth (Parisi, Strino, Nadler and Kluger, "Ranking and
combining multiple predictors without labeled data", PNAS 2014, eq. 5, for classifiers). The mean agreement of a run
punishes the best backbone, whose only judges are poorer ones; q doesn't.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

MIN_WIDTH = 20
"""Fewer dimensions than these are no evidence for others: a plane agrees with a plane by chance of projection."""
_ROUNDS = 200


def witnesses(
    families: Sequence[str],
    widths: Sequence[int | None],
    spaces: Sequence[str],
    made_in: Sequence[Any],
    trained: Sequence[bool],
) -> np.ndarray:
    """The weight of each clustering as evidence (m,): those of a space share one vote, as do the spaces of a family.

    Narrow ones have none, but where a family has no other. Spaces that no training has made (an untrained network,
    colours, edges) see brightness and palette, and agree with whatever else sees them: they have none beside trained
    ones, if these can bear each other out.

    Args:
        families: Family of each one's backbone.
        widths: Dimensions that a PCA left before it; None: the features as they are.
        spaces: Feature space of each one.
        made_in: What each was clustered in: the space, and its reduction.
        trained: Whether training has made the space of each one.
    """
    wide = np.array([width is None or width >= MIN_WIDTH for width in widths])
    of, space, made = (_codes(names) for names in (families, spaces, made_in))
    heard = wide | ~np.isin(of, of[wide])
    learnt = heard & np.asarray(trained, dtype=bool)
    if len(np.unique(made[learnt])) > 1:
        heard = learnt
    vote = np.zeros(len(of))
    for one in np.unique(space[heard]):
        rows = heard & (space == one)
        vote[rows] = 1 / rows.sum() / len(np.unique(space[heard & (of == of[rows][0])]))
    return vote


def _codes(names: Sequence[Any]) -> np.ndarray:
    """A number for each name (m,)."""
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return np.array([number[name] for name in names])


def qualities(agreement: np.ndarray, vote: np.ndarray, apart: Sequence[Any]) -> np.ndarray | None:
    """Quality q of each clustering (m,), 0 to about 1: the rank-one fit of agreements.

    Least squares of A_ij − q_i q_j, each j weighted by its vote, over pairs of different spaces: two of one space agree
    more than they are worth. With votes of two spaces alone a fit says nothing of which is better: their mean squares
    are made equal.

    Args:
        agreement: Of each pair, such as AMI (m, m); less than 0 counts as 0.
        vote: Of each, as `witnesses` tells (m,).
        apart: What each was clustered in: pairs of the same one are left out. The space, where several have votes;
            else the space and its reduction.

    Returns:
        None where all votes are of the same one.
    """
    made = _codes(apart)
    heard = np.unique(made[vote > 0])
    if len(heard) < 2:
        return None
    weight = vote[None, :] * (made[:, None] != made[None, :])
    table = weight * np.clip(agreement, 0, None)
    q = np.full(len(made), 0.5)
    for _ in range(_ROUNDS):
        least = table @ q / np.maximum(weight @ q**2, 1e-9)
        q = np.sqrt(np.maximum(least, 0) * q)  # half-way: whole steps can go to and fro between two kinds
    if len(heard) == 2:
        size = np.ones(made.max() + 1)
        size[heard] = [np.sqrt(np.sum(vote[made == i] * q[made == i] ** 2)) for i in heard]
        if size.all():
            size[heard] /= np.sqrt(size[heard].prod())
            q = q / size[made]
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

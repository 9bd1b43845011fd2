"""How sure a choice among clusterings is: what other cafés would have chosen, and whether there is one truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cafemood.evaluation.cafe_evidence import evidence, grouped, informations, resamples
from cafemood.evaluation.qualities import other_truth
from cafemood.evaluation.selection import Candidate, across_k, mean_of_means, sampled, with_cafes, without_cafes

N_RESAMPLES = 40
_ALIKE = 2.0
"""Standard deviations that a second truth's agreement is above the first's."""


@dataclass(frozen=True)
class Sureness:
    """How often each candidate is first on other cafés, and two that agree on something else than the first.

    Attributes:
        shares: Share of the bootstraps in which each has the best score (m,); of photos, where cafés are unknown.
        second: Two candidates of a second truth; None: there is none to be seen.
        unit: What was resampled: `café` or `photo`.
    """

    shares: np.ndarray
    second: tuple[int, int] | None
    unit: str


def sureness(candidates: Sequence[Candidate], cafes: Sequence[str] | None, *, seed: int = 0) -> Sureness | None:
    """Score the candidates again on bootstraps of the cafés, without fitting anything again; None without any score.

    Args:
        candidates: As `selection.choose` takes them.
        cafes: Café of each photo (n,), if known.
        seed: Of the bootstraps.
    """
    rows = sampled(len(candidates[0].labels), seed)
    labels = [candidate.labels[rows] for candidate in candidates]
    groups = grouped(None if cafes is None else np.asarray(cafes)[rows])
    units = np.arange(len(rows)) if groups is None else groups
    counts = resamples(units, N_RESAMPLES, seed)
    near_ks = across_k(candidates)
    told = None
    if groups is not None:
        sampled_information = np.array([informations(one, groups, counts) for one in labels]).T  # (b, m)
        means = sampled_information.mean(axis=0)
        held = [m if c.held_out is None else c.held_out for c, m in zip(candidates, means, strict=True)]
        told = evidence(sampled_information + (held - means), sampled_information, labels)
    first = np.zeros(len(candidates))
    tables = []
    for b, count in enumerate(counts):
        table = weighted_agreement(labels, count[units].astype(float))
        stable = [mean_of_means([[table[i, j] for j in js] for js in near]) for i, near in enumerate(near_ks)]
        scores = without_cafes(candidates, table, stable)
        if told is not None:
            scores = with_cafes(told[b], scores)
        if scores is None:
            return None
        first[int(np.argmax(scores))] += 1
        tables.append(table)
    shares, noise = first / len(counts), float(np.std(tables, axis=0).mean())
    best = int(shares.argmax())
    return Sureness(
        shares,
        other_truth(np.mean(tables, axis=0), [c.family for c in candidates], best, _ALIKE * noise),
        "photo" if groups is None else "café",
    )


def weighted_agreement(labels: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """AMI of each pair (m, m), all tables in one product.

    E[I] is its first term, (k − 1)(l − 1) / 2n (Miller, 1955), with n the rows that count, (Σw)² / Σw²: a mutual
    information of many pairs takes a hundredth of scikit-learn's time, and differs in the third decimal.

    Args:
        labels: Cluster of each row (n,), of m clusterings.
        weights: How often each row counts (n,).
    """
    codes = [np.unique(one, return_inverse=True)[1] for one in labels]
    sizes = np.array([code.max() + 1 for code in codes])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    member = np.zeros((len(weights), int(sizes.sum())), np.float32)
    for start, code in zip(starts, codes, strict=True):
        member[np.arange(len(code)), start + code] = 1
    shares = (member.T @ (member * weights[:, None].astype(np.float32))).astype(float) / weights.sum()
    own = np.diag(shares)
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = np.where(shares > 0, shares * np.log(shares / np.outer(own, own)), 0.0)
    information = np.add.reduceat(np.add.reduceat(bits, starts, axis=0), starts, axis=1)
    used = np.add.reduceat((own > 0).astype(float), starts)
    expected = np.outer(used - 1, used - 1) * np.square(weights).sum() / (2 * weights.sum() ** 2)
    entropy = np.diag(information)
    middle = (entropy[:, None] + entropy[None, :]) / 2 - expected
    table = np.where(np.outer(used > 1, used > 1), (information - expected) / np.maximum(middle, 1e-9), 0.0)
    np.fill_diagonal(table, 1)
    return np.asarray(np.clip(table, -1, 1))

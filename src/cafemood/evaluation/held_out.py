"""How well photos of other cafés tell which mood they were given: for moods that no refit makes again.

Stability asks whether a method finds the same groups in other photos. What a person did by hand has no method. What can
be asked is whether somebody else could sort the rest alike: moods are learnt from some cafés (the mean of each, as a
nearest-mean classifier) and given to the photos of the others, and the two are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import pairwise_distances_argmin
from sklearn.model_selection import GroupKFold

from cafemood.core import chunks
from cafemood.evaluation.findings import Finding

N_FOLDS, N_SPLITS, N_PERMUTED = 5, 10, 20
"""Folds of a split, splits that are averaged, and permutations of the labels for the null."""
MAX_ROWS = 4000
"""Above this, whole cafés are drawn until there are as many photos."""


def agreement(
    features: np.ndarray, labels: np.ndarray, cafes: Sequence[str] | None = None, *, seed: int = 0
) -> dict[str, Any] | None:
    """Recall of each mood by cross-validation, and that of moods that were dealt at random.

    Args:
        features: The photos (n, d).
        labels: The mood of each (n,), from 0; none is empty.
        cafes: The café of each: its photos are learnt from or asked about together. None: each photo by itself.
        seed: Of the splits and the permutations.

    Returns:
        `mean` and `sd` (over the splits) of the mean recall (balanced accuracy), `recall` of each mood (None: no photo
        of it was drawn), `null` (`mean`, `sd` of the same with permuted labels), `z`, and `unit`; None where there are
        fewer cafés (photos) than folds.
    """
    x, labels = np.asarray(features, dtype=np.float32), np.asarray(labels)
    n_moods = int(labels.max()) + 1
    units = np.arange(len(x)) if cafes is None else np.unique(np.asarray(cafes), return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    if len(x) > MAX_ROWS:
        order = rng.permutation(units.max() + 1)
        kept = order[: 1 + int(np.searchsorted(np.bincount(units)[order].cumsum(), MAX_ROWS))]
        rows = np.flatnonzero(np.isin(units, kept))
        x, labels, units = x[rows], labels[rows], units[rows]
    if len(np.unique(units)) < N_FOLDS:
        return None
    present, labels = np.unique(labels, return_inverse=True)
    seeds = [int(s) for s in rng.integers(2**31, size=N_SPLITS + N_PERMUTED)]
    recalls = np.array([_recalls(x, labels, units, s) for s in seeds[:N_SPLITS]])
    permuted = [_recalls(x, rng.permutation(labels), units, s).mean() for s in seeds[N_SPLITS:]]
    means = recalls.mean(axis=1)
    known = dict(zip(present.tolist(), recalls.mean(axis=0).round(4).tolist(), strict=True))
    null_mean, null_sd = float(np.mean(permuted)), float(np.std(permuted, ddof=1))
    return {
        "mean": float(means.mean()),
        "sd": float(means.std(ddof=1)),
        "recall": [known.get(j) for j in range(n_moods)],
        "null": {"mean": null_mean, "sd": null_sd, "n": N_PERMUTED},
        "z": float((means.mean() - null_mean) / max(null_sd, 1e-9)),
        "unit": "photos" if cafes is None else "cafés",
    }


def _recalls(x: np.ndarray, labels: np.ndarray, units: np.ndarray, seed: int) -> np.ndarray:
    """The share of each mood's photos that comes back when they are held out (k,)."""
    told = np.empty(len(x), dtype=labels.dtype)
    for known, asked in GroupKFold(N_FOLDS, shuffle=True, random_state=seed).split(x, groups=units):
        there, of = np.unique(labels[known], return_inverse=True)  # a mood of one café may be in no other fold
        told[asked] = there[pairwise_distances_argmin(x[asked], chunks.group_means(x[known], of))]
    return np.bincount(labels, weights=told == labels) / np.bincount(labels)


def finding(found: dict[str, Any] | None, before: dict[str, Any] | None) -> Finding:
    """What stands in the place of the stability of moods that were edited by hand.

    Args:
        found: `agreement` of the edited moods.
        before: The same of the moods before they were edited, of the photos that are left.
    """
    why = "Stability was not measured: the moods were edited by hand, and no refit does that again."
    if found is None:
        return Finding("stability-not-measured", "info", why)
    worst = int(np.nanargmin(np.array(found["recall"], dtype=float)))
    earlier = "" if before is None else f"before the edits {before['mean']:.0%}; "
    text = (
        f"{why} In its place: learnt from four fifths of the {found['unit']}, the moods’ means give "
        f"{found['mean']:.0%} ± {found['sd']:.0%} of the photos of the other fifth the mood that you gave them "
        f"({earlier}moods dealt at random: {found['null']['mean']:.0%} ± {found['null']['sd']:.0%}). "
        f"Least so mood {worst + 1}: {found['recall'][worst]:.0%}. Each mood counts the same."
    )
    figures = {name: found[name] for name in ("mean", "sd", "z", "recall")} | {"null_mean": found["null"]["mean"]}
    return Finding("edited-held-out", "warn" if found["z"] < 2 else "info", text, figures)

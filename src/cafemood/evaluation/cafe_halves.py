"""Whether groups of cafés hold: two halves of a café's photos, in cafés that nothing was learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score, cohen_kappa_score

from cafemood.clustering.cafe_places import CafePlaces, PlaceModel
from cafemood.clustering.cafe_reduction import LEAST_CAFES, CafeReduction
from cafemood.clustering.kmeans import kmeans, nearest_center
from cafemood.core import chunks
from cafemood.evaluation.cafe_space import told
from cafemood.evaluation.findings import Finding

N_SPLITS = 10
"""Ways to halve the photos of each café."""
CERTAIN = 0.8
"""Chance of a café's group from which on the café counts as certain."""
_HOLDS, _WEAK = 0.4, 0.2
"""Cohen's kappa: moderate agreement from the first on, slight below the second (Landis and Koch 1977)."""


def halves(
    features: np.ndarray,
    z: np.ndarray,
    labels: np.ndarray,
    cafes: Sequence[str],
    k: int,
    *,
    reduction: CafeReduction | None = None,
    seed: int = 0,
) -> dict[str, Any] | None:
    """Group half of the cafés, give the other half to the groups by half of their photos each, and compare.

    Args:
        features: Backbone outputs (n, d).
        z: The photos in the space that the cafés were grouped in (n, d').
        labels: Group of each photo's café (n,).
        cafes: Café of each photo (n,).
        k: Groups.
        reduction: If the space was learnt from these cafés: its directions are learnt again from each half of them.
        seed: Of the halves.

    Returns:
        `same`, the share of cafés whose two halves get the same group; `kappa`, Cohen's, which is 0 by chance;
        `information`, what one half tells of the other's group (see `cafe_space.told`); `permuted_kappa`, where the
        space was learnt from permuted ids (None without `reduction`); `ari` of the groups that other cafés give and
        the official ones; `n_cafes`. None where the halves are too small.
    """
    names, member, n = np.unique(np.asarray(cafes), return_inverse=True, return_counts=True)
    rng = np.random.default_rng(seed)
    several = rng.permutation(np.flatnonzero(n > 1))
    if len(several) // 2 < max(k, LEAST_CAFES if reduction is not None else 2):
        return None
    pairs: list[np.ndarray] = []
    permuted: list[np.ndarray] = []
    agreement = []
    official = labels[np.unique(member, return_index=True)[1]]
    principal = z if reduction is None else reduction.principal(features)  # it knows no café
    for learnt_from, held_out in ((several[::2], several[1::2]), (several[1::2], several[::2])):
        learnt = np.flatnonzero(np.isin(member, learnt_from))
        ids = names[member[learnt]]
        spaces: list[tuple[list[np.ndarray], np.ndarray]] = [(pairs, ids)]
        spaces += [] if reduction is None else [(permuted, rng.permutation(ids))]
        for found, groups in spaces:
            y, ratios = z, None
            if reduction is not None:
                y, ratios = _learnt_again(reduction, principal, learnt, groups)
            places = CafePlaces.of(y[learnt], list(groups), ratios)
            centers = kmeans(places.rows, k, seed, 5).cluster_centers_
            found += _halved(y, member, held_out, centers, places.model, rng)
            if found is pairs:
                means = chunks.group_means(y, member)
                whole = nearest_center(places.model.places(means, n)[0][held_out], centers)
                agreement.append(adjusted_rand_score(official[held_out], whole))
    # each halving by itself: the groups that two halves of the cafés make are not the same ones
    return {
        "same": float(np.mean([(pair[0] == pair[1]).mean() for pair in pairs])),
        "kappa": float(np.mean([_kappa(pair) for pair in pairs])),
        "information": float(np.mean([told(*pair) for pair in pairs])),
        "permuted_kappa": float(np.mean([_kappa(pair) for pair in permuted])) if permuted else None,
        "ari": float(np.mean(agreement)),
        "n_cafes": len(several),
    }


def _learnt_again(
    reduction: CafeReduction, principal: np.ndarray, learnt: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """All photos in a space whose directions are learnt from some of them, and its ratios."""
    member = np.full(len(principal), -1)
    names, member[learnt] = np.unique(groups, return_inverse=True)
    most = min(reduction.n_components_, len(names) - 1)
    ratios, directions = reduction.directions(principal, member, most)
    return principal @ directions.astype(np.float32), ratios


def _halved(
    y: np.ndarray,
    member: np.ndarray,
    cafes: np.ndarray,
    centers: np.ndarray,
    model: PlaceModel,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Groups (2, m) of the two halves of each café's photos, for `N_SPLITS` ways to halve them."""
    rows = np.flatnonzero(np.isin(member, cafes))
    of = np.unique(member[rows], return_inverse=True)[1]
    n = np.bincount(of)
    found = []
    for _ in range(N_SPLITS):
        order = np.lexsort((rng.random(len(of)), of))
        place = np.arange(len(of)) - np.repeat(np.cumsum(n) - n, n)
        first = place < np.repeat(n // 2, n)
        groups = []
        for part in (first, ~first):
            means = chunks.group_means(y[rows[order[part]]], of[order[part]])
            groups.append(nearest_center(model.places(means, np.bincount(of[order[part]]))[0], centers))
        found.append(np.stack(groups))
    return found


def _kappa(pairs: np.ndarray) -> float:
    """Cohen's kappa of groups (2, m); 0 where all are one group, which says nothing."""
    return float(cohen_kappa_score(*pairs)) if len(np.unique(pairs)) > 1 else 0.0


def findings(record: dict[str, Any] | None, certain: dict[str, Any] | None) -> list[Finding]:
    """What the halves of cafés, and the chances of their groups, allow to say.

    Args:
        record: What `halves` returned.
        certain: `n` of `of` cafés whose group has a chance of `CERTAIN` and more; None: not known.
    """
    said = []
    if record is not None:
        same, kappa, permuted = record["same"], record["kappa"], record["permuted_kappa"]
        words = f"two halves of a café's photos get the same group in {same:.0%} of cafés (kappa {kappa:.2f}"
        words += ", 0 is chance)" if permuted is None else f"; {permuted:.2f} with mixed-up café ids; 0 is chance)"
        figures = {"same": same, "kappa": kappa, "permuted_kappa": permuted, "n_cafes": record["n_cafes"]}
        if kappa < max(_WEAK, 2 * max(permuted or 0, 0)):
            text = f"The groups of cafés do not hold: {words}, in cafés that they were not made from."
            said.append(Finding("cafe-groups-fail", "bad", text, figures))
        elif kappa < _HOLDS:
            text = f"The groups of cafés hold in part: {words}, in cafés that they were not made from."
            said.append(Finding("cafe-groups-weak", "warn", text, figures))
        else:
            text = f"The groups of cafés hold: {words}, in cafés that they were not made from."
            said.append(Finding("cafe-groups-hold", "good", text, figures))
    if certain is not None:
        n, of = certain["n"], certain["of"]
        text = f"{n:,} of {of:,} cafés have one group with a chance of {CERTAIN:.0%} or more, by the photos there are."
        said.append(Finding("cafes-certain", "info" if n >= of / 2 else "warn", text, dict(certain)))
    return said

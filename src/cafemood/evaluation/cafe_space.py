"""What groups follow, café or content, and whether a space learnt from café ids holds for other cafés."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import entropy
from sklearn.metrics import adjusted_rand_score, mutual_info_score
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

from cafemood.clustering.cafe_reduction import LEAST_CAFES, CafeReduction
from cafemood.clustering.kmeans import kmeans, nearest_center
from cafemood.core import chunks
from cafemood.evaluation.findings import Finding, Level
from cafemood.evaluation.judged import JudgedRows
from cafemood.evaluation.pipelines import MAX_ROWS
from cafemood.evaluation.scores import same_cafe_lift

_PRINCIPAL = 64


class CafeSpace:
    """A space that was learnt from café ids.

    Args:
        matrix: The rows in it (n, d').
        name: Its name.
        reduction: What was learnt from these cafés; None: it was learnt from others.
    """

    def __init__(self, matrix: np.ndarray, name: str, reduction: CafeReduction | None = None) -> None:
        self.judged, self.name, self.reduction = JudgedRows(matrix), name, reduction


def follows(
    features: np.ndarray,
    labels: np.ndarray,
    cafes: Sequence[str] | None,
    plain: np.ndarray | None,
    seed: int = 0,
    *,
    of_photos: np.ndarray | None = None,
) -> dict[str, Any] | None:
    """How much of a grouping content tells, and how much the café: shares of its information beyond chance.

    Content is what varies within cafés: k-means of each photo's features less the mean of its café's, with as many
    groups. Only cafés with two photos and more count, and `MAX_ROWS` photos of them at most.

    Args:
        features: Backbone outputs (n, d).
        labels: Group of each photo (n,).
        cafes: Café of each photo (n,), if known.
        plain: Labels (n,) of a plain k-means on the features, to compare with.
        seed: Of the sample and of the k-means.
        of_photos: Where only some photos are judged: their rows of the features (n,), of which nothing is copied.

    Returns:
        `content` and `cafe` (0: nothing, 1: all of it), `plain` with the same two, `n_photos`, `n_cafes`; None
        where fewer than two cafés have two photos.
    """
    if cafes is None:
        return None
    _, of, n = np.unique(np.asarray(cafes), return_inverse=True, return_counts=True)
    rows = np.flatnonzero(n[of] > 1)
    if len(np.unique(of[rows])) < 2:
        return None
    if len(rows) > MAX_ROWS:  # whole cafés
        order = np.random.default_rng(seed).permutation(len(n))
        kept = order[: np.searchsorted(np.cumsum(np.where(n[order] > 1, n[order], 0)), MAX_ROWS)]
        rows = rows[np.isin(of[rows], kept)]
    x = _principal(features[rows if of_photos is None else of_photos[rows]])
    member = np.unique(of[rows], return_inverse=True)[1]
    off = x - chunks.group_means(x, member)[member]
    k = min(int(labels.max()) + 1, len(rows) - 1)
    content = kmeans(off, k, seed, 3).labels_

    def of_labels(chosen: np.ndarray) -> dict[str, float]:
        return {
            "content": told(chosen, content),
            "cafe": told(chosen, member),
        }

    counts = {"n_photos": len(rows), "n_cafes": int(member.max()) + 1}
    return of_labels(labels[rows]) | {"plain": None if plain is None else of_labels(plain[rows])} | counts


def told(labels: np.ndarray, by: np.ndarray) -> float:
    """What `by` (n,) tells of labels (n,) beyond chance: (I − E[I]) / (H(labels) − E[I]).

    AMI's adjustment (Vinh, Epps and Bailey, JMLR 2010, eq. 10) in units of the labels' entropy, so that a few groups
    of content and many cafés are compared fairly.
    """
    table = contingency_matrix(labels, by)
    expected = expected_mutual_information(table, int(table.sum()))
    most = entropy(table.sum(axis=1)) - expected
    return float((mutual_info_score(None, None, contingency=table) - expected) / most) if most > 1e-9 else 0.0


def _principal(x: np.ndarray) -> np.ndarray:
    """The leading principal components of rows (n, d): distances hardly change, and k-means is fast."""
    from sklearn.decomposition import PCA

    with np.errstate(invalid="ignore"):  # equal rows: of no variance no share is kept
        return PCA(min(_PRINCIPAL, *x.shape), random_state=0).fit_transform(np.asarray(x, dtype=np.float32))


def cross_fitted(
    features: np.ndarray,
    labels: np.ndarray,
    cafes: Sequence[str],
    reduction: CafeReduction,
    k: int,
    *,
    plain: np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, Any] | None:
    """Learn the space from half of the cafés, group the other half by it, and the other way round.

    Args:
        features: Backbone outputs (n, d).
        labels: Group of each photo (n,) in the space that all cafés taught.
        cafes: Café of each photo (n,).
        reduction: The space that all cafés taught: its principal components, which know no café, and the kernel and
            the number of directions that held-out cafés support are kept, and the directions learnt anew.
        k: Groups.
        plain: Labels (n,) of a plain k-means on the features, to compare with.
        seed: Of the halves, of the permutation and of the k-means.

    Returns:
        `coherence` (the `same_cafe_lift` of photos of cafés that the space was not learnt from, mean over the halves),
        `permuted` (its ratio with permuted ids), `agreement` (ARI of the two groupings of such photos), `follows` (of
        such photos too) and `n_cafes`; None where the halves are too small.
    """
    ids = np.asarray(cafes)
    names, of, n = np.unique(ids, return_inverse=True, return_counts=True)
    rng = np.random.default_rng(seed)
    half = np.zeros(len(names), int)
    half[rng.permutation(np.flatnonzero(n > 1))[::2]] = 1
    most = int(min(np.sum(half[n > 1]), np.sum(1 - half[n > 1]))) - 1
    if most + 1 < LEAST_CAFES:
        return None
    lifts: list[dict[str, Any] | None] = []
    permuted: list[dict[str, Any] | None] = []
    agreements: list[float] = []
    followed: list[dict[str, Any] | None] = []
    z = reduction.principal(features)
    for part in (0, 1):
        learnt, other = (np.flatnonzero((half[of] == side) & (n[of] > 1)) for side in (part, 1 - part))
        if len(other) <= k:
            return None
        for rows, kept in ((learnt, lifts), (rng.permutation(learnt), permuted)):
            member = np.full(len(of), -1)
            member[rows] = np.unique(of[learnt], return_inverse=True)[1]
            directions = reduction.directions(z, member, min(reduction.n_components_, most))[1]
            y = z @ directions.astype(np.float32)
            model = kmeans(y[learnt], k, seed, 5)
            again = nearest_center(y[other], model.cluster_centers_)
            names_of = [str(c) for c in ids[other]]
            kept.append(same_cafe_lift(again, names_of, features, rows=other, seed=seed))
            if kept is lifts:
                agreements.append(float(adjusted_rand_score(labels[other], again)))
                of_plain = None if plain is None else plain[other]
                followed.append(follows(features, again, names_of, of_plain, seed, of_photos=other))
    if not all(lifts) or not all(permuted):
        return None
    coherence = {
        "ratio": float(np.mean([lift["ratio"] for lift in lifts if lift])),
        "p": max(lift["p"] for lift in lifts if lift),
        **{name: sum(lift[name] for lift in lifts if lift) for name in ("n_photos", "n_duplicates", "n_cafes")},
    }
    ratio = float(np.mean([lift["ratio"] for lift in permuted if lift]))
    agreement = float(np.mean(agreements))
    counts = {"n_cafes": coherence["n_cafes"], "follows": _mean_of(followed)}
    return {"coherence": coherence, "permuted": ratio, "agreement": agreement} | counts


def _mean_of(halves: Sequence[dict[str, Any] | None]) -> dict[str, Any] | None:
    """The mean of two `follows`, and the sum of what they count."""
    there = [half for half in halves if half is not None]
    if not there:
        return None
    shares = {name: float(np.mean([half[name] for half in there])) for name in ("content", "cafe")}
    plain = [half["plain"] for half in there]
    of_plain = None if None in plain else {name: float(np.mean([of[name] for of in plain])) for name in shares}
    counts = {name: sum(half[name] for half in there) for name in ("n_photos", "n_cafes")}
    return shares | {"plain": of_plain} | counts


def findings(record: dict[str, Any]) -> list[Finding]:
    """What `follows` and `cross_fitted` allow to say.

    Args:
        record: `follows` and `cafe_space` of `scores.json`.
    """
    said = []
    crossed, followed = record.get("cafe_space"), record.get("follows")
    if crossed is not None:
        ratio, permuted = crossed["coherence"]["ratio"], crossed["permuted"]
        figures = {"ratio": ratio, "permuted": permuted, "agreement": crossed["agreement"]}
        words = (
            f"in cafés that it was not learnt from, two photos of one café share a mood {ratio:.1f} × as often as "
            f"chance; with mixed-up café ids {permuted:.1f} ×"
        )
        if ratio > 1 and ratio - 1 > 2 * max(permuted - 1, 0) and crossed["coherence"]["p"] < 0.05:
            said.append(
                Finding("cafe-space-holds", "good", f"The space of cafés holds for other cafés: {words}.", figures)
            )
        else:
            text = f"The space of cafés does not hold for other cafés: {words}. Use reduce=none or reduce=pca."
            said.append(Finding("cafe-space-fails", "bad", text, figures))
    return said if followed is None else [*said, _followed(followed, of_cafes=record.get("unit") == "cafe")]


def _followed(followed: dict[str, Any], *, of_cafes: bool) -> Finding:
    content, cafe, plain = followed["content"], followed["cafe"], followed["plain"]
    of_plain = {} if plain is None else {f"plain_{name}": plain[name] for name in ("content", "cafe")}
    figures = {"content": content, "cafe": cafe} | of_plain
    if of_cafes:  # each photo has its café's group: of the café there is nothing to tell
        text = f"Cafés were grouped, not photos: content tells {_percent(content)} of the group of a photo's café"
        text += f" (of plain k-means of the photos {_percent(plain['content'])})." if plain else "."
        return Finding("groups-cafes", "good" if content < _MUCH else "warn", text, figures)
    code, level, text = _LEADS["content" if content > cafe else "cafe"]
    if max(content, cafe) < _NOTHING:
        code, level, text = _LEADS["neither"]
    text += f": content tells {_percent(content)} of a photo's mood, its café {_percent(cafe)}"
    text += f" (plain k-means: {_percent(plain['content'])} and {_percent(plain['cafe'])})." if plain else "."
    return Finding(code, level, text, figures)


_NOTHING, _MUCH = 0.03, 0.1
_LEADS: dict[str, tuple[str, Level, str]] = {
    "content": (
        "follows-content", "warn", "The moods follow what the photos show (counter, cup, window) more than the café",
    ),
    "cafe": ("follows-cafes", "good", "The moods follow the café more than what a photo of it shows"),
    "neither": ("follows-neither", "info", "The moods follow neither what the photos show nor the café"),
}  # fmt: skip


def _percent(share: float) -> str:
    """A share that chance may take below zero."""
    return f"{max(share, 0):.0%}"

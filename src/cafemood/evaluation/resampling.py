"""Stability: refits on bootstraps of the cafés, and whether the groups come back in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score

from cafemood.clustering.lloyd import MOST_ROWS, kmeans_of_distances, pays
from cafemood.core.parallel import on_all_cores
from cafemood.evaluation.judged import JudgedRows
from cafemood.evaluation.nulls import N_NULLS
from cafemood.evaluation.pipelines import MAX_ROWS, KMeansPipeline, MethodPipeline
from cafemood.evaluation.store import JudgingStore, digest_of

Refit = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""From rows (n, d), those to fit on, and a seed, to the labels (n,) and the places (n, d') of all."""

REFIT_SHARE, REFIT_MOST = 0.1, 20_000
"""A refit of k-means sees this share of the photos, by whole cafés: between `MAX_ROWS` and so many of them. More photos
make a grouping steadier, and refits of few would call it less steady than it is."""
N_RESAMPLES = 20


@dataclass(frozen=True)
class ReliabilityOptions:
    """Options of the nulls and refits that a clustering is checked with.

    Attributes:
        pipeline: What groups the nulls; its PCA is the method's.
        refits: What is fitted again; None: stability is not measured.
        n_resamples: How often.
        n_nulls: Nulls of each kind.
        seed: Of both.
        quiet: No progress bars.
        n_candidates: Numbers of clusters that k was chosen from on the same rows.
        other_ks: Numbers of clusters that other runs will ask for on the same rows: their nulls are kept too.
    """

    pipeline: KMeansPipeline
    refits: KMeansPipeline | MethodPipeline | None = None
    n_resamples: int = N_RESAMPLES
    n_nulls: int = N_NULLS
    seed: int = 0
    quiet: bool = True
    n_candidates: int = 1
    other_ks: tuple[int, ...] = ()

    @classmethod
    def of(
        cls,
        method: Any,
        k: int,
        n_components: int | None,
        resamples: int | str = "auto",
        *,
        n_nulls: int = N_NULLS,
        seed: int = 0,
        n_candidates: int = 1,
        other_ks: tuple[int, ...] = (),
    ) -> ReliabilityOptions:
        """The options of a run: k-means is fitted again by itself, other methods only where it is asked for.

        Args:
            method: The clusterer.
            k: Clusters.
            n_components: Of the PCA before it, if there is one.
            resamples: Refits; `auto`: 20 of a k-means, none of a training.
            n_nulls: Nulls of each kind.
            seed: Of both.
            n_candidates: Numbers of clusters that k was chosen from on the same rows.
            other_ks: Numbers of clusters that other runs will ask for on the same rows.
        """
        pipeline = KMeansPipeline(k, n_components)
        cheap = method.refit_is_cheap
        n = (N_RESAMPLES if cheap else 0) if resamples == "auto" else int(resamples)
        again = pipeline if cheap else MethodPipeline(method, n_components)
        refits = None if n == 0 else again
        return cls(pipeline, refits, n, n_nulls, seed, quiet=False, n_candidates=n_candidates, other_ks=other_ks)


def refit_rows(n: int) -> int:
    """How many of n photos a refit of k-means sees, at most."""
    return min(n, max(MAX_ROWS, min(REFIT_MOST, int(REFIT_SHARE * n))))


def stability(
    features: np.ndarray | JudgedRows,
    labels: np.ndarray,
    pipeline: Refit,
    n_resamples: int = N_RESAMPLES,
    *,
    cafes: Sequence[str] | None = None,
    max_rows: int = MAX_ROWS,
    seed: int = 0,
    parallel: bool = True,
    desc: str | None = None,
    store: JudgingStore | None = None,
) -> dict[str, Any]:
    """Stability of a labelling under resampling: whether its groups come back had other cafés been photographed.

    Each refit sees a bootstrap of the cafés (photos of one café are not independent; without café ids, of the
    photos). Its labels for the photos that it saw are compared with the official ones: ARI, and for each group
    the best Jaccard with any of the refit's (Hennig 2007, "Cluster-wise assessment of cluster stability"). A refit
    that saw photos of one cluster only does not count: a single group always comes back.

    Args:
        features: Backbone outputs (n, d).
        labels: The official labelling (n,).
        pipeline: From features, the rows to fit on, and a seed, to the labels of all rows.
        cafes: Café of each photo (n,), if known.
        n_resamples: Refits.
        max_rows: Photos a refit sees at most, drawn by whole cafés.
        seed: Of the resamples.
        parallel: Whether refits may run side by side.
        desc: Name of the progress bar; None: no bar.
        store: Keeps what refits of a k-means found, for a run that asks for the same.

    Returns:
        `ari` (mean, sd), `jaccard` of each cluster (k,; NaN where it is empty), `merged` (k, k; the share of
        refits in which most of both clusters' photos lie in one), `n`, `unit`, `how`, and whether it was `reused`.
    """
    judged = JudgedRows.of(features)
    units = np.arange(len(labels)) if cafes is None else np.unique(np.asarray(cafes), return_inverse=True)[1]
    of_unit = np.argsort(units, kind="stable")
    bounds = np.searchsorted(units[of_unit], np.arange(units.max() + 2))
    n_units = len(bounds) - 1
    drawn = max(2, min(n_units, int(n_units * max_rows / len(labels))))
    k = int(labels.max()) + 1

    def refit(refit_seed: int) -> tuple[float, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(refit_seed)
        chosen = rng.choice(n_units, drawn, replace=True)
        rows = np.concatenate([of_unit[bounds[u] : bounds[u + 1]] for u in chosen])
        seen = np.unique(rows)
        if len(seen) < k or len(np.unique(labels[seen])) < 2:
            return float("nan"), np.full(k, np.nan), np.zeros((k, k))
        refit_labels = _refit(judged, rows, pipeline, refit_seed)
        first = np.searchsorted(np.sort(rows), seen)
        again = refit_labels[np.argsort(rows, kind="stable")[first]]
        table = overlap(labels[seen], again, k)
        home = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), -1 - np.arange(k))
        return float(adjusted_rand_score(labels[seen], again)), best_jaccard(table), home[:, None] == home

    seeds = [(int(s),) for s in np.random.default_rng(seed).integers(2**31, size=n_resamples)]

    def make(_: Sequence[int]) -> list[dict[str, np.ndarray]]:
        if _from_distances(judged, drawn, pipeline) and len(judged) <= MOST_ROWS:
            judged.prepare()
        results = on_all_cores(refit, seeds, desc, parallel=parallel)
        return [{name: np.array([of[i] for of in results]) for i, name in enumerate(("ari", "jaccard", "merged"))}]

    kept = store if store is not None and isinstance(pipeline, KMeansPipeline) else JudgingStore(None)
    recipe: dict[str, Any] = {"seed": seed, "n_resamples": n_resamples, "drawn": drawn}
    if isinstance(pipeline, KMeansPipeline):
        recipe |= {"rows": judged.digest, "labels": digest_of(labels), "units": digest_of(units), **vars(pipeline)}
    ((found, reused),) = kept.several("refits", [recipe], [("ari", "jaccard", "merged")], make)
    aris, jaccard = found["ari"][np.isfinite(found["ari"])], found["jaccard"]
    counted = np.isfinite(jaccard).sum(axis=0)
    unit = "photos" if cafes is None else "cafés"
    return {
        "ari": {
            "mean": float(np.mean(aris)) if len(aris) else float("nan"),
            "sd": float(np.std(aris, ddof=1)) if len(aris) > 1 else float("nan"),
        },
        "jaccard": np.where(counted > 0, np.nansum(jaccard, axis=0) / np.maximum(counted, 1), np.nan),
        "merged": found["merged"].sum(axis=0) / max(len(aris), 1),
        "n": len(aris),
        "unit": unit,
        "how": f"{len(aris)} refits, each on {drawn:,} of {n_units:,} {unit} drawn with replacement",
        "reused": reused,
    }


def _from_distances(judged: JudgedRows, n: int, pipeline: Refit) -> bool:
    """Whether a refit on n rows is a k-means that needs no more than their distances."""
    return isinstance(pipeline, KMeansPipeline) and pipeline.n_components is None and pays(n, judged.rows.shape[1])


def _refit(judged: JudgedRows, rows: np.ndarray, pipeline: Refit, seed: int) -> np.ndarray:
    """Labels (m,) of the drawn rows (m,) by a pipeline that was fitted to them."""
    if isinstance(pipeline, KMeansPipeline) and _from_distances(judged, len(rows), pipeline):
        d = judged.rows.shape[1]
        return kmeans_of_distances(judged.squared_of(rows), pipeline.k, seed, pipeline.n_init, n_columns=d).labels
    return pipeline(judged.rows[rows], np.arange(len(rows)), seed)[0]


def overlap(labels: np.ndarray, again: np.ndarray, k: int) -> np.ndarray:
    """Photos that cluster i of one labelling shares with cluster j of another (k, k')."""
    table = np.zeros((k, int(again.max()) + 1))
    np.add.at(table, (labels, again), 1)
    return table


def best_jaccard(table: np.ndarray) -> np.ndarray:
    """Of each cluster (k,), the largest |A ∩ B| / |A ∪ B| with any cluster B of the other; NaN if A is empty.

    Args:
        table: Their `overlap` (k, k').
    """
    union = table.sum(axis=1, keepdims=True) + table.sum(axis=0) - table
    best = (table / np.maximum(union, 1)).max(axis=1)
    return np.where(table.sum(axis=1) > 0, best, np.nan)

"""Refits on all cores: what structureless data scores, and whether the groups come back from other cafés."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score

from cafemood.clustering.assign import assign
from cafemood.clustering.dec import KMeans
from cafemood.clustering.kmeans import kmeans, nearest_center
from cafemood.clustering.reduction import PCAReduction
from cafemood.clustering.rows import MatrixDataModule
from cafemood.evaluation.scores import silhouettes

MAX_ROWS = 2000
"""A null sees this many rows at most, drawn at random."""
REFIT_SHARE, REFIT_MOST = 0.1, 20_000
"""A refit of k-means sees this share of the photos, by whole cafés: between `MAX_ROWS` and so many of them. More photos
make a grouping steadier, and refits of few would call it less steady than it is."""
N_NULLS = 20
FEW_COLUMNS = 50
N_RESAMPLES = 20
STABLE, UNSTABLE = 0.75, 0.6
"""Per-cluster Jaccard: stable from the first on, not to be trusted below the second (Hennig 2007, clusterboot)."""


@dataclass(frozen=True)
class KMeansPipeline:
    """Reduction and k-means, from features to labels: what is run again on nulls and on resampled cafés.

    Args:
        k: Clusters.
        n_components: Of the PCA before it; None: no reduction.
        n_init: Starts.
    """

    k: int
    n_components: int | None = None
    n_init: int = 3

    @property
    def space(self) -> str:
        """The name of the clustering space."""
        return "features" if self.n_components is None else f"pca{self.n_components}"

    def __call__(self, features: np.ndarray, rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Fit on some rows, and give every row of `features` (n, d) a label.

        Returns:
            Labels (n,) and the rows in the clustering space (n, d').
        """
        x = features
        if self.n_components is not None:
            reduction = PCAReduction(min(self.n_components, *features[rows].shape))
            reduction.fit_transform(features[rows])
            tensors = reduction.tensors()
            x = (features - tensors["pca.mean"]) @ tensors["pca.components"].T
        model = kmeans(x[rows], self.k, seed, self.n_init)
        return nearest_center(x, model.cluster_centers_), x


@dataclass(frozen=True)
class MethodPipeline:
    """A whole method, training included, as a pipeline for `stability`: as dear as the run itself, each time.

    Args:
        method: A clusterer with `fit`; it is copied for each refit.
        n_components: Of the PCA before it; None: no reduction.
        options: What its `fit` takes besides the data.
        batch_size: Of the data.
    """

    method: Any
    n_components: int | None
    options: dict[str, Any]
    batch_size: int = 256

    def __call__(self, features: np.ndarray, rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Fit on some rows, and give every row of `features` (n, d) a label (n,) and its place (n, d')."""
        method = copy.deepcopy(self.method)
        method.random_state = seed
        x, tensors = features[rows], {}
        if self.n_components is not None:
            reduction = PCAReduction(min(self.n_components, *x.shape))
            x, tensors = reduction.fit_transform(x), reduction.tensors()
        found = method.fit(MatrixDataModule(x, batch_size=self.batch_size, seed=seed), **self.options)
        probabilities, z = assign(features, {"centers": found.centers} | found.tensors | tensors)
        return probabilities.argmax(axis=1), z


@dataclass(frozen=True)
class Checks:
    """How hard a clustering is tried: nulls, and refits on other cafés.

    Attributes:
        pipeline: What groups the nulls; its PCA is the method's.
        refits: What is fitted again; None: stability is not measured.
        n_resamples: How often.
        n_nulls: Nulls of each kind.
        seed: Of both.
        quiet: No progress bars.
        n_tried: Numbers of clusters that k was chosen from on the same rows.
    """

    pipeline: KMeansPipeline
    refits: KMeansPipeline | MethodPipeline | None = None
    n_resamples: int = N_RESAMPLES
    n_nulls: int = N_NULLS
    seed: int = 0
    quiet: bool = True
    n_tried: int = 1

    @classmethod
    def of(
        cls,
        method: Any,
        k: int,
        n_components: int | None,
        options: dict[str, Any],
        resamples: int | str = "auto",
        *,
        n_nulls: int = N_NULLS,
        seed: int = 0,
        batch_size: int = 256,
        n_tried: int = 1,
    ) -> Checks:
        """The checks of a run: k-means is fitted again by itself, other methods only where it is asked for.

        Args:
            method: The clusterer.
            k: Clusters.
            n_components: Of the PCA before it, if there is one.
            options: What its `fit` takes besides the data.
            resamples: Refits; `auto`: 20 of a k-means, none of a training.
            n_nulls: Nulls of each kind.
            seed: Of both.
            batch_size: Of a refit's data.
            n_tried: Numbers of clusters that k was chosen from on the same rows.
        """
        pipeline = KMeansPipeline(k, n_components)
        cheap = isinstance(method, KMeans)
        n = (N_RESAMPLES if cheap else 0) if resamples == "auto" else int(resamples)
        again = pipeline if cheap else MethodPipeline(method, n_components, options, batch_size)
        refits = None if n == 0 else again
        return cls(pipeline, refits, n, n_nulls, seed, quiet=False, n_tried=n_tried)


Draw = Callable[[np.random.Generator], np.ndarray]


def gaussian(features: np.ndarray) -> Draw:
    """Nulls (n, d) from a Gaussian of the rows' mean and covariance: one round cloud, stretched as the data is.

    Mixing the centred rows by a Gaussian matrix gives their covariance without forming it.
    """
    mean, n = features.mean(axis=0), len(features)

    def draw(rng: np.random.Generator) -> np.ndarray:
        mixing = rng.standard_normal((n, n), dtype=np.float32) / np.float32(n**0.5)
        return np.asarray(mixing @ (features - mean) + mean, dtype=np.float32)

    return draw


def independent(features: np.ndarray) -> Draw:
    """Nulls (n, d) with the columns' own values but nothing that links them: each is permuted by itself.

    With few columns (up to `FEW_COLUMNS`) one alone can hold the groups, and would still hold them when permuted.
    Each is then drawn from the unimodal distribution that fits it best.
    """
    if features.shape[1] > FEW_COLUMNS:
        return lambda rng: rng.permuted(features, axis=0)
    quantiles = [unimodal(column) for column in features.T]

    def draw(rng: np.random.Generator) -> np.ndarray:
        u = rng.random(features.shape)
        return np.stack([quantile(u[:, j]) for j, quantile in enumerate(quantiles)], axis=1).astype(np.float32)

    return draw


def unimodal(values: np.ndarray, n_modes: int = 21) -> Callable[[np.ndarray], np.ndarray]:
    """The quantile function of the unimodal density that fits a column (n,) best.

    Grenander's estimate on both sides of the mode: the density of the gaps between sorted values, made
    increasing before it and decreasing after it by isotonic regression; of `n_modes` modes, the likeliest.
    """
    from scipy.optimize import isotonic_regression

    x = np.unique(values.astype(np.float64))
    if len(x) < 3:
        return lambda u: np.interp(u, [0, 1], [x[0], x[-1]])
    count = np.searchsorted(np.sort(values), x, side="right")
    mass = np.diff(count, prepend=0)
    shares = (mass[:-1] + mass[1:]) / 2  # of ties, half goes to each side
    shares[0], shares[-1] = shares[0] + mass[0] / 2, shares[-1] + mass[-1] / 2
    gaps = np.diff(x)
    density = shares / len(values) / gaps

    def with_mode(m: int) -> np.ndarray:
        left = isotonic_regression(density[:m], weights=gaps[:m]).x if m else density[:0]
        right = isotonic_regression(density[m:], weights=gaps[m:], increasing=False).x if m < len(gaps) else density[:0]
        return np.concatenate([left, right])

    modes = np.unique(np.linspace(0, len(gaps), n_modes).round().astype(int))
    best = max((with_mode(m) for m in modes), key=lambda f: float((shares * np.log(np.maximum(f, 1e-300))).sum()))
    cdf = np.concatenate([[0], np.cumsum(best * gaps)])
    return lambda u: np.interp(u * cdf[-1], cdf, x)


NULLS: dict[str, Callable[[np.ndarray], Draw]] = {
    "a Gaussian of the same covariance": gaussian,
    "the same columns, independent": independent,
}


def null_lift(
    features: np.ndarray,
    labels: np.ndarray,
    spaces: dict[str, np.ndarray],
    pipeline: KMeansPipeline,
    n_nulls: int = N_NULLS,
    *,
    max_rows: int = MAX_ROWS,
    seed: int = 0,
    desc: str | None = None,
) -> dict[str, dict[str, Any]]:
    """Silhouettes of a labelling beside those that structureless data gets from the same pipeline.

    Two kinds of nulls are drawn `n_nulls` times each, and the harder one (the smaller z) is told: a labelling
    that does not beat both has found nothing that noise would not show.

    Args:
        features: Backbone outputs (n, d).
        labels: The official labelling (n,).
        spaces: The clustering space (n, d') by name, if it is not the features.
        pipeline: What groups the nulls.
        n_nulls: Nulls a kind.
        max_rows: Rows of a null at most; the labelling is scored on the same rows.
        seed: Of the sample, the nulls and the starts.
        desc: Name of the progress bar; None: no bar.

    Returns:
        By score (`silhouette@features` and the pipeline's own space): `own`, `mean`, `sd`, `n`, `lift`
        (own − mean), `z` (lift/sd), `kind` of the harder null, `kinds` (each one's mean, sd, z) and `how`.
    """
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(len(features), min(len(features), max_rows), replace=False))
    x = np.ascontiguousarray(features[rows], dtype=np.float32)
    draws = {kind: prepare(x) for kind, prepare in NULLS.items()}
    jobs = [(kind, int(s)) for kind in NULLS for s in rng.integers(2**31, size=n_nulls)]

    def score(kind: str, own_seed: int) -> dict[str, float]:
        null = draws[kind](np.random.default_rng(own_seed))
        found, z = pipeline(null, np.arange(len(null)), own_seed)
        scored = {"silhouette@features": _mean(silhouettes(null, found))}
        if pipeline.space != "features":
            scored[f"silhouette@{pipeline.space}"] = _mean(silhouettes(z, found))
        return scored

    scored = on_all_cores(score, jobs, desc)
    own = {"silhouette@features": _mean(silhouettes(x, labels[rows]))}
    if pipeline.space != "features" and pipeline.space in spaces:
        own[f"silhouette@{pipeline.space}"] = _mean(silhouettes(spaces[pipeline.space][rows], labels[rows]))
    sampled = f"{len(rows)} of {len(features)} photos" if len(rows) < len(features) else f"{len(rows)} photos"
    facts = {}
    for name, value in own.items():
        kinds = {}
        for kind in NULLS:
            values = [s[name] for (of, _), s in zip(jobs, scored, strict=True) if of == kind and np.isfinite(s[name])]
            kinds[kind] = {"n": len(values), **_against(value, values)}
        defined = [kind for kind in kinds if np.isfinite(kinds[kind]["z"])]
        hardest = min(defined, key=lambda kind: kinds[kind]["z"]) if defined else next(iter(kinds))
        where = "" if pipeline.space == "features" else f" in {pipeline.space}"
        facts[name] = {
            "own": value,
            **kinds[hardest],
            "kind": hardest,
            "kinds": kinds,
            "how": f"k-means{where} of {sampled} without structure ({hardest})",
        }
    return facts


def _against(own: float, values: Sequence[float]) -> dict[str, float]:
    """Mean and sd of the nulls, and where `own` lies; a null without spread counts as one of 1e-9."""
    nan = float("nan")
    if not values:
        return {"mean": nan, "sd": nan, "lift": nan, "z": nan}
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else nan
    return {"mean": mean, "sd": sd, "lift": own - mean, "z": (own - mean) / max(sd, 1e-9)}


def refit_rows(n: int) -> int:
    """How many of n photos a refit of k-means sees, at most."""
    return min(n, max(MAX_ROWS, min(REFIT_MOST, int(REFIT_SHARE * n))))


def stability(
    features: np.ndarray,
    labels: np.ndarray,
    pipeline: Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]],
    n_resamples: int = N_RESAMPLES,
    *,
    cafes: Sequence[str] | None = None,
    max_rows: int = MAX_ROWS,
    seed: int = 0,
    parallel: bool = True,
    desc: str | None = None,
) -> dict[str, Any]:
    """Whether the groups come back when other cafés had been photographed.

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

    Returns:
        `ari` (mean, sd), `jaccard` of each cluster (k,; NaN where it is empty), `merged` (k, k; the share of
        refits in which most of both clusters' photos lie in one), `n`, `unit`, `how`.
    """
    units = np.arange(len(labels)) if cafes is None else np.unique(np.asarray(cafes), return_inverse=True)[1]
    of_unit = np.argsort(units, kind="stable")
    bounds = np.searchsorted(units[of_unit], np.arange(units.max() + 2))
    n_units = len(bounds) - 1
    drawn = max(2, min(n_units, int(n_units * max_rows / len(labels))))
    k = int(labels.max()) + 1

    def refit(own_seed: int) -> tuple[float, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(own_seed)
        chosen = rng.choice(n_units, drawn, replace=True)
        rows = np.concatenate([of_unit[bounds[u] : bounds[u + 1]] for u in chosen])
        seen = np.unique(rows)
        if len(seen) < k or len(np.unique(labels[seen])) < 2:
            return float("nan"), np.full(k, np.nan), np.zeros((k, k))
        found = pipeline(features[rows], np.arange(len(rows)), own_seed)[0]
        first = np.searchsorted(np.sort(rows), seen)
        again = found[np.argsort(rows, kind="stable")[first]]
        table = overlap(labels[seen], again, k)
        home = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), -1 - np.arange(k))
        return float(adjusted_rand_score(labels[seen], again)), best_jaccard(table), home[:, None] == home

    seeds = [(int(s),) for s in np.random.default_rng(seed).integers(2**31, size=n_resamples)]
    found = on_all_cores(refit, seeds, desc, parallel=parallel)
    aris = [ari for ari, _, _ in found if np.isfinite(ari)]
    jaccard = np.stack([each for _, each, _ in found])
    counted = np.isfinite(jaccard).sum(axis=0)
    unit = "photos" if cafes is None else "cafés"
    return {
        "ari": {
            "mean": float(np.mean(aris)) if aris else float("nan"),
            "sd": float(np.std(aris, ddof=1)) if len(aris) > 1 else float("nan"),
        },
        "jaccard": np.where(counted > 0, np.nansum(jaccard, axis=0) / np.maximum(counted, 1), np.nan),
        "merged": np.sum([together for _, _, together in found], axis=0) / max(len(aris), 1),
        "n": len(aris),
        "unit": unit,
        "how": f"{len(aris)} refits, each on {drawn:,} of {n_units:,} {unit} drawn with replacement",
    }


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


def on_all_cores(
    work: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], desc: str | None = None, *, parallel: bool = True
) -> list[Any]:
    """Run jobs in threads, a core each (BLAS and OpenMP inside them get one); results in the jobs' order.

    Args:
        work: Called with each job's arguments.
        jobs: The arguments.
        desc: Name of the progress bar; None: no bar.
        parallel: False: one after the other, with all threads for each.
    """
    from concurrent.futures import ThreadPoolExecutor

    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    bar = tqdm(total=len(jobs), desc=desc, unit="fit", leave=False, disable=desc is None)
    results = []
    if not parallel:
        with bar:
            for job in jobs:
                results.append(work(*job))
                bar.update()
        return results
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # filters belong to the process: a thread that sets its own would undo another's, so they are set once for all
    with bar, warnings.catch_warnings(), threadpool_limits(1), ThreadPoolExecutor(cores) as pool:
        warnings.simplefilter("ignore", ConvergenceWarning)
        futures = [pool.submit(work, *job) for job in jobs]
        try:
            for future in futures:
                results.append(future.result())
                bar.update()
        except BaseException:  # Ctrl-C too: what has not begun is dropped
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return results


def _mean(values: np.ndarray) -> float:
    return float(values.mean())

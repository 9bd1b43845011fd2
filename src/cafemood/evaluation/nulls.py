"""Null models: how high a score gets on data without clusters."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cafemood.clustering.lloyd import inner_products, pays, squared_distances, to_distances
from cafemood.core.parallel import on_all_cores
from cafemood.evaluation.judged import JudgedRows
from cafemood.evaluation.pipelines import MAX_ROWS, KMeansPipeline
from cafemood.evaluation.scores import silhouettes_of_distances
from cafemood.evaluation.store import JudgingStore

N_NULLS = 20
"""Nulls of each kind."""

FEW_COLUMNS = 50
"""Up to this many columns, each is drawn from a unimodal fit instead of permuted; see `independent`."""

_FORMAT = 2
"""Raise it when the same seed draws other nulls: those that were kept are not read then."""

_LOW = 0 if sys.byteorder == "little" else 1
"""Which half of a number of 64 bits counts less."""

Draw = Callable[[np.random.Generator], np.ndarray]


def gaussian(features: np.ndarray) -> Draw:
    """Nulls (n, r) from a Gaussian of the rows' covariance: one round cloud, stretched as the data is.

    They are drawn around zero in the basis of the covariance's eigenvectors, r ≤ min(n, d) columns: what is asked of
    them (k-means, PCA, silhouettes) is the same in every orthogonal basis, and wherever their mean is.
    """
    n = len(features)
    x = (features - features.mean(axis=0, dtype=np.float64)).astype(np.float32)
    variances = np.linalg.eigvalsh((x.T @ x if x.shape[1] < n else x @ x.T).astype(np.float64) / n)
    variances = variances[variances > 1e-7 * variances[-1]] if variances[-1] > 0 else variances[-1:].clip(0)
    spread = np.sqrt(variances[::-1]).astype(np.float32)
    return lambda rng: rng.standard_normal((n, len(spread)), dtype=np.float32) * spread


def independent(features: np.ndarray) -> Draw:
    """Nulls (n, d) with the columns' own values but nothing that links them: each is permuted by itself.

    With few columns (up to `FEW_COLUMNS`) one alone can hold the groups, and would still hold them when permuted.
    Each is then drawn from the unimodal distribution that fits it best.
    """
    if features.shape[1] > FEW_COLUMNS:
        columns = np.ascontiguousarray(features.T, dtype=np.float32)
        return lambda rng: permuted(columns, rng).T
    quantiles = [unimodal(column) for column in features.T]

    def draw(rng: np.random.Generator) -> np.ndarray:
        u = rng.random(features.shape)
        return np.stack([quantile(u[:, j]) for j, quantile in enumerate(quantiles)], axis=1).astype(np.float32)

    return draw


def permuted(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The values of each row (m, n), float32, in an order of its own.

    Each value is sorted behind a random number of 32 bits, which takes a third of the time of shuffling: NumPy sorts
    whole registers at once.
    """
    keyed = np.empty((*rows.shape, 2), np.uint32)
    keyed[..., _LOW], keyed[..., 1 - _LOW] = rows.view(np.uint32), rng.integers(2**32, size=rows.shape, dtype=np.uint32)
    ordered = np.sort(keyed.view(np.uint64)[..., 0], axis=1)
    return np.ascontiguousarray(ordered.view(np.uint32)[:, _LOW::2]).view(np.float32)


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
    features: np.ndarray | JudgedRows,
    labels: np.ndarray,
    spaces: dict[str, np.ndarray],
    pipelines: KMeansPipeline | Sequence[KMeansPipeline],
    n_nulls: int = N_NULLS,
    *,
    max_rows: int = MAX_ROWS,
    seed: int = 0,
    desc: str | None = None,
    store: JudgingStore | None = None,
    other_ks: Sequence[int] = (),
) -> dict[str, dict[str, Any]]:
    """Silhouettes of a labelling beside those that noise (data without groups) gets from the same pipeline.

    Two kinds of nulls are drawn `n_nulls` times each, and the harder one (the smaller z) is reported: a
    labelling that does not beat both shows nothing that noise would not show.

    Args:
        features: Backbone outputs (n, d).
        labels: The official labelling (n,).
        spaces: The clustering space (n, d') by name, if it is not the features.
        pipelines: What groups the nulls, one or several: all group the same ones. Each is scored in its own space,
            and the last in the features too.
        n_nulls: Nulls a kind.
        max_rows: Rows of a null at most; the labelling is scored on the same rows.
        seed: Of the sample, the nulls and the starts.
        desc: Name of the progress bar; None: no bar.
        store: Keeps what the nulls score, which no labelling changes.
        other_ks: Numbers of clusters that other runs on these rows will ask for: drawing a null and computing its
            distances takes most of the time, and is then done once for all of them. Only with a store that keeps.

    Returns:
        By score (`silhouette@features` and the pipelines' own spaces): `own`, `mean`, `sd`, `n`, `lift`
        (own − mean), `z` (lift/sd), `kind` of the harder null, `kinds` (each one's mean, sd, z), `how`, and whether
        it was `reused` from the store.
    """
    judged, store = JudgedRows.of(features), store or JudgingStore(None)
    pipelines = [pipelines] if isinstance(pipelines, KMeansPipeline) else list(pipelines)
    n = len(judged)
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(n, min(n, max_rows), replace=False))
    jobs = [(kind, int(s)) for kind in NULLS for s in rng.integers(2**31, size=n_nulls)]
    wanted = [[p.space] if p.space in spaces and p.space != "features" else [] for p in pipelines]
    wanted[-1].append("features")
    own = [(p, names) for p, names in zip(pipelines, wanted, strict=True) if names]
    others = [k for k in other_ks if 2 <= k <= len(rows)] if store.keeps else []
    asked = own + [(replace(p, k=k), names) for k in others for p, names in own if k != p.k]

    def make(missing: Sequence[int]) -> list[dict[str, np.ndarray]]:
        x = np.ascontiguousarray(judged.rows[rows], dtype=np.float32)
        scored = _scored(x, jobs, [asked[i] for i in missing], desc)
        return [
            {
                name: np.array([by_job[j][name] for by_job in scored]).reshape(len(NULLS), n_nulls)
                for name in asked[i][1]
            }
            for j, i in enumerate(missing)
        ]

    recipes = [
        {"rows": judged.digest, "max_rows": max_rows, "pipeline": [p.k, p.n_components, p.n_init], "spaces": names}
        | {"n_nulls": n_nulls, "seed": seed, "format": _FORMAT}
        for p, names in asked
    ]
    found = store.several("nulls", recipes, [names for _, names in asked], make)
    sampled = f"{len(rows)} of {n} photos" if len(rows) < n else f"{n} photos"
    lifts = {}
    for (pipeline, names), (values, reused) in zip(own, found, strict=False):  # those of others come after
        where = "" if pipeline.space == "features" else f" in {pipeline.space}"
        for name in names:
            squared = judged.squared_of(rows) if name == "features" else squared_distances(spaces[name][rows])
            value = _mean(silhouettes_of_distances(squared, [labels[rows]])[0])
            against = {kind: _against(value, of_kind) for kind, of_kind in zip(NULLS, values[name], strict=True)}
            defined = [kind for kind in against if np.isfinite(against[kind]["z"])]
            hardest = min(defined, key=lambda kind: against[kind]["z"]) if defined else next(iter(against))
            how = f"k-means{where} of {sampled} drawn without groups ({hardest})"
            lifts[f"silhouette@{name}"] = {
                "own": value,
                **against[hardest],
                "kind": hardest,
                "kinds": against,
                "how": how,
            }
            lifts[f"silhouette@{name}"]["reused"] = reused
    return lifts


def _scored(
    x: np.ndarray, jobs: list[tuple[str, int]], asked: Sequence[tuple[KMeansPipeline, list[str]]], desc: str | None
) -> list[list[dict[str, float]]]:
    """Of each null (kind, seed) of rows (n, d), and each pipeline, the silhouettes in the spaces asked for.

    A null is drawn once for all pipelines, and each of its spaces and their distances are computed once for all.
    """
    draws = {kind: prepare(x) for kind, prepare in NULLS.items()}
    scored = {name for _, names in asked for name in names}

    def score(kind: str, null_seed: int) -> list[dict[str, float]]:
        null = draws[kind](np.random.default_rng(null_seed))
        products = inner_products(null) if pays(*null.shape) else None
        reduced = {p.space: p.reduced(null, products) for p in {p.space: p for p, _ in asked}.values()}
        squared = {name: squared_distances(reduced[name]) for name in scored if name != "features"}
        if "features" in scored:
            squared["features"] = squared_distances(null) if products is None else to_distances(products)
        scores = []
        for pipeline, names in asked:
            z = reduced[pipeline.space]
            labels = pipeline.of_all(z, squared.get("features") if z is null else None, null_seed)
            scores.append({name: _mean(silhouettes_of_distances(squared[name], [labels])[0]) for name in names})
        return scores

    return on_all_cores(score, jobs, desc)


def _against(observed: float, values: np.ndarray) -> dict[str, float]:
    """Number, mean and sd of the nulls that have a silhouette, and where `observed` lies.

    A null without spread counts as one of 1e-9.
    """
    nan = float("nan")
    values = values[np.isfinite(values)]
    if not len(values):
        return {"n": 0, "mean": nan, "sd": nan, "lift": nan, "z": nan}
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else nan
    return {"n": len(values), "mean": mean, "sd": sd, "lift": observed - mean, "z": (observed - mean) / max(sd, 1e-9)}


def _mean(values: np.ndarray) -> float:
    return float(values.mean())

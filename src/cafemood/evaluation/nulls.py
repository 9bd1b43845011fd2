"""Null models: how high a score gets on data without clusters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cafemood.core.parallel import on_all_cores
from cafemood.evaluation.pipelines import MAX_ROWS, KMeansPipeline
from cafemood.evaluation.scores import silhouettes

N_NULLS = 20
"""Nulls of each kind."""

FEW_COLUMNS = 50
"""Up to this many columns, each is drawn from a unimodal fit instead of permuted; see `independent`."""

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

    Two kinds of nulls are drawn `n_nulls` times each, and the harder one (the smaller z) is reported: a
    labelling that does not beat both shows nothing that noise would not show.

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

    def score(kind: str, null_seed: int) -> dict[str, float]:
        null = draws[kind](np.random.default_rng(null_seed))
        null_labels, z = pipeline(null, np.arange(len(null)), null_seed)
        scored = {"silhouette@features": _mean(silhouettes(null, null_labels))}
        if pipeline.space != "features":
            scored[f"silhouette@{pipeline.space}"] = _mean(silhouettes(z, null_labels))
        return scored

    scored = on_all_cores(score, jobs, desc)
    observed = {"silhouette@features": _mean(silhouettes(x, labels[rows]))}
    if pipeline.space != "features" and pipeline.space in spaces:
        observed[f"silhouette@{pipeline.space}"] = _mean(silhouettes(spaces[pipeline.space][rows], labels[rows]))
    sampled = f"{len(rows)} of {len(features)} photos" if len(rows) < len(features) else f"{len(rows)} photos"
    lifts = {}
    for name, value in observed.items():
        kinds = {}
        for kind in NULLS:
            values = [s[name] for (of, _), s in zip(jobs, scored, strict=True) if of == kind and np.isfinite(s[name])]
            kinds[kind] = {"n": len(values), **_against(value, values)}
        defined = [kind for kind in kinds if np.isfinite(kinds[kind]["z"])]
        hardest = min(defined, key=lambda kind: kinds[kind]["z"]) if defined else next(iter(kinds))
        where = "" if pipeline.space == "features" else f" in {pipeline.space}"
        lifts[name] = {
            "own": value,
            **kinds[hardest],
            "kind": hardest,
            "kinds": kinds,
            "how": f"k-means{where} of {sampled} without structure ({hardest})",
        }
    return lifts


def _against(observed: float, values: Sequence[float]) -> dict[str, float]:
    """Mean and sd of the nulls, and where `observed` lies; a null without spread counts as one of 1e-9."""
    nan = float("nan")
    if not values:
        return {"mean": nan, "sd": nan, "lift": nan, "z": nan}
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else nan
    return {"mean": mean, "sd": sd, "lift": observed - mean, "z": (observed - mean) / max(sd, 1e-9)}


def _mean(values: np.ndarray) -> float:
    return float(values.mean())

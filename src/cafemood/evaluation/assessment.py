"""Evaluate one clustering: scores, nulls, refits, baselines, and the findings that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from cafemood.clustering.base import Clustering
from cafemood.clustering.cafe_places import CafePlaces
from cafemood.clustering.kmeans import kmeans
from cafemood.evaluation import cafe_halves, cafe_space, scores
from cafemood.evaluation.baselines import Baseline
from cafemood.evaluation.cafe_space import CafeSpace
from cafemood.evaluation.findings import Finding
from cafemood.evaluation.judged import JudgedRows
from cafemood.evaluation.nulls import null_lift
from cafemood.evaluation.pipelines import MAX_ROWS, KMeansPipeline
from cafemood.evaluation.resampling import ReliabilityOptions, refit_rows, stability
from cafemood.evaluation.store import JudgingStore
from cafemood.evaluation.verdict import noise_limit, verdict


@dataclass(frozen=True)
class Evaluation:
    """Scores and findings of one clustering.

    Attributes:
        scores: Each score by its name and space (`silhouette@features`).
        findings: What the numbers allow to say, the gravest first.
        silhouettes: Silhouette of each photo in the feature space (n,); NaN for rows outside the sample.
        details: The rest of `scores.json`: null, stability, coherence, leak, baselines, health, sizes, sample,
            labelled, spaces, reused, and the unit that was grouped, `photo` or `cafe`.
    """

    scores: dict[str, float]
    findings: list[Finding]
    silhouettes: np.ndarray
    details: dict[str, Any]

    def _repr_html_(self) -> str:
        """The findings and the scores as a notebook shows them."""
        said = "".join(f"<li>{escape(finding.text)}</li>" for finding in self.findings)
        rows = "".join(f"<tr><td>{escape(name)}</td><td>{value:.3f}</td></tr>" for name, value in self.scores.items())
        return f"<ul>{said}</ul><table><tr><th>score</th><th>value</th></tr>{rows}</table>"

    def to_json(self) -> dict[str, Any]:
        """What `scores.json` holds."""
        findings = [finding.to_json() for finding in self.findings]
        return {"scores": self.scores, **self.details, "verdict": findings}


def assess(
    features: np.ndarray | JudgedRows,
    plane: np.ndarray,
    clustering: Clustering,
    baselines: Sequence[Baseline],
    options: ReliabilityOptions | None = None,
    *,
    truth: Sequence[str | None] | None = None,
    cafes: Sequence[str] | None = None,
    space: CafeSpace | None = None,
    units: dict[str, Any] | None = None,
    store: JudgingStore | None = None,
) -> Evaluation:
    """Score a clustering in the feature space, in its own, and in the display plane.

    Args:
        features: Backbone outputs (n, d).
        plane: The display plane (n, 2).
        clustering: The official labelling.
        baselines: Cheap systems on the same features.
        options: Nulls and refits; None: 20 nulls of k-means on the features, no refits.
        truth: Ground-truth label of each photo, if there is one; it is used here and nowhere else. External scores
            are of the photos that have one.
        cafes: Café of each photo, if known.
        space: The space that was learnt from café ids, if the clustering is in one: nulls and refits are then of
            it, and what it says of cafés is measured on cafés that it was not learnt from.
        units: If the rows are cafés, which `cafes` names: what `of_cafe_groups` says of them.
        store: Keeps what nulls and refits score, for other runs on the same rows.
    """
    judged = JudgedRows.of(features)
    labels, k = clustering.labels, len(clustering.centers)
    options = options or ReliabilityOptions(KMeansPipeline(k))
    sample = scores.sample_rows(labels)
    rows = sample.rows
    squared = judged.squared_of(rows)
    of_seeds = [of_seed for baseline in baselines for of_seed in baseline.labels]
    every = [of_labels[rows] for of_labels in (labels, *of_seeds)]
    values, *others = scores.internal_of_all(judged.rows[rows], squared, every, "features")
    values = values | _against(truth, labels)
    if clustering.space not in ("features", "pca2"):
        values |= scores.internal(clustering.embedding[rows], labels[rows], "clustering")
    values |= scores.internal(plane[rows], labels[rows], "pca2")
    by_seed = [internal | _against(truth, of_seed) for internal, of_seed in zip(others, of_seeds, strict=True)]
    compared_labels = of_seeds[0] if of_seeds else None
    compared = []
    for baseline in baselines:
        n_seeds = len(baseline.labels)
        own, by_seed = by_seed[:n_seeds], by_seed[n_seeds:]
        about = {"name": baseline.name, "n_seeds": n_seeds, "n_reused": baseline.n_reused}
        compared.append(about | {"scores": scores.mean_and_sd(own)})
    spaces = {clustering.space: clustering.embedding, "pca2": plane}
    details: dict[str, Any] = {
        "null": _nulls(judged, labels, spaces, k, options, space, store),
        "stability": _refitted(judged if space is None else space.judged, labels, cafes, options, store),
        **(units or _of_cafes(judged.rows, labels, cafes, compared_labels, space, k, options.seed)),
        "leak": [] if cafes is None or units else scores.dominant_cafe_share(labels, cafes),
        "baselines": compared,
        "health": clustering.health(),
        "sizes": np.bincount(labels, minlength=k),
        "sample": sample.facts,
        "unit": "photo" if units is None else "cafe",
        "labelled": {"n": int(_labelled(truth).sum()), "of": len(labels)},
        "spaces": {"clustering": clustering.space} | ({} if space is None else {"reduced": space.name}),
    }
    details["reused"] = _reused(details)
    silhouettes = np.full(len(labels), np.nan)
    silhouettes[rows] = scores.silhouettes_of_distances(squared, every[:1])[0]
    return Evaluation(values, verdict({"scores": values, **details}, n=len(labels), k=k), silhouettes, details)


def _reused(details: dict[str, Any]) -> list[str]:
    """The figures that an earlier run on the same rows has computed, as the report names them."""
    named = [
        f"{baseline['name']} ({baseline['n_reused']} of {baseline['n_seeds']} seeds)"
        for baseline in details["baselines"]
        if baseline["n_reused"]
    ]
    named += [f"noise of {name}" for name, null in details["null"].items() if null["reused"]]
    return named + (["stability"] if (details["stability"] or {}).get("reused") else [])


def _labelled(truth: Sequence[str | None] | None) -> np.ndarray:
    """Whether each photo has a ground truth (n,); (0,) without any."""
    return np.array([label is not None for label in ([] if truth is None else truth)], dtype=bool)


def _against(truth: Sequence[str | None] | None, labels: np.ndarray) -> dict[str, float]:
    """The external scores of the photos that have a ground truth; none if no photo has."""
    rows = np.flatnonzero(_labelled(truth)).tolist()
    return scores.external([str(truth[i]) for i in rows], labels[rows]) if truth is not None and len(rows) else {}


def _nulls(
    judged: JudgedRows,
    labels: np.ndarray,
    spaces: dict[str, np.ndarray],
    k: int,
    options: ReliabilityOptions,
    space: CafeSpace | None,
    store: JudgingStore | None,
) -> dict[str, Any]:
    """`null_lift` of the method's pipeline and of the display plane, with the limit below which a score is noise."""
    settings: dict[str, Any] = {
        "max_rows": max(MAX_ROWS, 2 * k),
        "seed": options.seed,
        "desc": None if options.quiet else "noise",
        "store": store,
        "other_ks": [other for other in options.other_ks if max(MAX_ROWS, 2 * other) == max(MAX_ROWS, 2 * k)],
    }
    pipelines = list(dict.fromkeys((KMeansPipeline(k, 2), options.pipeline)))  # the map has a null of its own
    lift = null_lift(judged, labels, spaces, pipelines, options.n_nulls, **settings)
    if space is not None:  # labels of another space are no k-means of the features
        lift.pop("silhouette@features", None)
        own = null_lift(space.judged, labels, {}, options.pipeline, options.n_nulls, **settings)
        lift[f"silhouette@{space.name}"] = own["silhouette@features"]
    limit = {"limit": noise_limit(options.n_candidates), "n_tried": options.n_candidates}
    return {name: null | limit for name, null in lift.items()}


def _of_cafes(
    features: np.ndarray,
    labels: np.ndarray,
    cafes: Sequence[str] | None,
    plain: np.ndarray | None,
    space: CafeSpace | None,
    k: int,
    seed: int,
) -> dict[str, Any]:
    """`coherence`, `follows` and `cafe_space` of `scores.json`."""
    if cafes is None or space is None or space.reduction is None:
        lift = None if cafes is None else scores.same_cafe_lift(labels, cafes, features, seed=seed)
        followed = cafe_space.follows(features, labels, cafes, plain, seed)
        return {"coherence": lift, "follows": followed, "cafe_space": None}
    crossed = cafe_space.cross_fitted(features, labels, cafes, space.reduction, k, plain=plain, seed=seed) or {}
    return {"coherence": crossed.get("coherence"), "follows": crossed.get("follows"), "cafe_space": crossed or None}


def of_cafe_groups(
    features: np.ndarray,
    places: CafePlaces,
    photos: Clustering,
    certainty: np.ndarray,
    z: np.ndarray,
    space: CafeSpace | None,
    k: int,
    seed: int,
) -> dict[str, Any]:
    """What `scores.json` says of groups of cafés that their own rows don't tell.

    Args:
        features: Backbone outputs of the photos (n, d).
        places: The cafés.
        photos: Their groups as the photos carry them.
        certainty: Chance of its café's group, of each photo (n,).
        z: The photos in the space that the cafés were grouped in (n, d').
        space: That space, if it was learnt from these cafés.
        k: Groups.
        seed: Of all that is random.
    """
    cafes = [str(name) for name in places.names[places.member]]
    plain = np.asarray(kmeans(features, k, seed, 3).labels_)
    learnt = None if space is None else space.reduction
    chance = certainty[np.unique(places.member, return_index=True)[1]]
    known = np.isfinite(chance)
    return {
        "coherence": None,
        "follows": cafe_space.follows(features, photos.labels, cafes, plain, seed),
        "cafe_space": None,
        "halves": cafe_halves.halves(features, z, photos.labels, cafes, k, reduction=learnt, seed=seed),
        "certain": {"n": int((chance[known] >= cafe_halves.CERTAIN).sum()), "of": int(known.sum())}
        if known.any()
        else None,
    }


def _refitted(
    judged: JudgedRows,
    labels: np.ndarray,
    cafes: Sequence[str] | None,
    options: ReliabilityOptions,
    store: JudgingStore | None,
) -> dict[str, Any] | None:
    if options.refits is None:
        return None
    cheap = isinstance(options.refits, KMeansPipeline)
    return stability(
        judged,
        labels,
        options.refits,
        options.n_resamples,
        cafes=cafes,
        max_rows=refit_rows(len(labels)) if cheap else len(labels),
        seed=options.seed,
        parallel=cheap,  # a training takes all cores by itself
        desc=None if options.quiet else "refits on resampled " + ("photos" if cafes is None else "cafés"),
        store=store,
    )

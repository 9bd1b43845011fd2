"""Evaluate one clustering: scores, nulls, refits, baselines, and the findings that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from sklearn.metrics import pairwise_distances

from cafemood.clustering.base import Clustering
from cafemood.evaluation import scores
from cafemood.evaluation.baselines import Baseline
from cafemood.evaluation.findings import Finding
from cafemood.evaluation.nulls import null_lift
from cafemood.evaluation.pipelines import MAX_ROWS, KMeansPipeline
from cafemood.evaluation.resampling import ReliabilityOptions, refit_rows, stability
from cafemood.evaluation.verdict import noise_limit, verdict


@dataclass(frozen=True)
class Evaluation:
    """Scores and findings of one clustering.

    Attributes:
        scores: Each score by its name and space (`silhouette@features`).
        findings: What the numbers allow to say, the gravest first.
        silhouettes: Silhouette of each photo in the feature space (n,); NaN for rows outside the sample.
        details: The rest of `scores.json`: null, stability, coherence, leak, baselines, health, sizes, sample,
            labelled, spaces.
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
    features: np.ndarray,
    plane: np.ndarray,
    clustering: Clustering,
    baselines: Sequence[Baseline],
    options: ReliabilityOptions | None = None,
    *,
    truth: Sequence[str | None] | None = None,
    cafes: Sequence[str] | None = None,
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
    """
    labels, k = clustering.labels, len(clustering.centers)
    options = options or ReliabilityOptions(KMeansPipeline(k))
    sample = scores.sample_rows(labels)
    rows = sample.rows
    distances = np.asarray(pairwise_distances(features[rows]), dtype=np.float32)
    np.fill_diagonal(distances, 0)

    def in_features(chosen: np.ndarray) -> dict[str, float]:
        return scores.internal(features[rows], chosen[rows], "features", distances=distances)

    values = in_features(labels)
    if clustering.space not in ("features", "pca2"):
        values |= scores.internal(clustering.embedding[rows], labels[rows], "clustering")
    values |= scores.internal(plane[rows], labels[rows], "pca2")
    values |= _against(truth, labels)
    compared = []
    for baseline in baselines:
        by_seed = [in_features(seed_labels) | _against(truth, seed_labels) for seed_labels in baseline.labels]
        compared.append({"name": baseline.name, "n_seeds": len(by_seed), "scores": scores.mean_and_sd(by_seed)})
    spaces = {clustering.space: clustering.embedding, "pca2": plane}
    details = {
        "null": _nulls(features, labels, spaces, k, options),
        "stability": _refitted(features, labels, cafes, options),
        "coherence": None if cafes is None else scores.same_cafe_lift(labels, cafes, features, seed=options.seed),
        "leak": [] if cafes is None else scores.dominant_cafe_share(labels, cafes),
        "baselines": compared,
        "health": clustering.health(),
        "sizes": np.bincount(labels, minlength=k),
        "sample": sample.facts,
        "labelled": {"n": int(_labelled(truth).sum()), "of": len(labels)},
        "spaces": {"clustering": clustering.space},
    }
    silhouettes = np.full(len(labels), np.nan)
    silhouettes[rows] = scores.silhouettes(distances, labels[rows], precomputed=True)
    return Evaluation(values, verdict({"scores": values, **details}, n=len(labels), k=k), silhouettes, details)


def _labelled(truth: Sequence[str | None] | None) -> np.ndarray:
    """Whether each photo has a ground truth (n,); (0,) without any."""
    return np.array([label is not None for label in ([] if truth is None else truth)], dtype=bool)


def _against(truth: Sequence[str | None] | None, labels: np.ndarray) -> dict[str, float]:
    """The external scores of the photos that have a ground truth; none if no photo has."""
    rows = np.flatnonzero(_labelled(truth)).tolist()
    return scores.external([str(truth[i]) for i in rows], labels[rows]) if truth is not None and len(rows) else {}


def _nulls(
    features: np.ndarray, labels: np.ndarray, spaces: dict[str, np.ndarray], k: int, options: ReliabilityOptions
) -> dict[str, Any]:
    """`null_lift` of the method's pipeline and of the display plane, with the limit below which a score is noise."""
    lift: dict[str, Any] = {}
    for pipeline in dict.fromkeys((KMeansPipeline(k, 2), options.pipeline)):  # the map has a null of its own
        desc = None if options.quiet else f"nulls ({pipeline.space})"
        max_rows = max(MAX_ROWS, 2 * k)
        lift |= null_lift(
            features, labels, spaces, pipeline, options.n_nulls, max_rows=max_rows, seed=options.seed, desc=desc
        )
    limit = {"limit": noise_limit(options.n_candidates), "n_tried": options.n_candidates}
    return {name: null | limit for name, null in lift.items()}


def _refitted(
    features: np.ndarray, labels: np.ndarray, cafes: Sequence[str] | None, options: ReliabilityOptions
) -> dict[str, Any] | None:
    if options.refits is None:
        return None
    cheap = isinstance(options.refits, KMeansPipeline)
    return stability(
        features,
        labels,
        options.refits,
        options.n_resamples,
        cafes=cafes,
        max_rows=refit_rows(len(labels)) if cheap else len(labels),
        seed=options.seed,
        parallel=cheap,  # a training takes all cores by itself
        desc=None if options.quiet else "refits on resampled " + ("photos" if cafes is None else "cafés"),
    )

"""Everything that is said of one clustering: scores, nulls, refits, baselines, and the verdict in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import pairwise_distances

from cafemood.clustering.base import Clustering
from cafemood.evaluation import scores
from cafemood.evaluation.baselines import Baseline
from cafemood.evaluation.nulls import null_lift
from cafemood.evaluation.pipelines import MAX_ROWS, KMeansPipeline
from cafemood.evaluation.stability import Checks, refit_rows, stability
from cafemood.evaluation.verdict import noise_limit, verdict


@dataclass(frozen=True)
class Judgement:
    """What `scores.json` holds, and the silhouette of each photo in the feature space (n,)."""

    facts: dict[str, Any]
    silhouettes: np.ndarray


def judge(
    features: np.ndarray,
    plane: np.ndarray,
    clustering: Clustering,
    baselines: Sequence[Baseline],
    checks: Checks | None = None,
    *,
    truth: Sequence[str | None] | None = None,
    cafes: Sequence[str] | None = None,
) -> Judgement:
    """Score a clustering in the feature space, in its own, and in the display plane.

    Args:
        features: Backbone outputs (n, d).
        plane: The display plane (n, 2).
        clustering: The official labelling.
        baselines: Cheap systems on the same features.
        checks: Nulls and refits; None: 20 nulls of k-means on the features, no refits.
        truth: Ground-truth label of each photo, if there is one; it is used here and nowhere else. External scores
            are of the photos that have one.
        cafes: Café of each photo, if known.
    """
    labels, k = clustering.labels, len(clustering.centers)
    sample = scores.sample_rows(labels)
    rows = sample.rows
    distances = np.asarray(pairwise_distances(features[rows]), dtype=np.float32)
    np.fill_diagonal(distances, 0)

    def in_features(chosen: np.ndarray) -> dict[str, float]:
        return scores.internal(features[rows], chosen[rows], "features", distances=distances)

    own = in_features(labels)
    if clustering.space not in ("features", "pca2"):
        own |= scores.internal(clustering.embedding[rows], labels[rows], "clustering")
    own |= scores.internal(plane[rows], labels[rows], "pca2")
    own |= _against(truth, labels)
    compared = []
    for baseline in baselines:
        found = [in_features(each) | _against(truth, each) for each in baseline.labels]
        compared.append({"name": baseline.name, "n_seeds": len(found), "scores": scores.mean_and_sd(found)})
    spaces = {clustering.space: clustering.embedding, "pca2": plane}
    checks = checks or Checks(KMeansPipeline(k))
    lift: dict[str, Any] = {}
    for pipeline in dict.fromkeys((KMeansPipeline(k, 2), checks.pipeline)):  # the map has a null of its own
        desc = None if checks.quiet else f"nulls ({pipeline.space})"
        rows_of_null = max(MAX_ROWS, 2 * k)
        lift |= null_lift(
            features, labels, spaces, pipeline, checks.n_nulls, max_rows=rows_of_null, seed=checks.seed, desc=desc
        )
    lift = {
        name: found | {"limit": noise_limit(checks.n_tried), "n_tried": checks.n_tried} for name, found in lift.items()
    }
    facts = {
        "scores": own,
        "null": lift,
        "stability": _refitted(features, labels, cafes, checks),
        "coherence": None if cafes is None else scores.cafe_coherence(labels, cafes, features, seed=checks.seed),
        "leak": [] if cafes is None else scores.venue_leak(labels, cafes),
        "baselines": compared,
        "health": clustering.health(),
        "sizes": np.bincount(labels, minlength=k),
        "sample": sample.facts,
        "labelled": {"n": int(_labelled(truth).sum()), "of": len(labels)},
        "spaces": {"clustering": clustering.space},
    }
    facts["verdict"] = verdict(facts, n=len(labels), k=k)
    each = np.full(len(labels), np.nan)
    each[rows] = scores.silhouettes(distances, labels[rows], precomputed=True)
    return Judgement(facts, each)


def _labelled(truth: Sequence[str | None] | None) -> np.ndarray:
    """Whether each photo has a ground truth (n,); (0,) without any."""
    return np.array([label is not None for label in ([] if truth is None else truth)], dtype=bool)


def _against(truth: Sequence[str | None] | None, labels: np.ndarray) -> dict[str, float]:
    """The external scores of the photos that have a ground truth; none if no photo has."""
    rows = np.flatnonzero(_labelled(truth)).tolist()
    return scores.external([str(truth[i]) for i in rows], labels[rows]) if truth is not None and len(rows) else {}


def _refitted(
    features: np.ndarray, labels: np.ndarray, cafes: Sequence[str] | None, checks: Checks
) -> dict[str, Any] | None:
    if checks.refits is None:
        return None
    cheap = isinstance(checks.refits, KMeansPipeline)
    return stability(
        features,
        labels,
        checks.refits,
        checks.n_resamples,
        cafes=cafes,
        max_rows=refit_rows(len(labels)) if cheap else len(labels),
        seed=checks.seed,
        parallel=cheap,  # a training takes all cores by itself
        desc=None if checks.quiet else "refits on resampled " + ("photos" if cafes is None else "cafés"),
    )

"""From a clustering to `scores.json`: every score with its space, the baselines, and a verdict in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import pairwise_distances

from cafemood import scores
from cafemood.methods import Baseline, Clustering, plane_kmeans

Sentence = dict[str, str]


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
    *,
    truth: Sequence[str] | None = None,
    cafes: Sequence[str] | None = None,
) -> Judgement:
    """Score a clustering in the feature space, in its own, and in the display plane.

    Args:
        features: Backbone outputs (n, d).
        plane: The display plane (n, 2).
        clustering: The official labelling.
        baselines: Cheap systems on the same features.
        truth: Ground-truth label of each photo, if there is one; it is used here and nowhere else.
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
    if truth is not None:
        own |= scores.external(truth, labels)
    compared = []
    for baseline in baselines:
        found = [
            in_features(seed) | ({} if truth is None else scores.external(truth, seed)) for seed in baseline.labels
        ]
        compared.append({"name": baseline.name, "n_seeds": len(found), "scores": scores.mean_and_sd(found)})
    facts = {
        "scores": own,
        "null": {"silhouette@pca2": scores.plane_null(features, plane_kmeans(k), max_rows=max(2000, 2 * k))},
        "baselines": compared,
        "health": clustering.health(),
        "sizes": np.bincount(labels, minlength=k),
        "sample": sample.facts,
        "spaces": {"clustering": clustering.space},
    }
    facts["verdict"] = verdict(facts, n=len(labels), k=k, leaks=_cafe_leaks(labels, cafes))
    each = np.full(len(labels), np.nan)
    each[rows] = scores.silhouettes(distances, labels[rows], precomputed=True)
    return Judgement(facts, each)


def verdict(facts: dict[str, Any], *, n: int, k: int, leaks: Sequence[Sentence] = ()) -> list[Sentence]:
    """Say in words what the numbers allow, the gravest first.

    Args:
        facts: As in `scores.json`.
        n: Photos.
        k: Clusters asked for.
        leaks: What is known of moods that are one café; they take their place in the order.
    """
    own, health = facts["scores"], facts["health"]
    said: list[Sentence] = []
    if health["clusters_in_use"] < k:
        said.append(
            _say(
                "bad",
                f"Only {health['clusters_in_use']} of {k} groups hold any photo: the clustering collapsed.",
            )
        )
    said += _plane_sentence(own, facts["null"]["silhouette@pca2"], facts["spaces"]["clustering"])
    said += _baseline_sentences(own, facts["baselines"])
    said += _separation_sentence(own["silhouette@features"])
    if np.isfinite(own.get("silhouette@clustering", np.nan)):
        text = (
            f"In its own space ({facts['spaces']['clustering']}) the method scores {own['silhouette@clustering']:.2f}. "
            "A method that moves the points scores high there even on noise: read the figure for the features instead."
        )
        said.append(_say("info", text))
    if n < 10 * k:
        said.append(_say("warn", f"{n} photos are few for {k} groups: take every number here as a hint."))
    if health["clusters_in_use"] == k and health["smallest_cluster"] < max(3, 0.01 * n):
        photos = "photo" if health["smallest_cluster"] == 1 else "photos"
        said.append(
            _say(
                "warn",
                f"The smallest group has {health['smallest_cluster']} {photos}: an outlier, not a mood.",
            )
        )
    said += leaks
    order = {"bad": 0, "warn": 1, "good": 2, "info": 3}
    return sorted(said, key=lambda sentence: order[sentence["level"]])


def _plane_sentence(own: dict[str, float], null: dict[str, float], space: str) -> list[Sentence]:
    score = own["silhouette@pca2"]
    if not np.isfinite(score) or not np.isfinite(null["mean"]):
        return []
    reference = f"{_mean_sd(null, 2)} ({null['n']} nulls)"
    if space != "pca2":  # the null is clustered in the plane and these labels are not: no verdict, a warning
        text = (
            f"On the 2-d map the silhouette is {score:.2f}. Don't judge by it: features without any structure, "
            f"clustered in that plane, get {reference}."
        )
        return [_say("info", text)]
    if score < null["mean"] + 2 * np.nan_to_num(null["sd"]):
        text = (
            f"No better than noise: in its 2-d plane the silhouette is {score:.2f}, and features without any "
            f"structure get {reference}."
        )
        return [_say("bad", text)]
    text = f"silhouette@pca2 is {score:.2f}; features without any structure get {reference}. Only the rest counts."
    return [_say("info", text)]


def _baseline_sentences(own: dict[str, float], baselines: Sequence[dict[str, Any]]) -> list[Sentence]:
    said = []
    for name, shown in (("nmi", "NMI"), ("silhouette@features", "silhouette@features")):
        scored = [b for b in baselines if np.isfinite(b["scores"].get(name, {"mean": np.nan})["mean"])]
        if not np.isfinite(own.get(name, np.nan)) or not scored:
            continue
        best = max(scored, key=lambda baseline: baseline["scores"][name]["mean"])
        other = best["scores"][name]
        seeds = "1 seed" if best["n_seeds"] == 1 else f"{best['n_seeds']} seeds"
        figures = f"{shown} {own[name]:.3f} against {_mean_sd(other, 3)} ({seeds})"
        margin = max(2 * np.nan_to_num(other["sd"]), 0.005)
        if own[name] < other["mean"] - margin:
            said.append(_say("warn", f"The plain “{best['name']}” does better: {figures}."))
        elif own[name] > other["mean"] + margin:
            said.append(_say("good", f"Better than the best plain baseline, “{best['name']}”: {figures}."))
        else:
            said.append(_say("info", f"No different from the plain “{best['name']}”: {figures}."))
    return said


def _separation_sentence(score: float) -> list[Sentence]:
    if not np.isfinite(score):
        return [_say("bad", "The silhouette is undefined here: there is one group only, or every photo is its own.")]
    words = f"silhouette@features is {score:.2f} (1: far apart, 0: side by side, below: mixed up)"
    if score < 0.05:
        return [_say("warn", f"The groups overlap: {words}. Expect many photos that would suit two of them.")]
    if score < 0.25:
        return [
            _say(
                "warn",
                f"The groups shade into each other: {words}. Usual for moods; look at the borderline photos.",
            )
        ]
    return [_say("good", f"The groups are apart in the feature space: {words}.")]


def _cafe_leaks(labels: np.ndarray, cafes: Sequence[str] | None) -> list[Sentence]:
    if cafes is None:
        return []
    said = []
    for j in np.unique(labels):
        names, counts = np.unique(np.asarray(cafes)[labels == j], return_counts=True)
        if counts.sum() > 2 and counts.max() > 0.5 * counts.sum():
            share = counts.max() / counts.sum()
            text = f"Mood {j + 1} is mostly one café ({names[counts.argmax()]}, {share:.0%} of its photos), not a mood."
            said.append(_say("warn", text))
    return said


def _mean_sd(found: dict[str, float], digits: int) -> str:
    spread = f" ± {found['sd']:.{digits}f}" if np.isfinite(found["sd"]) else ""  # one seed has none
    return f"{found['mean']:.{digits}f}{spread}"


def _say(level: str, text: str) -> Sentence:
    return {"level": level, "text": text}

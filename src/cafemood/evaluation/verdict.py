"""From a clustering to `scores.json`: every score with its space, the baselines, and a verdict in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import norm

from cafemood.evaluation.stability import STABLE, UNSTABLE

Sentence = dict[str, str]

ORDER = {"bad": 0, "warn": 1, "good": 2, "info": 3}

NOISE_Z = 2.0
"""Standard deviations above the nulls' mean below which a silhouette says nothing."""


def noise_limit(n_tried: int) -> float:
    """`NOISE_Z` for the best of `n_tried` clusterings: noise passes it as rarely as one passes `NOISE_Z` (Šidák).

    Šidák, "Rectangular Confidence Regions for the Means of Multivariate Normal Distributions", JASA 1967.
    """
    return NOISE_Z if n_tried == 1 else float(norm.ppf(norm.cdf(NOISE_Z) ** (1 / n_tried)))


def verdict(facts: dict[str, Any], *, n: int, k: int) -> list[Sentence]:
    """Say in words what the numbers allow, the gravest first.

    Args:
        facts: As in `scores.json`.
        n: Photos.
        k: Clusters asked for.
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
    said += _noise_sentences(own, facts["null"], facts["spaces"]["clustering"])
    said += _stability_sentences(facts.get("stability"))
    said += _coherence_sentences(facts.get("coherence"))
    said += _baseline_sentences(own, facts["baselines"])
    said += _separation_sentence(own["silhouette@features"])
    if np.isfinite(own.get("silhouette@clustering", np.nan)):
        text = (
            f"In its own space ({facts['spaces']['clustering']}) the method scores {own['silhouette@clustering']:.2f}. "
            "A method that moves the points scores high there even on noise: read the figure for the features instead."
        )
        said.append(_say("info", text))
    if n < 10 * k:
        said.append(_say("warn", f"{n:,} photos are few for {k} groups: take every number here as a hint."))
    if health["clusters_in_use"] == k and health["smallest_cluster"] < max(3, min(0.01 * n, 0.1 * n / k)):
        photos = "photo" if health["smallest_cluster"] == 1 else "photos"
        said.append(
            _say(
                "warn",
                f"The smallest group has {health['smallest_cluster']} {photos}: an outlier, not a mood.",
            )
        )
    said += _leak_sentences(facts.get("leak", []))
    said += _labelled_sentence(facts.get("labelled"))
    return sorted(said, key=lambda sentence: ORDER[sentence["level"]])


def _noise_sentences(own: dict[str, float], null: dict[str, Any], space: str) -> list[Sentence]:
    said: list[Sentence] = []
    judged = ["silhouette@features"] + [f"silhouette@{space}"] * (space != "features")
    for name in judged:
        found = null.get(name)
        if not found or not np.isfinite(found["z"]):
            continue
        reference = f"{_mean_sd(found, 3)} ({found['kind']}, {found['n']} times)"
        value = f"{name} is {found['own']:.3f}"
        limit, n_tried = found.get("limit", NOISE_Z), found.get("n_tried", 1)
        if found["z"] < limit:
            text = f"No better than noise: {value}, and data without any structure gets {reference}."
            if n_tried > 1:
                text += f" (k was chosen among {n_tried} on the same photos: noise ends below {limit:.1f} sd, not 2.)"
            said.append(_say("bad", text))
        else:
            text = f"Not noise: {value}, {found['z']:.1f} sd above data without any structure, {reference}."
            said.append(_say("good" if name == "silhouette@features" else "info", text))
    plane = null.get("silhouette@pca2")
    if space != "pca2" and plane and np.isfinite(plane["mean"]) and np.isfinite(own["silhouette@pca2"]):
        # the null is clustered in the plane and these labels are not: no verdict, a warning
        text = (
            f"On the 2-d map the silhouette is {own['silhouette@pca2']:.2f}. Don't judge by it: features without any "
            f"structure, clustered in that plane, get {_mean_sd(plane, 2)} ({plane['n']} nulls)."
        )
        said.append(_say("info", text))
    return said


def _stability_sentences(found: dict[str, Any] | None) -> list[Sentence]:
    if found is None:
        text = "Stability was not measured: each refit of this method is a whole training. resamples=5 does it."
        return [_say("info", text)]
    if not found["n"]:
        return []
    ari = found["ari"]["mean"]
    spread = f"ARI {_mean_sd(found['ari'], 2)} over {found['how']}"
    each = np.asarray(found["jaccard"], dtype=float)
    same = np.argwhere(np.triu(np.asarray(found["merged"]) > 0.5, 1)) + 1
    doubled = [
        _say("warn", f"Moods {i} and {j} say the same: most of their photos fall into one group in most refits.")
        for i, j in same
    ]
    weak = [int(j) + 1 for j in np.flatnonzero(each < UNSTABLE)]
    moods = ("Mood " if len(weak) == 1 else "Moods ") + _enumerated(weak)
    if weak and len(weak) == np.isfinite(each).sum():
        return [_say("bad", f"Unstable: no mood comes back when other {found['unit']} are drawn ({spread})."), *doubled]
    if weak:
        dissolves = "does" if len(weak) == 1 else "do"
        text = f"Unstable: {moods} {dissolves} not come back when other {found['unit']} are drawn ({spread})."
        return [_say("warn", text), *doubled]
    if np.nanmin(each) >= STABLE:
        return [_say("good", f"Stable: every mood comes back when other {found['unit']} are drawn ({spread}).")]
    level = "info" if ari >= 0.5 else "warn"
    text = f"Partly stable: the moods come back blurred when other {found['unit']} are drawn ({spread})."
    return [_say(level, text), *doubled]


def _coherence_sentences(found: dict[str, Any] | None) -> list[Sentence]:
    if found is None or not np.isfinite(found["ratio"]):
        return []
    out = f" (without {found['n_duplicates']} near-duplicates)" if found["n_duplicates"] else ""
    cafes = "1 café" if found["n_cafes"] == 1 else f"{found['n_cafes']:,} cafés"
    figures = f"{found['ratio']:.1f} × as often as chance, over {cafes}{out}, p = {found['p']:.3f}"
    if found["p"] < 0.05:
        return [_say("good", f"Photos of one café share a mood: {figures}.")]
    return [_say("warn", f"Photos of one café don't share a mood more than any two photos do: {figures}.")]


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


def _leak_sentences(leaks: Sequence[dict[str, Any]]) -> list[Sentence]:
    said = []
    for leak in leaks:
        if leak["n_photos"] > 2 and leak["largest_share"] > 0.5:
            text = (
                f"Mood {leak['cluster'] + 1} is mostly one café ({leak['largest_cafe']}, {leak['largest_share']:.0%} "
                "of its photos), not a mood."
            )
            said.append(_say("warn", text))
    return said


def _labelled_sentence(found: dict[str, int] | None) -> list[Sentence]:
    if not found or found["n"] in (0, found["of"]):
        return []
    return [_say("info", f"ACC, NMI, AMI and ARI are of the {found['n']:,} of {found['of']:,} photos with a label.")]


def _enumerated(numbers: Sequence[int]) -> str:
    words = [str(number) for number in numbers]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1] if words else ""


def _mean_sd(found: dict[str, float], digits: int) -> str:
    spread = f" ± {found['sd']:.{digits}f}" if np.isfinite(found["sd"]) else ""  # one seed has none
    return f"{found['mean']:.{digits}f}{spread}"


def _say(level: str, text: str) -> Sentence:
    return {"level": level, "text": text}

"""Verdict on one clustering: from its scores, nulls, refits and baselines to findings in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import norm

from cafemood.evaluation import cafe_halves, cafe_space
from cafemood.evaluation.findings import Finding, Level, gravest_first, in_words
from cafemood.evaluation.standing import STABLE, UNSTABLE

NOISE_Z = 2.0
"""Standard deviations above the nulls' mean below which a silhouette says nothing."""


def noise_limit(n_candidates: int) -> float:
    """`NOISE_Z` for the best of `n_candidates` clusterings: noise passes it as rarely as one passes `NOISE_Z` (Šidák).

    Šidák, "Rectangular Confidence Regions for the Means of Multivariate Normal Distributions", JASA 1967.
    """
    return NOISE_Z if n_candidates == 1 else float(norm.ppf(norm.cdf(NOISE_Z) ** (1 / n_candidates)))


def verdict(record: dict[str, Any], *, n: int, k: int) -> list[Finding]:
    """State in words what the numbers allow, the gravest first.

    Args:
        record: The scores, null, stability, coherence, leak, baselines, health, spaces and labelled of `scores.json`.
        n: Photos, or cafés where these were grouped.
        k: Clusters asked for.
    """
    of_cafes = record.get("unit") == "cafe"
    scores, health = record["scores"], record["health"]
    findings: list[Finding] = []
    if health["clusters_in_use"] < k:
        text = f"Only {health['clusters_in_use']} of {k} groups hold any photo: the clustering collapsed."
        figures = {"clusters_in_use": health["clusters_in_use"], "k": k}
        findings.append(Finding("collapsed", "bad", text, figures))
    spaces = record["spaces"]
    findings += _noise(scores, record["null"], spaces["clustering"], spaces.get("reduced"))
    findings += cafe_space.findings(record)
    findings += cafe_halves.findings(record.get("halves"), record.get("certain"))
    findings += _stability(record.get("stability"))
    findings += _same_cafe_lift(record.get("coherence"))
    findings += _baselines(scores, record["baselines"], in_features="reduced" not in spaces)
    if spaces["clustering"] == spaces.get("reduced"):
        findings.append(_separation(scores["silhouette@clustering"], spaces["clustering"]))
    else:
        findings += [_separation(scores["silhouette@features"]), *_own_space(scores, spaces["clustering"])]
    if n < 10 * k:
        text = f"{n:,} {'cafés' if of_cafes else 'photos'} are few for {k} groups: take every number here as a hint."
        findings.append(Finding("few-photos", "warn", text, {"n_photos": n, "k": k}))
    smallest = health["smallest_cluster"]
    if health["clusters_in_use"] == k and smallest < max(3, min(0.01 * n, 0.1 * n / k)):
        photos = ("café" if of_cafes else "photo") + ("" if smallest == 1 else "s")
        text = f"The smallest group has {smallest} {photos}: an outlier, not a mood."
        findings.append(Finding("outlier-cluster", "warn", text, {"n_photos": smallest}))
    findings += one_cafe_clusters(record.get("leak", []))
    findings += _labelled(record.get("labelled"))
    return gravest_first(findings)


def _noise(scores: dict[str, float], nulls: dict[str, Any], space: str, reduced: str | None) -> list[Finding]:
    findings: list[Finding] = []
    names = dict.fromkeys(f"silhouette@{name}" for name in ("features", space, reduced) if name)
    for name in names:
        null = nulls.get(name)
        if not null or not np.isfinite(null["z"]):
            continue
        drawn = "" if findings else "data drawn without groups: "  # what noise is, once
        reference = f"{_mean_sd(null, 3)} ({drawn}{null['kind']}, {null['n']} times)"
        value = f"{name} is {null['own']:.3f}"
        limit, n_candidates = null.get("limit", NOISE_Z), null.get("n_tried", 1)
        figures = {
            "score": name, "value": null["own"], "z": null["z"], "limit": limit, "n_candidates": n_candidates,
            "null_mean": null["mean"], "null_sd": null["sd"], "null": null["kind"],
        }  # fmt: skip
        if null["z"] < limit:
            text = f"No better than noise: {value}, and noise gets {reference}."
            if n_candidates > 1:
                text += (
                    f" (k was chosen among {n_candidates} on the same photos: noise is below {limit:.1f} sd, not 2.)"
                )
            findings.append(Finding("noise-not-beaten", "bad", text, figures))
        else:
            text = f"Better than noise: {value}, {null['z']:.1f} sd above noise, {reference}."
            level: Level = "good" if name == f"silhouette@{reduced or 'features'}" else "info"
            findings.append(Finding("noise-beaten", level, text, figures))
    plane, on_map = nulls.get("silhouette@pca2"), scores["silhouette@pca2"]
    if space != "pca2" and plane and np.isfinite(plane["mean"]) and np.isfinite(on_map):
        # the null is clustered in the plane and these labels are not: no verdict, a warning
        text = (
            f"On the 2-d map silhouette@pca2 is {on_map:.2f}. Don't judge by it: noise, clustered in that plane, "
            f"gets {_mean_sd(plane, 2)} ({plane['n']} times)."
        )
        figures = {"value": on_map, "null_mean": plane["mean"], "null_sd": plane["sd"], "n_nulls": plane["n"]}
        findings.append(Finding("map-silhouette", "info", text, figures))
    return findings


def _stability(refits: dict[str, Any] | None) -> list[Finding]:
    if refits is None:
        text = "Stability was not measured: each refit of this method is a whole training. resamples=5 does it."
        return [Finding("stability-not-measured", "info", text)]
    if not refits["n"]:
        return []
    ari, unit = refits["ari"]["mean"], refits["unit"]
    spread = f"ARI {_mean_sd(refits['ari'], 2)} over {refits['how']}"
    jaccard = np.asarray(refits["jaccard"], dtype=float)
    merged = [
        Finding(
            "moods-merge",
            "warn",
            f"{in_words([i, j])} say the same: most of their photos fall into one group in most refits.",
            {"clusters": [int(i), int(j)]},
        )
        for i, j in np.argwhere(np.triu(np.asarray(refits["merged"]) > 0.5, 1))
    ]
    weak = [int(j) for j in np.flatnonzero(jaccard < UNSTABLE)]
    figures = {"ari": ari, "ari_sd": refits["ari"]["sd"], "n_refits": refits["n"], "unit": unit, "clusters": weak}
    if weak and len(weak) == np.isfinite(jaccard).sum():
        text = f"Unstable: no mood comes back when other {unit} are drawn ({spread})."
        return [Finding("unstable", "bad", text, figures), *merged]
    if weak:
        do = "does" if len(weak) == 1 else "do"
        text = f"Unstable: {in_words(weak)} {do} not come back when other {unit} are drawn ({spread})."
        return [Finding("moods-unstable", "warn", text, figures), *merged]
    if np.nanmin(jaccard) >= STABLE:
        text = f"Stable: every mood comes back when other {unit} are drawn ({spread})."
        return [Finding("stable", "good", text, figures)]
    text = f"Partly stable: the moods come back blurred when other {unit} are drawn ({spread})."
    return [Finding("partly-stable", "info" if ari >= 0.5 else "warn", text, figures), *merged]


def _same_cafe_lift(lift: dict[str, Any] | None) -> list[Finding]:
    if lift is None or not np.isfinite(lift["ratio"]):
        return []
    out = f" (without {lift['n_duplicates']} near-duplicates)" if lift["n_duplicates"] else ""
    cafes = "1 café" if lift["n_cafes"] == 1 else f"{lift['n_cafes']:,} cafés"
    words = f"{lift['ratio']:.1f} × as often as chance, over {cafes}{out}, p = {lift['p']:.3f}"
    figures = {name: lift[name] for name in ("ratio", "p", "n_cafes", "n_duplicates")}
    if lift["p"] < 0.05:
        return [Finding("cafes-share-moods", "good", f"Photos of one café share a mood: {words}.", figures)]
    text = f"Photos of one café don't share a mood more than any two photos do: {words}."
    return [Finding("cafes-do-not-share-moods", "warn", text, figures)]


def _baselines(scores: dict[str, float], baselines: Sequence[dict[str, Any]], *, in_features: bool) -> list[Finding]:
    findings = []
    # groups of a space that was learnt from cafés are not meant to lie apart in the features
    for name, shown in (("nmi", "NMI"), ("silhouette@features", "silhouette@features"))[: 2 if in_features else 1]:
        scored = [b for b in baselines if np.isfinite(b["scores"].get(name, {"mean": np.nan})["mean"])]
        if not np.isfinite(scores.get(name, np.nan)) or not scored:
            continue
        best = max(scored, key=lambda baseline: baseline["scores"][name]["mean"])
        rival, n_seeds = best["scores"][name], best["n_seeds"]
        seeds = "1 seed" if n_seeds == 1 else f"{n_seeds} seeds"
        words = f"{shown} {scores[name]:.3f} against {_mean_sd(rival, 3)} ({seeds})"
        figures = {
            "score": name, "value": scores[name], "baseline": best["name"], "baseline_mean": rival["mean"],
            "baseline_sd": rival["sd"], "n_seeds": n_seeds,
        }  # fmt: skip
        margin = max(2 * np.nan_to_num(rival["sd"]), 0.005)
        if scores[name] < rival["mean"] - margin:
            text = f"The plain “{best['name']}” does better: {words}."
            findings.append(Finding("loses-to-kmeans", "warn", text, figures))
        elif scores[name] > rival["mean"] + margin:
            text = f"Better than the best plain baseline, “{best['name']}”: {words}."
            findings.append(Finding("beats-kmeans", "good", text, figures))
        else:
            text = f"No different from the plain “{best['name']}”: {words}."
            findings.append(Finding("ties-with-kmeans", "info", text, figures))
    return findings


def _separation(silhouette: float, space: str = "features") -> Finding:
    if not np.isfinite(silhouette):
        text = "The silhouette is undefined here: there is one group only, or every photo is its own."
        return Finding("silhouette-undefined", "bad", text)
    words = f"silhouette@{space} is {silhouette:.2f} (1: far apart, 0: side by side, below: mixed up)"
    figures = {"score": f"silhouette@{space}", "value": silhouette}
    if silhouette < 0.05:
        text = f"The groups overlap: {words}. Expect many photos that would suit two of them."
        return Finding("groups-overlap", "warn", text, figures)
    if silhouette < 0.25:
        text = f"The groups shade into each other: {words}. Usual for moods; look at the borderline photos."
        return Finding("groups-blend", "warn", text, figures)
    where = "the feature space" if space == "features" else space
    return Finding("groups-apart", "good", f"The groups are apart in {where}: {words}.", figures)


def _own_space(scores: dict[str, float], space: str) -> list[Finding]:
    value = scores.get("silhouette@clustering", np.nan)
    if not np.isfinite(value):
        return []
    text = (
        f"In its own space ({space}) the method scores {value:.2f}. "
        "A method that moves the points scores high there even on noise: read the figure for the features instead."
    )
    return [Finding("own-space-silhouette", "info", text, {"space": space, "value": value})]


def one_cafe_clusters(shares: Sequence[dict[str, Any]]) -> list[Finding]:
    """Clusters with more than half of their photos from one café; those of one or two photos don't count.

    Args:
        shares: The result of `dominant_cafe_share`.
    """
    findings = []
    for share in shares:
        if share["n_photos"] > 2 and share["largest_share"] > 0.5:
            text = (
                f"{in_words([share['cluster']])} is mostly one café ({share['largest_cafe']}, "
                f"{share['largest_share']:.0%} of its photos), not a mood."
            )
            figures = {"cluster": share["cluster"], "cafe": share["largest_cafe"], "share": share["largest_share"]}
            findings.append(Finding("one-cafe-cluster", "warn", text, figures))
    return findings


def _labelled(labelled: dict[str, int] | None) -> list[Finding]:
    if not labelled or labelled["n"] in (0, labelled["of"]):
        return []
    text = f"ACC, NMI, AMI and ARI are of the {labelled['n']:,} of {labelled['of']:,} photos with a label."
    return [Finding("partly-labelled", "info", text, dict(labelled))]


def _mean_sd(value: dict[str, float], digits: int) -> str:
    spread = f" ± {value['sd']:.{digits}f}" if np.isfinite(value["sd"]) else ""  # one seed has none
    return f"{value['mean']:.{digits}f}{spread}"

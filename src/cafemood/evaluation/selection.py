"""Model selection without labels: a score for choosing among runs.

    choice = C · q · sqrt(P)

*q* is the quality that makes the agreement of two runs (AMI) a product of theirs (`qualities`): the best backbone is
not judged by poorer ones, and a family of backbones has one vote however many runs it has. *P*, the **stability across
k**, is the mean AMI with the same family's runs at other k's and reductions: structure that is there shows at
neighbouring k's. *C* is what the **cafés** say of the run (`cafe_evidence.evidence`), if they are known. Tables
call the mean agreement with other families, what cafés say of the run alone and P `agreement`, `cafes` and
`persistence`.

A silhouette is none of it: over spaces of different dimension and over k it follows dimension and k, not the truth.
`benchmarks/choice.py` measures all of this on labelled data.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score

from cafemood.evaluation.cafe_evidence import N_RESAMPLES, evidence, grouped, informations, resamples
from cafemood.evaluation.qualities import MIN_WIDTH, qualities, witnesses

MAX_ROWS = 4000
"""Above this, AMI is computed on a sample of the photos."""

UNSEEN = 0.25
"""Of the mean score without cafés, what a run has that no other agrees with, where cafés are known."""

Term = float | None


@dataclass(frozen=True)
class Candidate:
    """A clustering that could be chosen.

    Attributes:
        labels: Cluster of each photo (n,), the same photos in every candidate.
        k: Clusters.
        family: Family of its backbone; see `family_of`.
        width: Dimensions that a PCA left before the clustering; None: the features as they are.
        held_out: What a photo's café tells of its group in cafés that the space was not learnt from, for one that was
            learnt from café ids; None: the labels say it.
        space: Name of the feature space; none: the family's only one.
        made_by: Name of the reduction and the method, where they are others than PCA and k-means.
        trained: Whether training has made the feature space; colours, edges and untrained networks are no evidence
            beside those that it has.
    """

    labels: np.ndarray
    k: int
    family: str
    width: int | None = None
    held_out: float | None = None
    space: str = ""
    made_by: str = ""
    trained: bool = True

    @property
    def made_in(self) -> tuple[str, str, int | None, str]:
        """What it was clustered in: two of the same rows agree whatever they show."""
        return self.family, self.space, self.width, self.made_by


@dataclass(frozen=True)
class Choice:
    """Terms of the label-free score of one candidate; None for what cannot be known here.

    Attributes:
        agreement: Mean AMI with the runs of other families of backbones.
        cafe_information: `adjusted_cafe_information` of the labels.
        stability_across_k: Mean AMI with the same family's runs at other k's and reductions.
        score: The label-free score, from these terms of all candidates; None where nothing is known.
    """

    agreement: Term
    cafe_information: Term
    stability_across_k: Term
    score: Term


def family_of(name: str, options: dict[str, Any] | None = None) -> str:
    """The family of a backbone: its architecture without size and training set (`vgg16_places365`: `vgg`).

    Args:
        name: The backbone's name.
        options: Its options; a timm model is known by its model, a matrix of the user's by its file.
    """
    named = (options or {}).get("model") or (options or {}).get("path") or name
    stem = str(named).replace("\\", "/").rsplit("/", 1)[-1]
    if named != name and name == "precomputed":
        return stem.rsplit(".", 1)[0]
    match = re.match(r"[a-zA-Z]+", stem)
    return match.group().lower() if match else stem


def sampled(n: int, seed: int = 0) -> np.ndarray:
    """The rows of n photos that AMI is computed on: all of them up to `MAX_ROWS`."""
    return np.arange(n) if n <= MAX_ROWS else np.random.default_rng(seed).choice(n, MAX_ROWS, replace=False)


def choose(
    candidates: Sequence[Candidate],
    cafes: Sequence[str] | None = None,
    *,
    agreement: np.ndarray | None = None,
    seed: int = 0,
) -> list[Choice]:
    """Terms of each candidate's score.

    Args:
        candidates: Clusterings of the same n photos.
        cafes: Café of each photo (n,), if known; used where there are several and at least two photos share one.
        agreement: `pairwise_agreement` of the candidates (m, m) on `sampled` rows, if it is known already.
        seed: Of the sample of photos above `MAX_ROWS`.
    """
    if not candidates:
        return []
    rows = sampled(len(candidates[0].labels), seed)
    labels = [candidate.labels[rows] for candidate in candidates]
    agreement = pairwise_agreement(labels) if agreement is None else agreement
    near_ks = across_k(candidates)
    stable = [mean_of_means([[agreement[i, j] for j in js] for js in near]) for i, near in enumerate(near_ks)]
    scores = without_cafes(candidates, agreement, stable)
    venues = grouped(None if cafes is None else np.asarray(cafes)[rows])
    information = None
    if venues is not None:
        counts = np.concatenate([np.ones((1, venues.max() + 1)), resamples(venues, N_RESAMPLES, seed)])
        told = np.array([informations(one, venues, counts) for one in labels]).T  # (1 + b, m)
        own = [candidate.held_out for candidate in candidates]
        information = np.where([held is None for held in own], told[0], np.array(own, dtype=float))
        scores = with_cafes(evidence(information[None], told[1:], labels)[0], scores)
    return [
        Choice(
            agreement=mean_of_means([[agreement[i, j] for j in js] for js in _other_families(i, candidates)]),
            cafe_information=None if information is None else float(information[i]),
            stability_across_k=stable[i],
            score=None if scores is None else float(scores[i]),
        )
        for i in range(len(candidates))
    ]


def without_cafes(candidates: Sequence[Candidate], agreement: np.ndarray, stable: Sequence[Term]) -> np.ndarray | None:
    """q · sqrt(P) of each candidate (m,); with one of the two unknown, the other alone; None with neither."""
    made_in, spaces = [c.made_in for c in candidates], [f"{c.family} {c.space}" for c in candidates]
    families, widths = [c.family for c in candidates], [c.width for c in candidates]
    vote = witnesses(families, widths, spaces, made_in, [c.trained for c in candidates])
    heard = {space for space, weight in zip(spaces, vote, strict=True) if weight > 0}
    quality = qualities(agreement, vote, spaces if len(heard) > 1 else made_in)
    known = [p for p in stable if p is not None]
    if not known:
        return quality
    factor = np.array([np.sqrt(max(np.mean(known) if p is None else p, 0.0)) for p in stable])
    return factor if quality is None else quality * factor


def with_cafes(of_cafes: np.ndarray, scores: np.ndarray | None) -> np.ndarray:
    """What the cafés say of each (m,) times its score without them and a part of their mean.

    The part is for a run that sees what no other sees: its q is 0, and cafés can still bear it out.
    """
    return of_cafes if scores is None else of_cafes * (scores + UNSEEN * scores.mean())


def _other_families(i: int, candidates: Sequence[Candidate]) -> list[list[int]]:
    """Candidates of each other family that are evidence."""
    found: dict[str, list[int]] = defaultdict(list)
    for j, other in enumerate(candidates):
        if other.family != candidates[i].family:
            found[other.family].append(j)
    return [_wide(js, candidates) for js in found.values()]


def across_k(candidates: Sequence[Candidate]) -> list[list[list[int]]]:
    """Of each candidate those of its family by their k, without those of its own k and width: even a copy agrees."""
    found = []
    for candidate in candidates:
        by_k: dict[int, list[int]] = defaultdict(list)
        for j, other in enumerate(candidates):
            if other.family == candidate.family and (other.k, other.width) != (candidate.k, candidate.width):
                by_k[other.k].append(j)
        found.append(list(by_k.values()))
    return found


def pairwise_agreement(labels: Sequence[np.ndarray]) -> np.ndarray:
    """AMI of each pair of labellings (m, m); 1 on the diagonal.

    Labellings of one cluster, or of a cluster a photo, are the same whatever the photos show: they agree with none,
    not even with each other, where scikit-learn says 1.
    """
    informative = [1 < len(np.unique(one)) < len(one) for one in labels]
    table = np.eye(len(labels))
    for i, one in enumerate(labels):
        for j in range(i):
            table[i, j] = table[j, i] = (
                adjusted_mutual_info_score(one, labels[j]) if informative[i] and informative[j] else 0.0
            )
    return table


def _wide(rows: list[int], candidates: Sequence[Candidate]) -> list[int]:
    """Those clustered in enough dimensions; all of them if none is."""
    wide = [j for j in rows if candidates[j].width is None or candidates[j].width >= MIN_WIDTH]  # type: ignore[operator]
    return wide or rows


def mean_of_means(groups: list[list[float]]) -> Term:
    """The mean over groups of their means; None without any."""
    return float(np.mean([np.mean(group) for group in groups])) if groups else None

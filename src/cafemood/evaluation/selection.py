"""Model selection without labels: a score for choosing among runs, and `choose_k` for one backbone.

    choice = W · sqrt(P)

*W* is the mean of the evidence that there is, of two kinds. **Agreement**: AMI between this run's labels and those of
every run on another family of backbones, whatever its k (the mean within a family first, then over families: runs of
one family agree too easily). Runs clustered in fewer than `MIN_WIDTH` dimensions are no evidence: a plane agrees with
a plane by chance of projection. **Cafés**: the information that a photo's café has about its cluster
(`adjusted_cafe_information`); photos of one café share a mood more often than not. *P*, the **stability across k**,
is the mean AMI with the same family's runs at other k's and reductions: structure that is there shows at neighbouring
k's. Tables call the three `agreement`, `cafes` and `persistence`.

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
from scipy.stats import entropy
from sklearn.metrics import adjusted_mutual_info_score, mutual_info_score
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information
from tqdm import tqdm

from cafemood.errors import ClusteringError
from cafemood.evaluation.judged import JudgedRows
from cafemood.evaluation.nulls import null_lift
from cafemood.evaluation.pipelines import KMeansPipeline
from cafemood.evaluation.store import JudgingStore

MIN_WIDTH = 20
MAX_ROWS = 4000
"""Above this, AMI is computed on a sample of the photos."""

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
    """

    labels: np.ndarray
    k: int
    family: str
    width: int | None = None
    held_out: float | None = None


@dataclass(frozen=True)
class Choice:
    """Terms of the label-free score of one candidate; None for what cannot be known here.

    Attributes:
        agreement: Mean AMI with the runs of other families of backbones.
        cafe_information: `adjusted_cafe_information` of the labels.
        stability_across_k: Mean AMI with the same family's runs at other k's and reductions.
    """

    agreement: Term
    cafe_information: Term
    stability_across_k: Term

    @property
    def score(self) -> Term:
        """W · sqrt(P); with one of the two unknown, the other alone; None with neither."""
        terms = [term for term in (self.agreement, self.cafe_information) if term is not None]
        evidence = float(np.mean(terms)) if terms else None
        if self.stability_across_k is None:
            return evidence
        factor = max(self.stability_across_k, 0.0) ** 0.5
        return factor if evidence is None else evidence * factor


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
    venues = None if cafes is None else np.unique(np.asarray(cafes)[rows], return_inverse=True)[1]
    if venues is not None and (np.bincount(venues).max() < 2 or venues.max() == 0):
        venues = None  # one photo a café, or one café: nothing to compare
    choices = []
    for i, candidate in enumerate(candidates):
        other_families: dict[str, list[int]] = defaultdict(list)
        same_family: dict[int, list[int]] = defaultdict(list)  # by k
        for j, other in enumerate(candidates):
            if other.family != candidate.family:
                other_families[other.family].append(j)
            elif (other.k, other.width) != (candidate.k, candidate.width):  # with its own, even a copy would agree
                same_family[other.k].append(j)
        information = candidate.held_out
        if venues is not None and information is None:
            information = adjusted_cafe_information(labels[i], venues)
        choices.append(
            Choice(
                agreement=_mean_of_means(
                    [[agreement[i, j] for j in _wide(js, candidates)] for js in other_families.values()]
                ),
                cafe_information=None if venues is None else information,
                stability_across_k=_mean_of_means([[agreement[i, j] for j in js] for js in same_family.values()]),
            )
        )
    return choices


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


def adjusted_cafe_information(labels: np.ndarray, cafes: np.ndarray) -> float:
    """Mutual information of cafés and clusters beyond chance, over the clusters' entropy: 0 by chance, 1 at most.

    (I − E[I]) / (H(labels) − E[I]): AMI's adjustment (Vinh, Epps and Bailey, JMLR 2010, eq. 10) in units of the
    labels' entropy. AMI's own unit, the mean of both entropies, is mostly that of the many cafés: no grouping comes
    near 1, and more clusters come nearer. A cluster with more than half of its photos from one café is that café and
    no mood: its photos count as without information.

    Args:
        labels: Cluster of each photo (n,).
        cafes: Café of each, as integers (n,).
    """
    table = contingency_matrix(labels, cafes)
    table = table[2 * table.max(axis=1) <= table.sum(axis=1)]
    table = table[:, table.any(axis=0)]
    if len(table) < 2:
        return 0.0
    n, sizes = int(table.sum()), table.sum(axis=1)
    expected = expected_mutual_information(table, n)
    most = entropy(sizes / n) - expected
    information = mutual_info_score(None, None, contingency=table) - expected
    return float(n / len(labels) * information / most) if most > 1e-9 else 0.0


def _wide(rows: list[int], candidates: Sequence[Candidate]) -> list[int]:
    """Those clustered in enough dimensions; all of them if none is."""
    wide = [j for j in rows if candidates[j].width is None or candidates[j].width >= MIN_WIDTH]  # type: ignore[operator]
    return wide or rows


def _mean_of_means(groups: list[list[float]]) -> Term:
    return float(np.mean([np.mean(group) for group in groups])) if groups else None


@dataclass(frozen=True)
class ChoiceOfK:
    """Numbers of clusters that were compared, and the one taken.

    Attributes:
        ks: The ks.
        scores: Their label-free scores; see `choose_k`.
        silhouettes: silhouette@features of a plain k-means at each.
        lifts: The same above what structureless data scores.
    """

    ks: list[int]
    scores: list[float]
    silhouettes: list[float]
    lifts: list[float]

    @property
    def k(self) -> int:
        """The k taken."""
        return self.ks[int(np.argmax(self.scores))]

    @property
    def silhouettes_pick(self) -> int:
        """The k that the highest silhouette would have picked."""
        return self.ks[int(np.nanargmax(self.silhouettes))] if np.isfinite(self.silhouettes).any() else self.ks[0]

    def words(self) -> str:
        """What a report says of it."""
        noise = " None of them scores above data without structure." if max(self.lifts) <= 0 else ""
        ks = f"{self.ks[0]} to {self.ks[-1]}"
        return f"k = {self.k} was chosen from {ks}, without labels; silhouette takes {self.silhouettes_pick}.{noise}"


def choose_k(
    features: np.ndarray,
    ks: Sequence[int],
    cafes: Sequence[str] | None = None,
    *,
    n_nulls: int = 3,
    seed: int = 0,
    desc: str | None = None,
    store: JudgingStore | None = None,
    unit: str = "photo",
) -> ChoiceOfK:
    """Choose k for one backbone: C · sqrt(P · L), each the mean over k-means on the features and on their PCA.

    C is `adjusted_cafe_information` (1 if cafés are unknown), P the stability across k as in `choose`, L the lift of
    silhouette@features above the harder null, at least 1e-4. With one backbone there is no agreement.

    Args:
        features: Backbone outputs (n, d).
        ks: Numbers of clusters to compare; those above n − 1 are left out.
        cafes: Café of each photo (n,), if known.
        n_nulls: Nulls of each kind for each k.
        seed: Of everything random.
        desc: Name of the progress bar; None: no bar.
        store: Keeps what the nulls score, for other runs on the same rows.
        unit: What a row is, for the error.

    Raises:
        ClusteringError: No k fits the number of photos.
    """
    rows = np.arange(len(features))
    if len(rows) > MAX_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(len(rows), MAX_ROWS, replace=False))
    x = np.ascontiguousarray(features[rows], dtype=np.float32)
    fitting = [k for k in ks if 2 <= k < len(x)]
    if not fitting:
        raise ClusteringError(
            "No k of k_range fits",
            where="k_range",
            why=f"there are {len(x)} {unit}s",
            fix=f"give smaller k, add {unit}s",
        )
    venues = None if cafes is None else [str(cafe) for cafe in np.asarray(cafes)[rows]]
    widths: list[int | None] = [None, *(w for w in (50, 10) if w < min(x.shape))]
    judged = JudgedRows(x)
    everything = np.arange(len(x))
    candidates, lifts, silhouettes = [], [], []
    for k in tqdm(fitting, desc=desc, unit="k", leave=False, disable=desc is None):
        labels = [KMeansPipeline(k, width)(x, everything, seed)[0] for width in widths]
        candidates += [Candidate(at_width, k, "own", width) for at_width, width in zip(labels, widths, strict=True)]
        nulls = null_lift(judged, labels[0], {}, KMeansPipeline(k), n_nulls, max_rows=1000, seed=seed, store=store)
        null = nulls["silhouette@features"]
        lifts.append(float(np.nan_to_num(null["lift"])))
        silhouettes.append(null["own"])
    choices = choose(candidates, venues, seed=seed)
    by_k = np.arange(len(choices)).reshape(len(fitting), len(widths))
    scores = []
    for rows_of_k, lift in zip(by_k, lifts, strict=True):
        stable = np.mean([max(choices[i].stability_across_k or 0.0, 0.0) for i in rows_of_k])
        cafe = np.mean([1.0 if (c := choices[i].cafe_information) is None else max(c, 0.0) for i in rows_of_k])
        scores.append(float(cafe * np.sqrt(stable * max(lift, 1e-4))))
    return ChoiceOfK(fitting, scores, silhouettes, lifts)

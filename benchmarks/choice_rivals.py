"""Scores without labels that others choose a clustering by, each a number a candidate, higher is better.

Each takes the candidates of one source and seed (`choice_sets.Made`) and the rows of their spaces. Where a paper's
whole procedure is longer than its idea, the function says what was left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from choice_sets import Made, Source, reduced
from scipy.stats import rankdata
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    pairwise_distances,
    silhouette_samples,
    silhouette_score,
)


@dataclass
class View:
    """The candidates with what their scores need: whole spaces by name, and the space of each reduction."""

    made: Made
    whole: dict[str, np.ndarray]
    reduced: dict[tuple[str, str], np.ndarray]
    seed: int

    def own(self, i: int) -> np.ndarray:
        """The rows that candidate i was clustered in."""
        return self.reduced[str(self.made.space[i]), str(self.made.how[i])]


def view(made: Made, source: Source, seed: int) -> View:
    """The spaces of all candidates; UMAP's of every backbone, DEC's that of its features."""
    whole = {name: (x[made.rows] - x[made.rows].mean(axis=0)).astype(np.float32) for name, x in source.spaces.items()}
    pairs = {(str(s), str(h)) for s, h in zip(made.space, made.how, strict=True)} | {(s, "umap") for s in whole}
    return View(made, whole, {(s, h): reduced(whole[s], h, seed) for s, h in sorted(pairs)}, seed)


def each(v: View, score: Callable[[np.ndarray, np.ndarray], float], space: Callable[[int], np.ndarray]) -> np.ndarray:
    """A score of every candidate in its space; the least of all where it is undefined."""
    found = np.full(len(v.made.k), np.nan)
    for i, labels in enumerate(v.made.labels):
        if len(np.unique(labels)) > 1:
            found[i] = score(space(i), labels)
    return np.nan_to_num(found, nan=np.nanmin(found))


def macro(x: np.ndarray, labels: np.ndarray) -> float:
    """Silhouette, the mean over clusters of their means (Pavlopoulos, Vardakas and Likas, arXiv 2401.05831)."""
    values = silhouette_samples(x, labels)
    return float(np.mean([values[labels == c].mean() for c in np.unique(labels)]))


def coding_length(x: np.ndarray, labels: np.ndarray) -> float:
    """Share of the bits that the groups save (Ma et al., IEEE PAMI 2007, as CPP takes it: arXiv 2306.05272).

    Rows of length 1, distortion 0.5, log of the determinant in the smaller of rows and columns; of the saving the
    share, since spaces differ in their length as a whole.
    """
    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)

    def bits(rows: np.ndarray) -> float:
        m, d = rows.shape
        gram = rows.T @ rows if d < m else rows @ rows.T
        return (m + d) / 2 * float(np.linalg.slogdet(np.eye(len(gram)) + d / (m * 0.5**2) * gram)[1])

    shares = np.bincount(labels)[np.unique(labels)] / len(labels)
    names = -len(labels) * float((shares * np.log(shares)).sum())
    return 1 - (sum(bits(unit[labels == c]) for c in np.unique(labels)) + names) / bits(unit)


def prediction_strength(v: View, n_splits: int = 1) -> np.ndarray:
    """Least share, over clusters of one half, of pairs that the centres of the other half put together.

    Tibshirani and Walther, JCGS 2005, by k-means in each candidate's space.
    """
    found, rng, known = np.zeros(len(v.made.k)), np.random.default_rng(v.seed), {}
    halves = [rng.permutation(len(v.made.rows)) for _ in range(n_splits)]
    for i, k in enumerate(v.made.k):
        key = (str(v.made.space[i]), str(v.made.how[i]), int(k))
        if key not in known:
            x, values = v.own(i), []
            for order in halves:
                a, b = np.array_split(order, 2)
                one, two = (KMeans(k, n_init=2, random_state=v.seed).fit(x[half]) for half in (a, b))
                given, together = one.predict(x[b]), []
                for c in range(k):
                    sizes, n = np.bincount(given[two.labels_ == c]), int((two.labels_ == c).sum())
                    together.append((sizes * (sizes - 1)).sum() / (n * (n - 1)) if n > 1 else 0.0)
                values.append(min(together))
            known[key] = np.mean(values)
        found[i] = known[key]
    return found


def turtle(v: View, steps: int = 10, gamma: float = 10.0) -> np.ndarray:
    """Minus TURTLE's objective at the candidate's labels (Gadetsky, Jiang and Brbić, ICML 2024, eq. 9).

    The loss of linear classifiers after `steps` of gradient descent on the labels, summed over the spaces (rows of
    mean square 1, a step of 1/10), with the entropy of cluster sizes as its regulariser.
    """
    found = np.zeros(len(v.made.k))
    spaces = [x / np.sqrt((x**2).sum(axis=1).mean()) for x in v.whole.values()]
    for i, labels in enumerate(v.made.labels):
        onehot = np.eye(labels.max() + 1, dtype=np.float32)[labels]
        share = onehot.mean(axis=0)
        for x in spaces:
            w = np.zeros((x.shape[1], onehot.shape[1]), np.float32)
            for _ in range(steps):
                w += 10 * x.T @ (onehot - _softmax(x @ w)) / len(x)
            found[i] += np.log(np.maximum((_softmax(x @ w) * onehot).sum(axis=1), 1e-12)).mean()
        found[i] -= gamma * (np.log(len(share)) - float(-(share[share > 0] * np.log(share[share > 0])).sum()))
    return found


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def ace(v: View) -> np.ndarray:
    """Silhouettes of every candidate in every space, the spaces weighted by how far they rank alike.

    Wang and Ye, "Deep Clustering Evaluation" (arXiv 2403.14830). Theirs drops spaces by a test of multimodality and
    groups them by density; here all are kept, and the link analysis weighs them.
    """
    spaces = [pairwise_distances(x) for x in v.reduced.values()]
    alone = partial(silhouette_score, metric="precomputed")
    table = np.array([each(v, alone, lambda _, x=x: x) for x in spaces])
    alike = np.clip(np.corrcoef(np.apply_along_axis(rankdata, 1, table)), 0, None)
    weight = np.ones(len(spaces))
    for _ in range(100):
        weight = alike @ weight
        weight /= weight.sum()
    return np.asarray(weight @ table)


def consensus(v: View, counted: np.ndarray | None = None) -> np.ndarray:
    """AMI with the consensus of candidates at the same k: average linkage of how often two photos are together.

    Those that are `counted`, or all.
    """
    n, those = len(v.made.rows), v.made.labels if counted is None else v.made.labels[counted]
    together = np.zeros((n, n))
    for labels in those:
        together += labels[:, None] == labels[None]
    apart = 1 - together / len(those)
    of_k = {
        k: AgglomerativeClustering(int(k), metric="precomputed", linkage="average").fit_predict(apart)
        for k in np.unique(v.made.k)
    }
    return np.array([adjusted_mutual_info_score(of_k[k], c) for k, c in zip(v.made.k, v.made.labels, strict=True)])


def bootstraps(v: View, n: int = 3) -> np.ndarray:
    """Mean ARI of refits by k-means on bootstraps of the photos."""
    found, known = np.zeros(len(v.made.k)), {}
    for i, k in enumerate(v.made.k):
        key = (str(v.made.space[i]), str(v.made.how[i]), int(k))
        if key not in known:
            x, rng, values = v.own(i), np.random.default_rng(v.seed), []
            for _ in range(n):
                drawn = rng.choice(len(x), len(x))
                refit = KMeans(k, n_init=1, random_state=v.seed).fit(x[drawn]).predict(x)
                values.append(adjusted_rand_score(v.made.labels[i], refit))
            known[key] = np.mean(values)
        found[i] = known[key]
    return found


def rivals(v: View) -> dict[str, np.ndarray]:
    """Every rival's score of every candidate (m,)."""
    warnings.filterwarnings("ignore")
    spaces, made = v.whole, v.made
    squares = {name: pairwise_distances(x) for name, x in spaces.items()}

    def at_features(_: np.ndarray, labels: np.ndarray, i: int) -> float:
        return float(silhouette_score(squares[str(made.space[i])], labels, metric="precomputed"))

    features = np.array(
        [at_features(np.empty(0), c, i) if len(np.unique(c)) > 1 else -1.0 for i, c in enumerate(made.labels)]
    )
    return {
        "stability (ARI over bootstraps)": bootstraps(v),
        "silhouette, own space": each(v, silhouette_score, v.own),
        "silhouette@features": features,
        "macro silhouette (2401.05831)": each(v, macro, v.own),
        "silhouette@UMAP (2406.02465)": each(v, silhouette_score, lambda i: v.reduced[str(made.space[i]), "umap"]),
        "Davies-Bouldin (negative)": each(v, lambda x, c: -davies_bouldin_score(x, c), v.own),
        "Calinski-Harabasz": each(v, calinski_harabasz_score, v.own),
        "ACE (2403.14830)": ace(v),
        "coding length (CPP)": each(v, coding_length, lambda i: v.whole[str(made.space[i])]),
        "prediction strength": prediction_strength(v),
        "TURTLE's objective": turtle(v),
        "consensus of all": consensus(v),
        "consensus of the trained": consensus(v, np.array(made.trained)) if any(made.trained) else consensus(v),
    }

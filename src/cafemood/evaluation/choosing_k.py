"""`choose_k`: the number of clusters for one backbone, without labels, by the score that chooses among runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from cafemood.errors import ClusteringError
from cafemood.evaluation.judged import JudgedRows
from cafemood.evaluation.nulls import null_lift
from cafemood.evaluation.pipelines import KMeansPipeline
from cafemood.evaluation.selection import Candidate, choose, sampled
from cafemood.evaluation.store import JudgingStore


@dataclass(frozen=True)
class ChoiceOfK:
    """Numbers of clusters that were compared, and the one taken.

    Attributes:
        ks: The ks.
        scores: Their label-free scores; see `choose_k`.
        silhouettes: silhouette@features of a plain k-means at each.
        lifts: The same above what noise scores.
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
        noise = " None of them scores above noise." if max(self.lifts) <= 0 else ""
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
    """Choose k for one backbone: `choose`, with k-means on the features and on their PCA as the runs; means over these.

    With one backbone, q tells how far the reductions bear each other out. Nulls do not choose: their lift says whether
    there is anything to choose from.

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
    rows = np.sort(sampled(len(features), seed))
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
    of_runs = np.array([choice.score or 0.0 for choice in choices]).reshape(len(fitting), len(widths))
    scores = [float(score) for score in of_runs.mean(axis=1)]
    return ChoiceOfK(fitting, scores, silhouettes, lifts)

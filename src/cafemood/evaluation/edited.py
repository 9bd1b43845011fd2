"""Scores of groups that a person has edited, from what a run keeps of its photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cafemood.clustering.base import Clustering, memberships
from cafemood.clustering.cafe_places import CafePlaces
from cafemood.clustering.kmeans import kmeans
from cafemood.core import chunks
from cafemood.evaluation import held_out
from cafemood.evaluation.assessment import Evaluation, assess
from cafemood.evaluation.baselines import baselines
from cafemood.evaluation.cafe_space import CafeSpace, follows
from cafemood.evaluation.judged import JudgedRows
from cafemood.evaluation.pipelines import KMeansPipeline
from cafemood.evaluation.resampling import ReliabilityOptions
from cafemood.evaluation.verdict import verdict


@dataclass(frozen=True)
class EditedRows:
    """The photos of an edited run.

    Attributes:
        features: The run's compact features (n, d), float32.
        embedding: The photos in the clustering space (n, d'); the compact features, where those are it.
        space: The clustering space's name.
        plane: The display plane (n, 2).
        labels: Mood of each photo (n,), from 0; none is empty.
        cafes: Café of each (n,), if known.
        truth: Ground-truth label of each (n,), if there is one.
        n_components: Of the PCA before the clustering; None: another space.
        learnt: Whether the space was learnt from cafés or from people: nulls are of it then, and not of the features.
        from_cafes: Whether cafés taught it: that their photos share moods is then not told, as they were to.
        places: The cafés, where these were grouped, and not photos.
        before: Their moods before the edits (n,), if these are to be told beside.
        seed: Of all that is random.
    """

    features: np.ndarray
    embedding: np.ndarray
    space: str
    plane: np.ndarray
    labels: np.ndarray
    cafes: Sequence[str] | None = None
    truth: Sequence[str | None] | None = None
    n_components: int | None = None
    learnt: bool = False
    from_cafes: bool = False
    places: CafePlaces | None = None
    before: np.ndarray | None = None
    seed: int = 0


def clustering_of(rows: EditedRows) -> Clustering:
    """The edited moods as a clustering of the photos: its centres are their means in the clustering space.

    Memberships are the Student-t similarities to those means, in units of the mean squared distance of a photo to its
    own mood's, as for k-means. A photo's label is what the person said, and need not be the nearest mean.
    """
    z = np.asarray(rows.embedding, dtype=np.float32)
    means = chunks.group_means(z, rows.labels).astype(np.float32)
    scale = float(np.square(z - means[rows.labels], dtype=np.float64).sum() / len(z)) or 1.0
    return Clustering(
        labels=rows.labels,
        centers=means,
        probabilities=memberships(z, means, scale),
        embedding=z,
        space=rows.space,
        n_iter=0,
        converged=True,
        stop_reason="edited by hand",
        tensors={"edited.means": means, "edited.scale": np.array([scale], np.float32)},
    )


def assess_edited(
    rows: EditedRows, clustering: Clustering, *, n_nulls: int = 20, baseline_seeds: int = 10, quiet: bool = True
) -> Evaluation:
    """Score edited moods: every score that labels allow, null models and baselines, in the run's compact features.

    No refit edits by hand: in the place of stability, `held_out` tells how well photos of other cafés are given the
    same moods. What a space that was learnt from cafés says of them is not told.

    Args:
        rows: The photos.
        clustering: Their `clustering_of`.
        n_nulls: Null models of each kind.
        baseline_seeds: Seeds of the baseline.
        quiet: No progress bars.
    """
    k, places = len(clustering.centers), rows.places
    judged_rows, plane, of_rows = rows.features, rows.plane, clustering
    cafes, truth, units = rows.cafes, rows.truth, None
    if places is not None:
        first = np.unique(places.member, return_index=True)[1]
        judged_rows, plane = places.means(rows.features), places.means(rows.plane)
        of_rows = replace(
            clustering,
            labels=rows.labels[first],
            embedding=places.rows,
            probabilities=memberships(places.rows, clustering.centers, float(clustering.tensors["edited.scale"][0])),
        )
        plain = np.asarray(kmeans(rows.features, k, rows.seed, 3).labels_)
        followed = follows(rows.features, rows.labels, cafes, plain, rows.seed)
        units = {"coherence": None, "follows": followed, "cafe_space": None, "halves": None, "certain": None}
        truth, cafes = None, [str(name) for name in places.names]
    judged = JudgedRows(judged_rows)
    width = None if rows.n_components is None else min(rows.n_components, *judged_rows.shape)
    pipeline = KMeansPipeline(k, None if rows.learnt else width)
    options = ReliabilityOptions(pipeline, n_nulls=n_nulls, seed=rows.seed, quiet=quiet)
    compared = baselines(judged, of_rows, k, n_seeds=baseline_seeds)
    space = CafeSpace(of_rows.embedding, rows.space) if rows.learnt else None
    told = assess(judged, plane, of_rows, compared, options, truth=truth, cafes=cafes, space=space, units=units)
    details = told.details | ({"coherence": None} if rows.from_cafes else {})
    by_cafe = cafes if places is None else None
    found = held_out.agreement(judged_rows, of_rows.labels, by_cafe, seed=rows.seed)
    before = None
    if rows.before is not None and places is None:
        before = held_out.agreement(
            judged_rows, np.unique(rows.before, return_inverse=True)[1], by_cafe, seed=rows.seed
        )
    details |= {"held_out": None if found is None else {**found, "before": before}}
    in_place = held_out.finding(found, before)
    findings = [
        in_place if said.code == "stability-not-measured" else said
        for said in verdict({"scores": told.scores, **details}, n=len(judged), k=k)
    ]
    silhouettes = told.silhouettes if places is None else told.silhouettes[places.member]
    return Evaluation(told.scores, findings, silhouettes, details)


def edited_probabilities(clustering: Clustering) -> dict[str, Any]:
    """Columns of the table of photos: the group and, of all others, the one that is nearest, with their memberships."""
    every, own = np.arange(len(clustering.labels)), clustering.labels
    others = clustering.probabilities.copy()
    others[every, own] = -1
    second = others.argmax(axis=1)
    return {
        "cluster": own,
        "second_cluster": second,
        "probability": clustering.probabilities[every, own],
        "second_probability": clustering.probabilities[every, second],
    }

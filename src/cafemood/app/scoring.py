"""Judge what a run has grouped, photos or cafés, and turn it into what its photos carry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from cafemood.app.swept_ks import swept_ks
from cafemood.clustering.cafe_places import CafePlaces, carried
from cafemood.clustering.cafe_reduction import CafeReduction
from cafemood.clustering.kmeans import KMeans
from cafemood.clustering.reduction import PCAReduction, display_plane
from cafemood.clustering.stored_reduction import StoredReduction
from cafemood.core import chunks
from cafemood.evaluation.assessment import Evaluation, assess, of_cafe_groups
from cafemood.evaluation.baselines import baselines
from cafemood.evaluation.cafe_space import CafeSpace
from cafemood.evaluation.judged import JudgedRows
from cafemood.evaluation.outliers import outlying
from cafemood.evaluation.resampling import ReliabilityOptions
from cafemood.evaluation.store import JudgingStore

if TYPE_CHECKING:
    from cafemood.app.pipeline import RunConfig
    from cafemood.clustering.base import Clusterer, Clustering
    from cafemood.features.photo_matrix import PhotoMatrix


@dataclass(frozen=True)
class Scored:
    """A clustering of the photos with its evaluation.

    Attributes:
        clustering: The group of each photo: its own, or its café's.
        evaluation: Scores and findings; silhouettes are a row a photo.
        plane: The display plane of the photos (n, 2).
        explained: The share of variance that it keeps.
        columns: More columns of the table of photos (n,).
    """

    clustering: Clustering
    evaluation: Evaluation
    plane: np.ndarray
    explained: float
    columns: dict[str, np.ndarray] = field(default_factory=dict)


_LEAST_WEIGHT = 0.1


def places_of(data: PhotoMatrix, shown: np.ndarray) -> CafePlaces:
    """The cafés of the photos in the space that is clustered, by how much place each photo shows (n,; NaN: unknown)."""
    cafes = data.photo_set.cafes
    assert cafes is not None  # `check_cafes` came before
    return CafePlaces.of(
        data.matrix,
        cafes,
        getattr(data.reduction, "ratios_", None),
        np.clip(np.nan_to_num(shown, nan=1.0), _LEAST_WEIGHT, 1),
    )


def score(
    config: RunConfig,
    data: PhotoMatrix,
    method: Clusterer,
    judged: JudgedRows,
    places: CafePlaces | None,
    *,
    k: int,
    n_candidates: int,
) -> Scored:
    """Judge a fitted clusterer on the rows that it has grouped.

    Args:
        config: The run's.
        data: The photos and their features, set up.
        method: The clusterer, fitted to `places.rows`, or to the matrix of `data`.
        judged: The features of what was grouped: of photos, or the mean of each café's.
        places: The cafés, where these are grouped.
        k: Clusters.
        n_candidates: Numbers of clusters that k was chosen from.
    """
    photo_set, features, z = data.photo_set, data.features.matrix(), data.matrix
    reduction = data.reduction
    store, cafes = JudgingStore(config.cache_dir), photo_set.cafes
    truth = [photo.label for photo in photo_set.photos] if photo_set.labelled else None
    plane, explained = _plane(features, store)
    plane_of_rows, matrix = plane, z
    if places is not None:
        plane_of_rows, matrix = places.means(plane), places.rows
        truth = None if truth is None else _of_cafes(truth, places)
        cafes = [str(name) for name in places.names]
    clustering = method.clustering(matrix, data.reduction.space)
    plain = isinstance(method, KMeans) and clustering.space == "features"
    compared = baselines(judged, clustering, k, n_seeds=config.baseline_seeds, store=store, plain=plain)
    reliability = ReliabilityOptions.of(
        method,
        k,
        reduction.n_components if isinstance(reduction, PCAReduction) else None,  # else nulls are of the space
        config.resamples,
        n_nulls=config.nulls,
        seed=config.seed,
        n_candidates=n_candidates,
        other_ks=swept_ks(),
    )
    space = None
    if isinstance(reduction, CafeReduction | StoredReduction):
        space = CafeSpace(matrix, reduction.space, reduction if isinstance(reduction, CafeReduction) else None)
    photos, units = clustering, None
    columns = {"outlying": outlying(judged if places is None else features)}
    if places is not None:
        photos, of_cafes = carried(places, clustering, method, z, config.seed)
        columns |= of_cafes
        units = of_cafe_groups(features, places, photos, columns["certainty"], z, space, k, config.seed)
    evaluation = assess(
        judged, plane_of_rows, clustering, compared, reliability,
        truth=truth, cafes=cafes, space=space, units=units, store=store,
    )  # fmt: skip
    if places is not None:
        evaluation = replace(evaluation, silhouettes=evaluation.silhouettes[places.member])
    return Scored(photos, evaluation, plane, explained, columns)


def _plane(features: np.ndarray, store: JudgingStore) -> tuple[np.ndarray, float]:
    """The `display_plane` of features (n, d), from the store where it is kept."""
    if chunks.is_long(features):
        return display_plane(features)

    def make() -> dict[str, np.ndarray]:
        plane, explained = display_plane(features)
        return {"plane": plane, "explained": np.array([explained])}

    found = store.one("planes", {"rows": JudgedRows(features).digest}, ("plane", "explained"), make)
    return found["plane"], float(found["explained"][0])


def _of_cafes(truth: Sequence[str | None], places: CafePlaces) -> list[str | None]:
    """The label that most photos of each café have; None where none has one, or two are as frequent."""
    by_cafe: list[Counter[str]] = [Counter() for _ in places.names]
    for label, cafe in zip(truth, places.member, strict=True):
        if label is not None:
            by_cafe[cafe][label] += 1
    ordered = [counter.most_common(2) for counter in by_cafe]
    return [None if not top or (len(top) > 1 and top[0][1] == top[1][1]) else top[0][0] for top in ordered]

"""Where the cafés of a run lie for a taste: their places, features, and the photos that stand for them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cafemood.cafes import moods
from cafemood.cafes.looks import LOOKS
from cafemood.cafes.profiles import Cafes
from cafemood.clustering.cafe_reduction import LEAST_CAFES, CafeReduction
from cafemood.clustering.reduction import PCAReduction
from cafemood.core import chunks
from cafemood.taste.prior import SmoothPrior

if TYPE_CHECKING:
    from cafemood.runs.run import Run

N_PLAIN = 16
"""Principal components of the cafés' means, where too few cafés have two photos for a space of cafés."""
PHOTO = 0.5
"""How much of what a tap says is said of the photo shown; the rest is said of its café."""
LOOK = 0.1
"""Standard deviation of a look beside the compact rows, whose strongest component has about 0.15."""
_DIGITS = 4
"""Decimals of the features, the same in Python and on the page."""


@dataclass(frozen=True)
class Places:
    """Cafés in the space that tastes are learnt in.

    Attributes:
        name: Of the space: `cafe16`, or `pca16` where too few cafés have two photos.
        features: φ of each café's best guess of its place (c, r).
        evidence: φ of what a tap on its photo speaks of (c, r): halfway from the photo's to the café's.
        typical: Rows of each café's photos, the most typical first.
    """

    name: str
    features: np.ndarray
    evidence: np.ndarray
    typical: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True)
class TasteSpace:
    """The cafés of a run, for a taste.

    Attributes:
        cafes: Their profiles.
        places: Where they lie, in the order of `cafes.table`.
        run_id: Of the run: 16 hexadecimal digits over its photos. Answers carry it.
        list_id: Of the run and of this list of cafés: it changes when cafés are added.
    """

    cafes: Cafes
    places: Places
    run_id: str
    list_id: str

    @property
    def run(self) -> Run:
        """The run."""
        return self.cafes.run


def of_run(cafes: Cafes) -> TasteSpace:
    """The space of a run's cafés; learnt again from its photos and café ids, those added too.

    Raises:
        RunError: The run keeps no features.
        TasteError: There is one café only, or all are the same.
    """
    photos = cafes.run.photos
    _, of_photo = np.unique(photos["cafe_id"].astype(str), return_inverse=True)
    run_id = _digest(cafes.run.assignments["photo_id"].tolist())
    list_id = _digest([run_id, *cafes.table["cafe_id"].astype(str)])
    looks = moods.looks_of(cafes.run)[list(LOOKS)].to_numpy(dtype=float)
    no_place = [isinstance(reason, str) and reason != "" for reason in photos.get("no_place", [None] * len(photos))]
    places = places_of(with_looks(cafes.run.rows, looks), of_photo, last=np.array(no_place))
    return TasteSpace(cafes, places, run_id, list_id)


def with_looks(rows: np.ndarray, looks: np.ndarray) -> np.ndarray:
    """Compact rows (n, d') with the looks of the photos (n, l) beside them: float32 (n, d' + l).

    Each look gets the standard deviation `LOOK`; what is NaN, as of a photo that is gone, gets the mean.
    """
    spread = looks.std(axis=0, where=~np.isnan(looks)) if len(looks) else np.ones(looks.shape[1])
    mean = looks.mean(axis=0, where=~np.isnan(looks))
    scaled = LOOK * np.nan_to_num((looks - mean) / np.where(spread > 1e-9, spread, 1.0))
    return np.hstack([rows, scaled]).astype(np.float32)


def places_of(
    rows: np.ndarray,
    of_photo: np.ndarray,
    reduction: CafeReduction | None = None,
    *,
    last: np.ndarray | None = None,
) -> Places:
    """Places of cafés from the rows of their photos.

    Args:
        rows: Rows (n, d'), such as `with_looks` gives.
        of_photo: Café of each, from 0 without gaps (n,).
        reduction: A fitted space; default: one that is learnt from these cafés.
        last: Whether a photo (n,) stands for its café only where all others do not, as one that shows no place.

    Raises:
        TasteError: There is one café only, or all are the same.
    """
    n_photos, rows = np.bincount(of_photo), np.asarray(rows, dtype=np.float32)
    if reduction is None and np.sum(n_photos > 1) >= LEAST_CAFES:
        reduction = CafeReduction().fit(rows, [str(cafe) for cafe in of_photo])
    if reduction is not None:
        name, y = reduction.space, reduction.transform(rows)
        means = chunks.group_means(y, of_photo) * reduction.weights(n_photos)
    else:
        means = chunks.group_means(rows, of_photo)
        plain = PCAReduction(min(N_PLAIN, *means.shape)).fit(means)
        name, means, y = plain.space, plain.transform(means), plain.transform(rows)
    from_mean = ((y - means[of_photo]) ** 2).sum(axis=1)
    behind = np.zeros(len(rows), bool) if last is None else last
    typical = np.split(np.lexsort((from_mean, behind, of_photo)), np.cumsum(n_photos)[:-1])
    prior = SmoothPrior().fit(means)
    photos = prior.of(y[[photos[0] for photos in typical]])
    evidence = PHOTO * photos + (1 - PHOTO) * prior.features_
    return Places(name, prior.features_.round(_DIGITS), evidence.round(_DIGITS), typical)


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

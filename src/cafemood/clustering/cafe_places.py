"""Cafés as rows: where each stands in a space, by its photos, and how far so few photos leave that open.

A photo of café c is b_c + w, and what is grouped is b_c. In the space of `CafeReduction` both have a covariance: the
spread within cafés is 1 along each direction and the spread between them l, so that b_c given the mean z of n photos
is normal with mean n l / (1 + n l) z and variance l / (1 + n l) (Ioffe, "Probabilistic Linear Discriminant Analysis",
ECCV 2006). In any other space it is the mean of the photos, with the pooled variance within cafés over n.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from cafemood.clustering.base import Clusterer, Clustering
from cafemood.core import chunks
from cafemood.errors import ClusteringError

N_DRAWS = 200
ENOUGH_CAFES = 16
"""Cafés of two photos and more from which on cafés teach a space, and are grouped, without being asked for."""


@dataclass(frozen=True)
class PlaceModel:
    """What turns the photos of a café into its place.

    Attributes:
        ratios: l of each direction (d',) in a space that was learnt from cafés; None: another space.
        within: Variance of each column (d',) within cafés, in such another space; None: no café has two photos.
    """

    ratios: np.ndarray | None = None
    within: np.ndarray | None = None

    @classmethod
    def of(cls, z: np.ndarray, member: np.ndarray, ratios: np.ndarray | None = None) -> Self:
        """Of photos (n, d') and the café of each, from 0 (n,)."""
        if ratios is not None:
            return cls(ratios=np.asarray(ratios, dtype=np.float64))
        n = np.bincount(member)
        freedom = int((n - 1).sum())
        if not freedom:
            return cls()
        means, off = chunks.group_means(z, member), np.zeros(z.shape[1])
        for rows, piece in chunks.read(z):
            off += np.square(piece - means[member[rows]], dtype=np.float64).sum(axis=0)
        return cls(within=off / freedom)

    def places(self, means: np.ndarray, n_photos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places of cafés and their standard deviations (m, d'), from the means of their photos.

        Args:
            means: Mean of each café's photos in the space (m, d').
            n_photos: How many they are, or count as (m,).

        Returns:
            Both float32; the deviations are NaN where nothing tells them.
        """
        n = np.asarray(n_photos, dtype=np.float64)[:, None]
        if self.ratios is None:
            variance = np.full(means.shape[1], np.nan) if self.within is None else self.within
            return means.astype(np.float32), np.sqrt(variance / n).astype(np.float32)
        # a photo's coordinate is l / (1 + l) z
        factor = n * (1 + self.ratios) / (1 + n * self.ratios)
        return (means * factor).astype(np.float32), np.sqrt(self.ratios / (1 + n * self.ratios)).astype(np.float32)

    def tensors(self) -> dict[str, np.ndarray]:
        """What the places of new cafés need."""
        kept = {"cafe.ratios": self.ratios, "cafe.within": self.within}
        return {name: value.astype(np.float32) for name, value in kept.items() if value is not None}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> Self:
        """The model of a run."""
        return cls(tensors.get("cafe.ratios"), tensors.get("cafe.within"))


@dataclass(frozen=True)
class CafePlaces:
    """The cafés of some photos in a space.

    Attributes:
        names: Ids (m,), sorted.
        member: Café of each photo (n,), from 0.
        n_photos: Photos of each café (m,).
        rows: Places (m, d'), float32.
        deviations: Their standard deviations (m, d').
        model: What they were told by.
    """

    names: np.ndarray
    member: np.ndarray
    n_photos: np.ndarray
    rows: np.ndarray
    deviations: np.ndarray
    model: PlaceModel

    @classmethod
    def of(
        cls,
        z: np.ndarray,
        cafes: Sequence[str],
        ratios: np.ndarray | None = None,
        weights: np.ndarray | None = None,
    ) -> Self:
        """Places of the cafés.

        Args:
            z: Photos in the space (n, d').
            cafes: Café of each (n,).
            ratios: l of each direction (d',), where the space was learnt from cafés.
            weights: How much each photo counts (n,), above 0; n photos count as (Σw)² / Σw² (Kish, "Survey Sampling",
                1965). None: all alike.
        """
        names, member = np.unique(np.asarray(cafes), return_inverse=True)
        n_photos = np.bincount(member)
        model = PlaceModel.of(z, member, ratios)
        means, n = chunks.group_means(z, member), n_photos.astype(float)
        if weights is not None:
            total = np.bincount(member, weights)
            means = chunks.group_means(z * (weights / (total / n_photos)[member])[:, None], member)
            n = total**2 / np.bincount(member, weights**2)
        rows, deviations = model.places(means, n)
        return cls(names, member, n_photos, rows, deviations, model)

    def means(self, x: np.ndarray) -> np.ndarray:
        """The mean of each café's rows in another matrix of the photos (n, d): (m, d)."""
        return chunks.group_means(x, self.member)

    def certainty(self, predict_proba: Callable[[np.ndarray], np.ndarray], seed: int = 0) -> np.ndarray:
        """Chance of each group for each café (m, k): the share of draws from its place's distribution that fall there.

        Args:
            predict_proba: Memberships (m, k) of rows (m, d').
            seed: Of the draws.

        Returns:
            NaN where no café has two photos, so that nothing tells how far photos of one café differ.
        """
        rng = np.random.default_rng(seed)
        k = predict_proba(self.rows[:1]).shape[1]
        if np.isnan(self.deviations).any():
            return np.full((len(self.rows), k), np.nan)
        counts, every = np.zeros((len(self.rows), k)), np.arange(len(self.rows))
        for _ in range(N_DRAWS):
            drawn = self.rows + self.deviations * rng.standard_normal(self.rows.shape, dtype=np.float32)
            counts[every, predict_proba(drawn).argmax(axis=1)] += 1
        return counts / N_DRAWS


def chosen_unit(cafes: Sequence[str] | None, k: int | str) -> tuple[str, str]:
    """What `unit=auto` groups: cafés where there are enough of them, else photos; and why, in one sentence."""
    n = 0 if cafes is None else int((np.unique(np.asarray(cafes), return_counts=True)[1] > 1).sum())
    least = max(ENOUGH_CAFES, 0 if k == "auto" else 3 * int(k))
    several = f"{n:,} cafés have two photos or more"
    if n >= least:
        return "cafe", f"Cafés were grouped, and not photos: {several}."
    return "photo", f"Photos were grouped, and not cafés: {several}, and {least} are the least."


def check_cafes(cafes: Sequence[str] | None, k: int | str) -> None:
    """Refuse to group cafés where there are none, or too few.

    Raises:
        ClusteringError: No ids are known, or fewer cafés than groups.
    """
    fix = "use unit=photo, or name the photos cafe_<id>_<n>.jpg or a folder a café"
    if cafes is None:
        raise ClusteringError("Cafés cannot be grouped", where="unit=cafe", why="no café ids are known", fix=fix)
    n, least = len(set(cafes)), 3 if k == "auto" else int(k)
    if n < least:
        why = f"the photos are of {'1 café' if n == 1 else f'{n} cafés'}, and k={k} needs {least} or more"
        raise ClusteringError("There are too few cafés to group", where="unit=cafe", why=why, fix=fix)


def carried(
    places: CafePlaces, fitted: Clustering, method: Clusterer, z: np.ndarray, seed: int = 0
) -> tuple[Clustering, dict[str, Any]]:
    """The groups of cafés as their photos carry them.

    Args:
        places: The cafés.
        fitted: Their clustering.
        method: The clusterer.
        z: The photos in the space that the cafés were grouped in (n, d').
        seed: Of the draws of `certainty`.

    Returns:
        A clustering of the photos, each with its café's group and membership, and its own place in the clustering
        space; and columns (n,): `alone`, the group of the photo by itself, and `certainty`, its café's.
    """
    alone, own = method.soft_assign(z)
    certainty = places.certainty(method.predict_proba, seed)
    of_cafe = certainty[np.arange(len(certainty)), fitted.labels]
    labels = fitted.labels[places.member]
    photos = replace(fitted, labels=labels, probabilities=fitted.probabilities[places.member], embedding=own)
    photos = replace(photos, tensors=fitted.tensors | places.model.tensors())
    return photos, {"alone": alone.argmax(axis=1), "certainty": of_cafe[places.member]}

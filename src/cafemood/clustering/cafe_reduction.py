"""CafeReduction: the directions in which cafés differ, learnt from which photos belong to one café.

What a mood is, in data, is what stays the same within a café and differs between cafés. With z = x in principal
components, a photo of café c is z = m + b_c + w, with b_c of covariance B and w of covariance W: the two-covariance
model of probabilistic linear discriminant analysis (Ioffe, "Probabilistic Linear Discriminant Analysis", ECCV 2006).
The directions v solve B v = l W v (Fisher 1936), and the best guess of a photo's b_c along v is l / (1 + l) of its
coordinate: what differs within cafés as much as between them is shrunk to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from cafemood.clustering.cafe_directions import cafe_means, directions_between, held_out
from cafemood.clustering.reduction import PCAReduction
from cafemood.clustering.settings import check_cafe_space
from cafemood.core import chunks
from cafemood.errors import ClusteringError

LEAST_CAFES = 8
"""Cafés of two photos and more below which nothing can be held out."""


class CafeReduction(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Directions by between-café over within-café scatter, as many as held-out cafés support.

    Args:
        n_components: Directions; `auto`: the most, up to 16, with which two halves of a held-out café find each other
            as well as with the best number, within two standard errors.
        n_principal: Principal components that they are learnt in.
        shrinkage: Share, 0 to 1, of the within-café covariance that is replaced by its mean variance.
        random_state: Seed of the folds and of PCA's solver.

    Attributes:
        mean_: What `transform` subtracts (d,).
        components_: Directions (n_components_, d), scaled by l / (1 + l) in units of the spread within a café.
        ratios_: l of each direction: variance between cafés over variance within (n_components_,).
        n_components_: How many there are.
        held_out_: Of each number of directions tried, the mean and standard error over folds of held-out cafés of the
            chance that the halves of one café are nearer than those of two: rows (number, mean, standard error).
        permuted_: The mean for `n_components_`, learnt with the ids of the photos permuted; 0.5 is chance.
        n_cafes_: Cafés with two photos and more.
        n_photos_: Their photos.
    """

    name = "cafe"
    needs_groups = True

    def __init__(
        self,
        n_components: int | str = "auto",
        n_principal: int = 256,
        shrinkage: float = 0.5,
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.n_principal = n_principal
        self.shrinkage = shrinkage
        self.random_state = random_state

    @property
    def space(self) -> str:
        """The clustering space's name."""
        check_is_fitted(self)
        return f"cafe{self.n_components_}"

    def check_settings(self) -> None:
        """Refuse settings that no data fit.

        Raises:
            ClusteringError: One is out of its range.
        """
        check_cafe_space(self.n_components, self.n_principal, self.shrinkage)

    def check_groups(self, groups: Sequence[Any] | None) -> np.ndarray:
        """Refuse ids that nothing can be learnt from, before photos are embedded.

        Returns:
            Café of each photo (n,), from 0; -1 for those that take no part.

        Raises:
            ClusteringError: None are given, or fewer than `LEAST_CAFES` cafés have two photos.
        """
        if groups is None:
            raise _no_cafes("no café ids are known")
        member = _members(groups)
        n, several = len({str(group) for group in groups if group not in (None, "")}), int(member.max(initial=-1)) + 1
        if several < LEAST_CAFES:
            raise _no_cafes(f"of {n} cafés, {several} have two photos and more, and {LEAST_CAFES} are the least")
        return member

    def fit(self, X: np.ndarray, groups: Sequence[Any] | None = None) -> Self:
        """Learn the directions.

        Args:
            X: Features (n, d).
            groups: Café of each photo (n,); None or "" where it is not known. Photos without one, and those of cafés
                with a single photo, teach the principal components and not the directions.

        Raises:
            ClusteringError: No ids are given, or fewer than `LEAST_CAFES` cafés have two photos.
        """
        self.check_settings()
        member, x = self.check_groups(groups), _rows(X)
        if len(member) != len(x):
            raise _no_cafes(f"there are {len(member)} ids for {len(x)} photos")
        self.n_cafes_, self.n_photos_ = int(member.max()) + 1, int((member >= 0).sum())
        self.n_features_in_ = x.shape[1]
        width = min(self.n_principal, x.shape[1], self.n_photos_ - self.n_cafes_, len(x))
        pca = PCAReduction(max(1, width), self.random_state)
        z = pca.fit(x).transform(x)[member >= 0].astype(np.float64)
        member = member[member >= 0]
        self.n_components_, self.held_out_, self.permuted_ = self._number(z, member)
        ratios, directions = directions_between(z, member, float(self.shrinkage))
        center = cafe_means(z, member).mean(axis=0)
        self.ratios_ = ratios[: self.n_components_]
        scaled = directions[:, : self.n_components_] * (self.ratios_ / (1 + self.ratios_))
        self.components_ = scaled.T @ pca.components_
        self.mean_ = pca.mean_ + center @ pca.components_
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Project features (n, d) to (n, n_components_), in float32."""
        check_is_fitted(self)
        x = _rows(X)
        if x.shape[1] != self.n_features_in_:
            raise ClusteringError(
                "The features have another width than those that the space was learnt from",
                where="X", why=f"{x.shape[1]} columns, not {self.n_features_in_}", fix="use the same backbone",
            )  # fmt: skip
        projected = np.empty((len(x), len(self.components_)), np.float32)
        for rows, chunk in chunks.read(x):
            projected[rows] = (chunk - self.mean_) @ self.components_.T
        return projected

    def fit_transform(self, X: np.ndarray, groups: Sequence[Any] | None = None) -> np.ndarray:
        """Learn from photos and their cafés, and project the photos: float32 (n, n_components_)."""
        return self.fit(X, groups).transform(X)

    def tensors(self) -> dict[str, np.ndarray]:
        """What `project` needs for new photos."""
        return {"pca.mean": self.mean_.astype(np.float32), "pca.components": self.components_.astype(np.float32)}

    def facts(self) -> dict[str, Any]:
        """What `run.json` says of the space: what it was learnt from, and what held-out cafés say of it."""
        tried = [{"n_components": int(d), "same_cafe": mean, "error": error} for d, mean, error in self.held_out_]
        return {
            "n_components": self.n_components_, "n_cafes": self.n_cafes_, "n_photos": self.n_photos_,
            "ratios": self.ratios_.tolist(), "held_out": tried, "permuted": self.permuted_,
        }  # fmt: skip

    def weights(self, n_photos: np.ndarray) -> np.ndarray:
        """What turns the mean of a café's projected photos into the best guess of its place, by direction.

        A photo's coordinate is l / (1 + l) of what it would be without the spread within cafés, and the mean of n
        photos n l / (1 + n l).

        Args:
            n_photos: Photos of each café (m,).

        Returns:
            Factors (m, n_components_).
        """
        n = np.asarray(n_photos, dtype=float)[:, None]
        return n * (1 + self.ratios_) / (1 + n * self.ratios_)

    @property
    def _n_features_out(self) -> int:
        return self.n_components_

    def _number(self, z: np.ndarray, member: np.ndarray) -> tuple[int, np.ndarray, float]:
        """The number of directions, what held-out cafés say of each number, and of permuted ids."""
        most = max(1, min(z.shape[1], self.n_cafes_ - 1))
        fixed = [] if self.n_components == "auto" else [int(self.n_components)]
        if fixed and fixed[0] > most:
            why = f"{self.n_cafes_} cafés in {z.shape[1]} principal components have {most} at most"
            raise ClusteringError(
                f"There are no {fixed[0]} directions between cafés", where="reduce.n_components", why=why,
                fix=f"take 1 to {most}, or auto",
            )  # fmt: skip
        tried = np.array(fixed or [d for d in (1, 2, 3, 4, 6, 8, 12, 16) if d <= most] or [1])
        rng = np.random.default_rng(self.random_state)
        by_fold = held_out(z, member, tried, float(self.shrinkage), rng)
        means, errors = by_fold.mean(axis=0), by_fold.std(axis=0, ddof=1) / np.sqrt(len(by_fold))
        best = int(means.argmax())
        chosen = int(tried[means >= means[best] - 2 * errors[best]].max())
        permuted = held_out(z, rng.permutation(member), np.array([chosen]), float(self.shrinkage), rng).mean()
        return chosen, np.column_stack([tried, means, errors]), float(permuted)


def _rows(x: Any) -> np.ndarray:
    """A matrix of finite numbers, as it is where it is long."""
    x = x if isinstance(x, np.ndarray) else np.asarray(x, dtype=np.float32)
    if x.ndim != 2 or x.dtype.kind != "f" or not x.size:
        why = f"its shape is {x.shape}, of {x.dtype}"
        raise ClusteringError("The features are no matrix of numbers", where="X", why=why, fix="give (photos, columns)")
    bad = chunks.bad_rows(x)
    if len(bad):
        why = f"{len(bad)} of {len(x)} rows, the first is row {bad[0]}"
        raise ClusteringError("The features hold NaN or infinity", where="features", why=why, fix="delete the cache")
    return x


def _members(groups: Sequence[Any]) -> np.ndarray:
    """Café of each photo (n,), from 0; -1 for photos without an id, and for cafés with one photo."""
    member = np.full(len(groups), -1)
    known = np.array([group not in (None, "") for group in groups], dtype=bool)
    if known.any():
        names = np.array([str(group) for group in groups])[known]
        _, of, n = np.unique(names, return_inverse=True, return_counts=True)
        kept = np.cumsum(n > 1) - 1
        member[known] = np.where(n[of] > 1, kept[of], -1)
    return member


def _no_cafes(why: str) -> ClusteringError:
    fix = "use reduce=pca or reduce=none, or name the photos cafe_<id>_<n>.jpg or a folder a café"
    return ClusteringError("The space of cafés cannot be learnt", where="reduce=cafe", why=why, fix=fix)

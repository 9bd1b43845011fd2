"""CafeReduction: the directions in which cafés differ, learnt from which photos belong to one café.

What a mood is, in data, is what stays the same within a café and differs between cafés. With z = x in principal
components, a photo of café c is z = m + b_c + w, with b_c of covariance B and w of covariance W: the two-covariance
model of probabilistic linear discriminant analysis (Ioffe, "Probabilistic Linear Discriminant Analysis", ECCV 2006).
The directions v solve B v = l W v (Fisher 1936), and the best guess of a photo's b_c along v is l / (1 + l) of its
coordinate: what differs within cafés as much as between them is shrunk to nothing. With `kernel="rbf"` the principal
components are those of a kernel (see `RbfComponents`), and what is straight in its space is bent in that of the photos.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from cafemood.clustering.base import check_finite
from cafemood.clustering.cafe_directions import directions_between, held_out, means_between
from cafemood.clustering.cafe_kernel import RbfComponents
from cafemood.clustering.reduction import PCAReduction, project
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
        kernel: `linear`: of the photos; `rbf`: of a kernel of these; `auto`: the one whose best number of directions
            lets more halves of held-out cafés find each other.
        shrinkage: Share, 0 to 1, of the within-café covariance that is replaced by its mean variance.
        random_state: Seed of the folds and of PCA's solver.

    Attributes:
        pca_: The principal components of the photos.
        kernel_: `linear` or `rbf`.
        rbf_: Those of the kernel; None where it is linear.
        center_: The mean café in them (p,).
        directions_: In them (p, n_components_), scaled by l / (1 + l) in units of the spread within a café.
        ratios_: l of each direction: variance between cafés over variance within (n_components_,).
        n_components_: How many there are.
        held_out_: Of each number of directions tried, the mean and standard error over folds of held-out cafés of the
            chance that the halves of one café are nearer than those of two: rows (number, mean, standard error).
        kernels_: The best mean of each kernel tried.
        permuted_: The mean for `n_components_`, learnt with the ids of the photos permuted; 0.5 is chance.
        n_cafes_: Cafés with two photos and more.
        n_photos_: Their photos.
    """

    name = "cafe"

    def __init__(
        self,
        n_components: int | str = "auto",
        n_principal: int = 256,
        shrinkage: float = 0.5,
        kernel: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.n_principal = n_principal
        self.shrinkage = shrinkage
        self.kernel = kernel
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
        check_cafe_space(self.n_components, self.n_principal, self.shrinkage, self.kernel)

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
        member, x = self.check_groups(groups), checked_rows(X)
        if len(member) != len(x):
            raise _no_cafes(f"there are {len(member)} ids for {len(x)} photos")
        self.n_cafes_, self.n_photos_ = int(member.max()) + 1, int((member >= 0).sum())
        self.n_features_in_ = x.shape[1]
        most = max(1, min(self.n_principal, self.n_photos_ - self.n_cafes_))
        self.pca_ = PCAReduction(min(most, *x.shape), self.random_state).fit(x)
        by_kernel = {"linear": self.pca_.transform(x)}
        rbf = None
        if self.kernel != "linear":
            rbf = RbfComponents(most, self.random_state).fit(by_kernel["linear"])
            by_kernel["rbf"] = rbf.transform(by_kernel["linear"])
        z = self._choose(by_kernel if self.kernel == "auto" else {self.kernel: by_kernel[self.kernel]}, member)
        self.rbf_ = rbf if self.kernel_ == "rbf" else None
        self.ratios_, self.directions_ = self.directions(z, member, self.n_components_)
        self.center_ = means_between(z, member).mean(axis=0)
        return self

    def directions(self, z: np.ndarray, member: np.ndarray, n_components: int) -> tuple[np.ndarray, np.ndarray]:
        """Ratios (n_components,) and scaled directions (p, n_components) that cafés teach; -1 for other rows.

        Args:
            z: Rows (n, p), as `principal` gives them.
            member: Café of each row (n,), from 0.
            n_components: How many.
        """
        ratios, directions = directions_between(z, member, float(self.shrinkage))
        ratios = ratios[:n_components]
        return ratios, directions[:, :n_components] * (ratios / (1 + ratios))

    def principal(self, X: np.ndarray) -> np.ndarray:
        """The principal components (n, p), float32, in which directions are learnt; they know no café."""
        check_is_fitted(self)
        z = self.pca_.transform(X)
        return z if self.rbf_ is None else self.rbf_.transform(z)

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Project features (n, d) to (n, n_components_), in float32."""
        check_is_fitted(self)
        x = checked_rows(X)
        if x.shape[1] != self.n_features_in_:
            raise ClusteringError(
                "The features have another width than those that the space was learnt from",
                where="X", why=f"{x.shape[1]} columns, not {self.n_features_in_}", fix="use the same backbone",
            )  # fmt: skip
        projected, stored = np.empty((len(x), self.n_components_), np.float32), self._stored()
        for rows, chunk in chunks.read(x, 0 if self.rbf_ is None else 2 * len(self.rbf_.landmarks_)):
            projected[rows] = project(chunk, stored)
        return projected

    def fit_transform(self, X: np.ndarray, groups: Sequence[Any] | None = None) -> np.ndarray:
        """Learn from photos and their cafés, and project the photos: float32 (n, n_components_)."""
        return self.fit(X, groups).transform(X)

    def tensors(self) -> dict[str, np.ndarray]:
        """What `project` needs for new photos."""
        named = self._stored() | {"cafe.ratios": self.ratios_}
        return {name: tensor.astype(np.float32) for name, tensor in named.items()}

    def facts(self) -> dict[str, Any]:
        """What `run.json` says of the space: what it was learnt from, and what held-out cafés say of it."""
        tried = [{"n_components": int(d), "same_cafe": mean, "error": error} for d, mean, error in self.held_out_]
        return {
            "n_components": self.n_components_, "n_cafes": self.n_cafes_, "n_photos": self.n_photos_,
            "ratios": self.ratios_.tolist(), "held_out": tried, "permuted": self.permuted_, "kernel": self.kernel_,
            "kernels": self.kernels_,
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

    def _stored(self) -> dict[str, np.ndarray]:
        """The map from features, as `project` applies it; of linear ones, one matrix."""
        pca, rbf = self.pca_, self.rbf_
        if rbf is None:
            mean = pca.mean_ + self.center_ @ pca.components_
            return {"pca.mean": mean, "pca.components": self.directions_.T @ pca.components_}
        return {
            "pca.mean": pca.mean_, "pca.components": pca.components_,
            "kernel.landmarks": rbf.landmarks_, "kernel.gamma": np.array([rbf.gamma_]),
            "kernel.components": self.directions_.T @ rbf.components_,
            "kernel.offset": self.directions_.T @ (rbf.offset_ + self.center_),
        }  # fmt: skip

    def _choose(self, by_kernel: dict[str, np.ndarray], member: np.ndarray) -> np.ndarray:
        """Set the kernel, the number of directions and what held-out cafés say; the rows (n, p) of that kernel."""
        said: dict[str, tuple[np.ndarray, np.ndarray, np.random.Generator]] = {}
        for kernel, z in by_kernel.items():
            rng, tried = np.random.default_rng(self.random_state), self._tried(z.shape[1])
            said[kernel] = tried, held_out(z, member, tried, float(self.shrinkage), rng), rng
        self.kernels_ = {kernel: float(scores.mean(axis=0).max()) for kernel, (_, scores, _) in said.items()}
        self.kernel_ = max(self.kernels_, key=lambda kernel: self.kernels_[kernel])
        z, (tried, by_fold, rng) = by_kernel[self.kernel_], said[self.kernel_]
        means, errors = by_fold.mean(axis=0), by_fold.std(axis=0, ddof=1) / np.sqrt(len(by_fold))
        best = int(means.argmax())
        self.n_components_ = int(tried[means >= means[best] - 2 * errors[best]].max())
        self.held_out_ = np.column_stack([tried, means, errors])
        mixed = member.copy()
        mixed[member >= 0] = rng.permutation(member[member >= 0])
        self.permuted_ = float(held_out(z, mixed, np.array([self.n_components_]), float(self.shrinkage), rng).mean())
        return z

    def _tried(self, p: int) -> np.ndarray:
        """The numbers of directions to choose from, in p principal components."""
        most = max(1, min(p, self.n_cafes_ - 1))
        fixed = [] if self.n_components == "auto" else [int(self.n_components)]
        if fixed and fixed[0] > most:
            why = f"{self.n_cafes_} cafés in {p} principal components have {most} at most"
            raise ClusteringError(
                f"There are no {fixed[0]} directions between cafés", where="reduce.n_components", why=why,
                fix=f"take 1 to {most}, or auto",
            )  # fmt: skip
        return np.array(fixed or [d for d in (1, 2, 3, 4, 6, 8, 12, 16) if d <= most] or [1])


def checked_rows(x: Any) -> np.ndarray:
    """A matrix of finite numbers, as it is where it is long.

    Raises:
        ClusteringError: It is another thing.
    """
    x = x if isinstance(x, np.ndarray) else np.asarray(x, dtype=np.float32)
    if x.ndim != 2 or x.dtype.kind != "f" or not x.size:
        why = f"its shape is {x.shape}, of {x.dtype}"
        raise ClusteringError("The features are no matrix of numbers", where="X", why=why, fix="give (photos, columns)")
    check_finite(x)
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

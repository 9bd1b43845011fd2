"""The estimator contract of all clusterers, and what they share: checks, memberships, the health of the groups."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy.spatial.distance import cdist, pdist
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from cafemood.clustering.random_state import isolated_random_state, seed_of
from cafemood.clustering.settings import check_k
from cafemood.core import chunks
from cafemood.core.atomic import write_tensors
from cafemood.errors import ClusteringError

FORMAT = 1
"""Version of the files that `Clusterer.save` writes."""
NOT_STORED = ("trainer", "logger", "cache_dir", "verbose")
"""Parameters that say where a method is trained, and nothing of its result."""


@dataclass
class Clustering:
    """One official labelling and all that is needed to give it to new rows.

    Attributes:
        labels: Cluster of each row (n,), the argmax of `probabilities`.
        centers: Cluster centres in the clustering space (k, d').
        probabilities: Membership in each cluster (n, k), rows sum to 1: for k-means, DEC and IDEC the Student-t
            similarity to each centre. A membership, not a calibrated chance.
        embedding: The rows in the clustering space (n, d').
        space: The clustering space's name; empty: the space of the rows themselves.
        tensors: What the assignment of new rows needs besides the centres.
        baseline_spaces: Spaces whose plain k-means should stand beside this result.
        updates: Record of each update of a training: step, share of changed labels, loss, health.
    """

    labels: np.ndarray
    centers: np.ndarray
    probabilities: np.ndarray
    embedding: np.ndarray
    space: str
    n_iter: int
    converged: bool
    stop_reason: str
    tensors: dict[str, np.ndarray] = field(default_factory=dict)
    baseline_spaces: dict[str, np.ndarray] = field(default_factory=dict)
    updates: list[dict[str, float]] = field(default_factory=list)

    def health(self) -> dict[str, Any]:
        """Clusters in use, smallest cluster, entropy of sizes, least centre distance, label change of each update."""
        record: dict[str, Any] = dict(health(self.labels, self.centers))
        return record | {
            "label_change": [update["label_change"] for update in self.updates[1:]],
            "updates": self.updates,
        }


class Clusterer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """Base of all clusterers, a scikit-learn estimator: `fit`, `predict`, `predict_proba`, `transform`, `save`.

    A subclass has a `name`, an `__init__` that only stores its arguments, `_fit` and `_soft_assign`. Settings are
    checked by `check_settings`, which `fit` calls first.

    Attributes:
        labels_: Cluster of each row (n,).
        cluster_centers_: Centres in the clustering space (k, d').
        probabilities_: Membership of each row in each cluster (n, k).
        embedding_: The rows in the clustering space (n, d'), where that is not the space of X.
        n_iter_: Iterations, or steps of training.
        converged_: Whether it ended by its own rule.
        stop_reason_: Why it ended.
        diagnostics_: Health of the clusters, and the record of each update of a training.
        n_features_in_: Columns of X.
    """

    name: ClassVar[str]
    refit_is_cheap: ClassVar[bool] = False
    """Whether stability is measured by default: refits of a training are left out unless they are asked for."""
    _clusterers: ClassVar[dict[str, type[Clusterer]]] = {}

    n_clusters: int
    random_state: int | np.random.RandomState | None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "name" in vars(cls):
            Clusterer._clusterers[cls.name] = cls

    def fit(self, X: Any, y: Any = None) -> Self:
        """Cluster the rows; the caller's global random state stays as it is.

        Args:
            X: Rows (n, d), finite numbers; computed in float32.
            y: Not used.

        Raises:
            ValueError: X is not a finite matrix, or has fewer rows than clusters.
            ClusteringError: A setting is impossible on this data (a `ValueError` too).
        """
        self.check_settings()
        x = self._checked(X, reset=True)
        if len(x) < self.n_clusters:
            raise ValueError(f"n_samples={len(x)} should be >= n_clusters={self.n_clusters}.")
        seed = seed_of(self.random_state)
        with isolated_random_state():
            fitted = self._fit(x, seed)
        self.labels_, self.probabilities_ = fitted.labels, fitted.probabilities
        self.cluster_centers_, self.n_iter_ = fitted.centers, fitted.n_iter
        self.converged_, self.stop_reason_ = fitted.converged, fitted.stop_reason
        if fitted.space:
            self.embedding_ = fitted.embedding
        self.space_, self.diagnostics_ = fitted.space, fitted.health()
        self._tensors, self._baseline_spaces = fitted.tensors, fitted.baseline_spaces
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The cluster (m,) of new rows (m, d)."""
        return self.predict_proba(X).argmax(axis=1)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Membership (m, k) of new rows (m, d) in each cluster; rows sum to 1. Not a calibrated chance."""
        return self.soft_assign(X)[0]

    def transform(self, X: Any) -> np.ndarray:
        """New rows (m, d) in the clustering space (m, d')."""
        return self.soft_assign(X)[1]

    def soft_assign(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Memberships (m, k) of new rows (m, d), and the rows in the clustering space (m, d')."""
        check_is_fitted(self)
        return self._soft_assign(self._checked(X, reset=False))

    def check_settings(self) -> None:
        """Refuse settings that fit no data.

        Raises:
            ClusteringError: `n_clusters` is not a whole number from 1 up, or a setting of the method is impossible.
        """
        if not isinstance(self.n_clusters, int | np.integer) or isinstance(self.n_clusters, bool):
            what = f"n_clusters={self.n_clusters!r} is not a whole number"
            raise ClusteringError(what, where="n_clusters", fix="give 1 or more")
        if self.n_clusters < 1:
            raise ClusteringError(f"n_clusters={self.n_clusters} is too few", where="n_clusters", fix="give 1 or more")

    def clustering(self, X: np.ndarray, space: str = "features") -> Clustering:
        """The result as a run records it.

        Args:
            X: The rows that were clustered (n, d).
            space: Their name, where the clustering space is theirs.
        """
        check_is_fitted(self)
        return Clustering(
            labels=self.labels_,
            centers=self.cluster_centers_,
            probabilities=self.probabilities_,
            embedding=self.embedding_ if self.space_ else X,
            space=self.space_ or space,
            n_iter=self.n_iter_,
            converged=self.converged_,
            stop_reason=self.stop_reason_,
            tensors=self._tensors,
            baseline_spaces=self._baseline_spaces,
            updates=self.diagnostics_["updates"],
        )

    def save(self, path: str | Path) -> None:
        """Write the fitted clusterer to one safetensors file, which `cafemood.clustering.load` reads.

        Raises:
            CafemoodError: The file cannot be written.
        """
        check_is_fitted(self)
        fitted = {"labels": self.labels_, "probabilities": self.probabilities_, "centers": self.cluster_centers_}
        if self.space_:
            fitted["embedding"] = self.embedding_
        settings = {name: value for name, value in self.get_params().items() if name not in NOT_STORED}
        if not isinstance(self.random_state, int | np.integer | None):
            settings["random_state"] = None
        about = {
            "clusterer": self.name,
            "format": str(FORMAT),
            "settings": json.dumps(settings, default=_plain),
            "fitted": json.dumps(
                {
                    "n_iter_": self.n_iter_,
                    "converged_": self.converged_,
                    "stop_reason_": self.stop_reason_,
                    "space_": self.space_,
                    "n_features_in_": self.n_features_in_,
                    "diagnostics_": self.diagnostics_,
                },
                default=_plain,
            ),
        }
        write_tensors(Path(path), fitted | self._tensors, about)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @abstractmethod
    def _fit(self, x: np.ndarray, seed: int) -> Clustering:
        """Cluster checked rows (n, d)."""

    @abstractmethod
    def _soft_assign(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Memberships (m, k) of checked rows (m, d), and the rows in the clustering space (m, d')."""

    @property
    def _n_features_out(self) -> int:
        return int(self.cluster_centers_.shape[1])

    def _checked(self, X: Any, *, reset: bool) -> np.ndarray:
        if isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind == "f" and chunks.is_long(X):
            bad = chunks.bad_rows(X)  # in chunks: no copy of what is too long to copy
            if len(bad):
                raise ValueError(f"Input X contains NaN or infinity: {len(bad)} rows, the first is row {bad[0]}")
            if reset:
                self.n_features_in_ = X.shape[1]
            if X.shape[1] == self.n_features_in_:
                return X
        dtypes = [np.float32, np.float64]
        x = validate_data(self, X, reset=reset, dtype=dtypes, ensure_min_samples=2 if reset else 1)
        return np.ascontiguousarray(x, dtype=np.float32)


def digest(recipe: object) -> str:
    """A file name for a recipe: the same for the same settings."""
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()


def check_matrix(x: np.ndarray, n_clusters: int, unit: str = "photo") -> np.ndarray:
    """Refuse rows (n, d), each a `unit`, that cannot be clustered.

    Raises:
        ClusteringError: k < 2, k > n, or NaN or infinity in the matrix.
    """
    check_k(len(x), n_clusters, unit)
    check_finite(x)
    return x if chunks.is_long(x) else np.ascontiguousarray(x, dtype=np.float32)


def check_finite(x: np.ndarray) -> None:
    """Refuse NaN and infinity.

    Raises:
        ClusteringError: There is one.
    """
    bad = chunks.bad_rows(x)
    if len(bad):
        why = f"{len(bad)} of {len(x)} rows, the first is row {bad[0]}"
        raise ClusteringError("The features hold NaN or infinity", where="features", why=why, fix="delete the cache")


def health(labels: np.ndarray, centers: np.ndarray) -> dict[str, float]:
    """Is the clustering alive: clusters in use, smallest cluster, entropy of sizes (nats), least centre distance."""
    sizes = np.bincount(labels, minlength=len(centers))
    share = sizes[sizes > 0] / sizes.sum()
    distances = pdist(centers.astype(np.float64))
    return {
        "clusters_in_use": int((sizes > 0).sum()),
        "smallest_cluster": int(sizes.min()),
        "size_entropy": float((share * np.log(1 / share)).sum()),
        "least_centre_distance": float(distances.min()) if len(distances) else float("nan"),
    }


def memberships(z: np.ndarray, centers: np.ndarray, kernel_scale: float = 1.0) -> np.ndarray:
    """Student-t similarity (DEC, eq. 1) of z (n, d) to centres (k, d), distances² in units of `kernel_scale`."""
    middles = centers.astype(np.float64)
    q = np.empty((len(z), len(centers)), np.float32)
    for rows, chunk in chunks.read(z):
        kernel = 1 / (1 + cdist(chunk.astype(np.float64), middles, "sqeuclidean") / kernel_scale)
        q[rows] = kernel / kernel.sum(axis=1, keepdims=True)
    return q


def _plain(value: Any) -> Any:
    """A NumPy number or a sequence as JSON has it."""
    return value.item() if isinstance(value, np.generic) else list(value)

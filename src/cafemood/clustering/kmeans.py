"""k-means: scikit-learn's, and Lloyd's algorithm over matrices that are too long to copy."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted
from tqdm import tqdm

from cafemood.clustering import lloyd
from cafemood.clustering.base import Clusterer, Clustering, memberships
from cafemood.core import chunks


def kmeans(x: np.ndarray, n_clusters: int, random_state: int, n_init: int = 10) -> Any:
    """Fit scikit-learn's KMeans; fewer distinct rows than clusters is allowed (some stay empty).

    Rows of many columns have the same partition computed from their distances (see `lloyd`), which takes a quarter of
    the time.
    Where `chunks.is_long`, it is fitted to 25,000 rows at most, drawn at random, and Lloyd's algorithm goes on
    from its centres over all rows, in chunks: `ChunkedLloyd`, with the same attributes.
    """
    from sklearn.cluster import KMeans as SklearnKMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the health record says it
        if lloyd.pays(*x.shape) and not chunks.is_long(x):
            return FromDistances(x, n_clusters, random_state, n_init)
        model = SklearnKMeans(n_clusters, n_init=n_init, random_state=random_state)
        if not chunks.is_long(x):
            return model.fit(x)
        n = min(chunks.LARGE // 4, len(x), max(chunks.rows_within(chunks.working_memory(), x), 50 * n_clusters))
        drawn = np.sort(np.random.default_rng(random_state).choice(len(x), n, replace=False))
        model.fit(np.asarray(x[drawn], dtype=np.float32))
    return ChunkedLloyd(x, model.cluster_centers_)


class FromDistances:
    """k-means of rows (n, d) by their distances, under scikit-learn's names.

    Args:
        x: Rows.
        n_clusters: k.
        random_state: Seed.
        n_init: Starts.

    Attributes:
        labels_: Cluster of each row (n,).
        cluster_centers_: (k, d); an empty cluster's is the mean of all rows.
        inertia_: Sum of squared distances to the centres.
        n_iter_: Iterations.
    """

    max_iter = lloyd.MAX_ITER

    def __init__(self, x: np.ndarray, n_clusters: int, random_state: int, n_init: int) -> None:
        squared = lloyd.shared_distances(x)
        found = lloyd.kmeans_of_distances(squared, n_clusters, random_state, n_init, n_columns=x.shape[1])
        self.labels_, self.inertia_, self.n_iter_ = found.labels, found.inertia, found.n_iter
        self.cluster_centers_ = np.tile(x.mean(axis=0, dtype=np.float64), (n_clusters, 1)).astype(np.float32)
        there, member = np.unique(found.labels, return_inverse=True)
        self.cluster_centers_[there] = chunks.group_means(x, member)


class ChunkedLloyd:
    """Lloyd's algorithm over a matrix that is read chunk by chunk (a memory map, float16 or float32).

    It stops when a pass lowers the inertia by less than one part in ten thousand. A cluster that loses all its
    rows keeps its centre.

    Args:
        x: Rows (n, d).
        centers: Where it starts (k, d).
        max_iter: Passes at most.

    Attributes:
        labels_: Cluster of each row (n,).
        cluster_centers_: (k, d).
        inertia_: Sum of squared distances to the centres.
        n_iter_: Passes made.
    """

    tol = 1e-4

    def __init__(self, x: np.ndarray, centers: np.ndarray, max_iter: int = 100) -> None:
        self.max_iter, self.n_iter_ = max_iter, 0
        _, some = next(iter(chunks.read(x)))
        self._shift = some.mean(axis=0, dtype=np.float64).astype(np.float32)  # far from zero float32 is coarse
        self.cluster_centers_ = np.asarray(centers, dtype=np.float32) - self._shift
        self.labels_ = np.zeros(len(x), np.int32)
        self._squares = sum(float(np.square(chunk - self._shift).sum(dtype=np.float64)) for _, chunk in chunks.read(x))
        self.inertia_, before = np.inf, np.inf
        with tqdm(desc="k-means over all rows", unit="pass", leave=False) as bar:
            while self.n_iter_ < max_iter:
                sums, counts = self._pass(x)
                bar.update()
                if before - self.inertia_ <= self.tol * self.inertia_:
                    break
                before = self.inertia_
                there = counts > 0
                self.cluster_centers_[there] = (sums[there] / counts[there, None]).astype(np.float32)
                self.n_iter_ += 1
        self.cluster_centers_ += self._shift

    def _pass(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give each row its centre; the sums (k, d) and the sizes (k,) of the clusters."""
        k, d = self.cluster_centers_.shape
        half = 0.5 * np.square(self.cluster_centers_).sum(axis=1)
        sums, counts, nearness = np.zeros((k, d)), np.zeros(k), 0.0
        for rows, read in chunks.read(x):
            chunk = read - self._shift
            nearer = chunk @ self.cluster_centers_.T - half  # (|x|² - |x - c|²) / 2
            labels = self.labels_[rows] = nearer.argmax(axis=1)
            nearness += float(nearer[np.arange(len(labels)), labels].sum(dtype=np.float64))
            member = np.eye(k, dtype=np.float32)[labels]
            sums += member.T @ chunk
            counts += member.sum(axis=0)
        self.inertia_ = max(self._squares - 2 * nearness, 0.0)  # rows on their centres: less than none by rounding
        return sums, counts


def nearest_center(x: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """The nearest centre (n,) of each row (n, d); of two as near, the first."""
    from sklearn.metrics import pairwise_distances_argmin

    return np.asarray(pairwise_distances_argmin(x, centers))


class KMeans(Clusterer):
    """scikit-learn's k-means, with memberships; over all rows in chunks where the matrix is too long to copy.

    Args:
        n_clusters: k.
        n_init: Starts; the best inertia wins.
        random_state: Seed.
    """

    name = "kmeans"
    refit_is_cheap = True

    def __init__(
        self, n_clusters: int = 4, n_init: int = 10, random_state: int | np.random.RandomState | None = 0
    ) -> None:
        self.n_clusters = n_clusters
        self.n_init = n_init
        self.random_state = random_state

    def transform(self, X: Any) -> np.ndarray:
        """Distances (m, k) of new rows (m, d) to the centres, as scikit-learn's KMeans has them."""
        from sklearn.metrics import pairwise_distances

        check_is_fitted(self)
        x = self._checked(X, reset=False)
        return np.asarray(pairwise_distances(x.astype(np.float64), self.cluster_centers_), dtype=np.float32)

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)

    def _fit(self, x: np.ndarray, seed: int) -> Clustering:
        model = kmeans(x, self.n_clusters, seed, self.n_init)
        centers = model.cluster_centers_.astype(np.float32)
        scale = np.float32(model.inertia_ / len(x)) or np.float32(1)
        probabilities = memberships(x, centers, float(scale))
        return Clustering(
            labels=probabilities.argmax(axis=1),
            centers=centers,
            probabilities=probabilities,
            embedding=x,
            space="",
            n_iter=int(model.n_iter_),
            converged=model.n_iter_ < model.max_iter,
            stop_reason="centres no longer move" if model.n_iter_ < model.max_iter else "reached max_iter",
            tensors={"kernel_scale": np.array([scale])},
        )

    def _soft_assign(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return memberships(x, self.cluster_centers_, float(self._tensors["kernel_scale"][0])), x

"""UMAP of the features, and groups in it: by a Gaussian mixture, or where the photos lie dense (HDBSCAN)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from cafemood.clustering import settings, umap_space
from cafemood.clustering.base import Clusterer, Clustering
from cafemood.clustering.reduction import PCAReduction
from cafemood.errors import ClusteringError

LEAST = {"n_neighbors": 2, "n_components": 1, "n_principal": 1, "n_init": 1, "n_runs": 2}
"""The settings that are whole numbers, and the least of each."""


class UMAPMethod(Clusterer):
    """What the methods on a UMAP share: principal components, UMAP, and the place of new rows in it."""

    n_neighbors: int
    n_components: int
    n_principal: int

    def check_settings(self) -> None:
        """Refuse settings that fit no data.

        Raises:
            ClusteringError: A setting is impossible, or the extra `umap` is not installed.
        """
        super().check_settings()
        for name, least in LEAST.items():
            value = getattr(self, name, least)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                what, fix = f"{name}={value!r} is no number of its kind", f"give a whole number from {least} on"
                raise ClusteringError(what, where=f"method.{name}", fix=fix)
        settings.check_umap(self.name)

    def _principal(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The principal components, and the rows in them."""
        umap_space.check_rows(f"method={self.name}", len(x), self.n_clusters)
        reduction = PCAReduction(min(self.n_principal, *x.shape))
        z = reduction.fit_transform(x).astype(np.float32)
        found = {name.replace("pca.", "principal."): value for name, value in reduction.tensors().items()}
        return found | {"neighbours.z": z}

    def _umap(self, x: np.ndarray, seed: int) -> dict[str, np.ndarray]:
        """The principal components, the rows in them, and their coordinates."""
        tensors = self._principal(x)
        coordinates = umap_space.coordinates(tensors["neighbours.z"], self.n_neighbors, self.n_components, seed)
        return tensors | {"neighbours.coordinates": coordinates}

    def _projected(self, x: np.ndarray) -> np.ndarray:
        """New rows (m, d) in the principal components."""
        tensors = self._tensors
        return np.asarray((x - tensors["principal.mean"]) @ tensors["principal.components"].T, dtype=np.float32)

    def _placed(self, x: np.ndarray) -> np.ndarray:
        """New rows (m, d) in the UMAP (m, d')."""
        return umap_space.placed(self._projected(x), self._tensors)


class UMAPMixture(UMAPMethod):
    """A Gaussian mixture on the UMAP of the features' principal components.

    McInnes, Healy and Melville, "UMAP", 2018 (https://arxiv.org/abs/1802.03426); what N2D does after its autoencoder
    (McConville et al., ICPR 2020, https://arxiv.org/abs/1908.05968), on the features of a frozen network instead.

    Args:
        n_clusters: k.
        n_neighbors: UMAP's, at most one less than there are photos.
        n_components: Dimensions of UMAP's space.
        n_principal: Principal components that neighbours are looked for in, at most the features' own dimensions.
        n_init: Starts of the mixture; the best likelihood wins.
        random_state: Seed.
    """

    name = "gmm"

    def __init__(
        self,
        n_clusters: int = 4,
        *,
        n_neighbors: int = 20,
        n_components: int = 10,
        n_principal: int = 64,
        n_init: int = 5,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_neighbors = n_neighbors
        self.n_components = n_components
        self.n_principal = n_principal
        self.n_init = n_init
        self.random_state = random_state

    def _fit(self, x: np.ndarray, seed: int) -> Clustering:
        tensors = self._umap(x, seed)
        return umap_space.mixture_clustering(tensors, self.n_clusters, self.n_init, seed, "the features")

    def _soft_assign(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = self._placed(x)
        return umap_space.mixture_memberships(z, self.cluster_centers_, self._tensors), z


class UMAPDensity(UMAPMethod):
    """Groups where photos lie dense on the UMAP of the features' principal components (scikit-learn's HDBSCAN).

    Campello, Moulavi and Sander, "Density-Based Clustering Based on Hierarchical Density Estimates", PAKDD 2013.
    HDBSCAN finds its number of clusters itself. Here its least cluster size is lowered, from the mean size of k
    clusters down, until k are found; of more, those whose centres lie closest (Ward) are joined. Where there are never
    k, the rest stay empty, and the health of the clusters says so. Rows that it calls noise get the cluster of their
    nearest clustered rows.

    Args:
        n_clusters: k, at most.
        n_neighbors: UMAP's, at most one less than there are photos.
        n_components: Dimensions of UMAP's space.
        n_principal: Principal components that neighbours are looked for in, at most the features' own dimensions.
        random_state: Seed.
    """

    name = "hdbscan"

    def __init__(
        self,
        n_clusters: int = 4,
        *,
        n_neighbors: int = 20,
        n_components: int = 10,
        n_principal: int = 64,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_neighbors = n_neighbors
        self.n_components = n_components
        self.n_principal = n_principal
        self.random_state = random_state

    def _fit(self, x: np.ndarray, seed: int) -> Clustering:
        tensors = self._umap(x, seed)
        coordinates = tensors["neighbours.coordinates"]
        dense, n_fits = dense_groups(coordinates, self.n_clusters)
        inside = dense >= 0
        tensors |= {
            "dense.coordinates": coordinates[inside],
            "dense.member": np.eye(self.n_clusters, dtype=np.float32)[dense[inside]],
            "kernel_scale": np.ones(1, np.float32),
        }
        probabilities = _votes(coordinates, tensors)
        found = len(np.unique(dense[inside]))
        return Clustering(
            labels=probabilities.argmax(axis=1),
            centers=umap_space.means(coordinates, dense, self.n_clusters),
            probabilities=probabilities,
            embedding=coordinates,
            space=f"UMAP of the features ({coordinates.shape[1]}-d)",
            n_iter=n_fits,
            converged=found == self.n_clusters,
            stop_reason=f"{found} dense groups of {self.n_clusters}, {int((~inside).sum())} rows in none",
            tensors=tensors,
        )

    def _soft_assign(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = self._placed(x)
        return _votes(z, self._tensors), z


def dense_groups(z: np.ndarray, n_clusters: int) -> tuple[np.ndarray, int]:
    """Clusters (n,) of rows z (n, d) by HDBSCAN, at most `n_clusters`, -1 for noise; and how often it was fitted."""
    from sklearn.cluster import HDBSCAN

    best, n_fits = np.full(len(z), -1), 0
    size = len(z) / n_clusters
    while size >= 2:
        n_fits += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            labels = HDBSCAN(min_cluster_size=int(size), min_samples=min(5, int(size)), copy=True).fit_predict(z)
        labels[labels < 0] = -1
        if labels.max() > best.max():
            best = labels
        if best.max() + 1 >= n_clusters or size < 5:
            break
        size /= 1.4
    if best.max() < 0:
        return np.zeros(len(z), dtype=int), n_fits  # nothing stands out: one group
    return _joined(z, best, n_clusters), n_fits


def _joined(z: np.ndarray, labels: np.ndarray, n_clusters: int) -> np.ndarray:
    """More clusters than wanted: those whose centres lie closest become one."""
    from scipy.cluster.hierarchy import fcluster, linkage

    if labels.max() + 1 <= n_clusters:
        return labels
    centers = np.array([z[labels == cluster].mean(axis=0) for cluster in range(labels.max() + 1)])
    of_cluster = fcluster(linkage(centers, "ward"), n_clusters, "maxclust") - 1
    return np.where(labels < 0, -1, of_cluster[labels])


def _votes(z: np.ndarray, tensors: dict[str, Any]) -> np.ndarray:
    """Shares (n, k) of each cluster among a row's nearest rows in dense groups, weighted by 1/distance²."""
    found = umap_space.among_neighbours(z, tensors["dense.coordinates"], tensors["dense.member"])
    return (found / found.sum(axis=1, keepdims=True)).astype(np.float32)

"""Rows in a UMAP, and what groups and places them there: a Gaussian mixture, and a row's nearest neighbours."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from cafemood.clustering import settings
from cafemood.clustering.base import Clustering, digest
from cafemood.core.atomic import keep, read_cached
from cafemood.errors import ClusteringError

LEAST = 15
"""Rows that UMAP needs to have neighbours."""


def check_rows(method: str, n: int, n_clusters: int) -> None:
    """Refuse too few rows for UMAP.

    Raises:
        ClusteringError: There are fewer than `LEAST`, or than clusters.
    """
    least = max(LEAST, n_clusters)
    if n < least:
        raise ClusteringError(
            f"{method} cannot work on {n} photos",
            where="method",
            why=f"UMAP needs neighbours (n_samples={n})",
            fix=f"take {least} or more, or method=dec",
        )


def coordinates(
    z: np.ndarray, n_neighbors: int, n_components: int, seed: int, cache_dir: Path | None = None
) -> np.ndarray:
    """UMAP of rows z (n, d): (n, d') with d' = `n_components`, at most a quarter of the rows.

    McInnes, Healy and Melville, 2018 (https://arxiv.org/abs/1802.03426), with a least distance of 0, as its authors
    advise before clustering (https://umap-learn.readthedocs.io/en/latest/clustering.html).

    Args:
        z: The rows.
        n_neighbors: UMAP's, at most one less than there are rows.
        n_components: d'.
        seed: Of UMAP.
        cache_dir: Where they are kept by their content; None: nowhere.

    Raises:
        ClusteringError: The extra `umap` is not installed.
    """
    settings.check_umap()
    import torch
    from umap import UMAP, __version__

    n_neighbors, n_components = min(n_neighbors, len(z) - 1), min(n_components, len(z) // 4)
    recipe = [hashlib.sha256(np.ascontiguousarray(z).data).hexdigest(), z.shape, n_neighbors, n_components, seed]
    path = cache_dir / "umaps" / f"{digest([*recipe, __version__])}.safetensors" if cache_dir else None
    if stored := read_cached(path, ("coordinates",)):
        return stored["coordinates"]
    threads = torch.get_num_threads()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one thread because of the seed; a graph in several parts
        found = UMAP(n_neighbors, n_components, min_dist=0.0, random_state=seed).fit_transform(z)
    torch.set_num_threads(threads)  # numba has set torch's to its own, for whatever this process does next
    found = np.nan_to_num(found).astype(np.float32)  # a row without any neighbour gets NaN
    keep(path, {"coordinates": found})
    return found


def means(z: np.ndarray, labels: np.ndarray, n_clusters: int) -> np.ndarray:
    """The mean (k, d') of each cluster's rows z (n, d'), or of all where it has none. A row of -1 is in no cluster."""
    found = np.tile(z.mean(axis=0), (n_clusters, 1))
    for cluster in np.unique(labels[labels >= 0]):
        found[cluster] = z[labels == cluster].mean(axis=0)
    return found.astype(np.float32)


def mixture(z: np.ndarray, n_clusters: int, n_init: int, seed: int) -> Any:
    """scikit-learn's Gaussian mixture of rows z (n, d'), full covariances; the best likelihood of the starts."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = GaussianMixture(n_clusters, n_init=n_init, reg_covar=1e-4, random_state=seed)
        return model.fit(z.astype(np.float64))


def mixture_tensors(model: Any) -> dict[str, np.ndarray]:
    """What `mixture_memberships` needs of a fitted mixture besides its means."""
    return {
        "mixture.weights": model.weights_.astype(np.float32),
        "mixture.precisions_cholesky": model.precisions_cholesky_.astype(np.float32),
    }


def mixture_memberships(x: np.ndarray, means: np.ndarray, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """Responsibilities (n, k) of a stored Gaussian mixture for rows x (n, d)."""
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(len(means))
    model.means_ = means.astype(np.float64)
    model.weights_ = tensors["mixture.weights"].astype(np.float64)
    model.precisions_cholesky_ = tensors["mixture.precisions_cholesky"].astype(np.float64)
    return model.predict_proba(x.astype(np.float64)).astype(np.float32)


def mixture_clustering(
    tensors: dict[str, np.ndarray],
    n_clusters: int,
    n_init: int,
    seed: int,
    of: str,
    baseline_spaces: dict[str, np.ndarray] | None = None,
) -> Clustering:
    """The clustering of a UMAP by a Gaussian mixture.

    Args:
        tensors: What places new rows in the UMAP; `neighbours.coordinates` are the rows' own.
        n_clusters: k.
        n_init: Starts of the mixture.
        seed: Of the mixture.
        of: What UMAP was made of, in words.
        baseline_spaces: Of `Clustering`.
    """
    z = tensors["neighbours.coordinates"]
    model = mixture(z, n_clusters, n_init, seed)
    tensors = tensors | mixture_tensors(model) | {"kernel_scale": np.ones(1, np.float32)}
    centers = model.means_.astype(np.float32)
    probabilities = mixture_memberships(z, centers, tensors)
    return Clustering(
        labels=probabilities.argmax(axis=1),
        centers=centers,
        probabilities=probabilities,
        embedding=z,
        space=f"UMAP of {of} ({z.shape[1]}-d)",
        n_iter=int(model.n_iter_),
        converged=bool(model.converged_),
        stop_reason="the mixture's likelihood no longer grows" if model.converged_ else "reached max_iter",
        tensors=tensors,
        baseline_spaces=baseline_spaces or {},
    )


def among_neighbours(z: np.ndarray, known: np.ndarray, coordinates: np.ndarray, n_neighbors: int = 5) -> np.ndarray:
    """Coordinates (m, d') of new points: the mean of their nearest known points', weighted by 1/distance².

    UMAP's own transform starts from there too; what it adds needs the fitted object, and that is a pickle.

    Args:
        z: New points (m, d).
        known: Old points (n, d).
        coordinates: Theirs (n, d').
        n_neighbors: How many.
    """
    from sklearn.neighbors import NearestNeighbors

    model = NearestNeighbors(n_neighbors=min(n_neighbors, len(known))).fit(known)
    distance, index = model.kneighbors(z)
    weight = 1 / np.maximum(distance, 1e-6 * max(float(np.abs(known).max()), 1e-30)) ** 2
    weight /= weight.sum(axis=1, keepdims=True)
    return np.asarray((weight[:, :, None] * coordinates[index]).sum(axis=1), dtype=np.float32)


def placed(z: np.ndarray, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """New rows z (m, d) in a stored UMAP (m, d')."""
    return among_neighbours(z, tensors["neighbours.z"], tensors["neighbours.coordinates"])

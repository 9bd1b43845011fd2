"""Rows to the groups of a stored model: Student-t similarity, a mixture or a head says how much they belong."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from cafemood.clustering.autoencoder import mlp_from_state
from cafemood.clustering.functional import log_soft_assignment
from cafemood.clustering.heads import Heads
from cafemood.clustering.modules import CHUNK
from cafemood.clustering.reduction import project
from cafemood.core import chunks


def assign(features: np.ndarray, tensors: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Give new photos to the clusters of a stored model.

    Args:
        features: Backbone outputs of the new photos (m, d).
        tensors: `model.safetensors` of the run.

    Returns:
        Probabilities (m, k) and the photos in the clustering space (m, d').
    """
    z = project(features.astype(np.float32), tensors)
    if "head.inner" in tensors:
        return head_memberships(z, tensors), z
    encoder = {k.removeprefix("encoder."): torch.from_numpy(v) for k, v in tensors.items() if k.startswith("encoder.")}
    if encoder:
        with torch.inference_mode():
            z = mlp_from_state(encoder)(torch.from_numpy(z * tensors["scale"])).numpy()
    if "neighbours.z" in tensors:
        z = among_neighbours(z, tensors["neighbours.z"], tensors["neighbours.coordinates"])
        return mixture_memberships(z, tensors["centers"], tensors), z
    return memberships(z, tensors["centers"], float(tensors["kernel_scale"][0])), z


def memberships(z: np.ndarray, centers: np.ndarray, kernel_scale: float = 1.0) -> np.ndarray:
    """Student-t similarity (DEC, eq. 1) of z (n, d) to centres (k, d), distances² in units of `kernel_scale`."""
    root = kernel_scale**0.5
    middles = torch.from_numpy(centers / root).double()
    found = np.empty((len(z), len(centers)), np.float32)
    for rows, piece in chunks.read(z):
        found[rows] = log_soft_assignment(torch.from_numpy(piece / root).double(), middles).exp().float().numpy()
    return found


def mixture_memberships(x: np.ndarray, means: np.ndarray, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """Responsibilities (n, k) of a stored Gaussian mixture for rows x (n, d)."""
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(len(means))
    mixture.means_ = means.astype(np.float64)
    mixture.weights_ = tensors["mixture.weights"].astype(np.float64)
    mixture.precisions_cholesky_ = tensors["mixture.precisions_cholesky"].astype(np.float64)
    return mixture.predict_proba(x.astype(np.float64)).astype(np.float32)


def head_memberships(features: np.ndarray, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """Probabilities (n, k) by the stored head of rows (n, d)."""
    state = {name: torch.from_numpy(tensors[f"head.{name}"]) for name in ("inner", "bias", "outer")}
    _, d, hidden = state["inner"].shape
    head = Heads(d, state["outer"].shape[2], 1, hidden)
    head.load_state_dict(state)
    x = nn.functional.normalize(torch.from_numpy(features - tensors["head.mean"]), dim=1)
    with torch.inference_mode():
        return torch.cat([head(chunk)[0].exp() for chunk in x.split(CHUNK)]).numpy()


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

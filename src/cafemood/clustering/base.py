"""What all clusterers share: the result, and the checks of the rows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cafemood.core import chunks
from cafemood.errors import ClusteringError


@dataclass
class Clustering:
    """One official labelling and all that is needed to give it to new photos.

    Attributes:
        labels: Cluster of each photo (n,), the argmax of `probabilities`.
        centers: Cluster centres in the clustering space (k, d').
        probabilities: Student-t similarity to each centre, rows sum to 1 (n, k). A membership, not a
            calibrated chance.
        embedding: The photos in the clustering space (n, d').
        space: The clustering space's name.
        tensors: What `assign` needs besides the centres.
        baseline_spaces: Spaces whose plain k-means should stand beside this result.
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
        """Clusters in use, smallest cluster, entropy of sizes, least centre distance, label change an update."""
        record: dict[str, Any] = dict(health(torch.from_numpy(self.labels), torch.from_numpy(self.centers)))
        return record | {
            "label_change": [update["label_change"] for update in self.updates[1:]],
            "updates": self.updates,
        }


def digest(recipe: object) -> str:
    """A file name for a recipe: the same for the same settings."""
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()


def check_matrix(x: np.ndarray, n_clusters: int) -> np.ndarray:
    """Refuse what cannot be clustered.

    Raises:
        ClusteringError: k < 2, k > n, or NaN or infinity in the matrix.
    """
    if not 2 <= n_clusters <= len(x):
        photos = "1 photo" if len(x) == 1 else f"{len(x)} photos"
        raise ClusteringError(
            f"{photos} cannot be put into {n_clusters} groups",
            where="k",
            why="k must be at least 2 and at most the number of photos",
            fix=f"choose k between 2 and {len(x)}, or add photos" if len(x) > 1 else "add photos",
        )
    bad = chunks.bad_rows(x)
    if len(bad):
        why = f"{len(bad)} of {len(x)} rows, the first is row {bad[0]}"
        raise ClusteringError("The features hold NaN or infinity", where="features", why=why, fix="delete the cache")
    return x if chunks.is_long(x) else np.ascontiguousarray(x, dtype=np.float32)


@torch.no_grad()
def health(labels: Tensor, centers: Tensor) -> dict[str, float]:
    """Is the clustering alive: clusters in use, smallest cluster, entropy of sizes (nats), least centre distance."""
    sizes = torch.bincount(labels, minlength=len(centers)).double()
    share = sizes[sizes > 0] / sizes.sum()
    distances = torch.pdist(centers.double())
    return {
        "clusters_in_use": int((sizes > 0).sum()),
        "smallest_cluster": int(sizes.min()),
        "size_entropy": float((share * (1 / share).log()).sum()),
        "least_centre_distance": float(distances.min()) if len(distances) else float("nan"),
    }

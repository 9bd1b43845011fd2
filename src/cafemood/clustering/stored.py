"""Stored models: every clusterer by its name, read back from a file or from a run's tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numpy as np

from cafemood.clustering.base import FORMAT, Clusterer, memberships
from cafemood.clustering.reduction import project
from cafemood.core.checked import read_tensors
from cafemood.core.reasons import DAMAGED, reason_of
from cafemood.errors import ClusteringError

_HINTS = {
    "head.inner": "temi",
    "dense.member": "hdbscan",
    "consensus.memberships": "consensus",
    "principal.mean": "gmm",
    "neighbours.z": "n2d",
    "encoder.0.weight": "dec",
}
"""Methods by a tensor that only they, or they and those above, have, for run folders that do not name their method."""


def clusterers() -> dict[str, type[Clusterer]]:
    """Every clusterer by its name: each module of this package is looked at, so that a new one is one file."""
    for module in iter_modules([str(Path(__file__).parent)]):
        import_module(f"cafemood.clustering.{module.name}")
    return dict(Clusterer._clusterers)


def load(path: str | Path) -> Any:
    """Read a clusterer that `save` wrote.

    Raises:
        ClusteringError: The file is missing, damaged, of a newer version, or holds no clusterer.
    """
    from safetensors import SafetensorError

    try:
        tensors, about = read_tensors(Path(path))
        version = int(about.get("format", 0))
        settings, fitted = json.loads(about.get("settings", "{}")), json.loads(about.get("fitted", "{}"))
    except (OSError, SafetensorError, ValueError) as error:
        raise _damaged(path, error) from None
    if version > FORMAT:
        why = f"it has format {version}, and this version of cafemood reads up to {FORMAT}"
        raise ClusteringError("The clusterer is of a newer version", where=path, why=why, fix="upgrade cafemood")
    made = clusterers().get(about.get("clusterer", ""))
    if made is None or not fitted:
        why = "it is not a file that a clusterer's save() wrote"
        raise ClusteringError("The file holds no clusterer", where=path, why=why, fix="take one that save() wrote")
    try:
        clusterer = made(**settings)
        clusterer.labels_, clusterer.probabilities_ = tensors.pop("labels"), tensors.pop("probabilities")
        if "embedding" in tensors:
            clusterer.embedding_ = tensors.pop("embedding")
        _take(clusterer, tensors)
        for name, value in fitted.items():
            setattr(clusterer, name, value)
    except (LookupError, TypeError, ValueError, AttributeError) as error:  # it names what this clusterer has not
        raise _damaged(path, error) from None
    return clusterer


def _damaged(path: str | Path, error: Exception) -> ClusteringError:
    why = reason_of(error, Path(path), DAMAGED)
    return ClusteringError("The clusterer cannot be read", where=path, why=why, fix="save it again")


def assign(
    features: np.ndarray, tensors: Mapping[str, np.ndarray], method: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Give new rows to the clusters of a run's model: its reduction first, then its clusterer.

    Args:
        features: Backbone outputs of the new photos (m, d).
        tensors: `model.safetensors` of the run.
        method: The clusterer's name; None: guessed from the tensors, as for older runs.

    Returns:
        Probabilities (m, k) and the rows in the clustering space (m, d').
    """
    return assign_reduced(project(features.astype(np.float32), tensors), tensors, method)


def assign_reduced(
    z: np.ndarray, tensors: Mapping[str, np.ndarray], method: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`assign` of rows (m, d') that are reduced already.

    To a run that was edited by hand they go by the means of its moods, in the same space, or in the run's compact
    features where no other space is kept.
    """
    by_name = clusterers()
    guessed = next((name for tensor, name in _HINTS.items() if tensor in tensors), "kmeans")
    clusterer = by_name[method if method in by_name else guessed](n_clusters=len(tensors["centers"]))
    _take(clusterer, dict(tensors))
    if "edited.means" not in tensors:
        return clusterer._soft_assign(z)
    if "edited.components" in tensors:
        length = np.linalg.norm(z, axis=1, keepdims=True)
        z = (z / np.where(length > 0, length, 1) - tensors["edited.mean"]) @ tensors["edited.components"].T
    else:
        z = clusterer._soft_assign(z)[1]
    return memberships(z, tensors["edited.means"], float(tensors["edited.scale"][0])), z


def _take(clusterer: Clusterer, tensors: dict[str, np.ndarray]) -> None:
    clusterer.cluster_centers_ = tensors.pop("centers")
    clusterer._tensors, clusterer._baseline_spaces = tensors, {}

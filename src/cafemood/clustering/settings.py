"""Settings of clusterers and reductions that no data could make right; without torch, so that they are told at once."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import util
from typing import Any

from cafemood.errors import ClusteringError

MODES = ("fast", "paper")
KERNELS = ("auto", "linear", "rbf")
STARTS = ("spectral", "gmm", "kmeans")
NEIGHBORS = ("nearest", "mutual")


def check_k(n: int, n_clusters: int, unit: str = "photo") -> None:
    """Refuse a number of clusters that so many rows, each a `unit`, cannot be put into.

    Raises:
        ClusteringError: k < 2 or k > n.
    """
    if not 2 <= n_clusters <= n:
        raise ClusteringError(
            f"{n} {unit}{'' if n == 1 else 's'} cannot be put into {n_clusters} groups",
            where="k",
            why=f"k must be at least 2 and at most the number of {unit}s",
            fix=f"choose k between 2 and {n}, or add photos" if n > 1 else "add photos",
        )


def check_mode(mode: object) -> None:
    """Refuse a mode of pretraining that does not exist.

    Raises:
        ClusteringError: It is neither `fast` nor `paper`.
    """
    if mode not in MODES:
        raise ClusteringError(f"Unknown mode {mode!r}", where="method.mode", fix="use fast or paper")


def check_corruption(corruption: float) -> None:
    """Refuse a share of zeroed entries that is none.

    Raises:
        ClusteringError: It is not from 0 up to (and without) 1.
    """
    if not 0 <= corruption < 1:
        why, fix = "it is the share of entries set to zero", "take 0 to 0.9"
        raise ClusteringError(f"corruption={corruption}", where="method.corruption", why=why, fix=fix)


def check_start(start: object) -> None:
    """Refuse a start of the centres that does not exist; None: the mode's own.

    Raises:
        ClusteringError: It is none of `STARTS`, or the extra `umap`, which `gmm` needs, is not installed.
    """
    if start and start not in STARTS:
        raise ClusteringError(f"Unknown start {start!r}", where="method.start", fix="use spectral, gmm or kmeans")
    if start == "gmm" and not _has_umap():
        fix = "pip install 'cafemood[umap]', or take method.start=spectral"
        raise ClusteringError("start=gmm needs UMAP", where="method.start", why=_NO_UMAP, fix=fix)


def check_neighbors(neighbors: object) -> None:
    """Refuse a choice of neighbours that does not exist.

    Raises:
        ClusteringError: It is neither `nearest` nor `mutual`.
    """
    if neighbors not in NEIGHBORS:
        what, fix = f"Unknown neighbors {neighbors!r}", "use nearest or mutual"
        raise ClusteringError(what, where="method.neighbors", fix=fix)


def check_mean_square(mean_square: float | None) -> None:
    """Refuse a scale of the features that is none; None: the mode's own.

    Raises:
        ClusteringError: It is not positive and finite.
    """
    if mean_square is not None and not 0 < mean_square < float("inf"):
        why = "the features are scaled to it, so it is more than 0 and finite"
        raise ClusteringError(f"mean_square={mean_square}", where="method.mean_square", why=why, fix="take 1")


def check_umap(method: str = "n2d") -> None:
    """Refuse a method that works in a UMAP without its package.

    Args:
        method: Its name.

    Raises:
        ClusteringError: The extra `umap` is not installed.
    """
    if not _has_umap():
        fix = "pip install 'cafemood[umap]', or take method=dec"
        raise ClusteringError(f"method={method} needs UMAP", where="method", why=_NO_UMAP, fix=fix)


_NO_UMAP = "the package umap-learn is not installed"


def _has_umap() -> bool:
    return util.find_spec("umap") is not None


def check_cafe_space(n_components: object, n_principal: object, shrinkage: object, kernel: object) -> None:
    """Refuse settings of the space of cafés; see `CafeReduction`.

    Raises:
        ClusteringError: One is out of its range.
    """
    if n_components != "auto" and (type(n_components) is not int or n_components < 1):
        raise _wrong("n_components", n_components, "auto, or a whole number from 1 on")
    if type(n_principal) is not int or n_principal < 2:
        raise _wrong("n_principal", n_principal, "a whole number from 2 on")
    if not isinstance(shrinkage, int | float) or not 0 < shrinkage <= 1:
        raise _wrong("shrinkage", shrinkage, "a number above 0, up to 1")
    if kernel not in KERNELS:
        raise _wrong("kernel", kernel, " or ".join(KERNELS))


def check_components(n_components: object) -> None:
    """Refuse a number of principal components that no matrix has.

    Raises:
        ClusteringError: It is not a whole number from 1 on.
    """
    if type(n_components) is not int or n_components < 1:
        raise _wrong("n_components", n_components, "a whole number from 1 on")


def check_method(node: Mapping[str, Any]) -> None:
    """Refuse the settings of a method's config.

    Args:
        node: Its settings by name; those that a method lacks, or that are not known yet, are left out.

    Raises:
        ClusteringError: One is impossible.
    """
    for name, check in (
        ("mode", check_mode),
        ("corruption", check_corruption),
        ("start", check_start),
        ("neighbors", check_neighbors),
        ("mean_square", check_mean_square),
    ):
        if name in node:
            check(node[name])


def _wrong(name: str, value: object, wanted: str) -> ClusteringError:
    return ClusteringError(f"{name} cannot be {value!r}", where=f"reduce.{name}", fix=f"use {wanted}")

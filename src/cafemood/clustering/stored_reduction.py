"""StoredReduction: the space of another run, used as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from cafemood.clustering.cafe_reduction import checked_rows
from cafemood.clustering.reduction import project
from cafemood.core import chunks
from cafemood.errors import ClusteringError


class StoredReduction(TransformerMixin, BaseEstimator):
    """A reduction that was learnt on other photos: `fit` learns nothing, so that photos without café ids do too.

    Args:
        stored: Its tensors.
        source: What it was taken from, as its setting has it (`reduce.space=RUN`), for errors and for `run.json`.
        fingerprint: Of the backbone whose features it takes; None: not known.
        name: Of the reduction.

    Attributes:
        ratios_: Variance between cafés over variance within, of each direction (d',); None: not from cafés.
        n_features_in_: Columns that it takes.
        n_components_: Columns that it makes.
    """

    def __init__(
        self, stored: Mapping[str, np.ndarray], source: str, fingerprint: str | None = None, name: str = "cafe"
    ) -> None:
        self.stored = stored
        self.source = source
        self.fingerprint = fingerprint
        self.name = name

    @property
    def ratios_(self) -> np.ndarray | None:
        """Variance between cafés over variance within, of each direction."""
        return self.stored.get("cafe.ratios")

    @property
    def n_features_in_(self) -> int:
        """Columns that it takes."""
        return len(self.stored["pca.mean"])

    @property
    def n_components_(self) -> int:
        """Columns that it makes."""
        return int(project(np.zeros((1, self.n_features_in_), np.float32), self.stored).shape[1])

    @property
    def space(self) -> str:
        """The clustering space's name."""
        plain = self.name == "cafe" and self.ratios_ is None
        return f"{'pca' if plain else self.name}{self.n_components_}"

    def check_backbone(self, fingerprint: str) -> None:
        """Refuse features of another backbone.

        Raises:
            ClusteringError: The fingerprint is another.
        """
        if self.fingerprint not in (None, fingerprint):
            why = "its features come from another backbone, other weights or another output"
            fix = "use the backbone of that run, with the same output (run.json names both)"
            raise ClusteringError("That space does not fit", where=self.source, why=why, fix=fix)

    def fit(self, X: np.ndarray, groups: Any = None) -> Self:
        """Learn nothing."""
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Project features (n, d) to (n, n_components_), in float32.

        Raises:
            ClusteringError: They have another width.
        """
        x = checked_rows(X)
        if x.shape[1] != self.n_features_in_:
            why = f"the features have {x.shape[1]} columns, and it takes {self.n_features_in_}"
            fix = "use the backbone of that run"
            raise ClusteringError("That space does not fit", where=self.source, why=why, fix=fix)
        projected = np.empty((len(x), self.n_components_), np.float32)
        for rows, chunk in chunks.read(x):
            projected[rows] = project(chunk, self.stored)
        return projected

    def fit_transform(self, X: np.ndarray, groups: Any = None) -> np.ndarray:
        """`transform`: there is nothing to learn."""
        return self.transform(X)

    def tensors(self) -> dict[str, np.ndarray]:
        """What `project` needs for new photos."""
        return dict(self.stored)

    def facts(self) -> dict[str, Any]:
        """What `run.json` says of the space."""
        ratios = None if self.ratios_ is None else self.ratios_.tolist()
        return {"space": self.source.partition("=")[2], "n_components": self.n_components_, "ratios": ratios}

"""AutoReduction: the space of cafés where café ids teach one, else the features as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from cafemood.clustering.cafe_places import ENOUGH_CAFES
from cafemood.clustering.cafe_reduction import CafeReduction
from cafemood.clustering.reduction import NoReduction
from cafemood.errors import ClusteringError


class AutoReduction(TransformerMixin, BaseEstimator):
    """Choose between `CafeReduction` and no reduction, by what held-out cafés say.

    The space of cafés is taken where `ENOUGH_CAFES` cafés have two photos (four a fold that is held out), and where
    the halves of held-out cafés find each other in it more often than by chance, by two standard errors.

    Args:
        random_state: Of `CafeReduction`.

    Attributes:
        chosen_: The reduction that was taken, fitted.
        why_: Why, in one sentence.
    """

    name = "auto"

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit(self, X: np.ndarray, groups: Sequence[Any] | None = None) -> Self:
        """Choose and learn.

        Args:
            X: Features (n, d).
            groups: Café of each photo (n,), if known.
        """
        self.chosen_: NoReduction | CafeReduction = NoReduction()
        if groups is None:
            self.why_ = "Moods come from the photos as they are: no café ids are known."
            return self
        cafe = CafeReduction(random_state=self.random_state)
        try:
            n = int(cafe.check_groups(groups).max()) + 1
        except ClusteringError:
            n = 0
        if n < ENOUGH_CAFES:
            self.why_ = (
                f"Moods come from the photos as they are: fewer than {ENOUGH_CAFES} cafés have two photos or more, and "
                "what cafés have in common cannot be learnt from so few."
            )
            return self
        cafe.fit(X, groups)
        _, mean, error = cafe.held_out_[cafe.held_out_[:, 0] == cafe.n_components_][0]
        found = f"{mean:.0%} of the halves of cafés held out find their other half (chance: 50%)"
        if mean - 2 * error > 0.5:
            self.chosen_ = cafe
            self.why_ = f"Moods come from what stays the same within {n:,} cafés and differs between them: {found}."
        else:
            self.why_ = f"Moods come from the photos as they are: {n:,} cafés do not differ enough, {found}."
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Features (n, d) in the space that was chosen (n, d')."""
        return self.chosen_.transform(X)

    def fit_transform(self, X: np.ndarray, groups: Sequence[Any] | None = None) -> np.ndarray:
        """Choose, learn, and return the photos in the chosen space (n, d')."""
        return self.fit(X, groups).transform(X)

"""Deck: the photos of a run by cluster and café, from which groups are drawn by seed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cafemood.errors import SurveyError
from cafemood.survey.design import Design


class Deck:
    """Photos by cluster and café; photos and cafés that were drawn less often come first."""

    def __init__(self, table: pd.DataFrame, rng: np.random.Generator) -> None:
        self.table, self.rng = table, rng
        self.cafe = dict(zip(table.index, table["cafe_id"].astype(str), strict=True))
        self.used: Counter[Any] = Counter()
        self.light = dict(zip(table.index, table["light"], strict=True)) if "light" in table else {}
        self._rows = {int(str(j)): rows.index.to_numpy() for j, rows in table.groupby("cluster")}

    def rows(self, cluster: int | None = None) -> np.ndarray:
        return self.table.index.to_numpy() if cluster is None else self._rows.get(cluster, np.empty(0, int))

    def n_cafes(self, cluster: int) -> int:
        return len({self.cafe[i] for i in self.rows(cluster)})

    def central(self, cluster: int, size: int) -> np.ndarray:
        """The photos nearest to the group's mean: a third of its cafés, at least `size + 1`, one photo each."""
        nearest = self.table[self.table["cluster"] == cluster].sort_values("distance", kind="stable")
        best = nearest.drop_duplicates("cafe_id").index.to_numpy()
        return best[: max(size + 1, math.ceil(len(best) / 3))]

    def draw(self, rows: np.ndarray, size: int, apart: Sequence[int] = ()) -> tuple[int, ...] | None:
        """`size` photos of different cafés, none of them a café of `apart`; None if there are too few."""
        taken = {self.cafe[i] for i in apart}
        chance = self.rng.random(len(rows))
        order = sorted(
            range(len(rows)),
            key=lambda i: (self.used[self.cafe[rows[i]]], self.used[int(rows[i])], chance[i]),
        )
        chosen: list[int] = []
        for i in order:
            if len(chosen) < size and self.cafe[rows[i]] not in taken:
                chosen.append(int(rows[i]))
                taken.add(self.cafe[rows[i]])
        return tuple(chosen) if len(chosen) == size else None

    def take(self, chosen: Sequence[int]) -> None:
        self.used.update(int(i) for i in chosen)
        self.used.update(self.cafe[i] for i in chosen)

    def mean_sd(self, rows: Sequence[int]) -> tuple[float, float]:
        """Mean brightness of a group, and the spread within it."""
        light = np.array([self.light[i] for i in rows])
        return float(light.mean()), float(light.std())


def too_few(cluster: int, n_cafes: int, design: Design, gone: int) -> SurveyError:
    """The error for a cluster that has too few cafés for groups of this size."""
    needed = design.size + (1 if (design.groups or 1) > 1 else 0)
    lost = f" ({gone} photos of the run are gone or have changed)" if gone else ""
    why = f"it has {n_cafes} café{'' if n_cafes == 1 else 's'}{lost}; groups of {design.size} photos, one a café, need "
    fix = f"lower --size to {n_cafes - 1}" if n_cafes >= 4 else "choose a run with fewer clusters (k), or more photos"
    return SurveyError(f"Cluster {cluster + 1} has too few cafés", where="--size", why=f"{why}{needed}", fix=fix)

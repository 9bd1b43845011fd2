"""Groups of photos drawn by seed: clusters, controls as bright as they are, intruders, triplets."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from cafemood.errors import SurveyError
from cafemood.runs.run import Run
from cafemood.survey.design import Design
from cafemood.survey.study import MIXED, RANDOM, Question

POOL = 40
"""Photos that the triplets are made of: few, so that each is met often."""
CANDIDATES = 400
"""Control groups drawn to choose the one whose brightness is nearest to a cluster group's."""


@dataclass(frozen=True)
class Drawn:
    design: Design
    groups: list[tuple[Question, tuple[int, ...]]]
    brightness: dict[str, Any]


class Deck:
    """Photos by cluster and café; photos and cafés that were drawn less often come first."""

    def __init__(self, table: pd.DataFrame, rng: np.random.Generator) -> None:
        self.table, self.rng = table, rng
        self.cafe = dict(zip(table.index, table["cafe_id"].astype(str), strict=True))
        self.used: Counter[Any] = Counter()
        self.light = dict(zip(table.index, table["light"], strict=True)) if "light" in table else {}
        self._rows = {int(str(j)): own.index.to_numpy() for j, own in table.groupby("cluster")}

    def rows(self, cluster: int | None = None) -> np.ndarray:
        return self.table.index.to_numpy() if cluster is None else self._rows.get(cluster, np.empty(0, int))

    def n_cafes(self, cluster: int) -> int:
        return len({self.cafe[i] for i in self.rows(cluster)})

    def central(self, cluster: int, size: int) -> np.ndarray:
        """The photos nearest to the group's mean: a third of its cafés, at least `size + 1`, one photo each."""
        own = self.table[self.table["cluster"] == cluster].sort_values("distance", kind="stable")
        best = own.drop_duplicates("cafe_id").index.to_numpy()
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


def draw(run: Run, table: pd.DataFrame, design: Design, gone: int, attempt: int = 0) -> Drawn:
    """All groups of a survey.

    Args:
        run: The run.
        table: Its photos that can be shown, by row: `cafe_id`, `cluster`, `distance`, `light`.
        design: What was set.
        gone: Photos of the run that cannot be shown, for the message.
        attempt: Another draw of the same seed.

    Raises:
        SurveyError: There are too few cafés.
    """
    k, size = int(run.facts["k"]), design.size
    rng = np.random.default_rng([design.seed, attempt])
    deck = Deck(table, rng)
    for j in range(k):
        if deck.n_cafes(j) < size + (1 if (design.groups or 1) > 1 else 0):
            raise _too_few(j, deck.n_cafes(j), design, gone)
    groups: list[tuple[Question, tuple[int, ...]]] = []
    for j in range(k):
        seen: set[frozenset[int]] = set()
        for g in range(design.groups or 1):
            stratum = "central" if g == 0 and (design.groups or 1) > 1 else "random"
            source = deck.central(j, size) if stratum == "central" else deck.rows(j)
            chosen = _new_group(deck, source, size, seen)
            if chosen is None:
                raise _too_few(j, deck.n_cafes(j), design, gone)
            deck.take(chosen)
            groups.append((_question(design, "alike", f"cluster {j + 1}", g, stratum=stratum), chosen))
    own = [chosen for _, chosen in groups]
    matched: dict[str, Any] = {"cluster": _light(deck, own)}
    for condition, draw in ((MIXED, _mixed), (RANDOM, _random)):
        controls = _matched(deck, partial(draw, deck, k, size), own, design.groups or 1)
        if len(controls) < (design.groups or 1):
            smallest = min(range(k), key=deck.n_cafes)
            raise _too_few(smallest, deck.n_cafes(smallest), design, gone)
        groups += [(_question(design, "alike", condition, g), c) for g, c in enumerate(controls)]
        matched[condition] = _light(deck, controls)
    check = deck.draw(deck.rows(), size)
    if check is None:
        raise SurveyError("There are too few cafés", where=run.folder, fix="lower --size")
    groups.append((_question(design, "check", "check", 0, answer=int(rng.integers(2, design.scale))), check))
    groups += _intruders(run, deck, design)
    groups += _triplets(deck, design)
    return Drawn(design, groups, matched)


def _new_group(deck: Deck, rows: np.ndarray, size: int, seen: set[frozenset[int]]) -> tuple[int, ...] | None:
    for attempt in range(50):
        # after the least used photos come all: a small cluster has to show some twice
        chosen = deck.draw(rows if attempt < 5 else deck.rng.permutation(rows)[: max(size, len(rows) - 1)], size)
        if chosen is not None and frozenset(chosen) not in seen:
            seen.add(frozenset(chosen))
            return chosen
    return None


def _mixed(deck: Deck, k: int, size: int) -> tuple[int, ...] | None:
    """One photo of each cluster; with fewer clusters than places each comes as often as the others or once more."""
    clusters = [int(j) for _ in range(-(-size // k)) for j in deck.rng.permutation(k)][:size]
    chosen: list[int] = []
    for j in clusters:
        free = [i for i in deck.rng.permutation(deck.rows(j)) if deck.cafe[i] not in {deck.cafe[c] for c in chosen}]
        if not free:
            return None
        chosen.append(int(free[0]))
    return tuple(chosen)


def _random(deck: Deck, k: int, size: int) -> tuple[int, ...] | None:
    """Photos of different cafés, clusters as frequent as they are."""
    chosen: list[int] = []
    for i in deck.rng.permutation(deck.rows()):
        if len(chosen) < size and deck.cafe[i] not in {deck.cafe[c] for c in chosen}:
            chosen.append(int(i))
    return tuple(chosen) if len(chosen) == size else None


def _matched(
    deck: Deck, draw: Callable[[], tuple[int, ...] | None], like: Sequence[tuple[int, ...]], n: int
) -> list[tuple[int, ...]]:
    """`n` groups whose brightness (mean, and spread within the group) is nearest to that of groups in `like`."""
    drawn = {frozenset(group): group for _ in range(CANDIDATES) if (group := draw()) is not None}
    candidates = list(drawn.values())
    found: list[tuple[int, ...]] = []
    targets = [like[i] for i in np.linspace(0, len(like) - 1, n).round().astype(int)]
    for target in targets:
        if not candidates:
            break
        distance = [math.dist(_mean_sd(deck, c), _mean_sd(deck, target)) for c in candidates]
        found.append(candidates.pop(int(np.argmin(distance))))
        deck.take(found[-1])
    return found


def _mean_sd(deck: Deck, rows: Sequence[int]) -> tuple[float, float]:
    light = np.array([deck.light[i] for i in rows])
    return float(light.mean()), float(light.std())


def _light(deck: Deck, groups: Sequence[tuple[int, ...]]) -> dict[str, float]:
    """Mean brightness of groups and mean spread within them: what the match came to."""
    each = np.array([_mean_sd(deck, group) for group in groups])
    return {"mean": round(float(each[:, 0].mean()), 4), "spread": round(float(each[:, 1].mean()), 4)}


def _intruders(run: Run, deck: Deck, design: Design) -> list[tuple[Question, tuple[int, ...]]]:
    """`size - 1` photos of a cluster and one of another: of the nearest by its centre (near) or the farthest."""
    centers = run.model[0]["centers"]
    found = []
    for j in range(len(centers)):
        others = sorted((o for o in range(len(centers)) if o != j), key=lambda o: math.dist(centers[j], centers[o]))
        for g in range(design.intruders):
            near = g % 2 == 0
            other = others[0] if near else others[-1]
            hosts = deck.draw(deck.rows(j), design.size - 1)
            guest = deck.draw(deck.rows(other), 1, apart=hosts or ())
            if hosts is None or guest is None:
                raise _too_few(j if hosts is None else other, deck.n_cafes(j if hosts is None else other), design, 0)
            deck.take([*hosts, *guest])
            stratum = "only" if len(others) == 1 else "near" if near else "far"
            question = _question(design, "intruder", f"cluster {j + 1}", g, answer=guest[0], stratum=stratum)
            found.append((question, (*hosts, *guest)))
    return found


def _triplets(deck: Deck, design: Design) -> list[tuple[Question, tuple[int, ...]]]:
    """Random triplets of a pool of photos, each photo about as often; ten times as many as a person sees."""
    if not design.triplets:
        return []
    pool = deck.draw(deck.rng.permutation(deck.rows()), min(POOL, len(set(deck.cafe.values()))))
    if pool is None or len(pool) < 6:
        fix = "give --triplets 0, or more photos"
        raise SurveyError("There are too few cafés for triplets", where="--triplets", fix=fix)
    wanted = min(10 * design.triplets, math.comb(len(pool), 3))
    chosen: dict[frozenset[int], tuple[int, ...]] = {}
    while len(chosen) < wanted:
        shuffled = [int(i) for i in deck.rng.permutation(pool)]
        for at in range(0, len(shuffled) - 2, 3):
            if len(chosen) < wanted:
                chosen.setdefault(frozenset(shuffled[at : at + 3]), tuple(shuffled[at : at + 3]))
    return [(_question(design, "odd", "pool", g), rows) for g, rows in enumerate(chosen.values())]


def _question(design: Design, kind: str, condition: str, index: int, **more: Any) -> Question:
    """Its id tells a respondent nothing."""
    word = hashlib.sha256(f"{design.seed} {kind} {condition} {index}".encode()).hexdigest()[:10]
    return Question(f"q{word}", kind, condition, (), **more)


def _too_few(cluster: int, n_cafes: int, design: Design, gone: int) -> SurveyError:
    needed = design.size + (1 if (design.groups or 1) > 1 else 0)
    lost = f" ({gone} photos of the run are gone or have changed)" if gone else ""
    why = f"it has {n_cafes} café{'' if n_cafes == 1 else 's'}{lost}; groups of {design.size} photos, one a café, need "
    fix = f"lower --size to {n_cafes - 1}" if n_cafes >= 4 else "choose a run with fewer clusters (k), or more photos"
    return SurveyError(f"Cluster {cluster + 1} has too few cafés", where="--size", why=f"{why}{needed}", fix=fix)

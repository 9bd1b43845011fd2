"""The tree of a run's moods, drawn from left (every mood) to right (all photos)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cafemood.core import chunks
from cafemood.core.html import environment
from cafemood.evaluation.hierarchy import longest_cut, ward_tree
from cafemood.runs.run import Run

LEAST_MOODS = 3
_ROW, _TOP, _LEFT, _RIGHT = 30, 12, 190, 510


@dataclass(frozen=True)
class Tree:
    """A tree as the page shows it.

    Attributes:
        svg: The drawing.
        nearest: What the two moods are called that are merged first.
        cut: Groups that are left before a merging far higher than the one before, if there is one.
    """

    svg: str
    nearest: tuple[str, str]
    cut: int | None


@dataclass
class _Lines:
    x: list[float] = field(default_factory=list)
    y: list[float] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


def of_run(run: Run, moods: list[dict[str, Any]]) -> Tree | None:
    """The tree of the moods that have photos; None for fewer than three, or for a run that keeps no features.

    Args:
        run: The run.
        moods: What the page knows of each: `j`, `size`, `color`, `called`.
    """
    if len(moods) < LEAST_MOODS or not run.has_features:
        return None
    clusters = run.assignments["cluster"].to_numpy()
    used = [mood["j"] for mood in moods]
    member = np.searchsorted(used, clusters)
    means = chunks.group_means(run.features["rows"][: len(clusters)], member)
    tree = ward_tree(means, np.bincount(member))
    a, b = (int(j) for j in tree[0, :2])
    return Tree(_drawn(tree, moods), (str(moods[a]["called"]), str(moods[b]["called"])), longest_cut(tree))


def _drawn(tree: np.ndarray, moods: list[dict[str, Any]]) -> str:
    from scipy.cluster.hierarchy import leaves_list

    order = [int(leaf) for leaf in leaves_list(tree)]
    k, highest = len(moods), max(float(tree[-1, 2]), 1e-12)
    drawn = _Lines([float(_LEFT)] * k, [0.0] * k)
    for row, leaf in enumerate(order):
        drawn.y[leaf] = _TOP + _ROW * (row + 0.5)
    for a, b, height, _ in tree:
        i, j = int(a), int(b)
        x = _LEFT + (_RIGHT - _LEFT) * float(height) / highest
        drawn.paths.append(f"M{drawn.x[i]:.1f} {drawn.y[i]:.1f}H{x:.1f}V{drawn.y[j]:.1f}H{drawn.x[j]:.1f}")
        drawn.x.append(x)
        drawn.y.append((drawn.y[i] + drawn.y[j]) / 2)
    leaves = [moods[leaf] | {"y": drawn.y[leaf]} for leaf in order]
    made = environment("cafemood.report").get_template("tree.svg.j2")
    return made.render(leaves=leaves, paths=drawn.paths, left=_LEFT, height=2 * _TOP + _ROW * k)

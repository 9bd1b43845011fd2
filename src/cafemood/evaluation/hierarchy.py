"""Which groups are near each other: Ward's tree over the means of groups, and where to cut it."""

from __future__ import annotations

import numpy as np

LEAST_RATIO = 2.5
"""Of two heights of a tree, for a cut between them."""


def ward_tree(centers: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Ward's hierarchy of groups that are there already, each as heavy as its photos.

    At each step the two groups are merged whose merging adds least to the sum of squares within groups,
    n_a n_b / (n_a + n_b) |c_a - c_b|² (Ward, "Hierarchical grouping to optimize an objective function", JASA 1963).
    SciPy's `linkage(method="ward")` takes each row as one photo.

    Args:
        centers: Means of the groups (k, d).
        sizes: Photos of each (k,), more than 0.

    Returns:
        Rows (k - 1, 4) as SciPy's `linkage` makes them: both groups, the height (the square root of twice what is
        added), and the number of groups below.
    """
    means, weights = [np.asarray(c, dtype=np.float64) for c in centers], [float(n) for n in sizes]
    below, left = [1] * len(means), list(range(len(means)))
    tree = np.empty((len(means) - 1, 4))
    for step in range(len(tree)):
        pairs = [(_added(means, weights, a, b), a, b) for i, a in enumerate(left) for b in left[i + 1 :]]
        added, a, b = min(pairs)
        weights.append(weights[a] + weights[b])
        means.append((weights[a] * means[a] + weights[b] * means[b]) / weights[-1])
        below.append(below[a] + below[b])
        left = [j for j in left if j not in (a, b)] + [len(means) - 1]
        tree[step] = a, b, np.sqrt(2 * added), below[-1]
    return tree


def longest_cut(tree: np.ndarray) -> int | None:
    """The number of groups, 2 at least, below which a merging is far higher than the one before; None if none is.

    The ratio of one height to the one before has to be `LEAST_RATIO`, and larger than any other. Groups that lie evenly
    on a line reach 2. A hint and no test: k is chosen by `k=auto`.

    Args:
        tree: As `ward_tree` gives it (k - 1, 4).
    """
    heights = tree[:, 2]
    if len(heights) < 2 or heights[-1] <= 0:
        return None
    ratios = heights[1:] / np.maximum(heights[:-1], 1e-9 * heights[-1])
    widest = int(ratios.argmax())
    return len(heights) - widest if ratios[widest] >= LEAST_RATIO else None


def _added(means: list[np.ndarray], weights: list[float], a: int, b: int) -> float:
    apart = means[a] - means[b]
    return weights[a] * weights[b] / (weights[a] + weights[b]) * float(apart @ apart)

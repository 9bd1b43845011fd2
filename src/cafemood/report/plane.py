"""The map of the atlas: where photos lie in two dimensions, and which other photos are nearest to each."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import util

import numpy as np

from cafemood.core.atomic import read_cached, write_tensors
from cafemood.errors import CafemoodError
from cafemood.runs.run import Run

KINDS = ("auto", "umap", "pca")
LEAST = 200
"""Photos from which on `auto` draws a UMAP, where umap-learn is installed."""
N_NEIGHBORS, MIN_DIST, N_EPOCHS = 15, 0.1, 200
"""Settings of UMAP: its own; the epochs are those that it takes for more than 10,000 photos."""
WIDTH = 50
"""Leading components of the run's features that it sees: with all 256 it takes three times as long."""
FILE = "map.safetensors"


@dataclass(frozen=True)
class Plane:
    """Places on a map.

    Attributes:
        x, y: Of each photo (m,).
        kind: `umap` or `pca`.
        words: What the map is, and how to read it.
    """

    x: np.ndarray
    y: np.ndarray
    kind: str
    words: str


def draw(run: Run, rows: np.ndarray, kind: str = "auto") -> Plane:
    """The places of photos: UMAP of the run's features (McInnes, Healy and Melville 2018,
    https://arxiv.org/abs/1802.03426), or the two leading principal components, which a run has without it.

    Args:
        run: The run; a UMAP that was drawn is kept in its folder, in `map.safetensors`.
        rows: The photos, as rows of `run.photos` (m,).
        kind: `umap`, `pca`, or `auto`: UMAP for `LEAST` photos and more where umap-learn is installed.

    Raises:
        CafemoodError: The kind is unknown, or UMAP is asked for and not there, or the run keeps no features.
    """
    if kind not in KINDS:
        raise CafemoodError(f"There is no map {kind!r}", where="--map", fix=f"give one of {', '.join(KINDS)}")
    if kind == "umap" and util.find_spec("umap") is None:
        fix = "pip install 'cafemood[umap]', or give --map pca"
        raise CafemoodError("UMAP is not installed", where="--map umap", why="it comes with the extra umap", fix=fix)
    possible = util.find_spec("umap") is not None and run.has_features and len(rows) > N_NEIGHBORS
    if kind == "pca" or not possible or (kind == "auto" and len(rows) < LEAST):
        photos, share = run.photos.iloc[rows], float(run.card.space.display.get("explained", 0))
        words = f"PCA: two directions that keep {100 * share:.0f} % of the variance."
        words += " Neighbours here may differ in the rest."
        return Plane(photos["x"].to_numpy(dtype=float), photos["y"].to_numpy(dtype=float), "pca", words)
    places = _umap(run, rows)
    words = "UMAP: neighbours are alike; how far groups lie apart, and how large they are, says little."
    return Plane(places[:, 0].astype(float), places[:, 1].astype(float), "umap", words)


def _umap(run: Run, rows: np.ndarray) -> np.ndarray:
    """Places (m, 2) of photos, float32, from the run's folder where they are of the same photos."""
    path, n = run.folder / FILE, np.array([len(run.photos), len(run.assignments)])
    kept = read_cached(path, ("places", "rows", "n"))
    if kept is not None and np.array_equal(kept["rows"], rows) and np.array_equal(kept["n"], n):
        return kept["places"]
    from umap import UMAP

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a seed makes it use one core, which it says each time
        umap = UMAP(N_NEIGHBORS, min_dist=MIN_DIST, n_epochs=N_EPOCHS, random_state=0)
        made = umap.fit_transform(run.rows[rows][:, :WIDTH].astype(np.float32))
    places = np.asarray(made, dtype=np.float32)
    write_tensors(path, {"places": places, "rows": rows, "n": n}, of=path.name)
    return places


def neighbours(x: np.ndarray, n_nearest: int) -> np.ndarray:
    """The nearest other rows of each row (m, d), the nearest first: (m, n_nearest), fewer columns for fewer rows."""
    m = len(x)
    wanted = min(n_nearest, m - 1)
    found = np.empty((m, wanted), dtype=int)
    if not wanted:
        return found
    rows = np.asarray(x, dtype=np.float32)
    half = 0.5 * np.square(rows).sum(axis=1)
    size = max(1, 2**24 // m)
    for start in range(0, m, size):
        nearness = rows[start : start + size] @ rows.T - half  # (|a|² - |a - b|²) / 2
        every = np.arange(len(nearness))
        nearness[every, every + start] = -np.inf
        near = np.argpartition(-nearness, wanted - 1, axis=1)[:, :wanted]
        order = np.argsort(-np.take_along_axis(nearness, near, 1), axis=1, kind="stable")
        found[start : start + size] = np.take_along_axis(near, order, 1)
    return found

"""Cafés, not just photos: each café's share of each mood, its spread, signature photo and nearest cafés.

`cafes.parquet` and `cafes.csv` hold a row a café, `cafes.safetensors` its vector. The vector is the mean of the
café's rows, whitened by how photos differ *within* a café: what changes from one photo of a café to the next (a
cup or the window) counts little, what stays counts much. This is linear discriminant analysis with the cafés as
classes and Ledoit and Wolf's shrinkage; no label is needed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from unicodedata import normalize

import numpy as np
import pandas as pd

from cafemood import runs
from cafemood.cafes import looks, moods, scales, shares
from cafemood.core import chunks
from cafemood.core.atomic import write_csv, write_tensors
from cafemood.core.names import has_bytes, text_of
from cafemood.core.parquet import read_parquet, write_parquet
from cafemood.errors import RunError
from cafemood.runs.run import Run

N_SIMILAR = 5
_MAX_WITHIN = 20_000
"""Rows at most that the within-café covariance is taken from."""


@dataclass(frozen=True)
class Cafes:
    """All cafés of a run.

    Attributes:
        run: The run.
        table: A row a café; see docs/cafes.md.
        vectors: Unit vectors (c, d'), float32, in the table's order.
        whitening: From a compact row to a café's vector (d', d').
        center: What is taken off first (d',).
    """

    run: Run
    table: pd.DataFrame
    vectors: np.ndarray
    whitening: np.ndarray
    center: np.ndarray

    @cached_property
    def k(self) -> int:
        """Moods."""
        return int(self.run.card.k)

    def shares(self) -> np.ndarray:
        """Share of each mood among each café's photos (c, k)."""
        return self._shares

    @cached_property
    def _shares(self) -> np.ndarray:
        return self.table[[f"share_{j + 1}" for j in range(self.k)]].to_numpy(dtype=np.float64)

    @cached_property
    def looks(self) -> dict[str, tuple[np.ndarray, float]]:
        """Each look of the cafés (c,), and its standard deviation over them; then each rated scale, `scale_…`."""
        names = [*looks.LOOKS, *self.scales]
        return {name: (self.table[name].to_numpy(float), float(self.table[name].std())) for name in names}

    @property
    def scales(self) -> list[str]:
        """Columns of the scales that people rated and photos tell: `scale_cozy`."""
        return [name for name in map(str, self.table) if name.startswith(scales.COLUMN)]

    def row(self, name: str) -> int:
        """The row of a café by its id, or by its name where only one has it.

        Raises:
            RunError: There is no such café, or several have the name.
        """
        ids = self.table["cafe_id"].astype(str)
        own_names = self.table["cafe_name"].fillna("").astype(str)
        # as a page shows it; as it is called, perhaps in bytes that a shell passed on; in another form of Unicode
        own = text_of(name)
        as_shown = [] if has_bytes(name) else [name]
        spelt = dict.fromkeys((*as_shown, own, normalize("NFC", own), normalize("NFD", own)))
        matches = np.empty(0, int)
        for spelling in spelt:
            for column in (ids, own_names):
                matches = matches if len(matches) else np.flatnonzero(column == spelling)
        if len(matches) == 1:
            return int(matches[0])
        if len(matches) > 1:
            which = ", ".join(ids.iloc[matches[:5]])
            what = f"{len(matches)} cafés are called {name!r}"
            raise RunError(what, where=self.run.folder, fix=f"give an id: {which}")
        import difflib

        names = [*ids, *self.table["cafe_name"].dropna().astype(str)]
        close = difflib.get_close_matches(name, names[:20_000], n=3, cutoff=0.5)
        fix = f"did you mean {' or '.join(close)}?" if close else f"see the ids in {self.run.folder / 'cafes.csv'}"
        why = None if self.run.knows_cafes else "no café ids are known: every photo counts as its own café"
        raise RunError(f"There is no café {name!r}", where=self.run.folder, why=why, fix=fix)

    def vector_of(self, rows: np.ndarray) -> np.ndarray:
        """The unit vector (d',) of a café with these compact rows (m, d')."""
        return _unit((rows.mean(axis=0, keepdims=True) - self.center) @ self.whitening)[0]


def load(run: Run) -> Cafes:
    """The cafés of a run; read from its files; computed in memory where they are missing or of other photos.

    Raises:
        RunError: The run keeps no features, or its files are damaged beyond making them again.
    """
    table_path, vectors_path = run.folder / "cafes.parquet", run.folder / "cafes.safetensors"
    if table_path.exists() and vectors_path.exists():
        try:
            tensors, about = runs.read_tensors(vectors_path)
            table = read_parquet(table_path)
            whole = len(table) == len(tensors["vectors"]) and f"share_{run.card.k}" in table
            if whole and about == {"photos": fingerprint(run)} and table["n_photos"].sum() == len(run.photos):
                vectors = tensors["vectors"].astype(np.float32)
                return Cafes(run, table, vectors, tensors["whitening"], tensors["center"])
        except Exception:  # noqa: S110  (damaged or half of another version: all of it can be made again)
            pass
    cafes: Cafes = run.in_memory["cafes"] if "cafes" in run.in_memory else compute(run)
    run.in_memory["cafes"] = cafes
    return cafes


def build(run: Run) -> Cafes:
    """Compute the cafés of a run again, and write them: `cafes.parquet`, `cafes.csv` and `cafes.safetensors`."""
    cafes = compute(run)
    write_parquet(run.folder / "cafes.parquet", cafes.table)
    write_csv(run.folder / "cafes.csv", cafes.table)
    vectors = cafes.vectors.astype(np.float16)
    tensors = {"vectors": vectors, "whitening": cafes.whitening, "center": cafes.center}
    # the last file, and its fingerprint: a table newer than the vectors is not read with them
    write_tensors(run.folder / "cafes.safetensors", tensors, {"photos": fingerprint(run)})
    return cafes


def compute(run: Run) -> Cafes:
    """The cafés of a run, from its photos' features, moods and looks.

    Raises:
        RunError: The run keeps no features.
    """
    photos, rows = run.photos, run.rows
    ids = photos["cafe_id"].astype(str)
    names, of_photo = np.unique(ids, return_inverse=True)
    n_photos = np.bincount(of_photo)
    means = chunks.group_means(rows, of_photo)
    vectors, whitening, center = cafe_vectors(rows, means, of_photo)
    table = _profiles(run, photos, of_photo, n_photos)
    from_mean, variance = _distances(rows, means, of_photo)
    table["spread"] = _spread(from_mean, variance, of_photo, n_photos)
    signatures = _signatures(from_mean, of_photo)
    table["signature"] = photos["file"].to_numpy()[signatures]
    table["signature_photo_id"] = photos["photo_id"].to_numpy()[signatures]
    near, cosine = _nearest(vectors)
    table["similar"] = [json.dumps([names[j] for j in row], ensure_ascii=False) for row in near]
    table["similarity"] = [json.dumps([round(float(s), 4) for s in row]) for row in cosine]
    return Cafes(run, table, vectors, whitening, center)


def fingerprint(run: Run) -> str:
    """SHA-256 over the ids of the run's photos, those added too, and their cafés."""
    text = "\n".join(run.photos["photo_id"] + " " + run.photos["cafe_id"].astype(str))
    return hashlib.sha256(text.encode()).hexdigest()


def cafe_vectors(
    rows: np.ndarray, means: np.ndarray, of_photo: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cafés' unit vectors (c, d'), the whitening (d', d') and the center (d',) behind them.

    Args:
        rows: Compact rows of the photos (n, d').
        means: Their `chunks.group_means` (c, d').
        of_photo: Café of each, from 0 (n,).
    """
    center, whitening = means.mean(axis=0), _within_whitening(rows, means, of_photo)
    return _unit((means - center) @ whitening), whitening, center


def _profiles(run: Run, photos: pd.DataFrame, of_photo: np.ndarray, n_photos: np.ndarray) -> pd.DataFrame:
    k = run.card.k
    first = photos.groupby(photos["cafe_id"].astype(str), sort=True)
    table = first[["cafe_name", "area", "lat", "lon"]].first().reset_index()
    for column in ("lat", "lon"):
        table[column] = pd.to_numeric(table[column], errors="coerce")
    possible = table["lat"].between(-90, 90) & table["lon"].between(-180, 180)
    table.loc[~possible, ["lat", "lon"]] = np.nan
    counts = np.zeros((len(table), k))
    grouped = run.card.unit == "cafe"  # the shares are then of what its photos are like by themselves
    np.add.at(counts, (of_photo, photos["alone" if grouped else "cluster"].to_numpy(dtype=int)), 1)
    prior = shares.fit_prior(counts)
    low, high = shares.intervals(counts, prior)
    by_cafe = counts / counts.sum(axis=1, keepdims=True)
    table["n_photos"] = n_photos
    table["mood"] = (first["cluster"].first().to_numpy(dtype=int) if grouped else by_cafe.argmax(axis=1)) + 1
    if grouped:
        table["certainty"] = first["certainty"].first().to_numpy()
    for j in range(k):
        table[f"share_{j + 1}"], table[f"low_{j + 1}"], table[f"high_{j + 1}"] = (
            by_cafe[:, j],
            low[:, j],
            high[:, j],
        )
    measured = moods.looks_of(run).groupby(of_photo).mean()
    for look in looks.LOOKS:
        table[look] = measured[look].to_numpy()
    told = ((scales.COLUMN, scales.read(run)), (scales.RATED, scales.read(run, scales.RATED_FILE)))
    for begin, of_photos in (*told, (scales.GUESS, scales.guessed(run))):
        for scale in of_photos:
            table[f"{begin}{scale}"] = of_photos[scale].groupby(of_photo).mean().to_numpy()
    return table


def _within_whitening(rows: np.ndarray, means: np.ndarray, of_photo: np.ndarray) -> np.ndarray:
    """W^(-1/2) of the shrunk within-café covariance (d', d'); the identity where no café has several photos."""
    from sklearn.covariance import ledoit_wolf

    several = np.flatnonzero(np.bincount(of_photo)[of_photo] > 1)
    if len(several) < 3:
        return np.eye(rows.shape[1], dtype=np.float32)
    if len(several) > _MAX_WITHIN:
        several = np.random.default_rng(0).choice(several, _MAX_WITHIN, replace=False)
    away = rows[several].astype(np.float64) - means[of_photo[several]]
    if float((away**2).mean()) < 1e-12:  # the photos of each café are all alike
        return np.eye(rows.shape[1], dtype=np.float32)
    values, axes = np.linalg.eigh(ledoit_wolf(away, assume_centered=True)[0])
    return np.asarray(axes / np.sqrt(np.maximum(values, 1e-3 * values.max())) @ axes.T, dtype=np.float32)


def _distances(rows: np.ndarray, means: np.ndarray, of_photo: np.ndarray) -> tuple[np.ndarray, float]:
    """Each photo's squared distance (n,) to its café's mean, and the variance of all photos, summed over columns."""
    n_photos = np.bincount(of_photo)
    middle = n_photos @ means.astype(np.float64) / len(rows)
    distances, total = np.empty(len(rows), np.float32), 0.0
    for where, chunk in chunks.read(rows):
        distances[where] = ((chunk - means[of_photo[where]]) ** 2).sum(axis=1)
        total += float(((chunk - middle) ** 2).sum())
    return distances, total / max(len(rows) - 1, 1)


def _spread(from_mean: np.ndarray, variance: float, of_photo: np.ndarray, n_photos: np.ndarray) -> np.ndarray:
    """Variance within the café over that of all photos: 1 is as varied as the whole collection; NaN for one photo."""
    within = np.bincount(of_photo, from_mean)
    return np.where(n_photos > 1, within / np.maximum(n_photos - 1, 1) / (variance or 1.0), np.nan)


def _signatures(from_mean: np.ndarray, of_photo: np.ndarray) -> np.ndarray:
    """Row of the photo nearest to its café's mean, a café each."""
    order = np.lexsort((from_mean, of_photo))
    return order[np.unique(of_photo[order], return_index=True)[1]]


def _nearest(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The most similar cafés (c, 5 at most) of each, and their cosines."""
    from sklearn.neighbors import NearestNeighbors

    n = min(N_SIMILAR, len(vectors) - 1)
    if not n:
        return np.empty((len(vectors), 0), int), np.empty((len(vectors), 0))
    distance, near = NearestNeighbors(n_neighbors=n, algorithm="brute").fit(vectors).kneighbors()
    squares = (vectors * vectors).sum(axis=1)  # 1, or 0 of a café in the middle of all: nothing is like it, or unlike
    return near, (squares[:, None] + squares[near] - distance**2) / 2


def _unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 1e-12, length, 1), dtype=np.float32)


def label(record: dict[str, Any]) -> str:
    """A café's name with its id, or the id alone."""
    name = record.get("cafe_name")
    named = isinstance(name, str) and name and name != record["cafe_id"]
    return f"{name} ({record['cafe_id']})" if named else str(record["cafe_id"])


def share_words(record: dict[str, Any], named: list[moods.Mood], least: float = 0.15) -> str:
    """`dark, warm 80 % (45–93)`, the largest shares first; where cafés were grouped, its group before them."""
    ordered = sorted(named, key=lambda mood: -record[f"share_{mood.number}"])
    notable = [mood for mood in ordered if record[f"share_{mood.number}"] >= least] or ordered[:1]
    group = ""
    if "certainty" in record:
        name = named[int(record["mood"]) - 1].english or f"mood {record['mood']}"
        chance = record["certainty"]
        group = name + ("" if np.isnan(chance) else f" (chance {100 * chance:.0f} %)") + "; its photos alone: "
    return group + " · ".join(
        f"{mood.english or f'mood {mood.number}'} {100 * record[f'share_{mood.number}']:.0f} % "
        f"({100 * record[f'low_{mood.number}']:.0f}–{100 * record[f'high_{mood.number}']:.0f})"
        for mood in notable
    )

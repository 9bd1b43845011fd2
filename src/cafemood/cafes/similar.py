"""Cafés like this one: ranked by what likes and dislikes say of a taste, with reasons in words.

The model is that of `cafemood taste`: a café that is liked was chosen before the average café, one that is not was
left for it (see `preference`). Cosines of the cafés' vectors are told beside.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cafemood.cafes import moods, places, preference, profiles, scales, word_tables
from cafemood.cafes import where as conditions
from cafemood.cafes.distance import distances
from cafemood.cafes.looks import LOOKS
from cafemood.cafes.preference import Choice
from cafemood.cafes.profiles import Cafes
from cafemood.cafes.ranked import RankedCafe, Ranking
from cafemood.core.names import existing
from cafemood.errors import PhotoError, RunError
from cafemood.runs.run import Run

N_EXPANSION, POWER = 5, 2
"""The query is joined by its nearest cafés, weighted by cosine² (Radenović et al., TPAMI 2019, αQE)."""
UNLIKE_WEIGHT = 0.5
"""Weight of what is not wanted beside what is (Rocchio's feedback)."""
NOTABLE = 0.5
"""A look is told if it differs by this many standard deviations over all cafés."""
LEAST_SPREAD = 1e-4
"""A look whose standard deviation over all cafés is smaller is the same everywhere: the rest is rounding."""
_COMPARED = {
    "light": ("darker", "brighter"),
    "warmth": ("cooler light", "warmer light"),
    "colour": ("more muted", "more colourful"),
    "clutter": ("less cluttered", "fuller"),
}


@dataclass(frozen=True)
class Query:
    """What is looked for: the cafés it came from (left out of the answer), and how they are.

    Attributes:
        vector: Unit (d',).
        known: Rows of the cafés that the question names.
        shares: Share of each mood (k,), None where it is not known.
        looks: By name.
        unwanted: Those of `known` that are not wanted.
        place: φ (r,) of what is looked for (`places.of_photos`), where it is none of the cafés.
    """

    vector: np.ndarray
    known: tuple[int, ...] = ()
    shares: np.ndarray | None = None
    looks: dict[str, float] = field(default_factory=dict)
    unwanted: tuple[int, ...] = ()
    place: np.ndarray | None = None

    def choices(self, features: np.ndarray) -> list[Choice]:
        """What it says of a taste over cafés with these features (c, r)."""
        new = [] if self.place is None else [Choice.of_one(self.place, True)]
        return new + [Choice.of_one(features[row], row not in self.unwanted) for row in self.known]


@dataclass(frozen=True, kw_only=True)
class Match(RankedCafe):
    """A café of the answer; `similarity`: the cosine of its vector with the question's, which does not rank it."""

    similarity: float

    @property
    def figure(self) -> float:
        """`likely`: few likes leave open which cafés are the best ones."""
        return self.likely


def like_cafes(cafes: Cafes, like: Sequence[str], unlike: Sequence[str] = ()) -> Query:
    """A question by cafés.

    Args:
        cafes: All cafés.
        like: Ids or names of cafés that are liked, one at least.
        unlike: And of those that are not.

    Raises:
        RunError: There is no such café, or one is both liked and not.
    """
    wanted, unwanted = [cafes.row(name) for name in like], [cafes.row(name) for name in unlike]
    both = set(wanted) & set(unwanted)
    if both:
        name = cafes.table["cafe_id"].iloc[min(both)]
        raise RunError(f"Café {name!r} is both --like and --unlike", where=cafes.run.folder, fix="leave one out")
    vector = cafes.vectors[wanted].mean(axis=0)
    if unwanted:
        vector = vector - UNLIKE_WEIGHT * cafes.vectors[unwanted].mean(axis=0)
    means = cafes.table[list(cafes.looks)].iloc[wanted].mean()
    looks = {str(look): float(mean) for look, mean in means.items()}
    return Query(_normalised(vector), (*wanted, *unwanted), cafes.shares()[wanted].mean(axis=0), looks, tuple(unwanted))


def reasons_of_similar(cafes: Cafes) -> list[list[str]]:
    """Why each of the cafés that the table names as `similar` is like the café: one text each, in their order."""
    row_of = {str(cafe_id): i for i, cafe_id in enumerate(cafes.table["cafe_id"])}
    named, told = moods.of_run(cafes.run), []
    for i, similar in enumerate(cafes.table["similar"]):
        of_cafe = {look: float(values[i]) for look, (values, _) in cafes.looks.items()}
        query = Query(cafes.vectors[i], (i,), cafes.shares()[i], of_cafe)
        told.append(["; ".join(reasons(cafes, query, row_of[other], named)) for other in json.loads(similar)])
    return told


def like_photos(cafes: Cafes, files: Sequence[Path]) -> Query:
    """A question by photos; those that the run holds already need no network.

    Raises:
        PhotoError: One cannot be read.
        RunError: A photo is new and the run's backbone cannot be made again.
    """
    from PIL import Image

    from cafemood.cafes.looks import measure
    from cafemood.data.images import file_digest, open_image

    run = cafes.run
    row_of = {photo_id: i for i, photo_id in enumerate(run.photos["photo_id"])}
    clusters = run.photos["cluster"].to_numpy()
    rows: list[np.ndarray] = []
    shares = np.zeros(cafes.k)
    looks: list[dict[str, float]] = []
    new: list[Path] = []
    for file in map(existing, files):
        if not file.is_file():
            raise PhotoError("A photo cannot be read", where=file, why="there is no such file")
        image = open_image(file, shortest=256)
        image.thumbnail((320, 320), Image.Resampling.LANCZOS)
        looks.append(measure(image))
        row = row_of.get(file_digest(file))
        if row is None:
            new.append(file)
        else:
            rows.append(run.rows[row].astype(np.float32))
            shares[clusters[row]] += 1
    if new:
        from cafemood.cafes import assigning

        for answer in assigning.assign_photos(run, new, n_nearest=0):
            if answer.error is not None:
                raise PhotoError("A photo cannot be read", where=answer.photo, why=answer.error)
            rows.append(answer.row)
            if answer.cluster is not None:
                shares[answer.cluster] += 1
    mean = {name: float(np.mean([entry[name] for entry in looks])) for name in LOOKS}
    looked = np.array([[entry[name] for name in LOOKS] for entry in looks])
    place = places.of_photos(run, np.stack(rows), looked)
    return Query(cafes.vector_of(np.stack(rows)), (), shares / max(shares.sum(), 1), mean, place=place)


def rank(
    cafes: Cafes,
    query: Query,
    *,
    n: int = 10,
    near: tuple[float, float] | None = None,
    within_km: float | None = None,
    where: Sequence[str] = (),
) -> list[Match]:
    """The cafés most like the question, best first.

    Args:
        cafes: All cafés.
        query: The question.
        n: How many.
        near: A place in degrees north and east: distances are told where coordinates are known.
        within_km: With `near`: only cafés within this distance, those of unknown place left out.
        where: Conditions that a café has to meet (see `where.fitting`).

    Raises:
        RunError: `within_km` without `near`, or no café of the run has coordinates.
        CafemoodError: A condition is none.
        TasteError: There is one café only, or all are the same.
    """
    distance = distances(cafes.table, cafes.run, near, within_km)
    features = places.load(cafes.run).features
    ranking = Ranking.by(preference.fit(query.choices(features), features.shape[1]), features)
    similarity = scores(cafes.vectors, query.vector)
    left = conditions.fitting(cafes, where)
    if distance is not None and within_km is not None:
        left &= distance <= within_km
    left[list(query.known)] = False
    named = moods.of_run(cafes.run)
    order = [int(i) for i in np.argsort(-ranking.utilities, kind="stable") if left[i]]
    return [
        Match(
            **ranking.facts_of(cafes.table, i, distance),
            reasons=reasons(cafes, query, i, named),
            similarity=round(float(similarity[i]), 4),
        )
        for i in order[:n]
    ]


def similar_cafes(run: Run, cafe: str, *, n: int = 10) -> list[Match]:
    """The cafés of a run most like one of them, best first.

    Args:
        run: A finished run with café ids.
        cafe: Its id or name.
        n: How many.

    Raises:
        RunError: There is no such café, or the run knows no cafés.
    """
    cafes = profiles.load(run)
    return rank(cafes, like_cafes(cafes, [cafe]), n=n)


def scores(vectors: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Cosine (c,) of unit vectors (c, d') with the expanded query."""
    first = vectors @ vector
    n = min(N_EXPANSION, len(vectors))
    best = np.argpartition(-first, n - 1)[:n]
    weight = np.maximum(first[best], 0) ** POWER
    return np.asarray(vectors @ _normalised(vector + weight @ vectors[best]), dtype=np.float64)


def reasons(cafes: Cafes, query: Query, i: int, named: list[moods.Mood]) -> list[str]:
    """Why a café is in the answer, and how it differs: `same mood 80 % (dark, warm)`, `warmer light`."""
    differences: list[str] = []
    common = cafes.shares()[i] if query.shares is None else np.minimum(query.shares, cafes.shares()[i])
    if query.shares is not None:
        best = named[int(common.argmax())]
        if common.sum() >= 0.005:
            differences.append(f"same mood {100 * common.sum():.0f} % ({best.english or f'mood {best.number}'})")
        else:
            differences.append("no mood in common")
    differs = {
        look: float(values[i] - query.looks.get(look, math.nan)) / spread
        for look, (values, spread) in cafes.looks.items()
        if (look in _COMPARED or look in cafes.scales) and spread > LEAST_SPREAD
    }
    notable = sorted((l for l, by in differs.items() if abs(by) >= NOTABLE), key=lambda l: -abs(differs[l]))  # noqa: E741
    looked = [look for look in notable if look in _COMPARED]
    rated = [look for look in notable if look in cafes.scales]
    differences += [_COMPARED[look][int(differs[look] > 0)] for look in looked[:2]]
    if rated:
        more = [scales.words(look)[int(differs[look] > 0)][0] for look in rated[:2]]
        differences.append(f"more: {', '.join(more)}")
    ids = cafes.table["cafe_id"]
    liked = [str(ids.iat[row]) for row in query.known if row not in query.unwanted]
    if common_words := word_tables.shared(cafes.run, liked, str(ids.iat[i])):
        differences.insert(1, f"both: {', '.join(common_words)}")
    by_look = [by for look, by in differs.items() if look in _COMPARED]
    if by_look and not looked and not any(math.isnan(by) for by in by_look):
        differences.append("same light and colour")
    return differences


def _normalised(vector: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    return np.asarray(vector / length if length > 1e-12 else vector, dtype=np.float32)

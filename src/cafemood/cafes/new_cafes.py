"""Whole cafés that were assigned to a finished run: their moods, or their group where cafés were grouped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cafemood.clustering import stored
from cafemood.clustering.cafe_places import CafePlaces, PlaceModel
from cafemood.core import chunks
from cafemood.core.names import shown
from cafemood.data.photos import Photo
from cafemood.runs.run import Run

if TYPE_CHECKING:
    from cafemood.cafes.assigning import Answer


@dataclass(frozen=True)
class CafeGroup:
    """The group of a café.

    Attributes:
        probabilities: Its membership in each group (k,).
        certainty: Chance of its group, by as many photos as there are; NaN where nothing tells it.
        n_photos: Photos that told it; 0 for a café of the run, which keeps its group.
    """

    probabilities: np.ndarray
    certainty: float
    n_photos: int

    @property
    def cluster(self) -> int:
        """The group, from 0."""
        return int(self.probabilities.argmax())


def groups(run: Run, photos: Sequence[Photo], answers: Sequence[Answer]) -> dict[str, CafeGroup]:
    """The group of each café by all of its new photos together, where the run has grouped cafés; else empty.

    A café that the run knows keeps its group. Photos that could not be read, or are unlike any photo of the run, tell
    nothing; a café of such photos alone has no group.

    Args:
        run: The run.
        photos: The new photos, with their cafés.
        answers: Theirs.
    """
    if run.card.unit != "cafe":
        return {}
    columns = ["cafe_id", "cluster", "second_cluster", "probability", "second_probability", "certainty"]
    known = {str(row[0]): row[1:] for row in run.photos.drop_duplicates("cafe_id")[columns].itertuples(index=False)}
    tensors = run.model[0]
    found: dict[str, CafeGroup] = {}
    told: list[tuple[str, np.ndarray]] = []
    for photo, answer in zip(photos, answers, strict=True):
        if photo.cafe_id in known:
            first, second, probability, second_probability, certainty = known[photo.cafe_id]
            memberships = np.zeros(run.card.k)
            memberships[[second, first]] = second_probability, probability
            found[photo.cafe_id] = CafeGroup(memberships, float(certainty), 0)
        elif answer.counts:
            told.append((photo.cafe_id, answer.reduced))
    if told:
        ids, member = np.unique([cafe for cafe, _ in told], return_inverse=True)
        n, model = np.bincount(member), PlaceModel.from_tensors(tensors)
        means = chunks.group_means(np.stack([row for _, row in told]), member)
        places = CafePlaces(ids, member, n, *model.places(means, n), model)

        def predict_proba(rows: np.ndarray) -> np.ndarray:
            return stored.assign_reduced(rows, tensors, run.card.method.name)[0]

        chances = places.certainty(predict_proba)
        for i, probabilities in enumerate(predict_proba(places.rows)):
            chance = float(chances[i, probabilities.argmax()])
            found[str(ids[i])] = CafeGroup(probabilities, chance, int(n[i]))
    return found


def lines(run: Run, photos: Sequence[Photo], answers: Sequence[Answer]) -> Iterator[str]:
    """What new cafés are like, a line each: their group, or their shares with the interval that few photos allow."""
    of_run = run.card.unit == "cafe"
    grouped = groups(run, photos, answers)
    shares = None if of_run else _shares(run)
    for cafe_id in dict.fromkeys(p.cafe_id for p in photos):
        of_cafe = [a for p, a in zip(photos, answers, strict=True) if p.cafe_id == cafe_id and a.error is None]
        novel = sum(a.novel and not a.left_out for a in of_cafe)
        unlike = f"; {novel} unlike any photo of this run" if novel else ""
        if left_out := sum(a.left_out for a in of_cafe):
            unlike += f"; {left_out} without a place to see"
        of = f"{len(of_cafe)} photo{'' if len(of_cafe) == 1 else 's'}"
        said = _group_words(grouped.get(cafe_id)) if shares is None else shares(of_cafe)
        yield f"café {shown(cafe_id)}: {of}: {said or 'no mood'}{unlike}"


def _shares(run: Run) -> Callable[[list[Answer]], str]:
    """What words the photos of a café have, given how much the cafés of the run differ."""
    from cafemood.cafes import shares

    k = run.card.k
    clusters = run.photos["cluster"].to_numpy(dtype=int)
    cafes = np.unique(run.photos["cafe_id"].astype(str), return_inverse=True)[1]
    counts_before = np.zeros((cafes.max() + 1, k))
    np.add.at(counts_before, (cafes, clusters), 1)
    prior = shares.fit_prior(counts_before)

    def words(of_cafe: list[Answer]) -> str:
        counts = np.bincount([a.cluster for a in of_cafe if a.counts and a.cluster is not None], minlength=k)
        low, high = (ends[0] for ends in shares.intervals(counts[None, :], prior))
        return " · ".join(
            f"mood {j + 1} {100 * counts[j] / counts.sum():.0f} % ({100 * low[j]:.0f}–{100 * high[j]:.0f})"
            for j in np.argsort(-counts, kind="stable")
            if counts[j]
        )

    return words


def _group_words(group: CafeGroup | None) -> str:
    if group is None:
        return ""
    sure = "" if np.isnan(group.certainty) else f" (chance {group.certainty:.0%})"
    return f"mood {group.cluster + 1}{sure}" + ("" if group.n_photos else ", as in this run")

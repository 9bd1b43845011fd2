"""Photos and cafés that a text fits, best first; none where nothing fits better than unrelated texts do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cafemood.cafes.distance import distances
from cafemood.cafes.ranked import kilometres, named
from cafemood.core.names import shown
from cafemood.runs.run import Run
from cafemood.words.calibration import FIT_RATE, Calibration, Fit
from cafemood.words.queries import Query, checked
from cafemood.words.text_features import TextFeatures, load
from cafemood.words.texts import embed_texts


@dataclass(frozen=True)
class Photo:
    """A photo of the answer: its score in standard deviations of what unrelated texts score on it."""

    file: str
    cafe_id: str | None
    score: float
    fits: bool

    def facts(self) -> dict[str, Any]:
        """As plain values."""
        return {"kind": "photo", **asdict(self)}

    def __str__(self) -> str:
        return f"{self.score:6.2f}  {shown(self.file)}"


@dataclass(frozen=True)
class Cafe:
    """A café of the answer: the mean of its photos' scores, and the best one's photo and score."""

    cafe_id: str
    cafe_name: str | None
    score: float
    fits: bool
    best: float
    best_photo: str
    n_photos: int
    distance_km: float | None = None

    def facts(self) -> dict[str, Any]:
        """As plain values."""
        return {"kind": "cafe", **asdict(self)}

    def __str__(self) -> str:
        return f"{self.score:6.2f}  {named(self)}: best photo {self.best_photo} ({self.best:.2f})"


@dataclass(frozen=True)
class Answer:
    """What was found for a text.

    Attributes:
        text: As it was looked for.
        fits: Whether anything fits.
        p: Share of the unrelated texts, and this one, that do as well.
        n_unrelated: How many unrelated texts there were.
        p_words: Share of the vocabulary's words, and this text, whose best photo does as well as this text's.
        rate: How often a text that is one more unrelated one is said to fit.
        photos: The best photos, and cafés (none where the run knows none); those that fit, or all that were asked for.
        notes: What the user has to know beside.
    """

    text: str
    fits: bool
    p: float
    n_unrelated: int
    p_words: float
    rate: float
    photos: list[Photo]
    cafes: list[Cafe]
    notes: list[str]

    def facts(self) -> dict[str, Any]:
        """As plain values, without photos and cafés."""
        names = ("text", "fits", "p", "n_unrelated", "p_words", "rate", "notes")
        return {"kind": "answer", **{name: getattr(self, name) for name in names}}

    def __str__(self) -> str:
        share = (
            f"{100 * self.p:.1f} % of {self.n_unrelated} unrelated texts do as well, the limit is {100 * self.rate:g} %"
        )
        head = f"{'Fits' if self.fits else 'Nothing fits'}: {self.text}"
        return f"{head} ({share}; {100 * self.p_words:.0f} % of the words about cafés do)"


def search(
    run: Run,
    text: str,
    unwanted: Sequence[str] = (),
    *,
    n: int = 10,
    near: tuple[float, float] | None = None,
    within_km: float | None = None,
    rate: float = FIT_RATE,
    every: bool = False,
    cache_dir: str | Path | None = None,
) -> Answer:
    """Rank photos and cafés by how well a text fits them.

    What fits one of the unwanted texts is left out; what is left is ranked by its score less that of the unwanted text
    it scores highest for (if that is above 0).

    Args:
        run: A run with text features.
        text: What is looked for.
        unwanted: Texts that must not fit.
        n: Photos, and cafés, at most.
        near: A place in degrees north and east: distances are told where coordinates are known.
        within_km: With `near`: only cafés within this distance, and their photos.
        rate: How often a text that is one more unrelated one may be said to fit.
        every: Rank what does not fit too.
        cache_dir: Where vectors of texts are kept.

    Raises:
        RunError: The run has no text features, or no coordinates for `near`.
        CafemoodError: A text cannot be looked for (see `queries.checked`), or is too long for the network.
        WeightsError: The text tower's files cannot be had.
    """
    features = load(run)
    asked = [checked(text, features.languages, features.name)]
    asked += [checked(other, features.languages, features.name, "--not") for other in unwanted]
    photos = run.photos.iloc[features.rows].reset_index(drop=True)
    ids, of_photo = np.unique(photos["cafe_id"].astype(str), return_inverse=True)
    table = photos.groupby(of_photo)[["cafe_name", "lat", "lon"]].first()
    for column in ("lat", "lon"):
        table[column] = pd.to_numeric(table[column], errors="coerce")
    distance = distances(table, run, near, within_km)
    calibrations: dict[str, Calibration] = {}
    wanted, *others = _fits(features, of_photo, asked, rate, cache_dir, calibrations)
    there = np.ones(len(ids), bool) if distance is None or within_km is None else distance <= within_km
    by_photo, by_cafe = _ranked(wanted, others, there, of_photo)
    ok_photos, ok_cafes = wanted.fitting_photos, wanted.fitting_cafes
    best_photo = pd.Series(wanted.photos).groupby(of_photo).idxmax().to_numpy()

    def kept(order: np.ndarray, score: np.ndarray, ok: np.ndarray) -> list[int]:
        return [int(i) for i in order if np.isfinite(score[i]) and (every or ok[i])][:n]

    found_photos = [
        Photo(
            str(photos["file"][i]),
            str(photos["cafe_id"][i]) if run.knows_cafes else None,
            round(float(wanted.photos[i]), 3),
            bool(ok_photos[i]),
        )
        for i in kept(np.argsort(-by_photo, kind="stable"), by_photo, ok_photos)
    ]
    found_cafes = [
        Cafe(
            cafe_id=str(ids[i]),
            cafe_name=name if isinstance(name := table["cafe_name"].iloc[i], str) else None,
            score=round(float(wanted.cafes[i]), 3),
            fits=bool(ok_cafes[i]),
            best=round(float(wanted.photos[best_photo[i]]), 3),
            best_photo=str(photos["file"][best_photo[i]]),
            n_photos=int((of_photo == i).sum()),
            distance_km=kilometres(distance, i),
        )
        for i in (kept(np.argsort(-by_cafe, kind="stable"), by_cafe, ok_cafes) if run.knows_cafes else [])
    ]
    n_unrelated = len(features.unrelated[asked[0].language])
    notes = _notes(features, asked)
    if wanted.fits and not found_photos and not found_cafes:
        notes.append("What fits is left out by --not or --within.")
    words = calibrations[asked[0].language].best_photos(wanted, features.words)
    p_words = (1 + int((words >= wanted.photos.max()).sum())) / (1 + len(words))
    return Answer(asked[0].text, wanted.fits, wanted.p, n_unrelated, p_words, rate, found_photos, found_cafes, notes)


def _fits(
    features: TextFeatures,
    of_photo: np.ndarray,
    asked: Sequence[Query],
    rate: float,
    cache_dir: str | Path | None,
    calibrations: dict[str, Calibration],
) -> list[Fit]:
    """How each text fits; `calibrations` gets those of the texts' languages."""
    tower = features.tower()
    found = []
    for query in asked:
        tower.check_length(query.text, query.phrasings)
        if query.language not in calibrations:
            unrelated = features.unrelated[query.language]
            calibrations[query.language] = Calibration.of(features.photos, of_photo, unrelated, features.filter)
        vector = embed_texts(tower, [query.text], query.phrasings, cache_dir)[0]
        found.append(calibrations[query.language].fit(vector, rate))
    return found


def _ranked(
    wanted: Fit, others: Sequence[Fit], there: np.ndarray, of_photo: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What photos and cafés are ranked by; minus infinity of those left out."""
    photos, cafes = wanted.photos.copy(), wanted.cafes.copy()
    if others:
        photos -= np.maximum(np.max([fit.photos for fit in others], axis=0), 0)
        cafes -= np.maximum(np.max([fit.cafes for fit in others], axis=0), 0)
    for fit in others:
        photos[fit.fitting_photos] = -np.inf
        cafes[fit.fitting_cafes] = -np.inf
    photos[~there[of_photo]] = -np.inf
    cafes[~there] = -np.inf
    return photos, cafes


def _notes(features: TextFeatures, asked: Sequence[Query]) -> list[str]:
    notes = []
    if not all(query.calibrated for query in asked):
        notes.append("Scores are set against English texts: in other languages the error rate is not known.")
    if features.n_lacking:
        notes.append(f"{features.n_lacking} photos have no text features and are not searched: cafemood words RUN")
    return notes

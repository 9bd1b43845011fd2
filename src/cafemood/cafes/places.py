"""Where the cafés of a run lie for whoever likes some of them: their features, and the photos that stand for them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from cafemood import runs
from cafemood.cafes import moods
from cafemood.cafes.looks import LOOKS
from cafemood.cafes.profiles import fingerprint
from cafemood.cafes.smooth_prior import SmoothPrior
from cafemood.core import chunks
from cafemood.core.atomic import write_tensors
from cafemood.errors import CafemoodError, TasteError
from cafemood.runs.run import Run

if TYPE_CHECKING:
    from cafemood.clustering.cafe_reduction import CafeReduction

N_PLAIN = 16
"""Principal components of the cafés' means, where too few cafés have two photos for a space of cafés."""
PHOTO = 0.5
"""How much of what a tap says is said of the photo shown; the rest is said of its café."""
LOOK = 0.1
"""Standard deviation of a look beside the compact rows, whose strongest component has about 0.15."""
LEARNT_FROM = 20_000
"""Photos, about, of cafés drawn at random, that the space is learnt from where there are more."""
FILE = "places.safetensors"
_FORMAT = "1"
_DIGITS = 4
"""Decimals of the features, the same in Python and on the page."""


@dataclass(frozen=True)
class Places:
    """Cafés in the space that tastes are learnt in.

    Attributes:
        name: Of the space: `cafe16`; `pca16` where too few cafés have two photos; `people8` where people taught it.
        features: φ of each café's best guess of its place (c, r).
        evidence: φ of what a tap on its photo speaks of (c, r): halfway from the photo's to the café's.
        typical: Rows of each café's photos, the most typical first.
        of_new: φ (r,) of one more café, from rows (m, d') of its photos; None where the places were read from a file.
    """

    name: str
    features: np.ndarray
    evidence: np.ndarray
    typical: list[np.ndarray]
    of_new: Callable[[np.ndarray], np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.features)


def load(run: Run) -> Places:
    """The places of a run's cafés, in the order of their profiles: from `places.safetensors`, else learnt in memory.

    Raises:
        RunError: The run keeps no features.
        TasteError: There is one café only, or all are the same.
    """
    return run.in_memory.get("places") or _read(run) or compute(run)


def compute(run: Run) -> Places:
    """The same, learnt from the run's photos and café ids, those added too.

    A run with `reduce=people` has the space that people taught; nothing is learnt from café ids then.

    Raises:
        RunError: The run keeps no features.
        TasteError: There is one café only, or all are the same.
    """
    photos = run.photos
    of_photo = np.unique(photos["cafe_id"].astype(str), return_inverse=True)[1]
    no_place = [isinstance(reason, str) and reason != "" for reason in photos.get("no_place", [None] * len(photos))]
    last = np.array(no_place, bool)
    taught = _people_space(run)
    rows = run.rows if taught else with_looks(run.rows, _looks(run))
    try:
        made = places_of(rows, of_photo, taught, last=last)
    except TasteError as error:
        raise TasteError(error.what, where=run.folder, why=error.why, fix=error.fix) from None
    run.in_memory["places"] = made
    return made


def of_photos(run: Run, rows: np.ndarray, looks: np.ndarray) -> np.ndarray:
    """φ (r,) of one more café.

    Args:
        run: The run.
        rows: Compact rows (m, d') of its photos.
        looks: Their looks (m, l).

    Raises:
        As `compute`.
    """
    made = load(run)
    of_new = made.of_new or compute(run).of_new
    assert of_new is not None
    return of_new(rows if _people_space(run) else with_looks(rows, looks, like=_looks(run)))


def keep(run: Run) -> None:
    """Write places that were learnt in memory, so that the next command reads them; a run that is read-only does not
    keep them.
    """
    made: Places | None = run.in_memory.get("places")
    if made is not None:
        tensors = {"features": made.features, "evidence": made.evidence, "typical": np.concatenate(made.typical)}
        with suppress(CafemoodError):
            write_tensors(run.folder / FILE, tensors, {"of": _key(run), "space": made.name})


def _read(run: Run) -> Places | None:
    """None where there is no file, or one that is damaged or of other photos: it is made again."""
    try:
        tensors, about = runs.read_tensors(run.folder / FILE)
        if about["of"] != _key(run):
            return None
        n_photos = np.unique(run.photos["cafe_id"].astype(str), return_counts=True)[1]
        typical = np.split(tensors["typical"], np.cumsum(n_photos)[:-1])
        return Places(about["space"], tensors["features"], tensors["evidence"], typical)
    except Exception:  # a cache: whatever is wrong with it, it can be made again
        return None


def _key(run: Run) -> str:
    return f"{_FORMAT} {fingerprint(run)}"


def _looks(run: Run) -> np.ndarray:
    return moods.looks_of(run)[list(LOOKS)].to_numpy(dtype=float)


class PeopleSpace:
    """The map of a run with `reduce=people`, of compact rows."""

    def __init__(self, tensors: dict[str, np.ndarray], features: dict[str, np.ndarray]) -> None:
        # a compact row r is the unit features less `pca.mean`, in `pca.components`
        self._map = (tensors["pca.components"] @ features["pca.components"].T).astype(np.float32)
        self._shift = tensors["pca.components"] @ (features["pca.mean"] - tensors["pca.mean"])
        self.space = f"people{len(self._map)}"

    def transform(self, rows: np.ndarray) -> np.ndarray:
        """Rows (n, d') in the space: float32 (n, r)."""
        return np.asarray(rows.astype(np.float32) @ self._map.T + self._shift, np.float32)

    def weights(self, n_photos: np.ndarray) -> np.ndarray:
        """A café is where its photos are in the mean, however many there are: ones (c, 1)."""
        return np.ones((len(n_photos), 1))


def _people_space(run: Run) -> PeopleSpace | None:
    if run.card.reduce.name != "people":
        return None
    return PeopleSpace(run.model[0], run.features)


def with_looks(rows: np.ndarray, looks: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
    """Compact rows (n, d') with the looks of the photos (n, l) beside them: float32 (n, d' + l).

    Each look gets the standard deviation `LOOK`; what is NaN, as of a photo that is gone, gets the mean.

    Args:
        rows: The rows.
        looks: The looks.
        like: Looks (m, l) whose mean and standard deviation are taken; default: these.
    """
    like = looks if like is None else like
    spread = like.std(axis=0, where=~np.isnan(like)) if len(like) else np.ones(like.shape[1])
    mean = like.mean(axis=0, where=~np.isnan(like))
    scaled = LOOK * np.nan_to_num((looks - mean) / np.where(spread > 1e-9, spread, 1.0))
    return np.hstack([rows, scaled]).astype(np.float32)


def places_of(
    rows: np.ndarray,
    of_photo: np.ndarray,
    reduction: CafeReduction | PeopleSpace | None = None,
    *,
    last: np.ndarray | None = None,
) -> Places:
    """Places of cafés from the rows of their photos.

    Args:
        rows: Rows (n, d'), such as `with_looks` gives.
        of_photo: Café of each, from 0 without gaps (n,).
        reduction: A fitted space; default: one that is learnt from these cafés.
        last: Whether a photo (n,) stands for its café only where all others do not, as one that shows no place.

    Raises:
        TasteError: There is one café only, or all are the same.
    """
    from cafemood.clustering.cafe_reduction import LEAST_CAFES, CafeReduction  # scikit-learn: not where places are kept
    from cafemood.clustering.reduction import PCAReduction

    n_photos, rows = np.bincount(of_photo), np.asarray(rows, dtype=np.float32)
    with threadpool_limits(1):  # many small products, whose threads would wait for each other
        if reduction is None and np.sum(n_photos > 1) >= LEAST_CAFES:
            taught = _drawn(n_photos, of_photo)
            reduction = CafeReduction().fit(rows[taught], [str(cafe) for cafe in of_photo[taught]])
        if reduction is not None:
            name, y, transform = reduction.space, reduction.transform(rows), reduction.transform
            means = chunks.group_means(y, of_photo) * reduction.weights(n_photos)
        else:
            means = chunks.group_means(rows, of_photo)
            plain = PCAReduction(min(N_PLAIN, *means.shape)).fit(means)
            name, means, y, transform = plain.space, plain.transform(means), plain.transform(rows), plain.transform
        from_mean = ((y - means[of_photo]) ** 2).sum(axis=1)
        behind = np.zeros(len(rows), bool) if last is None else last
        typical = np.split(np.lexsort((from_mean, behind, of_photo)), np.cumsum(n_photos)[:-1])
        prior = SmoothPrior().fit(means)
        photos = prior.of(y[[photos[0] for photos in typical]])
    evidence = PHOTO * photos + (1 - PHOTO) * prior.features_

    def of_new(new: np.ndarray) -> np.ndarray:
        mean = transform(np.asarray(new, dtype=np.float32)).mean(axis=0, keepdims=True)
        return prior.of(mean if reduction is None else mean * reduction.weights(np.array([len(new)])))[0]

    return Places(name, prior.features_.round(_DIGITS), evidence.round(_DIGITS), typical, of_new)


def _drawn(n_photos: np.ndarray, of_photo: np.ndarray) -> np.ndarray:
    """Rows of about `LEARNT_FROM` photos of whole cafés; all where there are no more."""
    if len(of_photo) <= LEARNT_FROM:
        return np.arange(len(of_photo))
    order = np.random.default_rng(0).permutation(len(n_photos))
    taken = order[: max(1, int(np.searchsorted(np.cumsum(n_photos[order]), LEARNT_FROM)))]
    return np.flatnonzero(np.isin(of_photo, taken))

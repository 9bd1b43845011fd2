"""How much place each photo shows: told by Places365 outputs, by signs in the picture, and by the other cafés' photos.

A cup, a cake, a menu or a face says little of a café's atmosphere. Each evidence gives log-odds for "no place", and the
strongest decides:

- **scenes**, where the features are outputs of a Places365 network: the share of indoor categories among the ten most
  likely (the vote of the authors' demo, run_placesCNN_unified.py), and the entropy of the outputs.
- **signs** in the picture (`data.place_signs`): text, one thing close up, the open air.
- **neighbours**: a photo whose neighbours in the features, all of other cafés, have such signs is likely to show the
  same. Photos with a sign are a sample of those that show no place, so that g(x), the share of neighbours that have
  one, is divided by its mean over the photos that have one (Elkan and Noto, "Learning Classifiers from Only Positive
  and Unlabeled Data", KDD 2008, eq. 1). Its log-odds are added to those of the photo's own sign. Where neighbours of
  photos with a sign hardly have one more often than others, they tell nothing and are not asked.
- **distance**: a photo far from all of other cafés and from its own café's is an oddity: its modified z-score (Iglewicz
  and Hoaglin, "How to Detect and Handle Outliers", 1993) is above 3.5.

- **words**, where a run has a network that knows them (`words=`): things against places (`words.things`). Their
  log-odds count by themselves; where they are for a place, they are added to those of the signs, so that what shows a
  room by words needs a stronger sign to show none.

Without words faces are not detected: that needs a model of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cafemood.core import chunks
from cafemood.data.place_signs import LIMIT, REASONS, likely_none
from cafemood.evaluation import outliers
from cafemood.evaluation.judged import JudgedRows
from cafemood.evaluation.store import JudgingStore, digest_of

LEAST_PHOTOS = 50
"""With fewer photos, or fewer than `LEAST_CAFES` cafés, their neighbours tell nothing."""
LEAST_CAFES = 8
MOST_OTHERS = 20_000
"""Of more photos, neighbours are looked for among so many, drawn at random."""
N_NEIGHBOURS = 10
LEAST_SIGNS, LEAST_ODDS = 5, 3.0
"""Photos with a sign, and how many times the odds of a sign their neighbours must have, for neighbours to be asked."""
TOP_SCENES = 10
MOST_ENTROPY = 0.75
"""Of the Places365 outputs, as a share of ln 365; not measured on photos, for want of the weights."""

_COLUMNS = 64
_SURE, _FAIRLY = 7.0, 3.9  # log-odds: 0.999 and 0.98
_NO_SIGN = 3.0  # of place, 0.95: most photos that show none have no sign either, so that neighbours may say more
_OUTDOORS = "not indoors, by its most likely scenes"
_NO_SCENE = "no scene, by the entropy of its scenes"
_LIKE = "like photos of other cafés that show no place"
_WORDS = "words"
_ODD = "unlike all photos of other cafés and of its own"


@dataclass(frozen=True)
class Places:
    """How much place each photo shows.

    Attributes:
        scores: From 0 (none) to 1 (n,); NaN where nothing tells.
        reasons: Why it seems to show none, of those below `LIMIT`; else empty.
        told_by: What it was told by: some of `scenes`, `words`, `signs`, `neighbours` and `distance`.
    """

    scores: np.ndarray
    reasons: tuple[str, ...]
    told_by: tuple[str, ...]

    @property
    def none(self) -> np.ndarray:
        """Whether each photo seems to show no place (n,)."""
        return np.nan_to_num(self.scores, nan=1.0) < LIMIT

    def facts(self) -> dict[str, Any]:
        """What `run.json` and `scores.json` hold."""
        counts = Counter(reason for reason in self.reasons if reason)
        return {
            "told_by": list(self.told_by),
            "n_photos": len(self.scores),
            "n_none": int(self.none.sum()),
            "n_unknown": int(np.isnan(self.scores).sum()),
            "reasons": dict(counts.most_common()),
        }


@dataclass(frozen=True)
class Said:
    """What words say of the place that photos show.

    Attributes:
        odds: Log-odds that each shows none (n,); NaN where nothing is known of it.
        reasons: What it shows instead (n).
    """

    odds: np.ndarray
    reasons: tuple[str, ...]


def tell(
    features: np.ndarray,
    *,
    signs: np.ndarray | None = None,
    cafes: Sequence[str] | None = None,
    scenes: np.ndarray | None = None,
    words: Said | None = None,
    neighbours: bool = True,
    seed: int = 0,
    store: JudgingStore | None = None,
) -> Places:
    """Tell how much place photos show, by whatever there is.

    Args:
        features: Backbone outputs (n, d).
        signs: Rows of `data.place_signs` (n, 7), NaN where a picture cannot be read; None: there are no pictures.
        cafes: Café of each photo (n,), if known; if not, each photo counts as its own, and oddities are not told.
        scenes: Places365 probabilities (n, 365), if the features are or give them.
        words: What words say, if the run has a network that knows them.
        neighbours: Whether the photos may tell of each other.
        seed: Of the photos that neighbours are looked for among, if not all.
        store: Keeps each photo's neighbours for other runs; None: they are looked for now.
    """
    n = len(features)
    evidence: dict[str, np.ndarray] = {}  # log-odds for no place, by the reason
    told_by: list[str] = []
    if scenes is not None:
        evidence |= _by_scenes(scenes)
        told_by.append("scenes")
    said = None if words is None else np.clip(words.odds, -_FAIRLY, _SURE)
    if said is not None and np.isfinite(said).any():
        evidence[_WORDS] = said
        told_by.append("words")
    own = np.full((n, len(REASONS)), np.nan)
    if signs is not None and np.isfinite(signs[:, : len(REASONS)]).any():
        own = np.maximum(_log_odds(likely_none(signs)), -_NO_SIGN)
        if said is not None:
            own += np.nan_to_num(np.clip(said, -_FAIRLY, 0))[:, None]
        told_by.append("signs")
    among = _others(np.asarray(cafes) if cafes is not None else np.arange(n), seed)
    if neighbours and among is not None and (cafes is not None or "signs" in told_by):
        codes = None if cafes is None else np.unique(cafes, return_inverse=True)[1]
        near = _kept_neighbours(features, among, codes, store)
        if "signs" in told_by and (more := _by_neighbours(near, own.max(axis=1) > 0)) is not None:
            has_sign = own.max(axis=1) > 0
            evidence[_LIKE] = np.where(has_sign, np.nan, own.max(axis=1) + more)
            own += more[:, None]
            told_by.append("neighbours")
        if cafes is not None:
            evidence[_ODD] = near.oddity()
            told_by.append("distance")
    if "signs" in told_by:
        evidence |= dict(zip(REASONS.values(), own.T, strict=True))
    if not evidence:
        return Places(np.full(n, np.nan), ("",) * n, ())
    odds = np.column_stack(list(evidence.values()))
    known = np.isfinite(odds).any(axis=1)
    odds = np.where(np.isfinite(odds), odds, -np.inf)
    scores = np.where(known, 1 / (1 + np.exp(np.clip(odds.max(axis=1), -_SURE, _SURE))), np.nan)
    names, first = list(evidence), odds.argmax(axis=1)
    none = np.nan_to_num(scores, nan=1.0) < LIMIT
    why = [names[j] if out else "" for j, out in zip(first, none, strict=True)]
    if words is not None:
        why = [own if reason == _WORDS else reason for reason, own in zip(why, words.reasons, strict=True)]
    return Places(scores, tuple(why), tuple(told_by))


def _log_odds(p: np.ndarray) -> np.ndarray:
    return np.log(p / (1 - p))


def _by_scenes(scenes: np.ndarray) -> dict[str, np.ndarray]:
    """The log-odds that the most likely scenes are not indoors, and that there is no scene."""
    from cafemood.backbones.places365 import scene_categories, scene_is_indoor

    indoor = np.array([scene_is_indoor()[name] for name in scene_categories()])
    shares, entropies = [], []
    for _, p in chunks.read(scenes):
        top = np.argpartition(-p, TOP_SCENES - 1, axis=1)[:, :TOP_SCENES]
        shares.append(indoor[top].mean(axis=1))
        entropies.append(-(p * np.log(np.maximum(p, 1e-12))).sum(axis=1) / np.log(p.shape[1]))
    outdoors = (0.5 - np.concatenate(shares)) / 0.1
    confused = (np.concatenate(entropies) - MOST_ENTROPY) / 0.03
    return {_OUTDOORS: np.where(outdoors == 0, -0.01, outdoors), _NO_SCENE: confused}  # half: as the authors, indoors


def _others(cafes: np.ndarray, seed: int) -> np.ndarray | None:
    """The rows that neighbours are looked for among; None where there are too few photos or cafés."""
    if len(cafes) < LEAST_PHOTOS or len(np.unique(cafes)) < LEAST_CAFES:
        return None
    if len(cafes) <= MOST_OTHERS:
        return np.arange(len(cafes))
    return np.sort(np.random.default_rng(seed).choice(len(cafes), MOST_OTHERS, replace=False))


@dataclass(frozen=True)
class _Near:
    """The nearest photos of other cafés (n, k), their mean distance (n,), and the nearest of the own café (n,)."""

    rows: np.ndarray
    others: np.ndarray
    own: np.ndarray

    def oddity(self) -> np.ndarray:
        """The log-odds that a photo is an outlier: it is far from its own café's photos too."""
        far = np.log(np.maximum(np.minimum(self.others, self.own), 1e-12))
        return (outliers.modified_z(far)[0] - outliers.LIMIT) / 0.5


def _kept_neighbours(
    features: np.ndarray, among: np.ndarray, cafes: np.ndarray | None, store: JudgingStore | None
) -> _Near:
    """`_neighbours`, from the store where they are kept: they depend on the rows and their cafés alone."""
    if store is None or chunks.is_long(features):
        return _neighbours(features, among, cafes)
    recipe = {
        "rows": JudgedRows(features).digest,
        "among": digest_of(among),
        "cafes": None if cafes is None else digest_of(cafes),
        "settings": [_COLUMNS, N_NEIGHBOURS],
    }
    return _Near(
        **store.one("neighbours", recipe, ("rows", "others", "own"), lambda: vars(_neighbours(features, among, cafes)))
    )


def _neighbours(features: np.ndarray, among: np.ndarray, cafes: np.ndarray | None) -> _Near:
    """The nearest of the photos `among` to each photo (n, d), in their leading principal components."""
    from sklearn.decomposition import PCA

    reference = np.asarray(features[among], dtype=np.float32)
    with np.errstate(invalid="ignore"):  # equal rows: of no variance no share is kept
        pca = PCA(min(_COLUMNS, *reference.shape), random_state=0).fit(reference)
    other = pca.transform(reference).astype(np.float32)
    squares, ids = (other**2).sum(axis=1), np.arange(len(features)) if cafes is None else cafes
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for rows, piece in chunks.read(features):
        for start in range(0, len(piece), 1024):
            y = pca.transform(piece[start : start + 1024]).astype(np.float32)
            me = np.arange(rows.start + start, rows.start + start + len(y))
            far = np.maximum((y**2).sum(axis=1)[:, None] + squares - 2 * y @ other.T, 0)
            same = ids[me][:, None] == ids[among]
            own = np.where(same & (me[:, None] != among), far, np.inf).min(axis=1)
            far[same] = np.inf
            near = np.argpartition(far, N_NEIGHBOURS - 1, axis=1)[:, :N_NEIGHBOURS]
            others = np.sqrt(np.take_along_axis(far, near, axis=1)).mean(axis=1)
            found.append((among[near], others, np.sqrt(own)))
    return _Near(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _by_neighbours(near: _Near, signed: np.ndarray) -> np.ndarray | None:
    """The log-odds (n,) for no place by how many of a photo's neighbours have a sign; None: they don't tell."""
    share = signed[near.rows].mean(axis=1)
    if signed.sum() < LEAST_SIGNS or signed.all():
        return None
    of_signed, base = min(float(share[signed].mean()), 0.999), float(signed.mean())
    if of_signed / (1 - of_signed) < LEAST_ODDS * base / (1 - base):
        return None
    return np.clip(_log_odds(np.clip(share / of_signed, 1e-3, 1 - 1e-3)), -_FAIRLY, _FAIRLY)

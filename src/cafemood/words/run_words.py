"""What a run's text features say of its moods: words that name them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cafemood.words.naming import names_of
from cafemood.words.text_features import TextFeatures
from cafemood.words.vocabulary import NAMELESS, Term

_MOST = 2_000
"""Photos of which what is usual is taken."""
USUAL = 0.95
"""A photo has a word if its z is above this quantile of what unrelated texts score."""


@dataclass(frozen=True)
class MoodWord:
    """A word of a mood's name.

    Attributes:
        term: The word.
        share: Share of the mood's photos that have it.
        lift: That over the share of all photos.
    """

    term: Term
    share: float
    lift: float


def mood_words(features: TextFeatures, clusters: np.ndarray, k: int) -> list[list[MoodWord]]:
    """The words of each mood's name, best first; none where no word is beyond chance (see `naming`).

    Args:
        features: The run's.
        clusters: Mood of each photo that has text features, from 0 (n,).
        k: Moods.
    """
    able = np.flatnonzero([term.kind != NAMELESS for term in features.terms])
    kinds = [features.terms[i].kind for i in able]
    words, unrelated, null = features.words[able], features.unrelated["en"], features.english
    found = names_of(null, features.photos, clusters, words, unrelated, kinds, n_groups=k)
    named = sorted({word.word for mood in found for word in mood})
    if not named:
        return [[] for _ in range(k)]
    some = np.random.default_rng(0).permutation(len(features.photos))[:_MOST]
    cosine = features.photos[some].astype(np.float32) @ unrelated.T
    usual = np.quantile((cosine - null.mean[some, None]) / null.sd[some, None], USUAL)
    has = null.z(features.photos, words[named]) > usual
    column = {word: i for i, word in enumerate(named)}
    moods: list[list[MoodWord]] = []
    for j, mood in enumerate(found):
        own = has[clusters == j]
        shares = [(word, float(own[:, column[word.word]].mean())) for word in mood]
        overall = has.mean(axis=0)
        moods.append(
            [
                MoodWord(
                    features.terms[able[word.word]], share, share / max(float(overall[column[word.word]]), 1 / len(has))
                )
                for word, share in shares
            ]
        )
    return moods

"""Which words name a group of photos: those that fit it, set it apart from the others, and do so beyond chance.

Of a word and a group two numbers are computed, from z (see `calibration`), and the same of m unrelated texts:

- its mean z over the group's photos. A word fits the group if at most `rate` of the m + 1 texts reach that, itself
  among them;
- how much more that is than its mean over all other photos. Photos were grouped by what they look like, so any text
  tells groups apart to some degree. A word sets a group apart where one more unrelated text would do so to this degree
  with a probability of `rate` over the words of the vocabulary (Bonferroni), so that a group's name holds a word by
  chance with a probability of `rate` at most. The m texts are too few to count so rare an event: it is the tail of a
  normal distribution with their mean and deviation (Student's t with m - 1 degrees of freedom for one more draw).

A word names one group alone, that where its mean is largest. Of a kind (light, materials, …) the best word alone is
taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cafemood.words.calibration import RATE, Null

N_WORDS = 3


@dataclass(frozen=True)
class Named:
    """A word of a group's name.

    Attributes:
        word: Its row in the vocabulary.
        apart: How far it sets the group apart: standard deviations of what unrelated texts do.
    """

    word: int
    apart: float


def names_of(
    null: Null,
    photos: np.ndarray,
    groups: np.ndarray,
    words: np.ndarray,
    unrelated: np.ndarray,
    kinds: Sequence[str],
    *,
    n_groups: int | None = None,
    n_words: int = N_WORDS,
    rate: float = RATE,
) -> list[list[Named]]:
    """The words of each group's name, best first; an empty list where none is beyond chance.

    Args:
        null: Of these photos and unrelated texts.
        photos: Unit vectors (n, d).
        groups: Group of each photo, from 0 (n,).
        words: Unit vectors (v, d) of the vocabulary.
        unrelated: Unit vectors (m, d) of the unrelated texts.
        kinds: The kind of each word.
        n_groups: How many groups there are; an empty one has no name.
        n_words: Words of a name, at most.
        rate: How often a name may hold a word by chance.
    """
    n_groups = int(groups.max()) + 1 if n_groups is None else n_groups
    found: list[list[Named]] = [[] for _ in range(n_groups)]
    present, dense = np.unique(groups, return_inverse=True)
    if len(present) < 2:
        return found
    sizes = np.bincount(dense)[:, None]
    own, others = (null.group_means(photos, dense, texts) for texts in (words, unrelated))
    apart, chance = (means - _rest(means, sizes) for means in (own, others))
    spread = chance.std(axis=1, ddof=1, keepdims=True)
    far = (apart - chance.mean(axis=1, keepdims=True)) / np.maximum(spread, 1e-9)
    limit = limit_of(len(unrelated), rate / max(words.shape[0], 1))
    fits = np.stack(
        [
            (np.sum(row >= mean[:, None], axis=1) + 1) / (len(row) + 1) <= rate
            for row, mean in zip(others, own, strict=True)
        ]
    )
    for j, group in enumerate(present):
        taken: set[str] = set()
        for word in np.argsort(-far[j], kind="stable"):
            if far[j, word] <= limit or len(found[group]) == n_words:
                break
            if fits[j, word] and own[:, word].argmax() == j and kinds[word] not in taken:
                found[group].append(Named(int(word), float(far[j, word])))
                taken.add(kinds[word])
    return found


def _rest(means: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Mean over the photos of all other groups (c, t), from the groups' means (c, t) and sizes (c, 1)."""
    total = (means * sizes).sum(axis=0, keepdims=True)
    return np.asarray((total - means * sizes) / (sizes.sum() - sizes))


def limit_of(m: int, p: float) -> float:
    """What one more draw exceeds with the probability p, in standard deviations of m normal draws."""
    from scipy.stats import t

    return float(t.isf(p, m - 1) * np.sqrt(1 + 1 / m))

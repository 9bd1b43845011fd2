"""Scales of ambiance told by pairs of opposite phrases: a guess from words, that people's ratings alone can support.

A scale is the direction from its low phrases to its high ones, the difference of their mean vectors as a unit vector
(after Wang et al., "Exploring CLIP for Assessing the Look and Feel of Images", AAAI 2023, who set a photo against an
antonym pair). A photo lies where its vector falls on it; 0 is the mean photo of the run and 1 a standard deviation, for
where the middle between two phrases is nobody knows.

Photos differ along any direction. A scale tells them apart where they differ more along it than along at most `RATE` of
the directions between two unrelated texts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cafemood.core import chunks
from cafemood.words.calibration import RATE
from cafemood.words.vocabulary import Scale

_LEAST_SD = 1e-6


@dataclass(frozen=True)
class Guess:
    """Where photos lie on a scale, by words alone.

    Attributes:
        scale: Its name and phrases.
        photos: Standard deviations above the mean photo (n,).
        p: Share of the directions between two unrelated texts, and this one, along which photos differ as much.
    """

    scale: Scale
    photos: np.ndarray
    p: float

    @property
    def tells(self) -> bool:
        """Whether it tells photos apart beyond chance."""
        return self.p <= RATE


def directions(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Unit vectors (s, d) from mean vectors of low phrases (s, d) to those of high ones (s, d)."""
    away = (high - low).astype(np.float64)
    return (away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def guesses(photos: np.ndarray, scales: tuple[Scale, ...], along: np.ndarray, unrelated: np.ndarray) -> list[Guess]:
    """Where photos lie on each scale.

    Args:
        photos: Unit vectors (n, d).
        scales: The scales (s).
        along: Their `directions` (s, d).
        unrelated: Unit vectors (m, d) of the unrelated texts; each is set against the next in a random order.
    """
    order = np.random.default_rng(0).permutation(len(unrelated))
    chance = directions(unrelated[order], unrelated[np.roll(order, 1)])
    every = np.concatenate([along, chance])
    places, spread = np.empty((len(photos), len(scales))), np.zeros((2, len(every)))
    for where, piece in chunks.read(photos, len(every)):
        found = (piece @ every.T).astype(np.float64)
        places[where] = found[:, : len(scales)]
        spread += (found.sum(axis=0), (found**2).sum(axis=0))
    mean = spread[0] / len(photos)
    sd = np.sqrt(np.maximum(spread[1] / len(photos) - mean**2, 0))
    own, others = sd[: len(scales)], sd[len(scales) :]
    p = (1 + (others[None] >= own[:, None]).sum(axis=1)) / (1 + len(others))
    z = (places - mean[: len(scales)]) / np.maximum(own, _LEAST_SD)
    return [Guess(scale, z[:, i], float(p[i])) for i, scale in enumerate(scales)]

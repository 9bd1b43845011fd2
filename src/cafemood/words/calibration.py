"""Does a text fit these photos? Its scores against those of texts that have nothing to do with them.

A cosine of CLIP says little by itself: some photos are near every text, some texts near every photo, and the best of
many photos is near anything. So the same is computed of m unrelated texts, and a text fits where it does better than
these do, on the same photos and by the same statistic.

- Of a photo: z = (s - mean) / sd of its cosine s, over the unrelated texts. It takes out what the photo scores anyway.
- Of all photos: the largest z. Of all cafés: the largest mean z of a café's photos.
- The text and the m others are ranked by either; the higher of a text's two ranks is what it counts by (min-p: Westfall
  and Young, "Resampling-Based Multiple Testing", 1993). Its p is the share of the m + 1 texts that count as much.

This is about texts that have nothing to do with the photos. A text about cafés that no photo shows does better than
those, as it is near what the photos show.

If the text were one more unrelated one, all m + 1 were exchangeable, and p <= rate would happen with a probability of
at most `rate`, whatever the distribution (conformal p-values: Vovk et al., "Algorithmic Learning in a Random World",
2005, proposition 2.4; for outliers: Bates et al., "Testing for Outliers with Conformal p-values", Annals of
Statistics, 2023).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cafemood.core import chunks

RATE = 0.05
"""How often a text that fits nothing may be said to fit."""
_LEAST_SD = 1e-6


@dataclass(frozen=True)
class Fit:
    """How a text fits photos, and cafés.

    Attributes:
        photos: z of each photo (n,).
        cafes: Mean z of each café's photos (c,).
        p: Share of the unrelated texts, and this one, that do as well.
        fits: Whether p is at most the rate.
        photo_limit: z from which a photo fits, if anything does.
        cafe_limit: Mean z from which a café fits, if anything does.
    """

    photos: np.ndarray
    cafes: np.ndarray
    p: float
    fits: bool
    photo_limit: float
    cafe_limit: float

    @property
    def fitting_photos(self) -> np.ndarray:
        """Whether each photo fits (n,)."""
        return (self.photos >= self.photo_limit) & self.fits

    @property
    def fitting_cafes(self) -> np.ndarray:
        """Whether each café fits (c,)."""
        return (self.cafes >= self.cafe_limit) & self.fits


@dataclass(frozen=True)
class Null:
    """What unrelated texts score on some photos.

    Attributes:
        mean: Of each photo's cosines with them (n,).
        sd: And their standard deviation (n,).
        best_photo: Largest z of each text (m,).
        best_cafe: Largest mean z of a café's photos, of each text (m,).
    """

    mean: np.ndarray
    sd: np.ndarray
    best_photo: np.ndarray
    best_cafe: np.ndarray

    @classmethod
    def of(cls, photos: np.ndarray, cafes: np.ndarray | None, texts: np.ndarray) -> Null:
        """Score unrelated texts on photos.

        Args:
            photos: Unit vectors (n, d).
            cafes: Café of each photo, from 0 without gaps (n,); None: every photo is its own.
            texts: Unit vectors (m, d) of the unrelated texts.

        Raises:
            ValueError: There are fewer than two texts, or no photo.
        """
        if len(texts) < 2 or not len(photos):
            raise ValueError("a null needs two texts and a photo at least")
        n, m = len(photos), len(texts)
        mean, sd = np.empty(n), np.empty(n)
        best = np.full(m, -np.inf)
        for where, piece in chunks.read(photos, m):
            cosine = (piece @ texts.T).astype(np.float64)
            mean[where] = cosine.mean(axis=1)
            sd[where] = np.maximum(cosine.std(axis=1, ddof=1), _LEAST_SD)
            z = (cosine - mean[where, None]) / sd[where, None]
            best = np.maximum(best, z.max(axis=0))
        made = cls(mean, sd, best, best)
        if cafes is None:
            return made
        return replace(made, best_cafe=made.group_means(photos, cafes, texts).max(axis=0))

    def best_photos(self, photos: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """The largest z of each text over all photos (t,); photos (n, d) as in `of`, texts unit vectors (t, d)."""
        best = np.full(len(texts), -np.inf)
        for where, piece in chunks.read(photos, len(texts)):
            z = (piece @ texts.T - self.mean[where, None]) / self.sd[where, None]
            best = np.maximum(best, z.max(axis=0))
        return best

    def group_means(self, photos: np.ndarray, groups: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """Mean z (c, t) of the photos of each group; groups are numbered from 0 without gaps (n,).

        A mean of z is one product of a mean of vectors: z is linear in the photo's vector.
        """
        sizes = np.bincount(groups)[:, None]
        sums = np.zeros((len(sizes), photos.shape[1] + 1))
        for where, piece in chunks.read(photos):
            scaled = np.column_stack([piece, self.mean[where]]) / self.sd[where, None]
            there, present = np.unique(groups[where], return_inverse=True)
            sums[there] += chunks.group_means(scaled, present) * np.bincount(present)[:, None]
        means = sums / sizes
        return means[:, :-1] @ texts.T.astype(np.float64) - means[:, -1:]

    def z(self, photos: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """z of each photo for each text (n, t), float32; photos (n, d) as in `of`, texts unit vectors (t, d)."""
        found = np.empty((len(photos), len(texts)), np.float32)
        for where, piece in chunks.read(photos, len(texts)):
            found[where] = (piece @ texts.T - self.mean[where, None]) / self.sd[where, None]
        return found

    def fit(self, photos: np.ndarray, cafes: np.ndarray, text: np.ndarray, rate: float = RATE) -> Fit:
        """How a text fits.

        Args:
            photos: As in `of`.
            cafes: As in `of`.
            text: Unit vector (d,).
            rate: How often a text that is one more unrelated one may be said to fit.
        """
        z = self.z(photos, text[None])[:, 0].astype(np.float64)
        means = np.bincount(cafes, z) / np.bincount(cafes)
        ranks = np.maximum(_ranks(self.best_photo, z.max()), _ranks(self.best_cafe, means.max()))
        p = float((ranks >= ranks[-1]).mean())
        # ranks above this one are those that at most rate * (m + 1) texts reach
        allowed = int(np.floor(rate * len(ranks)))
        limit = int(np.sort(ranks)[::-1][allowed]) if allowed < len(ranks) else 0
        return Fit(z, means, p, p <= rate, _above(self.best_photo, limit), _above(self.best_cafe, limit))


def _ranks(others: np.ndarray, own: float) -> np.ndarray:
    """Of each of the m texts and this one, the last: how many of the m + 1 it is at least as good as (m + 1,)."""
    values = np.append(others, own)
    return np.searchsorted(np.sort(values), values, side="right")


def _above(others: np.ndarray, rank: int) -> float:
    """The least value that would rank above `rank` among the others and itself."""
    ordered = np.append(np.sort(others), np.inf)
    return float(ordered[rank - 1]) if rank else -np.inf

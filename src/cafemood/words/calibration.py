"""Does a text fit these photos? Its scores against those of texts that have nothing to do with them.

A cosine of CLIP says little by itself: some photos are near every text, some texts near every photo, and the best of
many photos is near anything. So the same is computed of m unrelated texts, and a text fits where it does better than
these do, on the same photos and by the same statistics.

- Of a photo: z = (s - mean) / sd of its cosine s, over the unrelated texts. It takes out what the photo scores anyway.
- Of all photos: the largest z. Of all cafés: the largest mean z of a café's photos.
- Both once more in a second view, in which texts went through the matched filter (`filtering`).
- Each of the four is put in median absolute deviations above its median over the text and the m others; the largest is
  what a text counts by (Tippett's combination, "The Methods of Statistics", 1931). Its p is the share of the m + 1
  texts that count as much. Its photos and cafés are told by the view in which it counts most.

This is about texts that have nothing to do with the photos. A text about cafés that no photo shows does better than
those, as it is near what the photos show; the filter takes out most of that (docs/words.md has figures).

If the text were one more unrelated one, all m + 1 were exchangeable, and p <= rate would happen with a probability of
at most `rate`, whatever the distribution (conformal p-values: Vovk et al., "Algorithmic Learning in a Random World",
2005, proposition 2.4; for outliers: Bates et al., "Testing for Outliers with Conformal p-values", Annals of
Statistics, 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cafemood.core import chunks
from cafemood.words.filtering import filtered

RATE = 0.05
"""How often a name or a photo's words may hold a word by chance."""
FIT_RATE = 0.01
"""How often a text that has nothing to do with the photos may be said to fit. It is this low because one about cafés
that no photo shows fits more often (docs/words.md)."""
_LEAST_SD = 1e-6


@dataclass(frozen=True)
class Fit:
    """How a text fits photos, and cafés.

    Attributes:
        photos: z of each photo (n,).
        cafes: Mean z of each café's photos (c,).
        p: Share of the unrelated texts, and this one, that do as well.
        fits: Whether p is at most the rate.
        fitting_photos: Whether each photo fits (n,): it alone would make the text fit.
        fitting_cafes: Whether each café fits (c,).
        photo_limit: z above which a photo fits.
        cafe_limit: Mean z above which a café fits.
        filtered: Whether z is that of the filtered view.
    """

    photos: np.ndarray
    cafes: np.ndarray
    p: float
    fits: bool
    fitting_photos: np.ndarray
    fitting_cafes: np.ndarray
    photo_limit: float
    cafe_limit: float
    filtered: bool = False


@dataclass(frozen=True)
class Null:
    """What unrelated texts score on some photos.

    Attributes:
        mean: Of each photo's cosines with them (n,).
        sd: And their standard deviation (n,).
        best_photo: Largest z of each text (m,), its own mean and deviation taken over the others: a text that is asked
            for is not among them either.
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
            ValueError: There are fewer than three texts, or no photo.
        """
        if len(texts) < 3 or not len(photos):
            raise ValueError("a null needs three texts and a photo at least")
        n, m = len(photos), len(texts)
        mean, sd = np.empty(n), np.empty(n)
        best = np.full(m, -np.inf)
        sizes = None if cafes is None else np.bincount(cafes)
        sums = np.zeros((0 if sizes is None else len(sizes), m))
        for where, piece in chunks.read(photos, m):
            cosine = (piece @ texts.T).astype(np.float64)
            mean[where] = cosine.mean(axis=1)
            sd[where] = np.maximum(cosine.std(axis=1, ddof=1), _LEAST_SD)
            z = _left_out((cosine - mean[where, None]) / sd[where, None])
            best = np.maximum(best, z.max(axis=0))
            if cafes is not None:
                there, present = np.unique(cafes[where], return_inverse=True)
                sums[there] += chunks.group_means(z, present) * np.bincount(present)[:, None]
        return cls(mean, sd, best, best if sizes is None else (sums / sizes[:, None]).max(axis=0))

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
        return _judged([(self, text)], photos, cafes, rate)


@dataclass(frozen=True)
class Calibration:
    """What unrelated texts score on the photos of some cafés, in both views.

    Attributes:
        photos: Unit vectors (n, d).
        cafes: Café of each, from 0 without gaps (n,).
        plain: What the texts score as they are.
        filtered: And through the filter.
        matrix: The filter (d, d).
    """

    photos: np.ndarray
    cafes: np.ndarray
    plain: Null
    filtered: Null
    matrix: np.ndarray

    @classmethod
    def of(cls, photos: np.ndarray, cafes: np.ndarray, texts: np.ndarray, matrix: np.ndarray) -> Calibration:
        """Score unrelated texts (m, d) on photos in both views; `matrix` as `matched_filter` gives it."""
        seen = filtered(texts, matrix)
        return cls(photos, cafes, Null.of(photos, cafes, texts), Null.of(photos, cafes, seen), matrix)

    def fit(self, text: np.ndarray, rate: float = FIT_RATE) -> Fit:
        """How a text (d,) fits, see `Null.fit`."""
        views = [(self.plain, text), (self.filtered, filtered(text[None], self.matrix)[0])]
        return _judged(views, self.photos, self.cafes, rate)

    def best_photos(self, fit: Fit, texts: np.ndarray) -> np.ndarray:
        """The largest z of each text (t, d) over all photos (t,), in the view that a fit was told by."""
        null, seen = (self.filtered, filtered(texts, self.matrix)) if fit.filtered else (self.plain, texts)
        return null.best_photos(self.photos, seen)


def _left_out(z: np.ndarray) -> np.ndarray:
    """z (n, m) of each text by the mean and deviation of the m - 1 others, from that by all m (Cook and Weisberg,
    "Residuals and Influence in Regression", 1982, section 2.2.1)."""
    m = z.shape[1]
    left = np.maximum((m - 1) - z**2 * m / (m - 1), _LEAST_SD)
    return np.asarray(z * (m / (m - 1)) / np.sqrt(left / (m - 2)))


def _judged(views: Sequence[tuple[Null, np.ndarray]], photos: np.ndarray, cafes: np.ndarray, rate: float) -> Fit:
    """How a text fits, seen as a vector (d,) in each view beside what unrelated texts score there."""
    seen: list[_Seen] = []
    for null, text in views:
        z = null.z(photos, text[None])[:, 0].astype(np.float64)
        means = np.bincount(cafes, z) / np.bincount(cafes)
        seen.append(_Seen(z, means, np.append(null.best_photo, z.max()), np.append(null.best_cafe, means.max())))
    counts = np.max([view.counts for view in seen], axis=0)
    p = float((counts >= counts[-1]).mean())
    # above this count are at most rate * (m + 1) of the texts
    allowed = int(np.floor(rate * len(counts)))
    limit = float(np.sort(counts)[::-1][allowed]) if allowed < len(counts) else -np.inf
    view = max(seen, key=lambda view: float(view.counts[-1]))
    (middle, unit), (cafe_middle, cafe_unit) = view.scales
    return Fit(
        photos=view.photos,
        cafes=view.cafes,
        p=p,
        fits=p <= rate,
        fitting_photos=(view.photos - middle) / unit > limit,
        fitting_cafes=(view.cafes - cafe_middle) / cafe_unit > limit,
        photo_limit=middle + limit * unit,
        cafe_limit=cafe_middle + limit * cafe_unit,
        filtered=view is not seen[0],
    )


@dataclass(frozen=True)
class _Seen:
    """A text in one view: z (n,) and mean z (c,), and the largest of each of the m others and this one (m + 1,)."""

    photos: np.ndarray
    cafes: np.ndarray
    best_photo: np.ndarray
    best_cafe: np.ndarray

    @cached_property
    def scales(self) -> list[tuple[float, float]]:
        """Median and median absolute deviation of the best photo's, and of the best café's."""
        middles = [(best, float(np.median(best))) for best in (self.best_photo, self.best_cafe)]
        return [(middle, max(float(np.median(abs(best - middle))), _LEAST_SD)) for best, middle in middles]

    @cached_property
    def counts(self) -> np.ndarray:
        """What each text counts by (m + 1,)."""
        both = zip((self.best_photo, self.best_cafe), self.scales, strict=True)
        return np.max([(best - middle) / unit for best, (middle, unit) in both], axis=0)

"""Scores against unrelated texts, and the filter: by hand, by a second implementation, at the rate that is stated."""

import numpy as np
import pytest

from cafemood.words.calibration import Calibration, Null
from cafemood.words.filtering import PHOTOS_WEIGHT, filtered, matched_filter


def naive(photos, cafes, views, rate):
    """The same with loops, from the definition; each view: the unrelated texts, and the text that is asked for."""
    best, seen = [], []
    for unrelated, text in views:
        texts = [*unrelated, text]
        z = np.empty((len(photos), len(texts)))
        for i, photo in enumerate(photos.astype(np.float64)):
            cosines = np.array([photo @ t for t in unrelated])
            for j, t in enumerate(texts):
                others = np.delete(cosines, j) if j < len(unrelated) else cosines
                z[i, j] = (photo @ t - others.mean()) / others.std(ddof=1)
        means = np.array([[z[cafes == c, j].mean() for j in range(len(texts))] for c in range(cafes.max() + 1)])
        found = []
        for rows in (z, means):
            top = rows.max(axis=0)
            middle = np.median(top)
            unit = np.median(abs(top - middle))
            best.append((top - middle) / unit)
            found.append((rows[:, -1], (rows[:, -1] - middle) / unit))
        seen.append(found)
    counts = np.max(best, axis=0)
    p = sum(count >= counts[-1] for count in counts) / len(counts)
    limit = sorted(counts, reverse=True)[int(rate * len(counts))]
    view = 0 if max(best[0][-1], best[1][-1]) >= counts[-1] else 1
    (z, own), (means, of_cafes) = seen[view]
    return z, means, p, own > limit, of_cafes > limit, bool(view)


def test_a_second_implementation_agrees(drawn):
    photos, cafes, texts, unrelated = drawn
    matrix = matched_filter(photos, texts)
    both = Calibration.of(photos, cafes, unrelated, matrix)
    views = set()
    for text in texts[:12]:
        plain = naive(photos, cafes, [(unrelated, text)], 0.05)
        seen = filtered(np.vstack([unrelated, text]), matrix)
        two = naive(photos, cafes, [(unrelated, text), (seen[:-1], seen[-1])], 0.05)
        for found, (z, means, p, fitting, of_cafes, view) in (
            (Null.of(photos, cafes, unrelated).fit(photos, cafes, text, 0.05), plain),
            (both.fit(text, 0.05), two),
        ):
            np.testing.assert_allclose(found.photos, z, atol=5e-4)
            np.testing.assert_allclose(found.cafes, means, atol=5e-4)
            assert found.p == pytest.approx(p, abs=1e-12)
            assert found.fits == (p <= 0.05)
            assert found.fitting_photos.tolist() == fitting.tolist()
            assert found.fitting_cafes.tolist() == of_cafes.tolist()
            assert found.filtered == view
        views.add(view)
        best = both.best_photos(both.fit(text), text[None])
        np.testing.assert_allclose(best, both.fit(text).photos.max(), atol=1e-4)
    assert views == {False, True}


def test_by_hand():
    """One photo, four unrelated texts of cosine 0, 0, 0.3, -0.3: mean 0, sd sqrt(0.18 / 3)."""
    photo = np.array([[1.0, 0, 0]], np.float32)
    rest = np.sqrt(1 - 0.3**2)
    unrelated = np.array([[0, 1, 0], [0, 0, 1], [0.3, rest, 0], [-0.3, rest, 0]], np.float32)
    null = Null.of(photo, np.array([0]), unrelated)
    sd = np.sqrt(0.06)
    assert (null.mean[0], null.sd[0]) == pytest.approx((0, sd), abs=1e-6)
    found = null.fit(photo, np.array([0]), np.array([0.6, 0.8, 0], np.float32), rate=0.2)
    assert found.photos[0] == pytest.approx(0.6 / sd, abs=1e-5)
    assert (found.p, found.fits) == (0.2, True)  # better than all four: 1 of 5
    assert found.fitting_photos.tolist() == found.fitting_cafes.tolist() == [True]
    # of 5, one may be above: more than the best of the others, 0.3 beside 0, 0, -0.3 (mean -0.1, sd sqrt(0.03))
    np.testing.assert_allclose(null.best_photo, [0, 0, 0.4 / np.sqrt(0.03), -0.4 / np.sqrt(0.03)], atol=1e-5)
    assert found.photo_limit == pytest.approx(0.4 / np.sqrt(0.03), abs=1e-5)
    assert not null.fit(photo, np.array([0]), np.array([0.6, 0.8, 0], np.float32), rate=0.19).fits


def test_the_filter_by_hand():
    """Two photos along the first axis, one word along the second; the third is free of clutter."""
    photos = np.array([[1.0, 0, 0], [-1, 0, 0]], np.float32)
    words = np.array([[0, 1.0, 0], [0, -1, 0]], np.float32)
    # squares of each 2, mean variance 2 / 3: clutter 3
    matrix = matched_filter(photos, words)
    np.testing.assert_allclose(matrix, np.diag([1 / (1 + PHOTOS_WEIGHT * 3), 1 / 4, 1]), atol=1e-6)
    np.testing.assert_allclose(filtered(np.array([[0, 0.6, 0.8]]), matrix)[0], np.array([0, 0.15, 0.8]) / 0.81394, 1e-4)
    assert np.isfinite(matched_filter(photos[:1], words[:1])).all()


def test_what_is_there_fits_and_only_where_it_is(drawn):
    photos, cafes, texts, unrelated = drawn
    calibration = Calibration.of(photos, cafes, unrelated, matched_filter(photos, texts))
    found = calibration.fit(texts[0], 0.05)
    assert found.fits
    assert {0} < set(np.flatnonzero(found.fitting_cafes)) <= {0, 1, 2}
    assert set(cafes[found.fitting_photos]) <= {0, 1, 2}


def test_a_text_fits_exactly_where_a_photo_or_a_cafe_reaches_its_limit(drawn):
    photos, cafes, texts, unrelated = drawn
    calibration = Calibration.of(photos, cafes, unrelated, matched_filter(photos, texts))
    for rate in (0.001, 0.05, 0.2, 0.5):
        for text in texts:
            found = calibration.fit(text, rate)
            assert (found.fitting_photos.any() or found.fitting_cafes.any()) == found.fits


def test_one_more_unrelated_text_fits_at_the_rate(drawn):
    """Over all ways to take one of the texts as the one asked for, at most the rate: exactly what is promised."""
    photos, cafes, words, unrelated = drawn
    matrix = matched_filter(photos, words)
    for rate in (0.05, 0.25):
        fits = [
            Calibration.of(photos, cafes, np.delete(unrelated, i, axis=0), matrix).fit(unrelated[i], rate).fits
            for i in range(60)
        ]
        # 60 of 200, so a binomial error on top
        assert np.mean(fits) <= rate + 3 * np.sqrt(rate * (1 - rate) / 60)
        assert rate < 0.1 or np.mean(fits) > 0


def test_too_few_texts_to_reach_the_rate_fit_nothing(drawn):
    photos, cafes, texts, unrelated = drawn
    assert not Null.of(photos, cafes, unrelated[:10]).fit(photos, cafes, texts[0]).fits  # 1 of 11 is over 5 %
    with pytest.raises(ValueError, match="three texts"):
        Null.of(photos, cafes, unrelated[:1])


def test_photos_that_are_all_the_same_are_no_error(drawn):
    photos, cafes, texts, unrelated = drawn
    same = np.repeat(photos[:1], 60, axis=0)
    found = Null.of(same, cafes, unrelated).fit(same, cafes, texts[0])
    assert np.isfinite(found.photos).all()
    assert np.ptp(found.photos) < 1e-6


def test_without_cafes_every_photo_is_its_own(drawn):
    photos, _, texts, unrelated = drawn
    alone, each = Null.of(photos, None, unrelated), Null.of(photos, np.arange(60), unrelated)
    np.testing.assert_allclose(alone.best_cafe, each.best_cafe, atol=1e-4)
    means = alone.group_means(photos, np.arange(60) // 20, texts)
    np.testing.assert_allclose(means, alone.z(photos, texts).reshape(3, 20, -1).mean(axis=1), atol=1e-4)


def test_pieces_give_what_the_whole_gives(drawn):
    from sklearn import config_context

    photos, cafes, texts, unrelated = drawn
    whole = Null.of(photos, cafes, unrelated)
    with config_context(working_memory=0):
        pieces = Null.of(photos.astype(np.float16), cafes, unrelated)
    np.testing.assert_allclose(pieces.best_photo, whole.best_photo, atol=0.05)
    np.testing.assert_allclose(pieces.best_cafe, whole.best_cafe, atol=0.05)
    np.testing.assert_allclose(whole.best_photos(photos, texts), whole.z(photos, texts).max(axis=0), atol=1e-5)
    np.testing.assert_allclose(whole.z(photos, texts)[:, 3], whole.fit(photos, cafes, texts[3]).photos, atol=1e-4)

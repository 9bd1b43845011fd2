"""Scores against unrelated texts: worked by hand, by a second implementation, and at the rate that is stated."""

import numpy as np
import pytest

from cafemood.words.calibration import Null


def naive(photos, cafes, unrelated, text):
    """The same with loops, from the definition."""
    texts = [*unrelated, text]
    z = np.empty((len(photos), len(texts)))
    for i, photo in enumerate(photos.astype(np.float64)):
        cosines = np.array([photo @ t for t in unrelated])
        z[i] = [(photo @ t - cosines.mean()) / cosines.std(ddof=1) for t in texts]
    best = z.max(axis=0)
    cafe = np.array([[z[cafes == c, j].mean() for j in range(len(texts))] for c in range(cafes.max() + 1)]).max(axis=0)
    ranks = [max((best <= best[j]).sum(), (cafe <= cafe[j]).sum()) for j in range(len(texts))]
    return z[:, -1], sum(rank >= ranks[-1] for rank in ranks) / len(texts)


def test_a_second_implementation_agrees(drawn):
    photos, cafes, texts, unrelated = drawn
    null = Null.of(photos, cafes, unrelated)
    for text in texts[:6]:
        z, p = naive(photos, cafes, unrelated, text)
        found = null.fit(photos, cafes, text)
        np.testing.assert_allclose(found.photos, z, atol=2e-4)
        np.testing.assert_allclose(found.cafes, [z[cafes == c].mean() for c in range(12)], atol=2e-4)
        assert found.p == pytest.approx(p, abs=1e-12)
        assert found.fits == (p <= 0.05)


def test_by_hand():
    """One photo, four unrelated texts of cosine 0, 0, 0.3, -0.3: mean 0, sd sqrt(0.18 / 3)."""
    photo = np.array([[1.0, 0, 0]], np.float32)
    rest = np.sqrt(1 - 0.3**2)
    unrelated = np.array([[0, 1, 0], [0, 0, 1], [0.3, rest, 0], [-0.3, rest, 0]], np.float32)
    null = Null.of(photo, np.array([0]), unrelated)
    assert (null.mean[0], null.sd[0]) == pytest.approx((0, np.sqrt(0.06)), abs=1e-6)
    found = null.fit(photo, np.array([0]), np.array([0.6, 0.8, 0], np.float32), rate=0.2)
    assert found.photos[0] == pytest.approx(0.6 / np.sqrt(0.06), abs=1e-5)
    assert (found.p, found.fits) == (0.2, True)  # better than all four: 1 of 5
    assert found.photo_limit == pytest.approx(
        0.3 / np.sqrt(0.06), abs=1e-5
    )  # of 5, one may reach it: more than the best
    assert not null.fit(photo, np.array([0]), np.array([0.6, 0.8, 0], np.float32), rate=0.19).fits


def test_what_is_there_fits_and_only_where_it_is(drawn):
    photos, cafes, texts, unrelated = drawn
    null = Null.of(photos, cafes, unrelated)
    found = null.fit(photos, cafes, texts[0])
    assert found.fits
    assert set(np.flatnonzero(found.fitting_cafes)) == {0, 1, 2}
    assert set(cafes[found.fitting_photos]) == {0, 1, 2}
    nothing = null.fit(photos, cafes, unrelated[0])
    assert nothing.fits or not (nothing.fitting_photos.any() or nothing.fitting_cafes.any())


def test_a_text_fits_exactly_where_a_photo_or_a_cafe_reaches_its_limit(drawn):
    photos, cafes, texts, unrelated = drawn
    null = Null.of(photos, cafes, unrelated)
    for rate in (0.05, 0.2, 0.5):
        for text in texts:
            found = null.fit(photos, cafes, text, rate)
            reached = (found.photos >= found.photo_limit).any() or (found.cafes >= found.cafe_limit).any()
            assert reached == found.fits


def test_one_more_unrelated_text_fits_at_the_rate(drawn):
    """Over all ways to take one of the texts as the one asked for, at most the rate: exactly what is promised."""
    photos, cafes, _, unrelated = drawn
    for rate in (0.05, 0.25):
        fits = [
            Null.of(photos, cafes, np.delete(unrelated, i, axis=0)).fit(photos, cafes, unrelated[i], rate).fits
            for i in range(60)
        ]
        # 60 of 200, so a binomial error on top
        assert np.mean(fits) <= rate + 3 * np.sqrt(rate * (1 - rate) / 60)
        assert rate < 0.1 or np.mean(fits) > 0


def test_too_few_texts_to_reach_the_rate_fit_nothing(drawn):
    photos, cafes, texts, unrelated = drawn
    assert not Null.of(photos, cafes, unrelated[:10]).fit(photos, cafes, texts[0]).fits  # 1 of 11 is over 5 %
    with pytest.raises(ValueError, match="two texts"):
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

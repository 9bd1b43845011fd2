"""Names: what sets a group apart and is beyond chance, else none."""

import numpy as np
import pytest
from scipy import stats

from cafemood.words.calibration import Null
from cafemood.words.naming import limit_of, names_of

KINDS = [f"kind{i}" for i in range(40)]


def named(photos, groups, texts, unrelated, kinds=KINDS, **options):
    null = Null.of(photos, np.arange(len(photos)), unrelated)
    return names_of(null, photos, groups, texts, unrelated, kinds, **options)


def test_a_group_is_named_by_what_it_alone_shows(drawn):
    photos, cafes, texts, unrelated = drawn
    first, second = named(photos, (cafes >= 3).astype(int), texts, unrelated)
    assert [word.word for word in first] == [0]
    assert second == []  # that it lacks something is no name


def test_how_far_is_the_distance_from_what_unrelated_texts_do(drawn):
    photos, cafes, texts, unrelated = drawn
    groups = (cafes >= 3).astype(int)
    null = Null.of(photos, np.arange(60), unrelated)
    z, others = null.z(photos, texts[:1])[:, 0], null.z(photos, unrelated)
    apart = z[groups == 0].mean() - z[groups == 1].mean()
    chance = others[groups == 0].mean(axis=0) - others[groups == 1].mean(axis=0)
    (word, *_), _ = named(photos, groups, texts, unrelated)
    assert word.apart == pytest.approx((apart - chance.mean()) / chance.std(ddof=1), abs=1e-3)


def test_groups_that_mean_nothing_have_no_name(drawn):
    photos, _, texts, unrelated = drawn
    groups = np.random.default_rng(1).integers(0, 3, 60)
    assert named(photos, groups, texts, unrelated) == [[], [], []]


def test_what_every_photo_shows_names_nobody(drawn):
    photos, cafes, texts, unrelated = drawn
    everywhere = photos + 0.6 * texts[7]
    everywhere /= np.linalg.norm(everywhere, axis=1, keepdims=True)
    words = [word.word for mood in named(everywhere, (cafes >= 3).astype(int), texts, unrelated) for word in mood]
    assert 7 not in words


def test_one_word_of_a_kind(drawn):
    photos, cafes, texts, unrelated = drawn
    twins = np.concatenate([texts[:1], texts])
    kinds = ["light", "light", *KINDS[1:]]
    (first, _) = named(photos, (cafes >= 3).astype(int), twins, unrelated, kinds)
    assert len(first) == 1
    assert len(named(photos, (cafes >= 3).astype(int), twins, unrelated, ["a", *KINDS])[0]) == 2


def test_one_group_and_empty_groups_have_no_name(drawn):
    photos, cafes, texts, unrelated = drawn
    assert named(photos, np.zeros(60, int), texts, unrelated) == [[]]
    found = named(photos, np.where(cafes < 3, 3, 1), texts, unrelated, n_groups=5)
    assert [bool(words) for words in found] == [False, False, False, True, False]


def test_the_limit_is_that_of_one_more_draw():
    """Of draws beyond the limit of m others there are as many as asked for."""
    rng, m, p = np.random.default_rng(0), 30, 0.05
    draws = rng.normal(size=(20_000, m + 1))
    others = draws[:, :m]
    far = (draws[:, m] - others.mean(axis=1)) / others.std(axis=1, ddof=1)
    share = (far > limit_of(m, p)).mean()
    assert share == pytest.approx(p, abs=3 * np.sqrt(p * (1 - p) / 20_000))
    assert limit_of(10**7, p) == pytest.approx(stats.norm.isf(p), abs=1e-5)

"""Questions and places: what is asked, and what a space of cafés gives to a taste."""

import numpy as np
import pytest

from cafemood.cafes import preference
from cafemood.cafes.places import places_of, with_looks
from cafemood.cafes.smooth_prior import SmoothPrior
from cafemood.errors import TasteError
from cafemood.taste import questions


def made(n=60, photos=5, seed=0):
    rng = np.random.default_rng(seed)
    centers = 2 * rng.normal(size=(n, 3))
    of = np.repeat(np.arange(n), photos)
    rows = centers[of] + rng.normal(size=(len(of), 3))
    return centers, rows.astype(np.float32), of


def test_features_are_those_of_the_kernel():
    points = np.random.default_rng(0).normal(size=(30, 2))
    prior = SmoothPrior(n_features=30).fit(points)
    spread = np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean())
    squares = ((points[:, None] - points[None]) ** 2).sum(axis=-1) / spread**2
    kernel = np.exp(-squares / (2 * 0.8**2))
    away = np.eye(30) - 1 / 30
    kernel = away @ kernel @ away
    assert prior.features_ @ prior.features_.T == pytest.approx(kernel / np.trace(kernel) * 30, abs=1e-4)
    assert prior.of(points) == pytest.approx(prior.features_, abs=1e-9)
    assert prior.features_.mean(axis=0) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("points", [np.zeros((1, 3)), np.ones((5, 3)), np.zeros((0, 3))])
def test_a_single_cafe_and_equal_ones_are_refused(points):
    with pytest.raises(TasteError, match="differ"):
        SmoothPrior().fit(points)


def test_two_cafes_are_enough():
    places = places_of(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0, 1]))
    taste = preference.fit([preference.Choice(places.evidence, 1)], places.features.shape[1])
    assert taste.utilities(places.features).argmax() == 1
    assert questions.next_question(places.features, places.evidence, taste, [], seed=0) == [0, 1]


def test_the_most_typical_photo_is_nearest_to_its_cafe():
    _, rows, of = made()
    places = places_of(rows, of)
    assert places.name.startswith("cafe")
    assert [sorted(photos) for photos in places.typical] == np.arange(300).reshape(60, 5).tolist()


def test_missing_looks_count_as_the_mean():
    looks = np.array([[1.0, 5.0], [3.0, 5.0], [np.nan, 5.0]])
    assert with_looks(np.zeros((3, 2)), looks) == pytest.approx(
        np.array([[0, 0, -0.1, 0], [0, 0, 0.1, 0], [0, 0, 0, 0]]), abs=1e-7
    )


def test_value_by_hand():
    # two samples, two cafés; photos that tell the samples apart by their answers with certainty
    liked = np.array([[1.0, 0.0], [0.0, 1.0]])
    sure = np.array([[50.0, -50.0], [-50.0, 50.0]])
    # n = 2 of 2 cafés count: the mean is 0.5 whatever is known
    assert questions.value(liked, sure, 0.0) == pytest.approx(0.5)
    many = np.vstack([np.tile([1.0, 0.0], (10, 1)), np.tile([0.0, 1.0], (10, 1))])
    assert questions.value(many, sure, 0.0) == pytest.approx(1.0)  # ten of the right side
    assert questions.value(many, np.zeros((2, 2)), 0.0) == pytest.approx(0.5)  # an answer that says nothing


def test_questions_are_of_different_new_cafes_and_equal_by_seed():
    _, rows, of = made()
    places, seen = places_of(rows, of), set()
    taste = preference.fit([], places.features.shape[1])
    for number in range(15):
        asked = questions.next_question(places.features, places.evidence, taste, seen, seed=number, unable=[3])
        assert len(set(asked)) == 4
        assert 3 not in asked
        again = questions.next_question(places.features, places.evidence, taste, seen, seed=number, unable=[3])
        assert asked == again
        assert number >= 14 or not seen & set(asked)  # 59 cafés: fourteen questions without one twice
        seen |= set(asked)


def test_ten_chosen_questions_find_the_cafes():
    centers, rows, of = made()
    places, choices, seen = places_of(rows, of), [], []
    liked = centers @ np.array([1.0, -0.5, 0.2])
    taste = preference.fit(choices, places.features.shape[1])
    for number in range(10):
        asked = questions.next_question(places.features, places.evidence, taste, seen, seed=number)
        choices.append(preference.Choice(places.evidence[asked], int(liked[asked].argmax())))
        seen += asked
        taste = preference.fit(choices, places.features.shape[1])
    best = np.argsort(-taste.utilities(places.features))[:10]
    assert liked[best].mean() > np.quantile(liked, 0.85)

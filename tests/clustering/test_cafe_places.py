"""Cafés as rows: the place that photos tell, and how far few photos leave it open."""

import numpy as np
import pytest
from scipy.stats import norm

from cafemood.clustering import DEC, CafeReduction, KMeans
from cafemood.clustering.cafe_places import CafePlaces, PlaceModel, carried, check_cafes
from cafemood.clustering.stored import assign_reduced
from cafemood.errors import ClusteringError


def test_a_place_by_hand():
    # of photos 1 and 3 (ratio 2: a photo's coordinate is 2/3 of z, so z = 1.5 and 4.5, their mean 3):
    # 2 · 2 / (1 + 2 · 2) · 3 = 2.4, variance 2 / 5
    model = PlaceModel.of(np.array([[1.0], [3.0]]), np.array([0, 0]), np.array([2.0]))
    place, deviation = model.places(np.array([[2.0]]), np.array([2]))
    assert place[0, 0] == pytest.approx(2.4)
    assert deviation[0, 0] == pytest.approx(0.4**0.5)


def test_in_another_space_the_place_is_the_mean_and_the_spread_is_pooled():
    # within: (1 + 1 + 4 + 4) / (3 + ... ) -> squares 2 of the first café (1 freedom), 8 of the second (1 freedom)
    z, cafes = np.array([[0.0], [2.0], [10.0], [14.0], [5.0]], np.float32), ["ㄱ", "ㄱ", "ㄴ", "ㄴ", "ㄷ"]
    places = CafePlaces.of(z, cafes)
    assert list(places.names) == ["ㄱ", "ㄴ", "ㄷ"]
    assert list(places.n_photos) == [2, 2, 1]
    assert places.rows.ravel().tolist() == [1, 12, 5]
    assert places.deviations.ravel() == pytest.approx(np.sqrt([5 / 2, 5 / 2, 5]))
    assert places.means(np.arange(5.0)[:, None]).ravel().tolist() == [0.5, 2.5, 4]


def test_photos_count_as_much_as_they_show():
    z, cafes = np.array([[0.0], [4.0], [1.0], [3.0]], np.float32), list("aabb")
    places = CafePlaces.of(z, cafes, weights=np.array([0.75, 0.25, 0.5, 0.5]))
    assert places.rows.ravel() == pytest.approx([1, 2])
    # (1)² / (0.5625 + 0.0625) = 1.6 photos, and 2; within: (8 + 2) / 2
    assert places.deviations.ravel() == pytest.approx(np.sqrt([5 / 1.6, 5 / 2]))
    alike = CafePlaces.of(z, cafes, weights=np.full(4, 0.3))
    assert alike.rows == pytest.approx(CafePlaces.of(z, cafes).rows)
    assert alike.deviations == pytest.approx(CafePlaces.of(z, cafes).deviations)


def test_its_guess_is_that_of_the_reduction():
    rng = np.random.default_rng(0)
    ids = np.repeat(np.arange(12), 3)
    x = (rng.normal(size=(12, 5))[ids] * 2 + rng.normal(size=(36, 5))).astype(np.float32)
    reduction = CafeReduction(n_components=2).fit(x, list(ids))
    y = reduction.transform(x)
    places = CafePlaces.of(y, [f"{i:02d}" for i in ids], reduction.ratios_)
    means = np.stack([y[ids == i].mean(axis=0) for i in range(12)])
    np.testing.assert_allclose(places.rows, means * reduction.weights(np.full(12, 3)), rtol=1e-5)


def test_the_chance_of_a_group_is_the_normal_distributions():
    places = CafePlaces.of(np.array([[-3.0], [-2.0], [0.2], [1.2], [8.0]], np.float32), ["1", "1", "2", "2", "3"])
    sd = float(places.deviations[1, 0])

    def predict_proba(rows):
        return np.column_stack([rows[:, 0] < 0, rows[:, 0] >= 0]).astype(float)

    chances = places.certainty(predict_proba)
    assert chances.sum(axis=1) == pytest.approx(1)
    assert chances[1, 1] == pytest.approx(norm.cdf(0.7 / sd), abs=0.07)
    assert chances[2, 1] == 1


def test_photos_of_one_a_cafe_leave_the_chance_unknown():
    places = CafePlaces.of(np.arange(4.0)[:, None].astype(np.float32), list("abcd"))
    assert np.isnan(places.deviations).all()
    assert np.isnan(places.certainty(lambda rows: np.ones((len(rows), 2)))).all()


@pytest.mark.parametrize("ratios", [None, np.array([2.0, 1.0])])
def test_what_is_stored_gives_the_same_places(ratios):
    rng = np.random.default_rng(0)
    places = CafePlaces.of(rng.normal(size=(9, 2)).astype(np.float32), list("aaabbbccc"), ratios)
    again = PlaceModel.from_tensors(places.model.tensors())
    means, n = rng.normal(size=(3, 2)), np.array([1, 2, 30])
    for one, other in zip(places.model.places(means, n), again.places(means, n), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize("method", [KMeans(2), DEC(2, pretrain_epochs=1, pretrain_min_steps=2, max_updates=1)])
def test_photos_carry_the_group_of_their_cafe(method):
    rng = np.random.default_rng(0)
    ids = np.repeat(np.arange(10), 4)
    z = ((ids % 2)[:, None] * 6 + rng.normal(size=(40, 3)) * 2).astype(np.float32)
    places = CafePlaces.of(z, [str(i) for i in ids])
    method.fit(places.rows)
    photos, columns = carried(places, method.clustering(places.rows), method, z)
    assert (photos.labels == method.labels_[ids]).all()
    assert (photos.probabilities == method.probabilities_[ids]).all()
    assert len(photos.embedding) == 40
    assert columns["alone"].tolist() == method.predict(z).tolist()
    assert ((columns["certainty"] >= 0) & (columns["certainty"] <= 1)).all()
    tensors = {"centers": photos.centers} | photos.tensors
    assert "cafe.within" in tensors
    again = assign_reduced(places.rows, tensors, method.name)[0]
    assert again.argmax(axis=1).tolist() == method.labels_.tolist()


@pytest.mark.parametrize(
    ("cafes", "k", "why"),
    [(None, 2, "no café ids"), (["1", "1"], 2, "1 café"), (list("ab"), 3, "2 cafés"), (list("ab"), "auto", "2 cafés")],
)
def test_cafes_that_cannot_be_grouped_are_refused(cafes, k, why):
    with pytest.raises(ClusteringError) as error:
        check_cafes(cafes, k)
    assert error.value.where == "unit=cafe"
    assert why in error.value.why
    check_cafes(list("abc"), 3)

"""How much place photos show: each evidence alone, what neighbours add, and nothing where nothing tells."""

import numpy as np
import pytest

from cafemood.backbones.places365 import scene_categories, scene_is_indoor
from cafemood.data.place_signs import LIMIT, NAMES
from cafemood.evaluation import place
from cafemood.evaluation.place import Said, tell

ROOM = dict.fromkeys(NAMES, 0.0) | {"border": 0.3}


def signs_of(n, **given):
    """Rows of pictures without a sign, but for the columns that are given."""
    return np.column_stack([np.broadcast_to(given.get(name, ROOM[name]), n) for name in NAMES]).astype(float)


def collection(seed=0, n_cafes=30, rooms=8, cups=2):
    """Cafés that have photos of rooms and of cups: two clouds in the features, in which a café is a place of its own.

    Returns:
        Features, cafés, and whether each photo shows a cup.
    """
    rng = np.random.default_rng(seed)
    cup = np.tile(np.arange(rooms + cups) >= rooms, n_cafes)
    cafes = np.repeat(np.arange(n_cafes), rooms + cups)
    x = rng.normal(0, 1, (len(cup), 12)) + 2 * rng.normal(0, 1, (n_cafes, 12))[cafes]
    x[:, 0] += 40 * cup
    return x.astype(np.float32), [str(c) for c in cafes], cup


def test_signs_alone():
    told = tell(np.zeros((3, 2)), signs=signs_of(3, text=[0.0, 0.27, 0.9]))
    assert told.told_by == ("signs",)
    assert told.none.tolist() == [False, True, True]
    assert told.scores[0] > 0.9 > 0.5 > told.scores[1] > told.scores[2]
    assert [bool(reason) for reason in told.reasons] == [False, True, True]
    assert "text" in told.reasons[1]


def test_words_tell_what_has_no_sign_and_clear_what_has_a_weak_one():
    """Log-odds by hand: a text of 0.27 is 0.2 for no place, of 0.9 at most 7; words for a place take 3.9 off."""
    said = Said(np.array([5.0, -6.0, -6.0, -1.0, np.nan]), ("menu, by words",) * 5)
    told = tell(np.zeros((5, 2)), signs=signs_of(5, text=[0.0, 0.27, 0.9, 0.27, 0.27]), words=said)
    assert told.told_by == ("words", "signs")
    assert told.none.tolist() == [True, False, True, False, True]
    odds = [5, 0.2 - 3.9, 7 - 3.9, 0.2 - 1, 0.2]
    np.testing.assert_allclose(told.scores, 1 / (1 + np.exp(odds)), atol=2e-3)
    assert told.reasons[0] == "menu, by words"
    assert all("text" in told.reasons[i] for i in (2, 4))
    assert tell(np.zeros((1, 2)), words=Said(np.array([2.0]), ("menu, by words",))).none.tolist() == [True]
    nothing = tell(np.zeros((2, 2)), words=Said(np.full(2, np.nan), ("",) * 2))
    assert nothing.told_by == ()


def test_neighbours_find_what_has_no_sign_itself_and_clear_what_has_one_by_chance():
    x, cafes, cup = collection()
    rng = np.random.default_rng(1)
    has_sign = (cup & (rng.random(len(cup)) < 0.6)) | (~cup & (rng.random(len(cup)) < 0.02))
    told = tell(x, signs=signs_of(len(x), text=np.where(has_sign, 0.35, 0.1)), cafes=cafes)
    assert "neighbours" in told.told_by
    assert told.none[cup].mean() > 0.8 > has_sign[cup].mean()
    assert told.none[~cup].mean() == 0 < has_sign[~cup].mean()
    alike = {reason for reason, one in zip(told.reasons, cup & ~has_sign, strict=True) if one}
    assert any("like photos of other" in reason for reason in alike)


def test_neighbours_are_not_asked_where_they_know_nothing():
    x, cafes, _ = collection()
    has_sign = np.random.default_rng(2).random(len(x)) < 0.1  # anywhere
    told = tell(x, signs=signs_of(len(x), text=np.where(has_sign, 0.35, 0.1)), cafes=cafes)
    assert "neighbours" not in told.told_by
    assert np.array_equal(["text" in reason for reason in told.reasons], has_sign)


def test_a_strong_sign_counts_though_no_neighbour_has_one():
    x, cafes, cup = collection()
    text = np.where(cup, 0.35, 0.1)
    text[0] = 0.9  # a receipt among the rooms
    assert tell(x, signs=signs_of(len(x), text=text), cafes=cafes).none[0]


def test_an_oddity_is_far_from_its_own_cafe_too():
    x, cafes, _ = collection(cups=0)
    x[5] += 60  # one photo of café 0
    odd = np.flatnonzero(np.array(cafes) == "9")
    x[odd] -= 60  # a whole café unlike the others
    told = tell(x, cafes=cafes)
    assert told.told_by == ("distance",)
    assert np.flatnonzero(told.none).tolist() == [5]


def test_the_own_cafe_is_no_neighbour():
    """Else the cups of one café that has many would vouch for each other."""
    x, cafes, _ = collection(cups=0)
    own = np.array(cafes) == "3"
    x[own, 1] += 40
    near = place._neighbours(x, np.arange(len(x)), np.unique(cafes, return_inverse=True)[1])
    assert not own[near.rows[own]].any()
    assert near.rows.shape == (len(x), place.N_NEIGHBOURS)


def test_neighbours_agree_with_distances_worked_out_one_by_one():
    x, cafes, _ = collection(n_cafes=9)
    ids = np.unique(cafes, return_inverse=True)[1]
    near = place._neighbours(x, np.arange(len(x)), ids)
    for i in (0, 17, 61):
        far = np.linalg.norm(x - x[i], axis=1)  # 12 columns: the principal components keep distances
        others = np.sort(far[ids != ids[i]])[: place.N_NEIGHBOURS]
        mates = (ids == ids[i]) & (np.arange(len(x)) != i)
        assert near.others[i] == pytest.approx(others.mean(), rel=1e-3)
        assert near.own[i] == pytest.approx(far[mates].min(), rel=1e-3)


def scenes(*mixtures):
    """Probabilities of scenes: each row a share of indoor categories among its ten, all alike."""
    inside = np.array([scene_is_indoor()[name] for name in scene_categories()])
    rows = np.zeros((len(mixtures), len(inside)))
    for row, n_indoor in zip(rows, mixtures, strict=True):
        row[np.flatnonzero(inside)[:n_indoor]] = row[np.flatnonzero(~inside)[: 10 - n_indoor]] = 0.1
    return rows


def test_scenes_vote_indoors_or_not():
    told = tell(np.zeros((3, 365)), scenes=scenes(9, 5, 2))
    assert told.told_by == ("scenes",)
    assert told.none.tolist() == [False, False, True]  # a half is indoors, as in the authors' demo


def test_outputs_without_a_scene():
    even = np.full((1, 365), 1 / 365)  # entropy: ln 365
    told = tell(np.zeros((2, 365)), scenes=np.concatenate([even, scenes(9)]))
    assert told.none.tolist() == [True, False]
    assert "entropy" in told.reasons[0]


def test_the_strongest_evidence_decides_and_is_named():
    told = tell(np.zeros((1, 365)), scenes=scenes(2), signs=signs_of(1, text=0.8))
    assert "text" in told.reasons[0]
    assert told.facts() == {
        "told_by": ["scenes", "signs"], "n_photos": 1, "n_none": 1, "n_unknown": 0,
        "reasons": {told.reasons[0]: 1},
    }  # fmt: skip


def test_nothing_is_guessed_where_nothing_tells():
    told = tell(np.random.default_rng(0).normal(size=(200, 8)))
    assert told.told_by == ()
    assert np.isnan(told.scores).all()
    assert not told.none.any()
    assert told.facts()["n_unknown"] == 200


def test_a_picture_that_cannot_be_read_is_not_guessed():
    rows = signs_of(3, text=0.9)
    rows[1] = np.nan
    told = tell(np.zeros((3, 2)), signs=rows)
    assert np.isnan(told.scores).tolist() == [False, True, False]
    assert told.none.tolist() == [True, False, True]


@pytest.mark.parametrize(("n_cafes", "rooms"), [(30, 1), (5, 40)])
def test_few_photos_or_cafes_are_no_neighbours(n_cafes, rooms):
    x, cafes, _ = collection(n_cafes=n_cafes, rooms=rooms, cups=0)
    assert tell(x, cafes=cafes).told_by == ()


def test_of_many_photos_neighbours_are_looked_for_among_a_sample(monkeypatch):
    x, cafes, cup = collection(n_cafes=60)
    monkeypatch.setattr(place, "MOST_OTHERS", 300)
    told = tell(x, signs=signs_of(len(x), text=np.where(cup, 0.35, 0.1)), cafes=cafes)
    assert np.array_equal(told.none, cup)
    assert LIMIT == 0.5

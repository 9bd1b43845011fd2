"""A map learnt from which of some photos people set apart."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import softmax

from cafemood.clustering.triplet_map import (
    UNTRAINED,
    Held,
    TripletMap,
    _Asked,
    cross_validated,
    odd_of,
)
from cafemood.errors import ClusteringError


def asked_by(positions, n, rng, size=3, sharpness=2.0):
    """Questions about points, and who is chosen by somebody who sees these positions; the chosen one first."""
    questions = []
    for _ in range(n):
        rows = rng.choice(len(positions), size, replace=False)
        gaps = ((positions[rows][:, None] - positions[rows][None]) ** 2).sum(-1)
        rest = np.array([np.delete(np.delete(gaps, i, 0), i, 1).sum() / ((size - 1) * (size - 2)) for i in range(size)])
        chosen = rng.choice(size, p=softmax(-sharpness * rest))
        questions.append((rows[chosen], *np.delete(rows, chosen)))
    return questions


def known(seed, n=40, q=12):
    """Features in which two directions count for people: the last ones, which vary least."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, q)) / np.arange(1, q + 1) ** 0.5
    return x, x[:, -2:] / x[:, -2:].std(0), rng


def folds(questions, n, rng):
    fold = rng.permutation(n) % 4
    held = [np.array([(fold[list(q)] == f).sum() for q in questions]) for f in range(4)]
    return [(np.flatnonzero(count == 0), np.flatnonzero(count >= 2)) for count in held]


def test_the_odd_one_by_hand():
    assert odd_of(np.array([[0.0], [0.1], [5.0]])) == 2
    assert odd_of(np.array([[9.0], [0.0], [0.1], [0.3]])) == 0


def test_the_loss_of_one_question_by_hand():
    x = np.array([[0.0], [1.0], [3.0]])
    # without the first 4 apart, without the second 9, without the third 1
    chances = softmax([-4.0, -9.0, -1.0])
    assert _Asked(x, [(2, 0, 1)]).loss(np.eye(1))[0] == pytest.approx(-np.log(chances[2]))
    assert _Asked(x, [(2, 0, 1), (0, 1, 2)]).loss(np.eye(1))[0] == pytest.approx(-np.log(chances[[2, 0]]).mean())


@pytest.mark.parametrize("size", [3, 4, 5])
def test_the_gradient_is_that_of_the_loss(size):
    x, seen, rng = known(1, q=4)
    asked = _Asked(x, asked_by(seen, 30, rng, size))

    def loss(flat):
        return asked.loss(flat.reshape(4, 4))[0]

    def gradient(flat):
        return asked.loss(flat.reshape(4, 4))[1].ravel()

    assert check_grad(loss, gradient, rng.normal(size=16)) < 1e-5


def test_questions_of_several_sizes_count_alike():
    x, seen, rng = known(2)
    three, four = asked_by(seen, 20, rng), asked_by(seen, 20, rng, 4)
    w = rng.normal(size=(12, 12))
    apart = (_Asked(x, three).loss(w)[0] + _Asked(x, four).loss(w)[0]) / 2
    assert _Asked(x, [*three, *four]).loss(w)[0] == pytest.approx(apart)


@pytest.mark.parametrize("seed", range(3))
def test_it_finds_what_people_look_at(seed):
    x, seen, rng = known(seed)
    questions = asked_by(seen, 500, rng)
    held = cross_validated(x, questions, folds(questions, len(x), rng))
    right, before = np.concatenate(held.chosen()), np.concatenate(held.right[UNTRAINED])
    assert right.mean() > before.mean() + 0.15
    learnt = TripletMap(held.best()).fit(x, questions)
    new, new_seen, new_rng = known(seed + 100)
    asked_new = asked_by(new_seen, 400, new_rng)
    untrained = TripletMap(UNTRAINED).fit(x, questions)
    assert learnt.score(new, asked_new) > untrained.score(new, asked_new) + 0.15
    assert learnt.log_loss(new, asked_new) < untrained.log_loss(new, asked_new)
    counts = (learnt.components() ** 2).sum(axis=0)
    assert set(np.argsort(counts)[-2:]) == {10, 11}


@pytest.mark.parametrize("seed", range(5))
def test_noise_teaches_nothing(seed):
    x, _, rng = known(seed)
    questions = asked_by(np.zeros((len(x), 1)), 400, rng)
    held = cross_validated(x, questions, folds(questions, len(x), rng))
    assert abs(np.concatenate(held.chosen()).mean() - np.concatenate(held.right[UNTRAINED]).mean()) < 0.1
    assert held.best() == UNTRAINED or held.losses[UNTRAINED].mean() - held.losses[held.best()].mean() < 0.01


def test_the_components_keep_the_distances():
    x, seen, rng = known(3)
    learnt = TripletMap(0.03).fit(x, asked_by(seen, 200, rng))
    short, whole = x @ learnt.components(least=0).T, learnt.transform(x)
    np.testing.assert_allclose(((short[0] - short) ** 2).sum(1), ((whole[0] - whole) ** 2).sum(1), rtol=1e-6)
    assert len(learnt.components()) < 12


def test_a_stiff_map_keeps_the_shape_of_the_features():
    x, seen, rng = known(4)
    stiff = TripletMap(1e9).fit(x, asked_by(seen, 100, rng)).map_
    np.testing.assert_allclose(stiff / stiff[0, 0], np.eye(12), atol=1e-4)


def test_one_split_alone_chooses_no_map():
    held = Held({0.1: np.array([0.5]), UNTRAINED: np.array([1.0])}, {})
    assert held.best() == UNTRAINED


def test_the_other_splits_choose():
    losses = {0.1: np.array([0.5, 0.6, 0.5, 9.0]), UNTRAINED: np.array([1.0, 1.0, 1.0, 1.0])}
    right = {0.1: [np.array([True])] * 4, UNTRAINED: [np.array([False])] * 4}
    assert [bool(split[0]) for split in Held(losses, right).chosen()] == [False, False, False, True]


@pytest.mark.parametrize("questions", [[], [(0, 1)]])
def test_what_asks_nothing_is_refused(questions):
    with pytest.raises(ClusteringError, match="No map"):
        TripletMap().fit(np.eye(3), questions)

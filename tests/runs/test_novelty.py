"""Novelty: distances by hand and against scikit-learn, and false alarms as promised."""

import numpy as np
import pytest
import sklearn
from sklearn.neighbors import NearestNeighbors

from cafemood.runs import novelty


def test_distances_by_hand():
    rows = np.array([[0, 0], [3, 4], [6, 8]], dtype=np.float32)
    found = novelty.neighbour_distances(np.array([[0, 0]], dtype=np.float32), rows, n_neighbors=2)
    assert found == pytest.approx([2.5])
    apart = novelty.neighbour_distances(rows[:1], rows, apart=(np.array([7]), np.array([7, 7, 8])), n_neighbors=1)
    assert apart == pytest.approx([10])


def test_distances_against_scikit_learn():
    rng = np.random.default_rng(0)
    rows, points = (rng.normal(size=(n, 6)).astype(np.float32) for n in (300, 40))
    expected = NearestNeighbors(n_neighbors=3).fit(rows).kneighbors(points)[0].mean(axis=1)
    assert novelty.neighbour_distances(points, rows) == pytest.approx(expected, abs=1e-4)


def test_distances_to_rows_read_in_pieces_are_the_same():
    rng = np.random.default_rng(0)
    rows, points = rng.normal(size=(300, 6)).astype(np.float16), rng.normal(size=(40, 6)).astype(np.float32)
    options = {
        "apart": (rng.integers(9, size=40), rng.integers(9, size=300)),
        "rests": (rng.random(40).astype(np.float32), rng.random(300).astype(np.float32)),
    }
    whole = novelty.neighbour_distances(points, rows, **options)
    with sklearn.config_context(working_memory=0.005):
        assert novelty.neighbour_distances(points, rows, **options) == pytest.approx(whole, abs=1e-5)


def test_new_cafes_rarely_alarm_and_far_points_always_do():
    rng = np.random.default_rng(0)
    draw = lambda n: np.repeat(rng.normal(size=(n, 4)), 5, axis=0) + 0.1 * rng.normal(size=(5 * n, 4))  # noqa: E731
    rows, new = draw(200).astype(np.float32), draw(400).astype(np.float32)
    limit = novelty.threshold(rows, [str(i // 5) for i in range(1000)])
    assert 0.003 < (novelty.neighbour_distances(new, rows) > limit).mean() < 0.05
    assert (novelty.neighbour_distances(new + 20, rows) > limit).all()
    # without cafés held out the limit would be far too low
    assert limit > 2 * novelty.threshold(rows, [str(i) for i in range(1000)])


@pytest.mark.parametrize(("n", "rank"), [(99, 98), (100, 99), (199, 196), (20, 20)])
def test_the_limit_is_the_conformal_rank(n, rank, monkeypatch):
    """ceil((n + 1) · 0.98), or the largest where there are too few."""
    distances = np.random.default_rng(0).permutation(n).astype(np.float32) + 1
    monkeypatch.setattr(novelty, "neighbour_distances", lambda *_, **__: distances)
    assert novelty.threshold(np.zeros((n, 2), np.float32), [str(i) for i in range(n)]) == rank


@pytest.mark.parametrize(("n", "cafes"), [(5, 5), (40, 1)])
def test_too_little_to_judge_calls_nothing_novel(n, cafes):
    rows = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)
    assert novelty.threshold(rows, [str(i % cafes) for i in range(n)]) == float("inf")


@pytest.mark.filterwarnings("error")
def test_two_cafes_of_which_one_has_a_single_photo():
    """Nine photos have one row of another café each, and that one counts; the single photo has its three nearest."""
    rows = np.array([[float(i)] for i in range(9)] + [[20.0]], dtype=np.float32)
    groups = np.array([0] * 9 + [1])
    found = novelty.neighbour_distances(rows, rows, apart=(groups, groups))
    assert found.tolist() == [20, 19, 18, 17, 16, 15, 14, 13, 12, 13]
    assert novelty.threshold(rows, ["a"] * 9 + ["b"]) == 20


@pytest.mark.filterwarnings("error")
def test_no_row_counts():
    points = np.zeros((2, 3), np.float32)
    same = np.zeros(2, int)
    assert np.isinf(novelty.neighbour_distances(points, points[:0])).all()
    assert np.isinf(novelty.neighbour_distances(points, points, apart=(same, same))).all()
    assert novelty.threshold(np.zeros((12, 3), np.float32), list("abcabcabcabc")) == 0

"""The space of cafés: directions between them, learnt from ids, and judged on other cafés."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from cafemood.clustering import CafeReduction
from cafemood.clustering.cafe_directions import directions_between, held_out
from cafemood.clustering.reduction import project
from cafemood.core import chunks
from cafemood.errors import ClusteringError


def cafes(n_cafes=40, photos=8, d=20, mood=2.0, content=5.0, seed=0):
    """Photos whose cafés differ along the first column and whose content differs along the last."""
    rng = np.random.default_rng(seed)
    ids = np.repeat(np.arange(n_cafes), photos)
    moods = rng.integers(0, 3, n_cafes)
    x = rng.normal(size=(len(ids), d))
    x[:, 0] += mood * (moods[ids] - 1)
    x[:, -1] += content * rng.integers(0, 3, len(ids))
    return x.astype(np.float32), [f"카페 {i}" for i in ids], moods[ids]


def test_by_hand():
    """Two columns: cafés at ±1 along the first, photos ±1 around them along the second."""
    z = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1], [1, 1], [1, -1], [-1, 1], [-1, -1]])
    member = np.repeat(np.arange(4), 2)
    # within: mean squares per degree of freedom (0, 2); its trace / 2 = 1; half of it: diag(0.5, 1.5)
    # between: means ±1 along the first: (Σ 1/4·1 − W·Σ 1/4·3/4/2) / (1 − 1/4) = (1 − 0, 0 − 2·0.375) / 0.75
    ratios, directions = directions_between(z, member, 0.5)
    assert ratios == pytest.approx([(4 / 3) / 0.5, 1e-6], rel=1e-6)
    assert np.abs(directions[:, 0]) == pytest.approx([1 / np.sqrt(0.5), 0], abs=1e-7)


def test_the_directions_are_those_of_scikit_learns_lda():
    x, ids, _ = cafes()
    member = np.unique(ids, return_inverse=True)[1]
    z = x.astype(float)
    ours = directions_between(z, member, 1e-12)[1][:, :3]
    lda = LinearDiscriminantAnalysis(solver="eigen", n_components=3).fit(z, member)
    for a, b in zip(ours.T, lda.scalings_[:, :3].T, strict=True):
        assert abs(a @ b) / np.linalg.norm(a) / np.linalg.norm(b) == pytest.approx(1, abs=1e-3)


def test_content_is_left_out_and_the_mood_stays():
    x, ids, moods = cafes()
    reduction = CafeReduction(n_principal=20).fit(x, ids)
    y = reduction.transform(x)
    assert y.shape == (len(x), reduction.n_components_)
    assert y.dtype == np.float32
    assert reduction.space == f"cafe{reduction.n_components_}"
    along = np.abs(np.corrcoef(np.column_stack([y[:, 0], moods, x[:, -1]]).T))
    assert along[0, 1] > 0.8
    assert along[0, 2] < 0.2
    assert reduction.permuted_ < 0.6 < reduction.held_out_[:, 1].max()
    assert reduction.ratios_[0] > 5 * reduction.ratios_[1:].max(initial=0)


def test_other_cafes_are_projected_alike():
    x, ids, moods = cafes(n_cafes=80)
    half = np.array([int(i.split()[1]) < 40 for i in ids])
    y = CafeReduction(n_principal=20).fit(x[half], np.array(ids)[half]).transform(x[~half])
    assert abs(np.corrcoef(y[:, 0], moods[~half])[0, 1]) > 0.8


def test_mixed_up_ids_teach_nothing():
    x, ids, _ = cafes()
    mixed = np.random.default_rng(0).permutation(ids)
    reduction = CafeReduction(n_principal=20).fit(x, mixed)
    assert reduction.held_out_[:, 1] == pytest.approx(np.full(len(reduction.held_out_), 0.5), abs=0.12)


def test_a_chunked_matrix_gives_the_same(monkeypatch):
    x, ids, _ = cafes()
    whole = CafeReduction(n_components=2, n_principal=8).fit_transform(x, ids)
    monkeypatch.setattr(chunks, "is_long", lambda x: True)
    in_chunks = CafeReduction(n_components=2, n_principal=8).fit_transform(x, ids)
    assert np.abs(in_chunks) == pytest.approx(np.abs(whole), abs=2e-3)


def test_new_photos_are_projected_from_what_is_stored():
    x, ids, _ = cafes()
    reduction = CafeReduction(n_components=3).fit(x, ids)
    assert project(x, reduction.tensors()) == pytest.approx(reduction.transform(x), abs=1e-4)


def test_one_large_cafe_does_not_decide():
    x, ids, moods = cafes()
    rng = np.random.default_rng(1)
    large = rng.normal(size=(1000, 20)) * np.r_[np.ones(10), 8 * np.ones(10)] + 3
    x, ids = np.concatenate([x, large.astype(np.float32)]), [*ids, *["커피 공장"] * 1000]
    y = CafeReduction(n_principal=20).fit(x, ids).transform(x)[: len(moods)]
    guessed = np.column_stack([y, np.ones(len(y))]) @ np.linalg.lstsq(np.column_stack([y, np.ones(len(y))]), moods)[0]
    assert np.corrcoef(guessed, moods)[0, 1] > 0.8


def test_photos_without_an_id_take_no_part():
    x, ids, _ = cafes()
    only = CafeReduction(n_components=2, n_principal=20).fit(x, ids)
    rng = np.random.default_rng(2)
    more = np.concatenate([x, x[rng.permutation(len(x))[:30]]])
    some = CafeReduction(n_components=2, n_principal=20).fit(more, [*ids, *[None, ""] * 15])
    assert some.n_photos_ == only.n_photos_ == len(x)
    assert some.ratios_ == pytest.approx(only.ratios_, rel=0.1)


@settings(max_examples=20, deadline=None)
@given(n=st.lists(st.integers(1, 200), min_size=1, max_size=5))
def test_a_cafes_guess_grows_with_its_photos(n):
    x, ids, _ = cafes()
    reduction = CafeReduction(n_components=3, n_principal=20).fit(x, ids)
    weights = reduction.weights(np.array(n))
    shrunk = weights * reduction.ratios_ / (1 + reduction.ratios_)  # of a café's mean in units of the spread within
    assert ((shrunk > 0) & (shrunk < 1)).all()
    for i, j in zip(np.argsort(n), np.argsort(n)[1:], strict=False):
        assert (shrunk[i] <= shrunk[j] + 1e-12).all()


def test_halves_of_held_out_cafes_find_each_other():
    x, ids, _ = cafes()
    member = np.unique(ids, return_inverse=True)[1]
    scores = held_out(x.astype(float), member, np.array([1, 4]), 0.5, np.random.default_rng(0))
    assert scores.shape == (4, 2)
    assert (scores.mean(axis=0) > 0.65).all()


def test_it_clones_and_keeps_its_settings():
    reduction = CafeReduction(n_components=5, n_principal=64, shrinkage=0.3, kernel="rbf", random_state=7)
    assert clone(reduction).get_params() == reduction.get_params()
    x, ids, _ = cafes()
    facts = CafeReduction().fit(x, ids).facts()
    assert facts["n_cafes"] == 40
    assert facts["n_photos"] == 320
    assert {row["n_components"] for row in facts["held_out"]} >= {1, 2, 4, 8}


X, IDS, _ = cafes(n_cafes=10)


@pytest.mark.parametrize(
    ("settings", "x", "groups", "where"),
    [
        ({}, X, None, "reduce=cafe"),
        ({}, X, ["한 카페"] * len(X), "reduce=cafe"),
        ({}, X, [str(i) for i in range(len(X))], "reduce=cafe"),
        ({}, X, IDS[:-1], "reduce=cafe"),
        ({}, X, [None] * len(X), "reduce=cafe"),
        ({}, np.where(X > 2, np.nan, X), IDS, "features"),
        ({}, X[0], IDS, "X"),
        ({"n_components": 10}, X, IDS, "reduce.n_components"),
        ({"n_components": 0}, X, IDS, "reduce.n_components"),
        ({"n_components": "many"}, X, IDS, "reduce.n_components"),
        ({"n_principal": 1}, X, IDS, "reduce.n_principal"),
        ({"shrinkage": 0}, X, IDS, "reduce.shrinkage"),
        ({"shrinkage": "0.5"}, X, IDS, "reduce.shrinkage"),
        ({"kernel": "poly"}, X, IDS, "reduce.kernel"),
    ],
)
def test_what_teaches_nothing_is_refused(settings, x, groups, where):
    with pytest.raises(ClusteringError) as caught:
        CafeReduction(**settings).fit(x, groups)
    assert caught.value.where == where
    assert caught.value.fix


def test_another_width_is_refused():
    reduction = CafeReduction().fit(X, IDS)
    with pytest.raises(ClusteringError, match="another width"):
        reduction.transform(X[:, :5])


def test_cafes_of_equal_photos_give_a_space():
    """Each café shows one photo again and again: nothing varies within."""
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(12, 6)), 3, axis=0).astype(np.float32)
    y = CafeReduction().fit_transform(x, np.repeat(np.arange(12), 3))
    assert np.isfinite(y).all()

"""What groups follow, and whether a space of cafés holds for cafés that it was not learnt from."""

import numpy as np
import pytest

from cafemood.clustering import CafeReduction, cafe_reduction
from cafemood.clustering.kmeans import kmeans
from cafemood.core import chunks
from cafemood.evaluation import cafe_space


def cafes(mood=4.0, seed=0, n_cafes=40):
    rng = np.random.default_rng(seed)
    ids = np.repeat(np.arange(n_cafes), 8)
    moods, content = rng.integers(0, 3, n_cafes)[ids], rng.integers(0, 3, len(ids))
    x = rng.normal(size=(len(ids), 12))
    x[:, 0] += mood * moods
    x[:, 1] += 8 * content
    return x.astype(np.float32), [str(i) for i in ids], moods, content


def test_groups_of_content_and_of_moods_are_told_apart():
    x, ids, moods, content = cafes()
    by_content = cafe_space.follows(x, content, ids, moods)
    by_mood = cafe_space.follows(x, moods, ids, content)
    assert by_content["content"] > 0.75
    assert abs(by_content["cafe"]) < 0.1
    assert abs(by_mood["content"]) < 0.1
    assert by_mood["cafe"] > 0.9
    assert by_mood["plain"] == {name: pytest.approx(by_content[name]) for name in ("content", "cafe")}
    assert (by_mood["n_photos"], by_mood["n_cafes"]) == (320, 40)


def test_without_cafes_nothing_is_said():
    x, ids, moods, _ = cafes()
    assert cafe_space.follows(x, moods, None, None) is None
    assert cafe_space.follows(x, moods, [str(i) for i in range(len(x))], None) is None
    assert cafe_space.follows(x, moods, ["1"] * len(x), None) is None
    assert cafe_space.follows(x, moods, ids, None)["plain"] is None


def test_many_photos_are_drawn_by_whole_cafes(monkeypatch):
    monkeypatch.setattr(cafe_space, "MAX_ROWS", 100)
    x, ids, moods, _ = cafes()
    found = cafe_space.follows(x, moods, ids, None)
    assert found["n_photos"] <= 100
    assert found["n_photos"] == 8 * found["n_cafes"]


@pytest.mark.parametrize(("mood", "code"), [(4.0, "cafe-space-holds"), (0.0, "cafe-space-fails")])
def test_a_space_holds_where_cafes_differ_and_only_there(mood, code):
    x, ids, _, _ = cafes(mood)
    reduction = CafeReduction().fit(x, ids)
    labels = kmeans(reduction.transform(x), 3, 0).labels_
    crossed = cafe_space.cross_fitted(x, labels, ids, reduction, 3)
    (finding,) = cafe_space.findings({"cafe_space": crossed})
    assert finding.code == code
    if mood:
        assert crossed["coherence"]["ratio"] > crossed["permuted"] + 0.3
        assert crossed["agreement"] > 0.5
    else:
        assert crossed["permuted"] == pytest.approx(1, abs=0.25)


def test_too_few_cafes_cannot_be_halved():
    x, ids, moods, _ = cafes(n_cafes=12)
    assert cafe_space.cross_fitted(x, moods, ids, CafeReduction().fit(x, ids), 3) is None


class Watched(np.ndarray):
    """Rows that remember how many of them were taken at once."""

    most = 0

    def __getitem__(self, key):
        taken = super().__getitem__(key)
        if taken.ndim == 2:
            Watched.most = max(Watched.most, len(taken))
        return taken


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_long_matrices_are_read_in_pieces_and_the_number_is_chosen_once(monkeypatch, kernel):
    x, ids, _, content = cafes()
    reduction = CafeReduction(kernel=kernel).fit(x, ids)
    labels = kmeans(reduction.transform(x), 3, 0).labels_
    monkeypatch.setattr(cafe_space, "MAX_ROWS", 40)
    monkeypatch.setattr(chunks, "SHARE", 2**30 // (4 * 12 * 40))
    monkeypatch.setattr(cafe_reduction, "held_out", None)
    Watched.most = 0
    crossed = cafe_space.cross_fitted(x.view(Watched), labels, ids, reduction, 3, plain=content)
    assert crossed["coherence"]["ratio"] > 1.5
    assert 0 < Watched.most <= 40


@pytest.mark.parametrize(("content", "cafe", "level"), [(0.4, 0.1, "warn"), (0.1, 0.4, "good"), (0.02, -0.1, "info")])
def test_the_finding_says_which_is_more(content, cafe, level):
    plain = {"content": 0.5, "cafe": 0.05}
    (finding,) = cafe_space.findings({"follows": {"content": content, "cafe": cafe, "plain": plain}})
    assert finding.level == level
    assert finding.figures["plain_content"] == plain["content"]


def test_what_new_cafes_follow_is_measured_on_them():
    x, ids, _, content = cafes()
    reduction = CafeReduction().fit(x, ids)
    labels = kmeans(reduction.transform(x), 3, 0).labels_
    crossed = cafe_space.cross_fitted(x, labels, ids, reduction, 3, plain=content)
    assert crossed["follows"]["cafe"] > 0.5 > 0.1 > abs(crossed["follows"]["content"])
    assert crossed["follows"]["plain"]["content"] > 0.7
    assert crossed["follows"]["n_cafes"] == crossed["n_cafes"] == 40

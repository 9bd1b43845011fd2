"""Cross-validated recall of moods that a person made."""

import numpy as np
import pytest

from cafemood.evaluation import held_out

RNG = np.random.default_rng(0)
LABELS = np.tile(np.repeat([0, 1, 2], 4), 10)
CAFES = [str(i // 12) for i in range(120)]
APART = RNG.normal(size=(120, 6)) + 8 * np.eye(6)[LABELS]


def test_moods_that_photos_show_come_back_and_dealt_ones_do_not():
    found = held_out.agreement(APART, LABELS, CAFES)
    assert found["mean"] == pytest.approx(1)
    assert found["recall"] == pytest.approx([1, 1, 1])
    assert found["null"]["mean"] == pytest.approx(1 / 3, abs=0.06)
    assert found["unit"] == "cafés"
    dealt = held_out.agreement(APART, RNG.permutation(LABELS), CAFES)
    assert abs(dealt["z"]) < 4
    assert dealt["mean"] < 0.5
    assert held_out.finding(found, dealt).code == "edited-held-out"
    assert held_out.finding(found, dealt).level == "info"


def test_a_mood_of_one_cafe_is_learnt_from_no_other():
    labels = np.where(np.arange(120) < 12, 3, LABELS)
    found = held_out.agreement(APART, labels, CAFES)
    assert found["recall"][3] == 0
    alone = held_out.agreement(APART + 20 * np.eye(6)[5] * (labels == 3)[:, None], labels)
    assert alone["unit"] == "photos"
    assert alone["recall"][3] > 0.9


def test_of_many_photos_whole_cafes_are_drawn(monkeypatch):
    monkeypatch.setattr(held_out, "MAX_ROWS", 75)
    labels = np.where(np.isin(np.arange(120), [5, 6]), 3, LABELS)
    found = [held_out.agreement(APART, labels, CAFES, seed=seed) for seed in range(6)]
    assert {one["recall"][3] is None for one in found} == {True, False}
    assert all(one["recall"][0] > 0.9 for one in found)
    assert held_out.finding(found[0], None).figures["mean"] == found[0]["mean"]


def test_too_few_cafes_are_told_as_what_they_are():
    assert held_out.agreement(APART, LABELS, [str(i % 4) for i in range(120)]) is None
    assert held_out.finding(None, None).code == "stability-not-measured"

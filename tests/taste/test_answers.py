"""Answers of the page: read as they are, and every kind of wrong file refused in one message."""

import json

import numpy as np
import pytest

from cafemood.cafes import profiles
from cafemood.errors import TasteError
from cafemood.taste import answers, space
from cafemood.taste.answers import Mark, Tap


def saved(tmp_path, made, entries, **more):
    path = tmp_path / "taste.json"
    path.write_text(json.dumps({"cafemood_taste": 1, "run": made.run_id, "answers": entries} | more), encoding="utf-8")
    return path


TAP = {"shown": ["0", "1", "2", "3"], "chosen": "2"}


def test_taps_skips_and_marks_are_read_and_weighed(six, tmp_path):
    entries = [TAP, {"shown": ["4", "5"], "chosen": None}, {"cafe": "4", "more": True}, {"cafe": "1", "more": False}]
    found = answers.read(saved(tmp_path, six, entries), six)
    assert found == [Tap((0, 1, 2, 3), 2), Tap((4, 5), None), Mark(4, True), Mark(1, False)]
    first, more, less = answers.choices(six.places, found)
    assert first.options == pytest.approx(six.places.evidence[:4])
    assert first.chosen == 2
    assert more.options == pytest.approx(np.stack([six.places.features[4], np.zeros(more.options.shape[1])]))
    assert (more.chosen, less.chosen) == (0, 1)


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([{**TAP, "chosen": "5"}], "was not shown"),
        ([{**TAP, "chosen": ["0"]}], "was not shown"),
        ([{"shown": ["0", "없는 카페"], "chosen": "0"}], "no café '없는 카페'"),
        ([{"shown": ["0", "0"], "chosen": "0"}], "one café twice"),
        ([{"shown": ["0"], "chosen": "0"}], "not what the page writes"),
        ([{"shown": [0, 1], "chosen": 0}], "no text"),
        ([{"cafe": "99", "more": True}], "no café '99'"),
        ([7], "not what the page writes"),
        ({}, "holds no answers"),
    ],
)
def test_a_changed_file_is_refused(six, tmp_path, entries, why):
    with pytest.raises(TasteError, match=why):
        answers.read(saved(tmp_path, six, entries), six)


@pytest.mark.parametrize("entries", [[], [{"shown": ["0", "1"], "chosen": None}] * 12])
def test_all_skipped_teaches_nothing(six, tmp_path, entries):
    with pytest.raises(TasteError, match="nothing to learn"):
        answers.read(saved(tmp_path, six, entries), six)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"run": "0" * 16}, "another run"),
        ({"run": None}, "another run"),
        ({"cafemood_taste": 2}, "update cafemood"),
        ({"cafemood_taste": "1"}, "no number"),
    ],
)
def test_another_run_and_another_version(six, tmp_path, more, why):
    with pytest.raises(TasteError, match=why):
        answers.read(saved(tmp_path, six, [TAP], **more), six)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"a": 1}', b"[" * 100_000, b" " * 1_000_001])
def test_a_damaged_file_is_refused(six, tmp_path, content):
    path = tmp_path / "taste.json"
    path.write_bytes(content)
    with pytest.raises(TasteError, match="cannot be used"):
        answers.read(path, six)


def test_a_missing_file_and_a_folder_are_refused(six, tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(TasteError, match="cannot be used"):
            answers.read(path, six)


def test_a_run_of_one_cafe_is_refused(own_run):
    own_run.assignments["cafe_id"] = "0"
    with pytest.raises(TasteError, match="only one"):
        space.of_run(profiles.compute(own_run))

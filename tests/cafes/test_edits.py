"""The edit file: what is read, what is refused, and what it does to labels."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cafemood.cafes.edits import KIND, OUT, VERSION, Edit, carry_out, fingerprint, read
from cafemood.core.reasons import Flaw
from cafemood.errors import RunError

IDS = [f"p{i}" for i in range(8)]
LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 2])
RUN = fingerprint(IDS, LABELS)


def write(path, *edits, **more):
    path.write_text(json.dumps({"kind": KIND, "version": VERSION, "run": RUN, "edits": list(edits)} | more))
    return path


def test_edits_are_carried_out_in_their_order(tmp_path):
    path = write(
        tmp_path / "edits.json",
        {"do": "rename", "mood": 3, "name": "  dark   wood "},
        {"do": "merge", "moods": [2, 1]},
        {"do": "split", "photos": ["p0", "p5"], "mood": 4, "name": "windows"},
        {"do": "move", "photos": ["p6"], "mood": 4},
        {"do": "exclude", "photos": ["p7"]},
    )
    edited = carry_out(read(path, RUN), IDS, LABELS, 3, {1: "plants"})
    # mood 1 went into 2, and 3 lost all three of its photos: 2 and 4 stay
    assert edited.labels.tolist() == [1, 0, 0, 0, 0, 1, 1, OUT]
    assert edited.numbers == [2, 4]
    assert edited.names == {2: "windows"}
    assert edited.changed
    assert edited.k == 2
    assert len(edited.done) == 6  # one line each, and that mood 3 is gone


def test_the_order_counts():
    merged = Edit("merge", (1, 2)), Edit("split", (4,), ("p3", "p4"))
    assert carry_out(merged, IDS, LABELS, 3).labels.tolist() == [0, 0, 0, 2, 2, 1, 1, 1]
    split = Edit("split", (4,), ("p3", "p4")), Edit("merge", (1, 2))
    edited = carry_out(split, IDS, LABELS, 3)
    assert edited.labels.tolist() == [0, 0, 0, 2, 2, 1, 1, 1]
    assert edited.numbers == [1, 3, 4]
    moved_back = carry_out([*split, Edit("merge", (1, 4))], IDS, LABELS, 3)
    assert moved_back.labels.tolist() == [0, 0, 0, 0, 0, 1, 1, 1]


def test_names_alone_change_no_label():
    edited = carry_out([Edit("rename", (2,), name="light")], IDS, LABELS, 4, {2: "dark"})
    assert edited.labels.tolist() == LABELS.tolist()
    assert edited.numbers == [1, 2, 3, 4]  # the fourth, which is empty, too
    assert edited.names == {2: "light"}
    assert not edited.changed
    assert carry_out([Edit("rename", (2,))], IDS, LABELS, 3, {2: "dark"}).names == {}


@pytest.mark.parametrize(
    "edits",
    [
        [Edit("move", (4,), ("p0",))],
        [Edit("move", (1,), ("other",))],
        [Edit("exclude", (), ("p0",)), Edit("move", (2,), ("p0",))],
        [Edit("merge", (1, 2)), Edit("rename", (2,), name="x")],
        [Edit("split", (5,), ("p0",))],
        [Edit("split", (3,), ("p0",))],
        [Edit("split", (4,), ("p0",)), Edit("merge", (1, 4)), Edit("split", (4,), ("p1",))],
        [Edit("rename", (1,), name="dark"), Edit("rename", (2,), name="DARK")],
        [Edit("merge", (1, 2, 3))],
        [Edit("exclude", (), tuple(IDS))],
    ],
)
def test_what_is_not_there_is_refused(edits):
    with pytest.raises(Flaw, match=r"edit|mood"):
        carry_out(edits, IDS, LABELS, 3)


@pytest.mark.parametrize(
    "record",
    [
        {"do": "melt", "photos": ["p0"]},
        {"do": "move", "photos": ["p0"]},
        {"do": "move", "photos": ["p0"], "mood": True},
        {"do": "move", "photos": ["p0"], "mood": 0},
        {"do": "move", "photos": ["p0"], "mood": 1.0},
        {"do": "move", "photos": ["p0", "p0"], "mood": 1},
        {"do": "move", "photos": [], "mood": 1},
        {"do": "move", "photos": "p0", "mood": 1},
        {"do": "move", "photos": [1], "mood": 1},
        {"do": "exclude", "photos": ["p0"], "why": "blurred"},
        {"do": "merge", "moods": [1]},
        {"do": "merge", "moods": [1, 1]},
        {"do": "merge", "moods": 1},
        {"do": "rename", "mood": 1, "name": 7},
        {"do": "rename", "mood": 1, "name": " "},
        {"do": "rename", "mood": 1, "name": "x" * 81},
        "exclude",
    ],
)
def test_an_edit_that_is_none_is_refused_with_its_number(tmp_path, record):
    path = write(tmp_path / "edits.json", {"do": "rename", "mood": 1, "name": "a"}, record)
    with pytest.raises(RunError, match="edit 2") as error:
        read(path, RUN)
    assert error.value.where == path
    assert error.value.fix


@pytest.mark.parametrize(
    "more",
    [
        {"version": VERSION + 1},
        {"version": True},
        {"version": "1"},
        {"kind": "taste"},
        {"edits": []},
        {"edits": {}},
        {"run": None},
        {"run": "0" * 64},
        {"more": 1},
    ],
)
def test_another_file_or_another_runs_is_refused(tmp_path, more):
    path = write(tmp_path / "edits.json", {"do": "exclude", "photos": ["p0"]}, **more)
    with pytest.raises(RunError) as error:
        read(path, RUN)
    assert error.value.why
    assert error.value.fix


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"kind": NaN'])
def test_a_damaged_file_is_refused(tmp_path, text):
    (tmp_path / "edits.json").write_text(text)
    with pytest.raises(RunError):
        read(tmp_path / "edits.json", RUN)
    with pytest.raises(RunError):
        read(tmp_path / "none.json", RUN)


def test_the_fingerprint_knows_photos_and_moods():
    assert fingerprint(IDS, LABELS.tolist()) == RUN
    assert len({RUN, fingerprint(IDS[::-1], LABELS), fingerprint(IDS, LABELS[::-1])}) == 3


@st.composite
def valid_edits(draw):
    """Edits that are valid one after the other, by a plain second account of the moods: a list of sets."""
    moods = {1: set(IDS[:3]), 2: set(IDS[3:5]), 3: set(IDS[5:])}
    out, edits, following = set(), [], 4
    for _ in range(draw(st.integers(1, 8))):
        there = sorted(set(IDS) - out)
        do = draw(st.sampled_from(["merge", "split", "move", "exclude", "rename"]))
        photos = tuple(draw(st.lists(st.sampled_from(there), min_size=1, max_size=3, unique=True)))
        if do == "merge" and len(moods) > 1:
            first, second = draw(st.permutations(sorted(moods)))[:2]
            moods[first] |= moods.pop(second)
            edits.append(Edit("merge", (first, second)))
        elif do == "rename":
            edits.append(Edit("rename", (draw(st.sampled_from(sorted(moods))),)))
        elif do == "exclude" and len(out) + len(photos) < 5:
            out |= set(photos)
            moods = {j: m - set(photos) for j, m in moods.items()}
            edits.append(Edit("exclude", (), photos))
        elif do in ("split", "move"):
            into = following if do == "split" else draw(st.sampled_from(sorted(moods)))
            following += do == "split"
            moods = {j: m - set(photos) for j, m in moods.items()}
            moods[into] = moods.get(into, set()) | set(photos)
            edits.append(Edit(do, (into,), photos))
    return edits, moods, out


@given(valid_edits())
def test_any_edits_keep_every_photo_once_or_exclude_it(drawn):
    edits, moods, out = drawn
    filled = {j: members for j, members in sorted(moods.items()) if members}
    if len(filled) < 2 or not edits:
        return
    edited = carry_out(edits, IDS, LABELS, 3)
    assert edited.numbers == list(filled)
    assert {photo for photo, label in zip(IDS, edited.labels, strict=True) if label == OUT} == out
    found = [{p for p, label in zip(IDS, edited.labels, strict=True) if label == j} for j in range(edited.k)]
    assert found == list(filled.values())

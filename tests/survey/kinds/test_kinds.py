"""The kinds of questions: what each says of itself, and that a new one is found by its file."""

import numpy as np
import pandas as pd
import pytest

from cafemood.survey.design import Design
from cafemood.survey.kinds.base import QuestionKind, Scoring
from cafemood.survey.kinds.registry import KINDS, words
from cafemood.survey.question import Question
from cafemood.survey.words import WORDS

DESIGN = Design(groups=3, intruders=2, triplets=12, ratings=9)


def asked(kind, **more):
    return Question("q1", kind, "cluster 1", ("a.webp", "b.webp", "c.webp"), **more)


def test_people_meet_the_kinds_in_this_order():
    assert list(KINDS) == ["alike", "check", "intruder", "odd", "ambiance"]
    assert [kind.within for kind in KINDS.values()] == [None, "alike", None, None, None]


@pytest.mark.parametrize(
    ("kind", "screens"), [("alike", (4 + 2) * 3 + 2), ("check", 1), ("intruder", 8), ("odd", 14), ("ambiance", 9)]
)
def test_screens_of_a_person_by_hand(kind, screens):
    assert KINDS[kind].n_screens(DESIGN, 4) == screens


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_words_in_both_languages(kind):
    texts = words()
    assert set(texts) == set(WORDS)
    for page in texts.values():
        assert page[f"ask_{kind}"]
        if KINDS[kind].within is None:
            assert page[f"intro_{kind}"]
            assert page[f"intro_{kind}_title"]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_a_step_tells_which_answer_is_right(kind):
    step = KINDS[kind].step(asked(kind, answer="a.webp" if kind == "intruder" else None, stratum="near"))
    assert "a.webp" not in step.values()
    assert "near" not in step.values()
    assert step["part"] in KINDS


@pytest.mark.parametrize("kind", ["alike", "ambiance", "check"])
@pytest.mark.parametrize(("value", "good"), [(1, True), (5, True), (0, False), (6, False), (True, False), ("3", False)])
def test_a_scale_takes_whole_numbers_of_the_scale(kind, value, good):
    assert (KINDS[kind].refusal(asked(kind), value, 5) is None) is good


@pytest.mark.parametrize("kind", ["intruder", "odd"])
@pytest.mark.parametrize(("value", "good"), [("a.webp", True), ("d.webp", False), (1, False), (["a.webp"], False)])
def test_a_choice_takes_one_of_the_photos_shown(kind, value, good):
    assert (KINDS[kind].refusal(asked(kind), value, 5) is None) is good


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_presses_anything_gives_answers_that_are_taken(kind):
    question, rng = asked(kind, answer=3 if kind == "check" else None), np.random.default_rng(0)
    values = [KINDS[kind].simulated(question, 5, rng) for _ in range(50)]
    assert all(KINDS[kind].refusal(question, value, 5) is None for value in values)
    assert len(set(values)) == {"alike": 5, "ambiance": 5, "check": 1}.get(kind, 3)


def test_the_check_stands_in_the_middle_of_the_ratings():
    block = [asked("alike") for _ in range(6)]
    check = asked("check")
    assert KINDS["check"].insert([check], block).index(check) == 3


def test_ratings_asked_again_change_by_this_many_steps():
    assert KINDS["alike"].retest([(3, 3), (5, 2), (1, 2)]) == {"mean_change": pytest.approx(4 / 3)}
    assert KINDS["alike"].retest([]) == {"mean_change": None}


def test_intruders_by_hand():
    """Of cluster 1 three of four were found; chance is 1/4: P(X >= 3) = 4 * (1/4)^3 * 3/4 + (1/4)^4 = 13/256."""
    columns = {"kind": "intruder", "condition": "cluster 1", "stratum": "near", "person": 1}
    table = pd.DataFrame([columns | {"correct": right} for right in (True, True, True, False)])
    found = KINDS["intruder"].score(Scoring(table, ["cluster 1"], {"size": 4, "scale": 5}, {}, 0, 0))
    assert found["intruders"]["all"]["share"] == 0.75
    assert found["clusters"][0]["intruder"]["p"] == pytest.approx(13 / 256)


def test_a_kind_that_says_nothing_of_scores_has_none():
    class Silent(QuestionKind):
        name, order, about, seconds = "silent", 99, "nothing", 1.0

    try:
        kind = Silent()
        assert kind.findings({}) == []
        assert kind.lines({}) == []
        assert kind.step(asked("silent")) == {"kind": "silent", "part": "silent", "input": "photo"}
    finally:
        assert "silent" not in KINDS

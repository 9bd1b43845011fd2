"""The draw of a survey: what may stand beside what, who sees what when, and what is refused."""

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import copy_run
from survey_helpers import make_asked_run

from cafemood.errors import SurveyError
from cafemood.runs import thumbnails
from cafemood.survey import page, study
from cafemood.survey.build import build
from cafemood.survey.deck import Deck
from cafemood.survey.design import Design
from cafemood.survey.kinds.alike import _mixed
from cafemood.survey.length import seconds
from cafemood.survey.orders import order_block, williams_square
from cafemood.survey.question import MIXED, Question


def cafes_of(built, question):
    return [built.facts["photos"][name]["cafe_id"] for name in question.photos]


def clusters_of(built, question):
    return [built.facts["photos"][name]["cluster"] for name in question.photos]


def test_a_group_shows_each_café_once_and_only_its_own_cluster(made_survey):
    for question in made_survey.questions.values():
        assert len(set(cafes_of(made_survey, question))) == len(question.photos)
        shown = Counter(clusters_of(made_survey, question))
        if question.kind == "alike" and question.condition.startswith("cluster"):
            assert list(shown) == [int(question.condition.split()[1]) - 1]
        if question.condition == MIXED:
            assert set(shown.values()) == {1}
        if question.kind == "intruder":
            (own, m), (other, one) = shown.most_common()
            assert (m, one) == (3, 1)
            assert own == int(question.condition.split()[1]) - 1
            assert made_survey.facts["photos"][question.answer]["cluster"] == other


def test_every_person_meets_every_condition_and_no_café_twice_running(made_survey):
    groups = made_survey.facts["design"]["groups"]
    for plan in made_survey.plans:
        asked = [made_survey.questions[name] for name, _ in plan]
        first = Counter(q.condition for q in asked if q.kind == "alike" and q.repeat_of is None)
        assert set(first.values()) == {groups}
        assert len(first) == 6
        assert sum(q.kind == "check" for q in asked) == 1
        assert sum(q.repeat_of is not None for q in asked if q.kind == "alike") == 2
        assert sum(q.repeat_of is not None for q in asked if q.kind == "odd") >= 0.1 * 6
        for before, after in pairwise(asked):
            assert not set(cafes_of(made_survey, before)) & set(cafes_of(made_survey, after))
        place = {q.id: i for i, q in enumerate(asked)}
        assert all(place[q.id] - place[q.repeat_of] > 1 for q in asked if q.repeat_of)


def test_conditions_come_equally_often_at_each_place(made_survey):
    """Before the repeats, the check and the swaps that keep cafés apart, the orders are Latin squares."""
    first = Counter()
    for plan in made_survey.plans:
        asked = [made_survey.questions[name] for name, _ in plan]
        first[next(q.condition for q in asked if q.kind == "alike")] += 1
    assert max(first.values()) <= 2.5 * min(first.values())
    assert len(first) == 6


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 9])
def test_williams_square_balances_places_and_neighbours(n):
    rows = williams_square(n)
    assert all(sorted(row) == list(range(n)) for row in rows)
    assert all(len(set(column)) == n for column in list(zip(*rows[:n], strict=True)))
    follows = Counter((a, b) for row in rows for a, b in pairwise(row))
    assert len(follows) == n * (n - 1)
    assert len(set(follows.values())) == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sets(st.integers(0, 30), min_size=1, max_size=3), min_size=2, max_size=10), st.integers(0, 99))
def test_an_order_is_right_or_refused(shown, seed):
    block = [Question(f"q{i}", "alike", "cluster 1", ()) for i in range(len(shown))]
    cafes = {q.id: {str(c) for c in s} for q, s in zip(block, shown, strict=True)}
    try:
        found = order_block(block, lambda q: cafes[q.id], [], np.random.default_rng(seed))
    except SurveyError:
        return
    assert sorted(q.id for q in found) == sorted(q.id for q in block)
    assert not any(cafes[a.id] & cafes[b.id] for a, b in pairwise(found))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=8, max_size=40), st.integers(3, 6), st.integers(0, 99))
def test_a_draw_takes_distinct_cafés_or_nothing(owners, size, seed):
    table = pd.DataFrame({"cafe_id": [f"c{i % 7}" for i in range(len(owners))], "cluster": owners})
    deck = Deck(table, np.random.default_rng(seed))
    chosen = deck.draw(deck.rows(), size)
    n = table["cafe_id"].nunique()
    assert (chosen is None) == (n < size)
    if chosen:
        assert table.loc[list(chosen), "cafe_id"].nunique() == size
    mixed = _mixed(deck, 4, 4) if table["cluster"].nunique() == 4 else None
    if mixed:
        assert sorted(table.loc[list(mixed), "cluster"]) == [0, 1, 2, 3]
        assert table.loc[list(mixed), "cafe_id"].nunique() == 4


def test_the_same_seed_draws_the_same_survey_and_another_does_not(made_asked_run, made_survey, tmp_path):
    again = build(made_asked_run, tmp_path / "a", Design(triplets=6))
    other = build(made_asked_run, tmp_path / "b", Design(triplets=6, seed=1))
    assert again.id == made_survey.id != other.id
    assert (tmp_path / "a" / "survey.html").read_bytes() == (made_survey.folder / "survey.html").read_bytes()


def test_controls_are_as_bright_as_the_clusters(made_survey):
    light = made_survey.facts["brightness"]  # CIELAB's L, 0 to 100
    assert abs(light["mixed"]["mean"] - light["cluster"]["mean"]) < 10
    assert abs(light["random"]["mean"] - light["cluster"]["mean"]) < 10


def test_it_takes_less_than_ten_minutes(made_survey):
    assert seconds(list(made_survey.questions.values()), made_survey.plans[0]) <= 600
    assert 1 <= made_survey.facts["minutes"] <= 10


def test_too_few_cafés_name_the_cluster_what_it_has_and_what_to_do(tmp_path):
    run = make_asked_run(tmp_path, n_cafes=8)
    with pytest.raises(SurveyError, match=r"Cluster \d has too few cafés") as caught:
        build(run, tmp_path / "s", Design(size=6, triplets=0))
    assert "café" in str(caught.value.why)
    assert "--size" in str(caught.value.fix) or "fewer clusters" in str(caught.value.fix)
    assert not (tmp_path / "s").exists()


def test_photos_that_pages_do_not_show_are_not_called_gone(made_asked_run, tmp_path, monkeypatch):
    """A run of more than 50,000 photos knows the brightness of those alone that its pages show."""
    run = copy_run(made_asked_run, tmp_path / "copy")
    for file in ("thumbnails.parquet", "looks.parquet", "words.json"):
        (run.folder / file).unlink(missing_ok=True)
    monkeypatch.setattr(thumbnails, "SHOWN_AT_MOST", 36)
    monkeypatch.setattr(thumbnails, "_OF_A_MOOD", 2)
    built = build(run, tmp_path / "survey", Design(size=3, groups=1, intruders=1, triplets=0))
    assert (built.facts["left_out"], built.facts["not_shown"]) == (0, 4)


def test_photos_deleted_or_changed_since_the_run_are_left_out(made_asked_run, tmp_path):
    run = copy_run(made_asked_run, tmp_path / "copy")
    files = sorted((tmp_path / "copy" / "사진").glob("*.jpg"))
    files[0].unlink()
    files[1].write_bytes(b"no picture")
    files[2].write_bytes(files[3].read_bytes())
    built = build(run, tmp_path / "s", Design(triplets=6))
    gone = {run.assignments.set_index("file").loc[f.name, "photo_id"] for f in files[:3]}
    assert not gone & {about["photo_id"] for about in built.facts["photos"].values()}
    assert 1 <= built.facts["left_out"] <= 3


@pytest.mark.parametrize(
    ("design", "says"),
    [
        (Design(size=2), "--size is 2"), (Design(size=7), "--size is 7"), (Design(scale=6), "--scale is 6"),
        (Design(groups=9), "--groups is 9"), (Design(title="x" * 121), "title is too long"),
        (Design(groups=6, intruders=4, triplets=40), "too long"),
    ],
)  # fmt: skip
def test_impossible_settings_are_refused(made_asked_run, tmp_path, design, says):
    with pytest.raises(SurveyError, match=says):
        build(made_asked_run, tmp_path / "s", design)


def test_a_folder_with_a_survey_is_not_written_over(made_asked_run, survey):
    before = (survey.folder / "survey.json").read_bytes()
    with pytest.raises(SurveyError, match="already holds a survey"):
        build(made_asked_run, survey.folder)
    assert (survey.folder / "survey.json").read_bytes() == before


def test_an_edited_damaged_or_newer_survey_is_refused(survey):
    path = survey.folder / "survey.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(facts | {"k": 3}), encoding="utf-8")
    with pytest.raises(SurveyError, match="cannot be read") as caught:
        study.load(survey.folder)
    assert "edited" in str(caught.value.why)
    path.write_text(json.dumps(facts | {"schema_version": 99}), encoding="utf-8")
    with pytest.raises(SurveyError, match="newer cafemood"):
        study.load(survey.folder)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(SurveyError, match="cannot be read"):
        study.load(survey.folder)
    with pytest.raises(SurveyError, match="not a survey"):
        study.load(survey.folder / "photos")


@pytest.mark.parametrize("harm", ["gone", "changed", "link"])
def test_only_photos_as_built_are_read(survey, tmp_path, harm):
    path = next((survey.folder / "photos").iterdir())
    if harm == "changed":
        path.write_bytes(b"other")
    else:
        data = path.read_bytes()
        path.unlink()
    if harm == "link":
        (tmp_path / "elsewhere").write_bytes(data)
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SurveyError, match=r"is gone|has changed"):
        study.read_photos(survey)


def test_the_page_tells_nobody_what_is_right(made_survey):
    text = (made_survey.folder / "survey.html").read_text(encoding="utf-8")
    photos = made_survey.facts["photos"].values()
    assert not any(about["photo_id"] in text or about["cafe_id"] in text for about in photos)
    assert "cluster 1" not in text
    steps = made_survey.steps(0)
    assert all(set(step) <= {"id", "kind", "part", "input", "photos", "press"} for step in steps)


def test_a_hostile_title_is_text(made_asked_run, tmp_path):
    title = "</script><img src=x onerror=alert(1)> 공릉동 카페"
    built = build(made_asked_run, tmp_path / "s", Design(triplets=0, title=title))
    assert "<img src=x" not in page.whole(built)
    assert "<img src=x" not in page.served(built)[0]

"""Panels: a code for who answered everything, and ids that no answer points to."""

import sqlite3

import pytest
from fastapi.testclient import TestClient

from cafemood.errors import SurveyError
from cafemood.survey.panel import PANEL_FILE, Panel, PanelIds
from cafemood.survey.serve import create_app
from cafemood.survey.store import DATABASE, Store

PANEL = Panel("C1A2B3", "https://panel.example/complete?cc={code}", screen="지난달에 카페에 갔나요?")
ID = "5f0c1e2d3b4a59687f6e5d4c"


@pytest.fixture
def client(survey):
    store = Store(survey)
    with TestClient(create_app(survey, store, ["testserver"], panel=PANEL), raise_server_exceptions=False) as made:
        yield made
    store.close()


def begin(client, **more):
    asked = {"consent": True, "gender": "woman", "language": "ko"} | more
    return client.post("/api/start", json=asked)


def take_part(client, n=None, panel_id=ID):
    """Skip questions (all, or n), and finish; the answer of the server, and the headers of the person."""
    started = begin(client, panel_id=panel_id).json()
    headers = {"Authorization": f"Bearer {started['token']}"}
    for step in started["steps"][:n]:
        body = {"value": None, "seconds": 1.0, "revision": 1}
        assert client.put(f"/api/answers/{step['id']}", json=body, headers=headers).status_code == 200
    return client.post("/api/finish", json={"panel_id": panel_id}, headers=headers), headers


def test_who_answers_everything_gets_the_code(client, survey):
    ended, _ = take_part(client)
    assert ended.json() == {
        "finished": True, "code": "C1A2B3", "url": "https://panel.example/complete?cc=C1A2B3"
    }  # fmt: skip
    assert ID in (survey.folder / PANEL_FILE).read_text()


def test_who_stops_early_gets_none(client, survey):
    ended, _ = take_part(client, n=3)
    assert ended.json() == {"finished": True}
    assert not (survey.folder / PANEL_FILE).exists()


def test_the_page_does_not_hold_the_code(client):
    front = client.get("/").text
    assert "C1A2B3" not in front
    assert "PROLIFIC_PID" in front
    assert "지난달에" in front


def test_no_answer_points_to_an_id(client, survey):
    take_part(client)
    rows = sqlite3.connect(survey.folder / DATABASE)
    text = " ".join(
        str(row) for table in ("people", "answers", "meta") for row in rows.execute(f"SELECT * FROM {table}")
    )
    assert ID not in text
    assert (survey.folder / PANEL_FILE).read_text().splitlines()[0] == "panel_id,day"


def test_nobody_takes_part_twice(client):
    take_part(client)
    assert begin(client, panel_id=ID).status_code == 409
    assert begin(client, panel_id="another").status_code == 201
    assert begin(client).status_code == 201


def test_who_deletes_everything_is_gone_from_the_panels_file_too(client, survey):
    _, headers = take_part(client)
    assert client.post("/api/withdraw", json={"panel_id": ID}, headers=headers).status_code == 200
    assert ID not in (survey.folder / PANEL_FILE).read_text()
    assert begin(client, panel_id=ID).status_code == 201


@pytest.mark.parametrize("panel_id", ["", "a b", "=1+1", "x" * 65, "<b>", 7])
def test_what_is_no_id_is_refused(client, panel_id):
    assert begin(client, panel_id=panel_id).status_code == 422


def test_without_a_panel_nothing_changes(survey):
    store = Store(survey)
    with TestClient(create_app(survey, store, ["testserver"]), raise_server_exceptions=False) as client:
        ended, _ = take_part(client)
        assert ended.json() == {"finished": True}
        assert not (survey.folder / PANEL_FILE).exists()
    store.close()


@pytest.mark.parametrize(
    ("panel", "where"),
    [
        (Panel("a b"), "--code"),
        (Panel("x" * 41), "--code"),
        (Panel("", "https://panel.example"), "--return-url"),
        (Panel("A", "http://panel.example"), "--return-url"),
        (Panel("A", "javascript:alert(1)"), "--return-url"),
        (Panel("A", 'https://panel.example/"x'), "--return-url"),
        (Panel("A", parameter="a=b"), "--panel-parameter"),
        (Panel(screen="a\nb"), "--screen"),
        (Panel(screen="가" * 301), "--screen"),
    ],
)
def test_what_no_panel_takes_is_refused(panel, where):
    with pytest.raises(SurveyError) as error:
        panel.checked()
    assert error.value.where == where


def test_a_damaged_file_of_ids_is_kept_and_named(survey):
    path = survey.folder / PANEL_FILE
    path.write_text("nothing\n")
    with pytest.raises(SurveyError) as error:
        PanelIds(survey.folder)
    assert error.value.where == path
    assert path.read_text() == "nothing\n"

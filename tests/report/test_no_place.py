"""The report's photos that show no place: collapsed, with reasons, and open at a click."""

import json

import pandas as pd
import pytest
from chromium import browser_only
from drawn_things import draw_thing

from cafemood import runs
from cafemood.core.parquet import write_parquet
from cafemood.data.images import file_digest
from cafemood.report import finish, no_place, report
from cafemood.runs import left_out, thumbnails

HOSTILE = "<img src=x onerror=alert(1)> ☕.jpg"
REASONS = {"menu.png": "mostly text", HOSTILE: "one thing close up", "gone.jpg": "one thing close up"}


@pytest.fixture
def leaving_run(run):
    """A run that has left out a menu, a cup of a hostile name, and a photo that is gone."""
    draw_thing(0, "menu").save(run.photos_root / "menu.png")
    draw_thing(0, "cup").save(run.photos_root / HOSTILE)
    facts = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    facts["data"]["keep"] = "place"
    facts["data"]["left_out"] = [
        {
            "photo_id": "0" * 64 if file == "gone.jpg" else file_digest(run.photos_root / file),
            "file": file,
            "cafe_id": "1",
            "place": 0.125,
            "reason": reason,
        }
        for file, reason in REASONS.items()
    ]
    (run.folder / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    return runs.load(run.folder)


def test_each_has_its_picture_and_its_reason(leaving_run):
    shown = no_place.shown(leaving_run)
    assert (shown["left_out"], shown["n"]) == (True, 3)
    assert {photo["file"]: photo["reason"] for photo in shown["photos"]} == REASONS
    assert {photo["file"]: bool(photo["picture"]) for photo in shown["photos"]} == {
        "menu.png": True, HOSTILE: True, "gone.jpg": False,
    }  # fmt: skip


def test_names_are_text_and_the_cause_is_said(leaving_run):
    html = report.write_report(leaving_run).read_text(encoding="utf-8")
    assert "<img src=x" not in html
    assert "0.12" in html
    assert "cannot be read" in html
    assert html.index("mostly text") < html.index("one thing close up")


def test_pictures_outlive_the_photos(leaving_run):
    finish.update(leaving_run, cafes=False)
    ids = {entry["photo_id"] for entry in leaving_run.card.data.left_out}
    assert len(ids & set(thumbnails.known(leaving_run))) == 2
    (leaving_run.photos_root / "menu.png").unlink()
    again = runs.load(leaving_run.folder)
    assert {bool(photo["picture"]) for photo in no_place.shown(again)["photos"] if photo["file"] == "menu.png"} == {
        True
    }


def test_of_many_some_are_shown(leaving_run, monkeypatch):
    monkeypatch.setattr(left_out, "SHOWN_AT_MOST", 2)
    html = report.write_report(leaving_run).read_text(encoding="utf-8")
    assert "3 photos, 2 of them here" in html


def with_places(run, scores):
    table = pd.read_parquet(run.folder / "assignments.parquet")
    table["place"] = [*scores, *[0.9] * (len(table) - len(scores))]
    table["no_place"] = ["mostly text" if score < 0.5 else "" for score in table["place"]]
    write_parquet(run.folder / "assignments.parquet", table)
    facts = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    facts.pop("files", None)  # its checksums
    (run.folder / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    return runs.load(run.folder)


def test_those_that_count_all_the_same_are_shown_too(run):
    shown = no_place.shown(with_places(run, [0.9, 0.2, float("nan"), 0.4]))
    assert (shown["left_out"], shown["n"]) == (False, 2)
    assert [photo["place"] for photo in shown["photos"]] == [0.2, 0.4]
    assert all(photo["picture"] for photo in shown["photos"])


def test_where_each_shows_a_place_there_is_no_section(run):
    html = report.write_report(with_places(run, [])).read_text(encoding="utf-8")
    assert "h-no-place" not in html


def test_a_run_of_an_earlier_cafemood_has_no_section(run):
    assert no_place.shown(run)["n"] == 0
    assert "h-no-place" not in report.write_report(run).read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.browser
@browser_only[1]
def test_the_section_is_closed_until_it_is_asked_for(browser, leaving_run, width):
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
    page = context.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report.write_report(leaving_run).as_uri())
    pictures = page.locator(".no-place img")
    assert not pictures.first.is_visible()
    page.locator(".no-place summary").click()
    assert pictures.count() == 2
    assert pictures.first.is_visible()
    pictures.first.scroll_into_view_if_needed()
    page.wait_for_function("[...document.querySelectorAll('.no-place img')].every((image) => image.naturalWidth > 0)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".no-place summary").click()
    assert not pictures.first.is_visible()
    assert complaints == []
    context.close()

"""Editing a run's moods in its pages, in a real Chromium, from the first click to the edited run."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from chromium import browser_only
from made_runs import HOSTILE

from cafemood import runs
from cafemood.cafes import editing, moods, profiles
from cafemood.core.cells import csv_line
from cafemood.report import editing as pages
from cafemood.report import report
from cafemood.report.atlas import write_atlas
from cafemood.report.editing_words import WORDS

pytestmark = browser_only


SMALL = """[...document.querySelectorAll('#edit-bar button, #editor button')]
    .filter((button) => button.offsetWidth && Math.min(button.offsetWidth, button.offsetHeight) < 44).length"""
"""How many buttons are too small for a thumb."""


SAID = """[...document.querySelectorAll('#editor *, #edit-bar *')]
    .filter((node) => !node.children.length && !node.closest('.tile, code, [name=area]'))
    .filter((node) => /\\p{L}/u.test(node.textContent))
    .map((node) => node.textContent)"""
"""Every text of the editor but the photos' own."""


def tell(language, name, **values):
    return WORDS[language][name].format(**values)


def test_both_languages_say_the_same():
    assert WORDS["en"].keys() == WORDS["ko"].keys()
    for name, text in WORDS["en"].items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", WORDS["ko"][name])), name


@pytest.fixture
def visit(browser):
    """Open a page without a network; it carries what it complained of."""
    contexts = []

    def open_page(path, width=1280, height=900):
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


def downloaded(page, act):
    with page.expect_download() as waiting:
        page.locator(f"#edit-bar [data-act={act}]").click()
    return waiting.value.path()


def test_what_was_edited_in_the_report_is_what_apply_makes(visit, cafe_run):
    page = visit(report.write_report(cafe_run))
    page.locator("[data-edit-open]").first.click()
    tiles, rows = page.locator("#editor .tile"), cafe_run.assignments
    assert tiles.count() == len(rows)
    row_of = [int(tiles.nth(i).get_attribute("data-row")) for i in range(tiles.count())]
    tiles.nth(1).click()
    tiles.nth(4).click(modifiers=["Shift"])
    assert page.locator("#edit-bar .selected").inner_text() == "4 selected"
    # what a spreadsheet must not run is guarded as the library's own writer guards it
    lines = downloaded(page, "csv").read_text(encoding="utf-8").splitlines(keepends=True)
    named = [
        HOSTILE if cafe == "1" else str(name or "")
        for cafe, name in zip(rows["cafe_id"], rows["cafe_name"], strict=True)
    ]
    for line, i in zip(lines[1:], sorted(row_of[1:5]), strict=True):
        assert line.startswith(csv_line([rows["photo_id"][i], rows["file"][i], named[i]]).rstrip("\n"))
    assert page.evaluate("editing.cell('=1+1') + editing.cell('a,b') + editing.cell(\"'-x\")") == "'=1+1\"a,b\"''-x"
    page.locator("#edit-bar [data-act=split]").click()
    page.keyboard.type("windows ")
    page.keyboard.press("Enter")
    # an exclusion that is undone, by the keyboard
    tiles.nth(0).focus()
    page.keyboard.press("Space")
    page.locator("#edit-bar [data-act=exclude]").click()
    assert tiles.count() == len(rows) - 1
    page.keyboard.press("Control+z")
    assert tiles.count() == len(rows)
    page.locator('#editor [data-number="1"] input').fill("plants")
    page.locator('#editor [data-number="1"] input').blur()
    last = int(tiles.nth(tiles.count() - 5).get_attribute("data-row"))  # the last of mood 2
    page.locator(f'#editor [data-row="{last}"]').click()
    page.locator("#edit-bar [data-act=move]").select_option("1")
    page.locator('#editor [name="q"]').fill("no such café")
    assert tiles.count() == 0
    page.locator('#editor [name="q"]').fill("")
    path = downloaded(page, "save")
    found = json.loads(path.read_text(encoding="utf-8"))
    assert [edit["do"] for edit in found["edits"]] == ["split", "rename", "rename", "move"]
    assert found["run"] == editing.fingerprint_of(cafe_run)
    assert page.locator("#edit-bar .run-it code").inner_text().startswith("cafemood apply ")
    in_english = page.evaluate(SAID)
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#edit-bar [data-act=language]").click()
    assert page.locator("#editor").get_attribute("lang") == "ko"
    assert page.locator("#editor .done li").nth(1).inner_text() == tell("ko", "renamed", a="분위기 3", b="windows")
    in_korean = page.evaluate(SAID)
    # every text but the command, a word of three letters and what the photos are called is another
    assert {a for a, b in zip(in_english, in_korean, strict=True) if a == b} <= {"CSV", "windows", "plants"}
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    small = page.evaluate(SMALL)
    assert small == 0
    assert page.complaints == []

    expected = rows["cluster"].to_numpy().copy()
    expected[row_of[1:5]] = 2
    expected[last] = 0
    edited = editing.apply(cafe_run, path, cafe_run.folder.parent / "edited", n_nulls=2, baseline_seeds=1)
    assert edited.assignments["cluster"].tolist() == expected.tolist()
    assert moods.own_names(edited) == {1: "plants", 3: "windows"}
    assert runs.load(edited.folder).card.edited["done"]


def test_near_duplicates_are_found_and_all_but_one_selected(visit, cafe_run):
    # linked by at most 6 bits: 0-1-2 and 3-4; what is as even as a wall says nothing
    bits = [0, 0b111111, 0b111111111111, 2**40 - 1, 2**40 - 2] + [0] * (len(cafe_run.photos) - 5)
    contrast = [20.0] * 5 + [2.0] * (len(bits) - 5)
    table = {"photo_id": cafe_run.photos["photo_id"], "phash": np.array(bits, np.uint64), "contrast": contrast}
    pd.DataFrame(table).to_parquet(cafe_run.folder / "phashes.parquet")
    run = runs.load(cafe_run.folder)
    assert pages.near_duplicates(run, np.arange(len(bits))) == [[0, 1, 2], [3, 4]]
    assert pages.near_duplicates(run, np.array([4, 3, 9])) == [[0, 1]]
    page = visit(report.write_report(run))
    page.locator("[data-edit-open]").first.click()
    page.locator('#editor [name="only"]').select_option("near")
    assert page.locator("#editor .tile").count() == 5
    page.locator("#editor .rest").click()
    assert page.evaluate("editing.selected.size") == 3


def test_a_line_around_photos_of_the_atlas_selects_them(visit, cafe_run):
    page = visit(write_atlas(profiles.load(cafe_run)))
    page.wait_for_selector("html[data-drawn]", state="attached")
    page.locator("#select").click()
    page.wait_for_timeout(200)
    box = page.locator("#stage > canvas").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    for x, y in ((box["width"] / 2, 5), (box["width"] / 2, box["height"] - 5), (5, box["height"] - 5)):
        page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
    page.mouse.up()
    selected = page.evaluate("[...editing.selected].sort((a, b) => a - b)")
    x = cafe_run.photos["x"]
    middle = (x.min() + x.max()) / 2  # the map fits its window: what lies left of its middle was inside of the line
    assert selected == np.flatnonzero(x < middle).tolist()
    page.locator("#edit-bar [data-act=split]").click()
    assert page.locator("[data-mood='2'] small").inner_text() == str(len(selected))
    edits = json.loads(downloaded(page, "save").read_text(encoding="utf-8"))["edits"]
    assert sorted(edits[0]["photos"]) == sorted(cafe_run.photos["photo_id"][selected])
    page.locator("#edit-bar [data-act=undo]").click()
    assert page.locator("[data-mood]").count() == 2
    assert page.complaints == []

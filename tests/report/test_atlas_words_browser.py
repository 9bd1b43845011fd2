"""The atlas knows words without a network: search, panel and colours, in a real Chromium."""

import pytest
from chromium import browser_only
from made_words import write_text_features

from cafemood.cafes import moods, profiles
from cafemood.report import atlas, atlas_words

pytestmark = browser_only


@pytest.fixture
def page(browser, cafe_run):
    """The atlas of the six cafés with text features, opened from disk, offline."""
    write_text_features(cafe_run)
    moods.forget_words(cafe_run)
    path = atlas.write_atlas(profiles.load(cafe_run))
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(path.as_uri())
    yield page
    context.close()


def test_the_search_box_the_panel_and_the_colours_know_words(page, cafe_run):
    from playwright.sync_api import expect

    words = atlas_words.of_page(cafe_run, list(range(len(cafe_run.photos))), ["2"])["words"]
    assert words["cafe"] == ["dark, window seat · 어두운, 창가 자리"]
    for text in ("창가", "WINDOW SEAT"):  # a word of one photo, and so of its café; no mood is called so
        page.fill("#q", text)
        expect(page.locator(".count")).to_contain_text("4 of 21")
    page.fill("#q", "giraffe")
    expect(page.locator(".nothing")).to_be_visible()
    page.fill("#q", "cafe_2_1.jpg")
    page.press("#q", "Enter")
    expect(page.locator("#panel .in-words")).to_contain_text("창가 자리")
    page.select_option("#colour", label="less dark – dark")
    expect(page.locator(".key .high")).to_have_text("dark")
    page.select_option("#colour", label="calm – lively (guessed from words)")
    assert page.locator("#colour option", has_text="loud").count() == 0  # words tell nothing of it
    page.wait_for_timeout(300)  # it is drawn
    assert page.complaints == []


def test_without_text_features_nothing_is_added(cafe_run):
    assert atlas_words.of_page(cafe_run, [0], ["0"]) == {"words": None}
    assert atlas_words.scales(cafe_run, [0]) == []

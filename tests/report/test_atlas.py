"""The atlas: what its page holds, and how it behaves in a real Chromium, opened from disk."""

import json
import re
import shutil
from urllib.parse import unquote

import numpy as np
import pytest
from chromium import browser_only
from made_runs import HOSTILE

from cafemood import runs
from cafemood.cafes import moods, profiles
from cafemood.errors import CafemoodError
from cafemood.report import atlas, mapping, plane
from cafemood.runs import thumbnails


def payload(page):
    html = page.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="payload">(.*?)</script>', html, re.S)[1])


def test_one_file_needs_nothing_beside_it(cafe_run):
    page = atlas.write_atlas(profiles.load(cafe_run))
    html = page.read_text(encoding="utf-8")
    assert page.name == "atlas.html"
    assert "<img src=x" not in html
    assert html.count("</script>") == 2
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", html)
    found = payload(page)
    assert HOSTILE in found["cafes"]["name"]
    assert all(picture.startswith("data:image/webp") for picture in found["pictures"])


@pytest.mark.parametrize("folder", [False, True])
def test_links_lead_to_the_originals(cafe_run, folder):
    page = atlas.write_atlas(profiles.load(cafe_run), folder=folder)
    found = payload(page)
    links = [found["originals"]["shared"] + rest for rest in found["originals"]["rest"]]
    assert [(page.parent / unquote(link)).resolve().name for link in links] == cafe_run.photos["file"].tolist()
    assert all((page.parent / unquote(link)).is_file() for link in links)
    assert len(found["cafes"]["why"][0]) == len(found["cafes"]["similar"][0])


def test_a_folder_holds_every_picture_it_names(cafe_run):
    page = atlas.write_atlas(profiles.load(cafe_run), folder=True)
    found = payload(page)
    named = [*found["pictures"], *(file for sheet in found["sheets"].values() for file in sheet["files"])]
    assert {str(p.relative_to(page.parent)) for p in (page.parent / "pictures").iterdir()} == set(named)
    assert "data:image" not in page.read_text(encoding="utf-8").split("</head>")[1]


def test_of_too_many_photos_the_atlas_shows_some_and_each_cafes_own(cafe_run, monkeypatch):
    monkeypatch.setattr(thumbnails, "SHOWN_AT_MOST", 5)
    monkeypatch.setattr(thumbnails, "_OF_A_MOOD", 1)
    page = atlas.write_atlas(made := profiles.load(cafe_run))
    found, n = payload(page), len(cafe_run.photos)
    assert 5 <= len(found["pictures"]) < n
    assert None not in found["pictures"]
    own = [found["file"][i] for i in found["cafes"]["signature"]]
    assert own == made.table["signature"].tolist()
    assert sum(mood["size"] for mood in found["moods"]) == n
    html = page.read_text(encoding="utf-8")
    assert f"{len(found['pictures'])} of the photos are shown" in html
    assert f"{n} photos" in html


def test_gone_photos_are_shown_from_the_runs_thumbnails_and_the_rest_counted(cafe_run):
    shutil.rmtree(cafe_run.photos_root)
    found = payload(atlas.write_atlas(profiles.load(runs.load(cafe_run.folder))))
    assert None not in found["pictures"]
    (cafe_run.folder / "thumbnails.parquet").unlink()
    page = atlas.write_atlas(profiles.load(runs.load(cafe_run.folder)))
    assert f"{len(cafe_run.photos)} photos could not be read" in page.read_text(encoding="utf-8")
    assert set(payload(page)["pictures"]) == {None}


def test_the_wall_is_full_and_keeps_order():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 101))
    column, row = atlas.wall(x, y)
    assert len(set(zip(column, row, strict=True))) == 101
    assert (np.diff(column[np.argsort(x)]) >= 0).all()
    for c in range(column.max()):
        assert (np.diff(row[column == c][np.argsort(y[column == c])]) == 1).all()


def test_the_map_is_a_umap_where_there_are_enough_photos(cafe_run, monkeypatch):
    everyone = np.arange(len(cafe_run.photos))
    assert plane.draw(cafe_run, everyone).kind == "pca"
    assert plane.draw(cafe_run, everyone).x.tolist() == cafe_run.photos["x"].tolist()
    with pytest.raises(CafemoodError):
        plane.draw(cafe_run, everyone, "tsne")
    monkeypatch.setattr(plane.util, "find_spec", lambda name: None)
    with pytest.raises(CafemoodError):
        plane.draw(cafe_run, everyone, "umap")
    assert plane.draw(cafe_run, everyone).kind == "pca"


@pytest.mark.slow
@pytest.mark.thorough
def test_a_umap_is_kept_with_the_run(cafe_run):
    pytest.importorskip("umap")
    everyone = np.arange(len(cafe_run.photos))
    made = plane.draw(cafe_run, everyone, "umap")
    again = plane.draw(cafe_run, everyone, "umap")
    assert made.kind == "umap"
    assert np.isfinite([made.x, made.y]).all()
    assert again.x.tolist() == made.x.tolist()
    assert (cafe_run.folder / plane.FILE).is_file()


def test_neighbours_against_scikit_learn():
    from sklearn.neighbors import NearestNeighbors

    x = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    expected = NearestNeighbors(n_neighbors=9).fit(x).kneighbors(x, return_distance=False)[:, 1:]
    assert plane.neighbours(x, 8).tolist() == expected.tolist()
    assert plane.neighbours(x[:3], 8).shape == (3, 2)
    assert plane.neighbours(x[:1], 8).shape == (1, 0)


def test_mercator_against_known_places():
    # EPSG:3857 of 180° E and of Seoul's city hall
    x, y = mapping.mercator(np.array([0, 37.5665, np.nan]), np.array([180, 126.9780, 1]))
    assert x[:2] == pytest.approx([20037.508, 14135.126], abs=0.01)
    assert y[:2] == pytest.approx([0, 4518.386], abs=0.5)
    assert np.isnan(y[2])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{half", "(?s)cannot be read.*it is no JSON: line 1, column 2"),
        ("[1, 2]", "(?s)cannot be read.*it is no GeoJSON of lines"),
        ('{"type": "FeatureCollection", "features": []}', r"(?s)cannot be drawn.*it has no lines"),
        ('{"type": "LineString", "coordinates": [["a", 1], [2, 3]]}', "cannot be read"),
        (None, "(?s)cannot be read.*there is no such file or folder"),
    ],
)
def test_streets_that_are_none(tmp_path, text, message):
    path = tmp_path / "길.geojson"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CafemoodError, match=message):
        mapping.read_streets(path)


STREETS = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {},
            "geometry": {"type": "LineString", "coordinates": [[127.06, 37.62], [127.08, 37.66]]},
        }
    ],
}


@pytest.fixture(scope="module")
def page_file(made_cafe_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("atlas") / "run"
    shutil.copytree(made_cafe_run.folder, folder)
    run = runs.load(folder)
    moods.give_name(run, 1, "첫째 무드")
    streets = folder / "streets.geojson"
    streets.write_text(json.dumps(STREETS))
    return atlas.write_atlas(profiles.load(run), streets=streets)


@pytest.fixture
def visit(browser, page_file):
    """Open the atlas; afterwards it must have complained of nothing and asked for nothing."""
    contexts, complaints, asked = [], [], []

    def open_page(hash_="", width=1280, height=800, touch=False):
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True, has_touch=touch)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_file.as_uri() + hash_)
        page.wait_for_selector("html[data-drawn]", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert {url.split("#")[0] for url in asked if not url.startswith("data:")} == {page_file.as_uri()}


MARKS = """() => {
  const { strokeRect, clearRect } = CanvasRenderingContext2D.prototype;
  Object.assign(CanvasRenderingContext2D.prototype, {
    clearRect(...box) { if (this.canvas.isConnected) window.marks = 0; clearRect.apply(this, box); },
    strokeRect(...box) { window.marks++; if (this.lineWidth === 5) window.marked = box; strokeRect.apply(this, box); },
  });
}"""


class TestInABrowser:
    pytestmark = browser_only

    def test_nothing_hostile_runs_and_nothing_scrolls_sideways(self, visit):
        page = visit("#cafe=" + "1")
        assert page.locator("#panel h2").inner_text() == " ".join(HOSTILE.split())
        assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280

    def test_moods_area_and_search_filter(self, visit):
        page = visit()
        count = page.locator(".count")
        assert count.inner_text() == "21 photos"
        page.get_by_role("button", name="1 첫째 무드").click()
        assert re.fullmatch(r"\d+ of 21 photos", count.inner_text())
        page.get_by_role("button", name="첫째 무드").click()
        page.locator("#area").select_option("성수동")
        assert count.inner_text() == "9 of 21 photos"
        page.locator("#area").select_option("")
        page.keyboard.press("/")
        page.keyboard.type("카페 숲")
        page.get_by_text("4 of 21 photos").wait_for()
        page.keyboard.press("Enter")
        assert page.locator("#panel h2").inner_text() == "공릉동 카페 숲"
        page.locator("#q").fill("첫째 무드")
        in_mood = page.evaluate("document.querySelector('[data-mood=\"0\"] small').textContent")
        page.get_by_text(f"{in_mood} of 21 photos").wait_for()
        page.locator("#q").fill("no such thing")
        page.locator(".nothing").wait_for()
        assert "no such thing" in page.locator(".nothing").inner_text()

    def test_look_certainty_and_place_filter_and_stand_in_the_link(self, visit, page_file):
        found = payload(page_file)
        page = visit("#view=wall")
        page.locator(".filters summary").click()
        page.locator("#certainty").select_option("0")
        lowest = sorted(found["probability"])[7]
        least = {i for i, p in enumerate(found["probability"]) if p < lowest}
        assert {i for i, _, _ in page.evaluate("atlas.placed()")} == least
        word = found["edit"]["words"][0]
        page.locator("#look").select_option(label=word)
        both = {i for i in least if found["edit"]["looks"][i] & 1}
        assert {i for i, _, _ in page.evaluate("atlas.placed()")} == both
        assert page.locator(".filters summary b").inner_text().strip() == "2"
        assert page.locator("#place").is_visible() == any(found["edit"]["no_place"])
        again = visit("#" + page.url.split("#")[1])
        assert {i for i, _, _ in again.evaluate("atlas.placed()")} == both
        again.locator(".filters summary").click()
        again.locator(".filters").get_by_role("button").click()
        assert len(again.evaluate("atlas.placed()")) == 21

    def test_the_wall_has_no_holes_when_photos_are_filtered(self, visit):
        page = visit("#view=wall&moods=2")
        placed = page.evaluate("atlas.placed()")
        rows = max(y for _, _, y in placed) + 1
        assert 1 < len(placed) < 21
        assert sorted((x, y) for _, x, y in placed) == [divmod(i, rows) for i in range(len(placed))]

    @pytest.mark.parametrize("colour", ["cafe", "certainty", "look-0"])
    def test_photos_are_coloured_by_what_was_chosen(self, visit, colour):
        page = visit("#view=wall")
        before = page.locator("#stage > canvas").screenshot()
        page.locator("#colour").select_option(colour)
        page.wait_for_timeout(300)
        assert page.locator("#stage > canvas").screenshot() != before
        assert page.locator(".key .scaled").is_visible() == (colour != "cafe")

    @pytest.mark.parametrize("view", ["map", "streets"])
    def test_a_search_for_a_file_opens_that_photo_and_marks_no_other(self, visit, page_file, view):
        found = payload(page_file)
        other = next(i for i, c in enumerate(found["cafe"]) if found["cafes"]["signature"][c] != i)
        page = visit(f"#view={view}")
        page.evaluate(MARKS)
        page.locator("#q").fill(found["file"][other])
        page.keyboard.press("Enter")
        assert page.locator("#panel .big").get_attribute("alt") == found["file"][other]
        page.wait_for_timeout(300)
        assert page.evaluate("window.marks") == 1

    def test_the_panel_tells_of_a_cafe_and_leads_to_the_next(self, visit):
        page = visit("#cafe=2")
        panel = page.locator("#panel")
        assert panel.locator("h2").inner_text() == "مقهى الورد"
        assert re.search(r"\d+ % \(\d+–\d+\)", panel.inner_text())
        assert panel.locator(".strip").first.locator("button").count() == 4
        assert panel.locator(".strip").nth(1).locator("button").count() == 8
        assert panel.locator(".near small").first.inner_text() != ""
        assert panel.locator(".original a").get_attribute("href").endswith(".jpg")
        panel.locator(".near button").first.click()
        assert panel.locator("h2").inner_text() in ("공릉동 카페 숲", "카페 나무")
        page.keyboard.press("Escape")
        assert panel.is_hidden()
        assert "cafe=" not in page.url

    def test_two_notes_lie_one_above_the_other(self, browser, cafe_run, monkeypatch):
        monkeypatch.setattr(thumbnails, "SHOWN_AT_MOST", 5)
        monkeypatch.setattr(thumbnails, "_OF_A_MOOD", 1)
        shutil.rmtree(cafe_run.photos_root)
        (cafe_run.folder / "thumbnails.parquet").unlink(missing_ok=True)
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(atlas.write_atlas(profiles.load(runs.load(cafe_run.folder))).as_uri())
        above, below = (note.bounding_box() for note in page.locator(".gone:visible").all())
        page.close()
        assert above["y"] + above["height"] <= below["y"]

    def test_keys_stay_in_the_panel_and_scroll_it(self, visit):
        page = visit("#cafe=0", 1280, 500)
        page.locator("#panel .strip button").nth(2).press("Enter")
        assert page.locator("#panel .strip button:focus").get_attribute("aria-current") == "true"
        page.locator("#panel .near button").first.press("Enter")
        assert page.locator("#panel .close:focus").count() == 1
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(400)
        assert page.evaluate("document.querySelector('#panel').scrollTop") > 0

    def test_a_link_carries_the_view(self, visit):
        page = visit()
        page.keyboard.press("w")
        page.get_by_role("button", name="첫째 무드").click()
        page.locator("#q").fill("카페")
        page.wait_for_url(re.compile("q="))
        link = page.url.split("#")[1]
        again = visit("#" + link)
        assert again.locator("[data-view=wall]").get_attribute("aria-pressed") == "true"
        assert again.locator("[data-mood][aria-pressed=true]").count() == 1
        assert again.get_by_role("button", name="첫째 무드").get_attribute("aria-pressed") == "true"
        assert again.locator(".count").inner_text() == page.locator(".count").inner_text()

    def test_keys_move_zoom_and_open(self, visit):
        page = visit()
        canvas = page.locator("#stage > canvas")
        canvas.focus()
        seen = [canvas.screenshot()]
        for key in ("ArrowLeft", "+", "w", "s"):
            page.keyboard.press(key)
            page.wait_for_timeout(250)
            seen.append(canvas.screenshot())
        assert len(set(seen)) == 5
        page.keyboard.press("Enter")
        assert page.locator("#panel").is_visible()
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.tagName") == "CANVAS"

    def test_streets_show_scale_and_what_has_no_place(self, visit):
        page = visit("#view=streets")
        assert page.locator(".scale span").inner_text().endswith((" km", " m"))
        assert "1 café without coordinates" in page.locator(".count").inner_text()

    def test_pins_that_would_cover_each_other_are_one_stack_that_a_click_goes_nearer_to(self, visit):
        page = visit("#view=streets", 1280, 260)
        page.evaluate("atlas.zoom(0.001)")
        page.wait_for_timeout(300)
        assert page.evaluate("atlas.stacks()") == [5]
        box = page.locator("#stage > canvas").bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for _ in range(3):
            page.mouse.click(*middle)
            assert page.locator("#panel").is_hidden()
            page.wait_for_timeout(300)
            if len(stacks := page.evaluate("atlas.stacks()")) > 1:
                break
        assert sum(stacks) == 5
        page.evaluate("atlas.zoom(1e9)")
        assert page.evaluate("atlas.stacks()") == [1] * 5

    def test_a_click_opens_the_photo_under_it(self, visit):
        page = visit("#view=wall")
        box = page.locator("#stage > canvas").bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2 + 5, box["y"] + box["height"] / 2 + 5)
        assert page.locator("#panel").is_visible()

    @pytest.mark.parametrize(("width", "height", "at"), [(390, 844, 550), (1280, 800, 770)])
    def test_the_panel_does_not_cover_the_photo_that_opened_it(self, visit, width, height, at):
        page = visit("#view=wall", width, height)
        page.evaluate(MARKS)
        page.evaluate("atlas.zoom(2.5)")
        stage = page.locator("#stage").bounding_box()
        page.mouse.click(width - 30, at)
        page.wait_for_timeout(300)
        x, y, side, _ = page.evaluate("window.marked")
        x, y = stage["x"] + x + side / 2, stage["y"] + y + side / 2
        panel = page.locator("#panel").bounding_box()
        assert x < panel["x"] or y < panel["y"]
        assert x > stage["x"]
        assert y > stage["y"]

    def test_on_a_phone_the_panel_is_a_sheet_and_targets_fit_a_thumb(self, visit):
        page = visit("#cafe=0", 390, 844, touch=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        panel, stage = page.locator("#panel").bounding_box(), page.locator("#stage").bounding_box()
        assert panel["y"] > stage["y"] + 40
        assert panel["width"] == 390
        for button in page.locator("button:visible, select:visible, input:visible").element_handles():
            box = button.bounding_box()
            assert min(box["width"], box["height"]) >= 40

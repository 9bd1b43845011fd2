"""The report and the comparison in a real Chromium, opened from disk."""

import json
import re

import numpy as np
import pytest
from chromium import browser_only, serious
from made_runs import TRUTH, write_run

from cafemood import runs
from cafemood.cafes import profiles
from cafemood.report import atlas, compare, comparison, report

pytestmark = browser_only


@pytest.fixture
def visitor(browser):
    """Open a page at a size; it carries what it complained of and asked for."""
    contexts = []

    def open_page(path, width=1280, height=900):
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.complaints, page.asked = [], []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def visit(visitor, run):
    """Open the report."""

    def open_page(width=1280, height=900):
        page = visitor(report.write_report(run), width, height)
        page.wait_for_function("document.querySelector('[data-photo]').style.backgroundImage")
        return page

    return open_page


@pytest.mark.parametrize("width", [1280, 390])
def test_it_opens_without_complaint_request_or_sideways_scroll(visit, width):
    page = visit(width)
    page.wait_for_timeout(300)
    assert page.complaints == []
    assert [url for url in page.asked if not url.startswith("data:")] == page.asked[:1]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_phone_shows_the_answer_and_the_first_photo_at_once_and_all_photos_of_a_mood_on_demand(visit):
    page = visit(390, 844)
    assert page.locator("#h-verdict").bounding_box()["y"] < 300
    assert page.locator(".mood .photo").first.bounding_box()["y"] < 844 - 100
    assert not page.locator(".answer .verdict").is_visible()
    page.locator(".all summary").first.click()
    size = page.evaluate("JSON.parse(document.getElementById('payload').textContent).sizes[0]")
    assert page.locator(".all .grid .photo").count() == size
    page.locator(".all .grid .photo").last.click()
    assert page.locator("#lightbox").is_visible()
    page.keyboard.press("Escape")
    page.locator(".contents a[href='#h-scores']").click()
    assert page.locator("table.scores").is_visible()


OPEN = "document.querySelectorAll('details').forEach((part) => { part.open = true; })"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_serious(browser, run, sweep, scheme, width):
    """In the report and its editor, the comparison, and the atlas with a panel."""
    pages = [report.write_report(run), compare.write(comparison.compare_runs([sweep]), sweep)]
    pages.append(atlas.write_atlas(profiles.load(run)))
    context = browser.new_context(viewport={"width": width, "height": 844}, offline=True, color_scheme=scheme)
    found = []
    for path in pages:
        page = context.new_page()
        page.goto(path.as_uri() + ("#cafe=" + run.photos["cafe_id"][0] if path.name == "atlas.html" else ""))
        page.evaluate(OPEN)
        found += [(path.name, *said) for said in serious(page)]
        if path.name == "report.html":
            page.locator("[data-edit-open]").first.click()
            page.locator("#editor .tile").first.click()
            found += [("editor", *said) for said in serious(page)]
    context.close()
    assert found == []


def test_nothing_hostile_ran(visit):
    page = visit()
    assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0


def test_a_photo_opens_and_steps_and_escape_closes(visit):
    page = visit()
    page.locator("[data-photo]").first.click()
    assert page.locator("#lightbox").is_visible()
    first = page.locator("#lightbox p").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#lightbox p").inner_text() != first
    page.keyboard.press("Escape")
    assert not page.locator("#lightbox").is_visible()


def test_a_photo_that_is_gone_does_not_show_the_one_before_it(visitor, run):
    gone, mood = run.assignments.loc[1, ["file", "cluster"]]
    (run.photos_root / gone).unlink()
    page = visitor(report.write_report(runs.load(run.folder)))
    page.locator(".mood").nth(mood).locator("[data-photo]").last.click()
    while not page.locator("#lightbox p").inner_text().startswith(gone):
        page.keyboard.press("ArrowRight")
    assert page.locator("#lightbox img").is_hidden()
    assert page.locator("#lightbox img").get_attribute("src") is None


PINCHED = """() => {
  const canvas = document.querySelector("#map canvas"), box = canvas.getBoundingClientRect();
  canvas.setPointerCapture = () => {};
  const send = (type, id, x) => canvas.dispatchEvent(new PointerEvent(`pointer${type}`, {
    pointerId: id, clientX: box.left + x, clientY: box.top + box.height / 2 }));
  const opened = [];
  for (let x = 0; x < box.width; x += 10) {
    send("down", 1, x); send("down", 2, x + 40); send("move", 2, x + 60); send("move", 2, x + 40);
    send("up", 2, x + 40); send("up", 1, x);
    opened.push(document.getElementById("lightbox").open);
  }
  return opened;
}"""


def test_a_pinch_opens_no_photo(visit):
    page = visit()
    assert not any(page.evaluate(PINCHED))


def test_the_photos_are_printed_though_backgrounds_are_not(visit):
    page = visit()
    with_photos = len(page.pdf(print_background=False))
    page.evaluate("document.querySelectorAll('.photo').forEach((photo) => { photo.style.backgroundImage = ''; })")
    assert with_photos > len(page.pdf(print_background=False)) + 10_000


def test_the_map_shows_what_is_under_the_pointer_and_zooms(visit):
    page = visit()
    canvas = page.locator("#map canvas")
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    box = canvas.bounding_box()
    found = False
    for x in range(20, int(box["width"]), 30):
        for y in range(20, int(box["height"]), 30):
            if not found:
                page.mouse.move(box["x"] + x, box["y"] + y)
                found = page.locator(".tip").is_visible()
    assert found
    assert "probability" in page.locator(".tip").inner_text()
    before = canvas.screenshot()
    page.get_by_label("Zoom in").click()
    page.wait_for_timeout(300)
    assert canvas.screenshot() != before


def test_the_legend_hides_a_mood(visit):
    page = visit()
    button = page.locator(".legend button").first
    before = page.locator("#map canvas").screenshot()
    button.click()
    page.wait_for_timeout(300)
    assert button.get_attribute("aria-pressed") == "false"
    assert page.locator("#map canvas").screenshot() != before


def test_targets_are_large_enough_for_a_thumb(visit):
    page = visit(390, 844)
    for selector in (".tools button:visible", ".legend button"):
        for box in [handle.bounding_box() for handle in page.locator(selector).element_handles()]:
            assert min(box["width"], box["height"]) >= 40


@pytest.fixture
def visit_comparison(visitor, sweep):
    """Open the comparison of a sweep."""
    return lambda width=1280: visitor(compare.write(comparison.compare_runs([sweep]), sweep), width)


@pytest.mark.parametrize("width", [1280, 390])
def test_the_comparison_opens_without_complaint_request_or_sideways_scroll(visit_comparison, width):
    page = visit_comparison(width)
    page.wait_for_timeout(200)
    assert page.complaints == []
    assert [url for url in page.asked if not url.startswith("data:")] == page.asked[:1]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_table_is_sorted_by_a_click_and_again_the_other_way(visit_comparison):
    page = visit_comparison()
    names = "#runs tbody th"
    assert page.locator(names).first.inner_text().endswith("vgg16 features k=3")  # rank 1
    heading = page.locator("#runs thead button", has_text="silhouette@features")
    heading.click()
    assert page.locator(names).first.inner_text() == "resnet50 features k=6"
    heading.click()
    assert page.locator(names).last.inner_text() == "resnet50 features k=6"
    assert page.locator("#runs thead th[aria-sort=ascending]").count() == 1


def test_a_phone_gets_a_card_a_run_in_the_place_of_the_table(visit_comparison):
    page = visit_comparison(390)
    assert not page.locator("#runs").is_visible()
    cards = page.locator("#cards > li")
    assert cards.count() == 4
    assert "vgg16 features k=3" in cards.first.locator("h3").inner_text()  # rank 1
    assert cards.first.locator(":scope > dl dt").all_inner_texts() == [
        "choice", "agreement", "cafes", "persistence", "z@features"
    ]  # fmt: skip
    assert not cards.first.get_by_text("silhouette@features").first.is_visible()
    cards.first.locator("summary").click()
    assert cards.first.locator("details dt", has_text="silhouette@features").is_visible()
    page.locator("#order").select_option("silhouette@features")
    assert "resnet50 features k=6" in cards.first.locator("h3").inner_text()
    assert cards.first.locator(":scope > dl dd").first.inner_text() == "0.900\nresnet50 features"
    assert cards.first.bounding_box()["width"] <= 390


def test_many_cards_are_shown_on_demand(visitor, tmp_path):
    for i in range(14):
        write_run(tmp_path / str(i), TRUTH, n_init=i + 1)
    page = visitor(compare.write(comparison.compare_runs([tmp_path]), tmp_path), 390)
    assert page.locator("#cards > li:visible").count() == 12
    page.get_by_role("button", name="Show all 14 runs").click()
    assert page.locator("#cards > li:visible").count() == 14
    assert page.locator("#more:visible").count() == 0


def test_settings_that_all_runs_share_have_no_column(visit_comparison):
    page = visit_comparison()
    headings = page.locator("#runs thead th").all_inner_texts()
    assert {"backbone", "k"} <= set(headings)
    assert not {"method", "seed", "unit"} & set(headings)
    assert "method kmeans" in page.locator("#same").inner_text()
    assert "method" not in page.locator("#columns dt").all_text_contents()


def test_a_score_names_its_space_where_a_column_has_several(visitor, sweep, tmp_path):
    page = visitor(compare.write(comparison.compare_runs([sweep]), sweep))
    place = page.locator("#runs thead th").all_inner_texts().index("silhouette@features")
    cells = page.locator(f"#runs tbody tr > :nth-child({place + 1}) small")
    assert set(cells.all_inner_texts()) == {"vgg16 features", "resnet50 features"}
    page.locator("#score").select_option("silhouette@features")
    assert page.locator("#spaces-curve").is_visible()
    page.locator("#score").select_option("choice")
    assert not page.locator("#spaces-curve").is_visible()
    for k in (2, 3):
        write_run(tmp_path / "one space" / str(k), TRUTH % k, k=k)
    alone = visitor(compare.write(comparison.compare_runs([tmp_path / "one space"]), tmp_path))
    assert alone.locator("#runs small").count() == 0


def test_without_cafe_ids_a_comparison_speaks_of_photos(visitor, tmp_path):
    for k in (2, 3, 6):
        write_run(tmp_path / "sweep" / f"k{k}", np.arange(60) // (60 // k), k=k, cafes=0)
    page = visitor(compare.write(comparison.compare_runs([tmp_path / "sweep"]), tmp_path / "sweep"))
    page.evaluate(OPEN)
    text = page.locator("body").inner_text().replace("cafemood", "")
    assert "by photo" in text
    assert not re.search("caf[eé]", text, re.IGNORECASE)


def test_photos_that_changed_group_are_counted_and_shown_alone(visit_comparison):
    page = visit_comparison()
    for side, name in (("#left", "vgg16 features k=3"), ("#right", "vgg16 features k=6")):
        page.locator(side).select_option(page.locator(f"{side} option", has_text=name).get_attribute("value"))
    assert "30 of 60 photos (50 %) changed group" in page.locator("#moved").inner_text()
    assert page.locator("#sheet-left img").count() == 60
    page.locator("#changed").check()
    assert page.locator("#sheet-left img").count() == page.locator("#sheet-right img").count() == 30


def test_a_score_is_drawn_against_k_and_a_run_lights_up(visit_comparison):
    page = visit_comparison()
    assert page.locator("#curve circle").count() == 4
    page.locator("#score").select_option("z@features")
    assert "resnet50 features k=6: −1.000" in page.locator("#curve svg").inner_html()
    page.locator("#runs tbody tr").first.hover()
    assert page.locator("#parallel .run.lit").count() == 1
    page.locator("#parallel .run").first.focus()
    assert "vgg16 features k=3: " in page.locator("#said-parallel").inner_text()
    page.locator(".columns summary").click()
    assert page.locator("#columns dd").first.is_visible()


def test_terms_share_one_scale_and_scores_of_a_space_have_their_own(visit_comparison):
    page = visit_comparison()
    texts = page.locator("#parallel svg > text").all_text_contents()
    tops = dict(zip(texts[::3], zip(texts[1::3], texts[2::3], strict=True), strict=True))  # name, highest, lowest
    assert tops["choice"] == tops["agreement"] == tops["persistence"]
    assert tops["silhouette@features"] == ("0.900", "0.200")


def test_a_line_stops_where_a_run_has_no_value_and_a_photo_opens(visitor, sweep):
    path = sweep / "1_backbone=vgg16,k=3" / "scores.json"
    scores = json.loads(path.read_text())
    del scores["null"]["silhouette@features"]["z"]
    path.write_text(json.dumps(scores))
    page = visitor(compare.write(comparison.compare_runs([sweep]), sweep))
    place = json.loads(page.locator("#payload").text_content())["names"].index("vgg16 features k=3")
    assert page.locator(f"#parallel .run[data-run='{place}'] polyline").count() == 2
    assert page.locator("#parallel .run").last.locator("polyline").count() == 1
    page.locator("#sheet-left button").first.click()
    assert "in the other run" in page.locator("#lightbox p").inner_text()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    assert not page.locator("#lightbox").is_visible()


def test_the_table_calls_noise_what_the_verdict_does(visitor, sweep):
    scores = json.loads((sweep / "1_backbone=vgg16,k=3" / "scores.json").read_text())
    scores["null"]["silhouette@features"] |= {"z": 2.2, "limit": 2.6}
    (sweep / "1_backbone=vgg16,k=3" / "scores.json").write_text(json.dumps(scores))
    page = visitor(compare.write(comparison.compare_runs([sweep]), sweep))
    assert "2 of 4 runs are no better than noise" in page.locator(".verdict").text_content()
    assert page.locator("#runs tr.first").count() == 1 - page.locator("#runs tr[data-run='0'] td.noise").count()
    assert sorted(page.locator("#runs td.noise").all_inner_texts()) == [
        "2.200 !\nvgg16 features",
        "−1.000 !\nresnet50 features",
    ]


CONTRASTS = """() => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (color) => {
    pen.fillStyle = color;
    pen.fillRect(0, 0, 1, 1);
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  return [...document.querySelectorAll(".heat td")].map((cell) => {
    const { color, backgroundColor } = getComputedStyle(cell), ratio = light(color) / light(backgroundColor);
    return Math.max(ratio, 1 / ratio);
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_of_a_comparison_can_be_read(visit_comparison, scheme):
    page = visit_comparison(360)
    page.emulate_media(color_scheme=scheme)
    assert min(page.evaluate(CONTRASTS)) >= 4.5
    heights = "[...document.querySelectorAll('.figure text')].map((text) => text.getBoundingClientRect().height)"
    assert min(page.evaluate(heights)) >= 9
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

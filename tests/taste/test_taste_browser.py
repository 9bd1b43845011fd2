"""The page in a real Chromium, opened from disk without a network: the same taste as in Python, and fit for use."""

import json

import numpy as np
import pytest
from chromium import browser_only, serious

from cafemood.cafes import preference, profiles
from cafemood.cafes.places import places_of
from cafemood.taste import answers, page, questions, ranking, space

pytestmark = browser_only


@pytest.fixture
def visitor(browser):
    """Open a page at a size; it carries what it complained of and asked for."""
    contexts = []

    def open_page(path, width=390, height=844, locale="en-US", fragment=""):
        context = browser.new_context(
            viewport={"width": width, "height": height}, offline=True, locale=locale, accept_downloads=True
        )
        contexts.append(context)
        opened = context.new_page()
        opened.complaints, opened.asked = [], []
        opened.on("console", lambda message: opened.complaints.append(message.text))
        opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.on("request", lambda request: opened.asked.append(request.url))
        opened.goto(path.as_uri() + fragment)
        return opened

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def written(six):
    return page.write_page(six)[0]


def taps(opened, n, place=0):
    opened.locator(".primary").first.click()
    for _ in range(n):
        opened.locator(".pick").nth(place).click()


def saved(opened, tmp_path):
    with opened.expect_download() as waiting:
        opened.get_by_role("button", name="Save as a file").click()
    path = tmp_path / "saved.json"
    waiting.value.save_as(path)
    return path


@pytest.mark.parametrize("width", [390, 1280])
def test_ten_taps_give_a_list_without_complaint_request_or_sideways_scroll(visitor, written, width):
    opened = visitor(written, width)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert serious(opened) == []
    taps(opened, 5)
    assert serious(opened) == []
    for _ in range(5):
        opened.locator(".pick").first.click()
    assert opened.get_attribute("body", "data-screen") == "list"
    assert opened.locator(".card").count() == 6
    assert serious(opened) == []
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.complaints == []
    assert [url for url in opened.asked if not url.startswith("data:")] == opened.asked[:1]
    assert opened.locator("img[src=x]").count() == 0


def test_it_ranks_as_numpy_does(visitor, written, six, tmp_path):
    opened = visitor(written)
    taps(opened, 4, 0)
    opened.locator("#skip").click()
    for place in (1, 0, 1, 0, 1, 0):
        opened.locator(".pick").nth(place).click()
    opened.locator("[data-more=true]").nth(1).click()
    opened.locator("[data-more=false]").last.click()
    given = answers.read(saved(opened, tmp_path), six)
    assert len(given) == 13
    taste, features = ranking.learn(six, given), six.places.features
    ours = {
        "utilities": taste.utilities(features).tolist(),
        "deviations": taste.deviations(features).tolist(),
        "chances": preference.chances(features, taste).tolist(),
    }
    theirs = opened.evaluate(
        """() => { const t = cafemoodTaste, d = t.data, f = d.features; return {
        utilities: Taste.utilities(f, t.taste()), deviations: Taste.deviations(f, t.taste()),
        chances: [...Taste.chances(f, t.taste(), d.rank)],
        reasons: Taste.reasons(Taste.utilities(f, t.taste()), d.looks, d.shares, d.reasons) }; }"""
    )
    for name, values in ours.items():
        assert theirs[name] == pytest.approx(values, abs=1e-6), name
    told = ranking.reasons(taste.utilities(features), ranking.signs(six))
    assert theirs["reasons"] == [[list(reason) for reason in cafe] for cafe in told]
    ranked = ranking.rank(six, given)
    sure = float(opened.get_attribute(".sure", "data-sure"))
    assert sure == pytest.approx(ranking.sureness(ranked, len(features)), abs=1e-6)
    order = [int(i) for i in opened.locator("ol .card").evaluate_all("cards => cards.map(c => c.dataset.cafe)")]
    assert order == ranking.order(taste.utilities(features), given)


def test_it_asks_and_ranks_as_numpy_does_among_many(visitor, written):
    rng = np.random.default_rng(0)
    of = np.repeat(np.arange(120), 4)
    rows = 2 * rng.normal(size=(120, 4))[of] + rng.normal(size=(480, 4))
    places = places_of(rows.astype(np.float32), of)
    opened, choices, seen = visitor(written), [], []
    settings = opened.evaluate("cafemoodTaste.data.model")
    for number in range(12):
        taste = preference.fit(choices, places.features.shape[1])
        asked = questions.next_question(places.features, places.evidence, taste, seen, seed=number, unable=[5])
        given = {
            "f": places.features.tolist(), "e": places.evidence.tolist(), "seen": seen,
            "choices": [{"options": c.options.tolist(), "chosen": c.chosen} for c in choices],
            "settings": {**settings, "seed": number, "size": 4, "unable": [5]},
        }  # fmt: skip
        theirs = opened.evaluate(
            """g => { const t = Taste.fit(g.choices, g.f[0].length, g.settings); return {
            u: Taste.utilities(g.f, t), q: Taste.nextQuestion(g.f, g.e, t, g.seen, g.settings) }; }""",
            given,
        )
        assert theirs["u"] == pytest.approx(taste.utilities(places.features).tolist(), abs=1e-6)
        assert theirs["q"] == asked
        seen += asked
        choices.append(preference.Choice(places.evidence[asked], int(rng.integers(4))))


def test_back_and_a_reload_keep_the_answers(visitor, written):
    opened = visitor(written)
    taps(opened, 3)
    shown = opened.locator(".pick").evaluate_all("picks => picks.map(p => p.dataset.cafe)")
    opened.locator(".pick").first.click()
    opened.get_by_role("button", name="Back").click()
    assert opened.locator(".pick").evaluate_all("picks => picks.map(p => p.dataset.cafe)") == shown
    assert opened.get_attribute("body", "data-taps") == "3"
    opened.reload()
    opened.get_by_role("button", name="Go on").click()
    assert opened.get_attribute("body", "data-taps") == "3"


def test_keys_answer_and_the_language_switches(visitor, written):
    opened = visitor(written, locale="ko-KR")
    assert opened.get_attribute("html", "lang") == "ko"
    opened.locator(".primary").press("Enter")
    opened.keyboard.press("2")
    opened.keyboard.press("s")
    assert opened.get_attribute("body", "data-taps") == "1"
    opened.keyboard.press("ArrowLeft")
    opened.keyboard.press("ArrowLeft")
    assert opened.get_attribute("body", "data-taps") == "0"
    opened.get_by_role("button", name="English").click()
    assert opened.get_attribute("html", "lang") == "en"
    assert opened.locator("h1").inner_text() == "Which would you rather sit in?"
    names = opened.locator(".pick").evaluate_all("picks => picks.map(p => p.getAttribute('aria-label'))")
    assert len(names) == 4
    assert all(names)


def test_a_link_carries_the_taste_alone_and_bad_ones_are_refused(visitor, written, six):
    opened = visitor(written)
    taps(opened, 10)
    link = opened.evaluate("cafemoodTaste.linked()").split("#")[1]
    assert len(link) < 300
    other = visitor(written, fragment=f"#{link}")
    assert other.get_attribute("body", "data-screen") == "list"
    cards = "cards => cards.map(c => c.dataset.cafe)"
    assert other.locator("ol .card").evaluate_all(cards) == opened.locator("ol .card").evaluate_all(cards)
    version, rest = f"1.{six.list_id}", link.split(".", 2)[2]
    damaged = [f"{version}.{taps}" for taps in ("c0-0", "c0-99", "x")]
    wrong = (f"2.{six.list_id}.{rest}", f"1.{'0' * 16}.{rest}", *damaged, "!")
    for text in wrong:
        bad = visitor(written, fragment=f"#taste={text}")
        assert bad.get_attribute("body", "data-screen") == "welcome", text
        assert bad.locator("#note").is_visible(), text
        assert bad.complaints == []


def test_a_saved_file_opens_and_bad_ones_are_refused(visitor, written, tmp_path):
    opened = visitor(written)
    taps(opened, 10)
    path = saved(opened, tmp_path)
    other = visitor(written)
    other.set_input_files("#file", path)
    other.wait_for_selector(".card")
    good = json.loads(path.read_text())
    unknown = good | {"answers": [{"shown": ["0", "nope"], "chosen": "0"}]}
    for n, text in enumerate(["{", "[]", json.dumps(good | {"run": "x"}), json.dumps(unknown)]):
        (tmp_path / f"{n}.json").write_text(text)
        bad = visitor(written)
        bad.set_input_files("#file", tmp_path / f"{n}.json")
        bad.wait_for_selector("#note:visible")
        assert bad.get_attribute("body", "data-screen") == "welcome"
        assert bad.complaints == []


def test_cafes_whose_photos_are_gone_are_ranked_and_not_asked(visitor, own_run):
    for photo in own_run.photos_root.glob("cafe_3_*.jpg"):
        photo.unlink()
    (own_run.folder / "thumbnails.parquet").unlink()
    made = space.of_run(profiles.compute(own_run))
    path, gone = page.write_page(made)
    assert gone == 1
    opened = visitor(path)
    taps(opened, 0)
    for _ in range(10):
        assert "3" not in opened.locator(".pick").evaluate_all("picks => picks.map(p => p.dataset.cafe)")
        opened.locator(".pick").first.click()
    assert opened.locator('.card[data-cafe="3"]').count() == 1
    assert opened.locator('.card[data-cafe="3"] img').count() == 0


def test_skipping_everything_says_so(visitor, written):
    opened = visitor(written)
    taps(opened, 0)
    for _ in range(12):
        opened.locator("#skip").click()
    assert opened.get_attribute("body", "data-screen") == "asking"
    assert opened.get_attribute("body", "data-taps") == "0"
    assert opened.locator("#see").count() == 0

"""The survey as people meet it: phone and desk, both languages, both deliveries, by tap and by key."""

import json
import re
import signal
import subprocess
import sys

import pytest
from chromium import browser_only, serious

from cafemood.survey import answers
from cafemood.survey.store import read_people

SHOWN = "() => [...document.querySelectorAll('.frame img')].every((image) => image.complete && image.naturalWidth)"
JUMP = """(at) => {
  const key = Object.keys(localStorage).find((k) => k.startsWith("cafemood")), me = JSON.parse(localStorage[key]);
  localStorage[key] = JSON.stringify({ ...me, at, seen: { alike: true, intruder: true, odd: true } });
}"""
PHONE, DESK = (390, 844), (1280, 800)

pytestmark = browser_only


@pytest.fixture
def visit(browser):
    """Open an address as a new device; it must complain of nothing, and nothing may scroll sideways."""
    contexts, complaints, pages = [], [], []

    def open_page(address, size=PHONE, language="ko-KR"):
        viewport = {"width": size[0], "height": size[1]}
        context = browser.new_context(viewport=viewport, locale=language, has_touch=size == PHONE)
        contexts.append(context)
        page = context.new_page()
        pages.append(page)
        page.set_default_timeout(15_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        page.wait_for_selector("h1")
        return page

    yield open_page
    for page in pages:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for context in contexts:
        context.close()
    assert [c for c in complaints if "ERR_CONNECTION_REFUSED" not in c and "Failed to load" not in c] == []


@pytest.fixture
def served(survey):
    """The survey served by the real command: address, and a function that stops and one that starts it again."""
    made = []

    def start(port="0", *more):
        words = [
            sys.executable,
            "-c",
            "from cafemood.app.cli import main; main()",
            "survey",
            "serve",
            str(survey.folder),
        ]
        process = subprocess.Popen([*words, "--port", port, *more], stdout=subprocess.PIPE, text=True)
        made.append(process)
        return re.search(r"Survey: (http://\S+?)/ ", process.stdout.readline())[1]

    def stop():
        made[-1].send_signal(signal.SIGKILL)
        made[-1].wait()

    yield start, stop
    stop()


def consent(page):
    page.locator("input[type=checkbox]").check()
    page.locator(".choices button").first.click()
    page.locator("button.primary").click()
    page.wait_for_selector("progress")


def count(page):
    return int(page.locator(".count").first.inner_text().split("/")[0])


def jump(page, at):
    """Go to a question as if all before it had been skipped, and all explanations read."""
    page.evaluate(JUMP, at)
    page.reload()
    page.wait_for_selector(".photos")


def answer(page, keys=False):
    """Answer the question shown; explanations between the parts are read first."""
    if page.locator(".photos").count() == 0:
        page.locator("button.primary").click()
    number = count(page)
    if page.locator(".scale").count():
        asked = re.search(r"\d", page.locator("h1").inner_text())
        choice = int(asked[0]) if asked else 2
        if keys:
            page.keyboard.press(str(choice))
        else:
            page.locator(".scale button").nth(choice - 1).click()
    elif keys:
        page.keyboard.press("1")
    else:
        page.locator(".pick").first.click(position={"x": 30, "y": 30})
    page.wait_for_function(
        "n => document.querySelector('.done') || !document.querySelector('.bar .count') "
        "|| !document.querySelector('.bar .count').textContent.startsWith(n + ' /')",
        arg=number,
    )


def answer_to_the_end(page, **how):
    while not page.locator(".done").count():
        answer(page, **how)


def download(page, survey):
    with page.expect_download() as saved:
        page.locator("button.primary").click()
    (survey.folder / "answers").mkdir()
    saved.value.save_as(survey.folder / "answers" / "one.json")
    gathered = answers.gather(survey)
    assert gathered.skipped == []
    return gathered


def test_a_person_answers_every_question_of_the_file_and_downloads_it(visit, survey):
    page = visit((survey.folder / "survey.html").as_uri())
    assert page.locator("button.primary").is_disabled()
    assert serious(page) == []
    consent(page)
    kinds = set()
    while not page.locator(".done").count():
        kind = next((kind for kind in (".scale", ".pick") if page.locator(kind).count()), "")
        if kind not in kinds:  # an explanation, a scale, photos to pick from
            assert serious(page) == []
            kinds.add(kind)
        answer(page)
    assert serious(page) == []
    assert len(kinds) > 1
    gathered = download(page, survey)
    assert len(gathered.table) == len(survey.plans[0])
    person = gathered.people.iloc[0]
    assert (person["gender"], person["language"]) == ("woman", "ko")
    assert person["finished"]
    assert person["passed_check"]


def test_a_person_at_a_desk_answers_by_key_in_english(visit, survey):
    page = visit((survey.folder / "survey.html").as_uri(), DESK, "en-US")
    assert page.evaluate("document.documentElement.lang") == "en"
    consent(page)
    answer(page, keys=True)
    jump(page, len(survey.plans[0]) - 3)
    answer_to_the_end(page, keys=True)
    gathered = download(page, survey)
    assert len(gathered.table) == 4
    assert gathered.table["place"].dropna().unique() == [1]


def test_a_held_key_answers_one_screen(visit, survey):
    page = visit((survey.folder / "survey.html").as_uri(), DESK)
    consent(page)
    page.locator("button.primary").click()
    for _ in range(8):  # the system repeats a key that is held
        page.keyboard.down("3")
        page.wait_for_timeout(100)
    page.keyboard.up("3")
    page.wait_for_timeout(400)
    assert count(page) == 2


def test_a_person_goes_back_reloads_and_goes_on(visit, survey):
    page = visit((survey.folder / "survey.html").as_uri())
    consent(page)
    for _ in range(3):
        answer(page)
    page.locator(".bar button").first.click()
    assert count(page) == 3
    assert page.locator('[aria-checked="true"]').count() == 1
    page.reload()
    page.wait_for_selector(".photos")
    assert count(page) == 3
    page.locator(".scale button").nth(4).click()
    page.wait_for_function("() => document.querySelector('.count').textContent.startsWith('4 ')")
    kept = json.loads(page.evaluate("Object.entries(localStorage).find(([k]) => k.startsWith('cafemood'))[1]"))
    assert len(kept["answers"]) == 3
    assert sorted(a["revision"] for a in kept["answers"].values()) == [1, 1, 2]


def test_answers_reach_the_server_and_outlive_its_death(visit, served, survey):
    start, stop = served
    address = start()
    page = visit(address)
    consent(page)
    for _ in range(4):
        answer(page)
    stop()
    for _ in range(2):
        answer(page)
    page.wait_for_selector("#note:not([hidden])")
    assert start(address.rsplit(":", 1)[1]) == address
    page.wait_for_selector("#note", state="hidden")
    assert len(read_people(survey)[0]["answers"]) == 6
    jump(page, len(survey.plans[0]) - 2)
    answer_to_the_end(page)
    page.wait_for_function("() => document.querySelector('.mark')?.textContent === '✓'")
    person = read_people(survey)[0]
    assert person["finished"]
    assert len(person["answers"]) == 8


def test_a_reload_without_a_connection_waits_and_makes_no_second_person(visit, served, survey):
    start, _ = served
    page = visit(start())
    consent(page)
    for _ in range(2):
        answer(page)
    page.route("**/api/resume", lambda route: route.abort())
    page.reload()
    page.wait_for_selector("#note:not([hidden])")
    assert page.locator("button.primary").inner_text() == "다시 시도"
    assert page.locator("input[type=checkbox]").count() == 0
    page.unroute("**/api/resume")
    page.locator("button.primary").click()
    page.wait_for_selector(".photos")
    assert count(page) == 3
    assert page.locator("#note").is_hidden()
    page.wait_for_selector("[data-unsent='0']")
    assert [len(person["answers"]) for person in read_people(survey)] == [2]


def test_who_begins_anew_takes_no_answers_along(visit, served, survey):
    start, _ = served
    page = visit(start())
    left = {"answers": {"q0": {"value": 3, "seconds": 1, "revision": 1}}, "seen": {"alike": True}, "agreed": True}
    store = "([name, left]) => { localStorage[name] = JSON.stringify(left); }"
    page.evaluate(store, [f"cafemood-survey-{survey.id}", left])
    page.reload()
    page.locator("button.primary").click()
    page.wait_for_selector("progress")
    assert page.locator(".photos").count() == 0  # the explanation first
    kept = json.loads(page.evaluate("Object.values(localStorage)[0]"))
    assert (kept["answers"], kept["waiting"], kept["seen"]) == ({}, {}, {})


def test_a_person_deletes_everything(visit, served, survey):
    start, _ = served
    page = visit(start())
    consent(page)
    answer(page)
    page.locator(".bar button").last.click()
    held = []
    page.route("**/api/withdraw", lambda route: held.append(route))  # a slow connection
    page.locator("#leave .stack button").last.click()
    page.wait_for_selector("[data-state=leaving] .done")
    held[0].continue_()
    page.wait_for_selector("[data-state=deleted]")
    assert read_people(survey) == []
    assert page.evaluate("Object.keys(localStorage).length") == 0


def test_who_deletes_right_after_an_answer_leaves_nothing(visit, served, survey):
    start, _ = served
    page = visit(start())
    consent(page)
    page.locator("button.primary").click()
    page.wait_for_selector(".photos")
    page.evaluate("""() => {
      document.querySelector(".scale button, .pick").click();
      [...document.querySelectorAll(".bar button")].at(-1).click();
      [...document.querySelectorAll("#leave .stack button")].at(-1).click();
    }""")
    page.wait_for_selector("[data-state=deleted]")
    page.wait_for_timeout(500)  # the next question would be shown 230 ms after the answer
    assert page.locator(".done").count() == 1
    assert page.evaluate("Object.keys(localStorage).length") == 0
    assert read_people(survey) == []


def test_who_deletes_without_a_connection_is_told_so_and_deleted_later(visit, served, survey):
    start, _ = served
    page = visit(start())
    consent(page)
    answer(page)
    sent = []
    page.on("request", lambda request: sent.append(request.method + request.url) if "/api/" in request.url else None)
    page.route("**/api/**", lambda route: route.abort())
    answer(page)
    page.locator(".bar button").last.click()
    page.locator("#leave .stack button").last.click()
    page.wait_for_function("() => document.querySelector('#note').textContent.includes('지우지 못했어요')")
    page.unroute("**/api/**")
    sent.clear()
    page.reload()  # and comes back
    page.wait_for_function("() => document.querySelector('h1')?.textContent === '지웠어요'")
    assert read_people(survey) == []
    assert page.evaluate("Object.keys(localStorage).length") == 0
    assert {request.rsplit("/", 1)[1] for request in sent} == {"withdraw"}
    assert page.locator("#note").is_hidden()


def test_of_two_tabs_the_last_answer_is_kept_and_shown(visit, served, survey):
    start, _ = served
    page = visit(start())
    consent(page)
    answer(page)
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector(".photos")
    for tab, step in ((other, 1), (page, 5)):
        with tab.expect_response(lambda reply: reply.request.method == "PUT" and reply.ok):
            tab.locator(".scale button").nth(step - 1).click()
    page.wait_for_function("() => document.querySelector('.count').textContent.startsWith('3 ')")
    page.locator(".bar button").first.click()
    assert page.locator('[aria-checked="true"]').inner_text() == "5"
    second = survey.plan(0)[1][0]
    assert read_people(survey)[0]["answers"][second]["value"] == 5
    page.reload()
    page.wait_for_selector(".photos")
    assert page.locator('[aria-checked="true"]').inner_text() == "5"


@pytest.mark.parametrize("cut_off", ["earlier", "later", "both"])
def test_of_two_tabs_what_was_chosen_last_counts_whenever_it_is_sent(visit, served, survey, cut_off):
    start, _ = served
    page = visit(start())
    consent(page)
    page.locator("button.primary").click()
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector(".photos")
    first = survey.plan(0)[0][0]

    def choose(tab, step, offline):
        if offline:
            tab.route("**/api/**", lambda route: route.abort())
            tab.locator(".scale button").nth(step - 1).click()
            tab.wait_for_selector("#note:not([hidden])")
        else:
            with tab.expect_response(lambda reply: reply.request.method == "PUT" and reply.ok):
                tab.locator(".scale button").nth(step - 1).click()

    choose(page, 1, cut_off != "later")
    choose(other, 5, cut_off != "earlier")
    for tab in (other, page):  # what was chosen first is sent last
        tab.unroute("**/api/**")
        tab.wait_for_selector("#note", state="hidden")
    assert read_people(survey)[0]["answers"][first]["value"] == 5
    for tab in (page, other):
        tab.locator(".bar button").first.click()
        assert tab.locator('[aria-checked="true"]').inner_text() == "5"
        tab.reload()
        tab.wait_for_selector(".photos")
        assert tab.locator('[aria-checked="true"]').inner_text() == "5"
    assert read_people(survey)[0]["answers"][first]["value"] == 5


@pytest.mark.parametrize("size", [PHONE, DESK])
@pytest.mark.parametrize("language", ["ko-KR", "en-US"])
def test_every_screen_fits_a_thumb_and_shows_its_photos_at_once(visit, survey, size, language):
    page = visit((survey.folder / "survey.html").as_uri(), size, language)
    consent(page)
    plan = json.loads(page.evaluate("Object.values(localStorage)[0]"))["plan"]
    kinds = [survey.questions[name].kind for name, _ in survey.plan(plan)]
    for kind in ("alike", "check", "intruder", "odd"):
        jump(page, kinds.index(kind))
        page.wait_for_function(SHOWN)
        for element in page.locator("button:visible").element_handles():
            box = element.bounding_box()
            assert min(box["width"], box["height"]) >= 44, element.inner_text()
        for element in page.locator(".frame, .scale button").element_handles():
            box = element.bounding_box()
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= size[1], "below the fold"
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight + 1")


def test_what_a_screen_reader_hears(visit, survey):
    page = visit((survey.folder / "survey.html").as_uri(), language="en-US")
    consent(page)
    page.locator("button.primary").click()
    assert page.locator("h1").evaluate("h => document.activeElement === h")
    assert page.locator(".scale").get_attribute("aria-label") == "How alike"
    assert page.locator(".scale [role=radio]").first.get_attribute("aria-label") == "1, Not at all alike"
    assert page.locator(".frame img").first.get_attribute("alt") == "Photo 1"
    page.locator(".zoom").first.click()
    assert page.locator("#large").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#large").is_hidden()


@pytest.mark.parametrize("size", [(640, 300), (740, 290)])
def test_on_a_phone_held_sideways_each_photo_can_be_picked(visit, survey, size):
    page = visit((survey.folder / "survey.html").as_uri(), size)
    consent(page)
    kinds = [survey.questions[name].kind for name, _ in survey.plans[0]]
    jump(page, kinds.index("odd"))
    page.wait_for_function(SHOWN)
    for pick in page.locator(".pick").all():
        box = pick.bounding_box()
        assert min(box["width"], box["height"]) >= 120
        pick.click(position={"x": box["width"] / 2, "y": box["height"] / 2}, trial=True)


def test_somebody_of_a_panel_is_screened_and_ends_with_its_code(visit, served):
    start, _ = served
    back = "https://panel.example/done?cc={code}"
    address = start("0", "--code", "C1A2B3", "--return-url", back, "--screen", "지난달에 카페에 갔나요?")
    page = visit(f"{address}/?PROLIFIC_PID=abc123")
    page.locator("input[type=checkbox]").check()
    assert page.locator("button.primary").is_disabled()
    page.locator("[data-value=false]").click()
    assert page.locator("h1").is_visible()
    assert page.locator("button.primary").count() == 0
    page.locator("button.plain").last.click()
    page.locator("[data-value=true]").click()
    consent(page)
    assert page.locator(".code").count() == 0
    answer_to_the_end(page, keys=True)
    page.wait_for_selector(".code")
    assert page.locator(".code").inner_text() == "C1A2B3"
    assert page.locator("a.primary").get_attribute("href") == back.format(code="C1A2B3")
    again = visit(f"{address}/?PROLIFIC_PID=abc123")
    again.locator("[data-value=true]").click()
    again.locator("input[type=checkbox]").check()
    again.locator("button.primary").click()
    again.wait_for_selector("#note:not([hidden])")
    assert again.locator("progress").count() == 0

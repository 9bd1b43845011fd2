"""The server: only what was built, only answers that were asked for, and nothing acknowledged is ever lost."""

import asyncio
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest
from fastapi.testclient import TestClient
from survey_helpers import answer_all, sensible

from cafemood.errors import SurveyError
from cafemood.survey import answers, study
from cafemood.survey import serve as serving
from cafemood.survey import store as store_module
from cafemood.survey.serve import create_app, is_loopback
from cafemood.survey.store import DATABASE, Refused, Store, read_people

CAFEMOOD = [sys.executable, "-c", "from cafemood.app.cli import main; main()"]
HOSTILE = "</script><img src=x onerror=alert(1)>'; DROP TABLE answers; -- 공릉동 ☕"


@pytest.fixture
def store(survey):
    opened = Store(survey)
    yield opened
    opened.close()


@pytest.fixture
def client(survey, store):
    with TestClient(create_app(survey, store, ["testserver"]), raise_server_exceptions=False) as made:
        yield made


def begin(client, **more):
    asked = {"consent": True, "gender": "woman", "language": "ko"} | more
    return client.post("/api/start", json=asked)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def put(client, token, question, value=3, revision=1, seconds=2.0, **more):
    body = {"value": value, "seconds": seconds, "revision": revision} | more
    return client.put(f"/api/answers/{question}", json=body, headers=bearer(token))


def first_rating(client):
    started = begin(client).json()
    return started["token"], next(step["id"] for step in started["steps"] if step["kind"] == "alike")


class TestWhatIsServed:
    def test_the_page_and_the_built_photos(self, client, survey):
        front = client.get("/")
        assert front.status_code == 200
        assert "survey" in front.text
        for name in survey.facts["photos"]:
            photo = client.get(f"/photos/{name}")
            assert photo.content == (survey.folder / "photos" / name).read_bytes()
            assert photo.headers["content-type"] == "image/webp"

    @pytest.mark.parametrize(
        "path",
        [
            "/photos/../survey.json", "/photos/..%2fsurvey.json", "/photos/%2e%2e/survey.json",
            "/photos/..%5csurvey.json", "/photos//etc/passwd", "/photos/%2fetc%2fpasswd",
            "/photos/x%00.webp", "/survey.json", "/answers.sqlite",
            "/answers.sqlite-wal", "/photos/", "/photos", "/docs", "/openapi.json", "/redoc", "/.git/config",
            "/photos/.",
        ],
    )  # fmt: skip
    def test_nothing_else(self, client, path):
        found = client.get(path)
        assert found.status_code in (404, 405)
        assert "cluster" not in found.text
        assert len(found.text) < 100

    def test_a_photo_put_there_later_is_not_served(self, client, survey, tmp_path):
        (tmp_path / "secret").write_text("secret")
        (survey.folder / "photos" / "added.webp").symlink_to(tmp_path / "secret")
        assert client.get("/photos/added.webp").status_code == 404

    def test_headers_forbid_foreign_scripts_frames_and_caches(self, client):
        found = client.get("/")
        policy = found.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert found.headers["cache-control"] == "no-store"
        assert found.headers["x-content-type-options"] == "nosniff"

    def test_a_foreign_host_name_is_refused(self, client):
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 400

    def test_steps_do_not_tell_what_is_right(self, client):
        text = begin(client).text
        assert not re.search(r"cluster|mixed|random|stratum|answer|repeat", text)


class TestAnswers:
    def test_an_answer_is_there_after_a_resume(self, client):
        token, question = first_rating(client)
        assert put(client, token, question, 4).json() == {"revision": 1}
        resumed = client.get("/api/resume", headers=bearer(token)).json()
        assert resumed["answers"] == {question: {"value": 4, "seconds": 2.0, "revision": 1}}
        assert resumed["finished"] is False

    def test_a_newer_answer_replaces_and_an_older_or_replayed_one_does_not(self, client):
        token, question = first_rating(client)
        assert put(client, token, question, 4, revision=2).status_code == 200
        assert put(client, token, question, 4, revision=2).status_code == 200  # the same again: the reply was lost
        assert put(client, token, question, 1, revision=2).status_code == 409
        assert put(client, token, question, 1, revision=1).status_code == 409
        assert put(client, token, question, 5, revision=3).status_code == 200
        kept = client.get("/api/resume", headers=bearer(token)).json()["answers"][question]
        assert kept["value"] == 5

    @pytest.mark.parametrize(
        "value", [0, 6, -1, 3.0, 3.5, True, "3", "x", [3], {"a": 1}, HOSTILE, "x" * 3000, 10**30, "../survey.json"]
    )
    def test_values_that_were_not_offered_are_refused(self, client, value):
        token, question = first_rating(client)
        assert put(client, token, question, value).status_code == 422
        assert client.get("/api/resume", headers=bearer(token)).json()["answers"] == {}

    @pytest.mark.parametrize(
        "more", [{"revision": 0}, {"revision": "1"}, {"seconds": -1}, {"seconds": "soon"}, {"x": 1}]
    )
    def test_fields_of_other_types_are_refused(self, client, more):
        token, question = first_rating(client)
        assert put(client, token, question, **more).status_code == 422

    def test_a_photo_of_another_question_is_no_answer(self, client, survey):
        token = begin(client).json()["token"]
        plan = [survey.questions[name] for name, _ in survey.plan(0)]
        odd = next(q for q in plan if q.kind == "odd")
        other = next(name for name in survey.facts["photos"] if name not in odd.photos)
        assert put(client, token, odd.id, other).status_code == 422
        assert put(client, token, odd.id, odd.photos[1]).status_code == 200

    def test_questions_of_other_people_or_of_nobody_are_refused(self, client, survey):
        token = begin(client).json()["token"]
        own = {name for name, _ in survey.plan(0)}
        foreign = next(name for name in survey.questions if name not in own)
        for question in (foreign, "q0", "..%2f", "%00", "q' OR 1=1 --"):
            assert put(client, token, question).status_code in (404, 422)

    @pytest.mark.parametrize("token", ["", "x", "x" * 32, "' OR 1=1 --" + "x" * 20, "x" * 500])
    def test_a_forged_token_opens_nothing(self, client, token):
        _, question = first_rating(client)
        assert put(client, token, question).status_code == 401
        for method, path in (("GET", "resume"), ("POST", "finish"), ("POST", "withdraw")):
            assert client.request(method, f"/api/{path}", headers=bearer(token)).status_code == 401

    def test_nobody_reaches_another_persons_answers(self, client):
        (one, question), (two, _) = first_rating(client), first_rating(client)
        put(client, one, question, 5)
        assert client.get("/api/resume", headers=bearer(two)).json()["answers"] == {}
        client.post("/api/withdraw", headers=bearer(two))
        assert client.get("/api/resume", headers=bearer(one)).json()["answers"][question]["value"] == 5

    def test_who_has_finished_changes_nothing_any_more(self, client):
        token, question = first_rating(client)
        put(client, token, question, 2)
        assert client.post("/api/finish", headers=bearer(token)).json() == {"finished": True}
        assert put(client, token, question, 5, revision=2).status_code == 409
        assert put(client, token, question, 2).status_code == 200  # what was said before, said again

    def test_who_withdraws_is_gone_from_the_file_too(self, client, survey, store):
        token, question = first_rating(client)
        put(client, token, question, 2)
        assert client.post("/api/withdraw", headers=bearer(token)).json() == {"deleted": True}
        assert client.get("/api/resume", headers=bearer(token)).status_code == 401
        assert store.counts() == {"people": 0, "finished": 0, "answers": 0}
        assert read_people(survey) == []

    @pytest.mark.parametrize(
        "more",
        [
            {"consent": False},
            {"gender": HOSTILE},
            {"gender": 1},
            {"language": "xx"},
            {"name": "Kim"},
            {"consent": "true"},
        ],
    )
    def test_nobody_begins_without_consent_or_with_more_than_is_asked(self, client, more):
        assert begin(client, **more).status_code == 422

    def test_a_body_without_end_is_cut_off(self, client):
        token, question = first_rating(client)
        for headers in ({}, {"Content-Length": "10"}):
            found = client.put(
                f"/api/answers/{question}", content=b"[" * 100_000, headers=bearer(token) | headers
            )  # fmt: skip
            assert found.status_code in (400, 413, 422)
        assert client.post("/api/start", content=b"{" + b" " * 5000).status_code == 413
        assert client.post("/api/start", content=b"\xff\xfe").status_code == 422
        assert client.post("/api/start", content=b"[" * 4000).status_code == 422

    def test_a_phone_that_drops_out_mid_body_is_no_error_of_the_server(self, survey, store):
        gone = {"type": "http.disconnect"}
        heard = iter([{"type": "http.request", "body": b'{"a"', "more_body": True}])
        scope = {
            "type": "http", "method": "POST", "path": "/api/start", "raw_path": b"/api/start", "root_path": "",
            "query_string": b"", "headers": [(b"host", b"localhost")], "http_version": "1.1", "scheme": "http",
        }  # fmt: skip

        async def receive():
            return next(heard, gone)

        async def send(message):
            pass

        asyncio.run(create_app(survey, store)(scope, receive, send))
        assert store.counts()["people"] == 0

    def test_no_address_or_token_is_kept(self, client, survey, store):
        token, question = first_rating(client)
        put(client, token, question, 2)
        store.close()
        data = b"".join(p.read_bytes() for p in survey.folder.glob(DATABASE + "*"))
        assert token.encode() not in data
        assert b"testclient" not in data
        assert b"127.0.0.1" not in data
        Store.__init__(store, survey)


class TestTheDatabase:
    def test_a_second_server_is_refused(self, survey, store):
        with pytest.raises(SurveyError, match="already being served"):
            Store(survey)

    def test_another_surveys_database_is_refused_and_left_alone(self, survey):
        Store(survey).close()
        other = study.Study(survey.folder, survey.facts | {"id": "0" * 16})
        before = (survey.folder / DATABASE).read_bytes()
        with pytest.raises(SurveyError, match="another survey's"):
            Store(other)
        with pytest.raises(SurveyError, match="another survey's"):
            read_people(other)
        assert (survey.folder / DATABASE).read_bytes() == before

    def test_a_damaged_database_is_refused(self, survey):
        (survey.folder / DATABASE).write_bytes(b"no database at all, but long enough to be looked at" * 40)
        with pytest.raises(SurveyError, match="database cannot be used"):
            Store(survey)
        with pytest.raises(SurveyError, match="database cannot be read"):
            read_people(survey)

    def test_a_full_disk_refuses_the_answer_and_keeps_the_others(self, survey, store):
        token, _ = store.start("man", "en")
        names = [name for name, _ in survey.plan(0)]
        store.answer(token, names[0], None, 1.0, 1)
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(Refused) as caught:
            _ = [store.start("woman", "ko") for _ in range(500)]
        assert caught.value.status == 507
        store._connection.execute("PRAGMA max_page_count = 100000")
        assert store.resume(token)[2][names[0]]["value"] is None
        store.answer(token, names[1], None, 1.0, 1)

    def test_another_programs_lock_is_one_error(self, survey, monkeypatch):
        Store(survey).close()
        monkeypatch.setattr(store_module, "PATIENCE", 0.1)
        with closing(sqlite3.connect(survey.folder / DATABASE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(SurveyError, match=r"(?s)database cannot be used.*locked.*close the program"):
                Store(survey)
        Store(survey).close()

    def test_many_people_at_once_lose_nothing(self, survey, store):
        def person(_):
            token, number = store.start("unsaid", "ko")
            for name, _ in survey.plan(number)[:6]:
                store.answer(token, name, None, 1.0, 1)
            return number

        with ThreadPoolExecutor(16) as pool:
            numbers = list(pool.map(person, range(40)))
        assert sorted(numbers) == list(range(40))
        assert store.counts()["answers"] == 240

    def test_served_and_downloaded_answers_are_one_table(self, survey, store):
        token, number = store.start("man", "en")
        for name, _ in survey.plan(number):
            store.answer(token, name, sensible(survey.questions[name]), 2.0, 1)
        store.finish(token)
        (survey.folder / "answers").mkdir()
        (survey.folder / "answers" / "a.json").write_text(json.dumps(answer_all(survey, 1, sensible)))
        people = answers.gather(survey).people
        assert people["delivery"].tolist() == ["server", "file"]
        assert people["finished"].all()


def test_who_stops_on_the_way_has_not_reached_the_end(survey, store):
    for n_answers in (3, None):
        token, number = store.start("woman", "ko")
        for name, _ in survey.plan(number)[:n_answers]:
            store.answer(token, name, None, 2.0, 1)
        store.finish(token)  # the page sends it when the person leaves the answers, too
    assert answers.gather(survey).people["finished"].tolist() == [False, True]


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("cafe.example", False)],
)  # fmt: skip
def test_which_addresses_are_this_machine_alone(host, own):
    assert is_loopback(host) is own


@pytest.mark.parametrize("name", ["*foo", "a*b", "https://example.org", "example.org:8000", "", "카페.kr"])
def test_a_name_that_no_request_can_have_is_refused_before_it_listens(survey, name):
    with pytest.raises(SurveyError, match=r"(?s)cannot be a host name.*survey.example.org"):
        serving.serve(survey, "127.0.0.1", 0, [name], print)
    Store(survey).close()  # it was never opened


@pytest.mark.parametrize("name", ["Survey.Example.org", "*.example.org", "my_proxy", "10.0.0.7", "*"])
def test_names_that_a_request_can_have_are_taken(name):
    assert serving.checked_names([name]) == [name]


def serve(survey, *more):
    """The real command; its process and its address."""
    words = [*CAFEMOOD, "survey", "serve", str(survey.folder), "--port", "0", *more]
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ,
        # a shell's background job ignores Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if found := re.search(r"Survey: (http://\S+?)/ ", line):
            return process, found[1], "".join(said)
    raise AssertionError("".join(said))


@pytest.mark.slow
class TestTheCommand:
    def test_every_acknowledged_answer_survives_kill_9_and_people_go_on(self, survey):
        process, address, _ = serve(survey)
        acknowledged = {}
        try:
            with httpx.Client(base_url=address, timeout=60) as client:
                token = begin(client).json()["token"]
                names = [name for name, _ in survey.plan(0)]
                killer = time.monotonic() + 0.15
                for name in names:
                    if time.monotonic() > killer and len(acknowledged) > 3:
                        process.send_signal(signal.SIGKILL)
                    try:
                        if put(client, token, name, None).status_code == 200:
                            acknowledged[name] = None
                    except httpx.TransportError:
                        break
        finally:
            process.kill()
            process.wait()
        assert len(acknowledged) > 3
        again, address, _ = serve(survey)
        try:
            with httpx.Client(base_url=address, timeout=60) as client:
                kept = client.get("/api/resume", headers=bearer(token)).json()["answers"]
                assert acknowledged.keys() <= kept.keys()
                assert put(client, token, names[-1], None).status_code == 200
            again.send_signal(signal.SIGINT)
            assert again.wait(60) == 130
            assert "1 people began" in again.stdout.read()
        finally:
            again.kill()
            again.wait()
        with sqlite3.connect(survey.folder / DATABASE) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def test_beyond_this_machine_it_warns_and_a_taken_port_is_one_error(self, survey, tmp_path):
        process, address, said = serve(survey, "--host", "0.0.0.0")
        try:
            assert "WARNING: 0.0.0.0 is not this machine alone" in said
            port = address.rsplit(":", 1)[1]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", int(port)))
            taken.listen()
            words = ["survey", "serve", str(survey.folder), "--port", port]
            done = subprocess.run([*CAFEMOOD, *words], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert f"Nothing can listen on 127.0.0.1, port {port}" in done.stderr
        assert "Traceback" not in done.stderr

"""What one visitor may take, and that nothing of who withdraws stays in any file."""

import asyncio
import hashlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import httpx
import pytest
from fastapi.testclient import TestClient

from cafemood.errors import SurveyError
from cafemood.survey import limits
from cafemood.survey.limits import Starts, checked_proxies, network_of
from cafemood.survey.serve import create_app
from cafemood.survey.store import DATABASE, TABLE, Refused, Store, read_people

ASKED = {"consent": True, "gender": "woman", "language": "ko"}
MARK = "떠난 사람의 답"
"""Stands in an answer; no question allows it, so that tests put it past `Store.answer`."""


def everything(folder) -> bytes:
    """The bytes of all files below a folder."""
    return b"\0".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def fill(store, n: int, answers: int = 30) -> list[str]:
    """People with answers that can be told from all others."""
    tokens = []
    for i in range(n):
        token, number = store.start("woman", "ko")
        with store._transaction() as run:
            for q in range(answers):
                value = json.dumps(f"{MARK} {i:04d} {q} {'x' * (q * 7 % 90)}", ensure_ascii=False)
                run("INSERT INTO answers VALUES (?, ?, ?, ?, ?)", number + 1, f"q{q}", value, 1.0, 1)
        tokens.append(token)
    return tokens


def traces(folder, token: str, i: int) -> list[bytes]:
    """Which of a person's signs are in the files."""
    found = everything(folder)
    signs = (hashlib.sha256(token.encode()).hexdigest().encode(), f"{MARK} {i:04d}".encode(), token.encode())
    return [sign for sign in signs if sign in found]


@pytest.mark.parametrize("who", [0, 1, 37, 58, 59])
def test_nothing_of_who_withdraws_stays_while_the_server_runs(survey, who):
    """Pages are split and filled again, so that cells lie where no table says."""
    store = Store(survey)
    tokens = fill(store, 60)
    (survey.folder / TABLE).write_text(f"person,answer\n{who},{MARK} {who:04d}\n", encoding="utf-8")
    assert traces(survey.folder, tokens[who], who)
    store.withdraw(tokens[who])
    assert traces(survey.folder, tokens[who], who) == []
    other = (who + 1) % 60
    assert len(traces(survey.folder, tokens[other], other)) == 2
    assert (survey.folder / f"{DATABASE}-wal").stat().st_size == 0
    fill(store, 3)
    with pytest.raises(Refused, match="nobody"):
        store.resume(tokens[who])
    assert len(read_people(survey)) == 62
    store.close()


def test_an_answer_that_was_changed_leaves_nothing_either(survey):
    store = Store(survey)
    (token,) = fill(store, 1)
    with store._transaction() as run:
        run("UPDATE answers SET value = '1'")
    store.withdraw(token)
    assert traces(survey.folder, token, 0) == []
    store.close()


def test_a_server_killed_between_deletion_and_clearing_clears_at_its_next_start(survey, monkeypatch):
    script = """
import os, signal, sys
from pathlib import Path
from cafemood.survey import study
from cafemood.survey.store import Store
sys.path.insert(0, TESTS)
from test_survey_limits import fill
store = Store(study.load(Path(sys.argv[1])))
tokens = fill(store, 40)
print(tokens[7], flush=True)
store._clear_traces = lambda: os.kill(os.getpid(), signal.SIGKILL)
store.withdraw(tokens[7])
""".replace("TESTS", repr(os.path.dirname(__file__)))
    done = subprocess.run([sys.executable, "-c", script, str(survey.folder)], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    token = done.stdout.strip()
    assert traces(survey.folder, token, 7)
    store = Store(survey)
    assert traces(survey.folder, token, 7) == []
    assert store.counts()["people"] == 39
    store.close()


def test_a_reader_that_stays_puts_the_clearing_off_and_is_told(survey, monkeypatch, caplog):
    monkeypatch.setattr("cafemood.survey.store.PATIENCE", 0.1)
    store = Store(survey)
    tokens = fill(store, 10)
    with closing(sqlite3.connect(survey.folder / DATABASE)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM people").fetchone()
        store.withdraw(tokens[3])
        assert "not yet gone" in caplog.text
        reader.rollback()
    store.withdraw(tokens[4])
    assert traces(survey.folder, tokens[3], 3) == traces(survey.folder, tokens[4], 4) == []
    store.close()


# Time and size


def test_a_body_is_refused_by_its_length_before_any_of_it_is_read(survey):
    store, sent = Store(survey), []

    async def receive():
        raise AssertionError("the body was read")

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/api/start", "headers": [(b"Content-Length", b"9" * 30)]}
    asyncio.run(create_app(survey, store)(scope | {"query_string": b""}, receive, send))
    assert sent[0]["status"] == 413
    store.close()


def test_a_body_that_stops_coming_is_given_up(survey, monkeypatch):
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.05)
    store, sent = Store(survey), []

    async def receive():
        await asyncio.sleep(3600)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/api/start", "headers": [], "query_string": b""}
    asyncio.run(create_app(survey, store)(scope, receive, send))
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    store.close()


SERVER = """
import sys
from pathlib import Path
from cafemood.survey import limits, serve, study
limits.HEADER_SECONDS = limits.BODY_SECONDS = 0.5
options = eval(sys.argv[2])
serve.serve(study.load(Path(sys.argv[1])), "127.0.0.1", 0, [], lambda line: print(line, flush=True), **options)
"""


@pytest.fixture
def served(survey):
    """Starts `serve` with short deadlines in a process of its own; gives its port."""
    processes = []

    def start(**options) -> int:
        words = [sys.executable, "-c", SERVER, str(survey.folder), repr(options)]
        processes.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
        line = processes[-1].stdout.readline()
        return int(line.split("http://127.0.0.1:")[1].split("/")[0])

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"G",
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n",
        b"POST /api/start HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{",
        b"POST /api/start HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT",
    ],
)
def test_a_request_that_stops_coming_is_cut_off(served, begun):
    """And one that trickles: each byte that comes starts no new deadline."""
    port = served()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(begun)
        head = begun and b"\r\n\r\n" not in begun
        said = b""
        try:
            while True:
                if head:
                    line.sendall(b"X")
                    line.settimeout(0.1)
                try:
                    if not (piece := line.recv(65536)):
                        break
                    said += piece
                except TimeoutError:
                    pass
        except (ConnectionResetError, BrokenPipeError):
            pass
    statuses = [part.split()[0] for part in said.split(b"HTTP/1.1 ")[1:]]
    assert statuses == ([b"408"] if begun.startswith(b"POST") else [b"200"] if begun.count(b"GET") == 2 else [])
    assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 200


# Starts


def test_starts_from_one_address_are_limited(survey):
    store = Store(survey)
    with TestClient(create_app(survey, store, starts=2)) as client:
        answers = [client.post("/api/start", json=ASKED) for _ in range(3)]
        token = answers[0].json()["token"]
        assert client.get("/api/resume", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert 0 < int(answers[2].headers["Retry-After"]) <= 3601
    assert "too many people have begun from this network" in answers[2].json()["error"]
    assert store.counts()["people"] == 2
    store.close()


def test_an_hour_later_others_may_begin(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    starts = Starts(2)
    for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2", "2001:db8::1"):
        starts.admit(address)
    with pytest.raises(Refused) as refused:
        starts.admit("::ffff:10.0.0.1")
    assert refused.value.status == 429
    now[0] += limits.HOUR
    starts.admit("10.0.0.1")
    for _ in range(10):
        Starts(0).admit("10.0.0.1")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("testclient", "", False),
    ],
)
def test_what_counts_as_one_address(one, other, same):
    assert (network_of(one) == network_of(other)) is same


@pytest.mark.parametrize(("proxies", "codes"), [([], [201, 429, 429]), (["127.0.0.1"], [201, 201, 429])])
def test_a_proxys_word_is_taken_where_told(served, proxies, codes):
    port = served(starts=1, proxies=proxies)
    heads = [{"X-Forwarded-For": address} for address in ("198.51.100.7", "198.51.100.8", "9.9.9.9, 198.51.100.8")]
    found = [httpx.post(f"http://127.0.0.1:{port}/api/start", json=ASKED, headers=head) for head in heads]
    assert [answer.status_code for answer in found] == codes


@pytest.mark.parametrize("given", ["*", "proxy.example", "10.0.0.0/8/8", "", "127.0.0.1:80"])
def test_what_is_no_proxys_address_is_refused(given):
    assert checked_proxies(["127.0.0.1", "10.0.0.0/8", "::1"]) == ["127.0.0.1", "10.0.0.0/8", "::1"]
    with pytest.raises(SurveyError, match="no address of a proxy"):
        checked_proxies([given])

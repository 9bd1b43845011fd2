"""Weight files are fetched whole or not at all, from a server on this machine that misbehaves on demand."""

import errno
import hashlib
import importlib
import json
import logging
import multiprocessing
import os
import re
import shutil
import signal
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cafemood.backbones.weights import WeightFile, find
from cafemood.backbones.weights.fetch import OFFLINE, check, fetch, is_recorded
from cafemood.errors import CafemoodError, WeightsError

fetching = importlib.import_module("cafemood.backbones.weights.fetch")  # the package's own `fetch` is the function
BODY = hashlib.shake_256(b"weights").digest(300_000)
OTHER = hashlib.shake_256(b"other weights").digest(300_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
MODIFIED = "Wed, 01 Jan 2020 00:00:00 GMT"


@dataclass
class Site:
    """What the server has and how it behaves; `asked` holds the Range of every request."""

    url: str = ""
    body: bytes = BODY
    etag: str | None = '"one"'
    modified: str | None = MODIFIED
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None  # bytes of the body, then the connection ends
    wait_after: int | None = None  # bytes of the body, then nothing until `go`
    wait_first: bool = False
    ranges: bool = True
    heeds_if_range: bool = True
    says_length: bool = True
    chunked: bool = False
    redirects: int = 0  # before the answer; -1 for ever
    asked: list[str | None] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        site = self.server.site
        if site.redirects:
            site.redirects -= 1
            self.head(302, **{"Location": f"/again{site.redirects}/w.bin", "Content-Length": 0})
            return
        wanted = self.headers.get("Range")
        site.asked.append(wanted)
        if site.wait_first:
            site.go.wait(60)
        body, start, status = site.body, 0, site.status
        same = not site.heeds_if_range or self.headers.get("If-Range") in (None, site.etag, site.modified)
        if wanted and site.ranges and same and status == 200:
            start, status = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]), 206
            if start >= len(body):
                self.head(416, **{"Content-Range": f"bytes */{len(body)}", "Content-Length": 0})
                return
        headers = {"ETag": site.etag, "Last-Modified": site.modified, **site.headers}
        headers["Content-Length"] = len(body) - start if site.says_length and not site.chunked else None
        headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}" if status == 206 else None
        headers["Transfer-Encoding"] = "chunked" if site.chunked else None
        self.head(status, **headers)
        end = len(body) if site.cut_after is None else min(len(body), start + site.cut_after)
        middle = min(end, start + site.wait_after) if site.wait_after is not None else end
        self.send(body[start:middle])
        if middle < end:
            site.go.wait(60)
            self.send(body[middle:end])
        if site.chunked and end == len(body):
            self.wfile.write(b"0\r\n\r\n")

    def head(self, status, **headers):
        self.send_response(status)
        for name, value in {"Connection": "close", **headers}.items():
            if value is not None:
                self.send_header(name, str(value))
        self.end_headers()

    def send(self, data):
        chunked = self.server.site.chunked
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
        self.wfile.flush()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that hangs up is what the tests are about."""


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server(("127.0.0.1", 0), Handler)
    server.site = Site(url=f"http://127.0.0.1:{server.server_port}/w.bin")
    monkeypatch.setattr(fetching, "STALL_SECONDS", 5.0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server.site
    server.site.go.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "w.bin"


def of(site, **known):
    return WeightFile("w.bin", url=site.url, **known)


def beside(path, suffix):
    return path.with_name(path.name + suffix)


def refused(site, path, **known):
    """The error of a fetch; the file must not be there, and the error must say how to go on without the server."""
    with pytest.raises(WeightsError) as caught:
        fetch(of(site, **known), path)
    assert not path.exists()
    text = str(caught.value)
    for part in ("w.bin", site.url, str(path), "where:", "why:", "do:", "backbone.weights=FILE", OFFLINE):
        assert part in text
    return text


def cut(site, path, after=200_000, **known):
    """Break off a first download; how many bytes it leaves behind."""
    site.cut_after = after
    text = refused(site, path, **known)
    site.cut_after = None
    kept = beside(path, ".partial").stat().st_size
    resumes = site.etag or site.modified or known.get("sha256")
    assert (f"goes on after the {kept / 1e6:.1f} MB that are here" in text) == bool(resumes)
    assert 0 < kept <= after
    return kept


def test_a_file_is_fetched_recorded_and_shown_coming(site, path, capsys):
    fetch(of(site), path)
    assert path.read_bytes() == BODY
    record = json.loads(beside(path, ".json").read_text())
    assert (record["url"], record["size"], record["sha256"]) == (site.url, len(BODY), SHA256)
    assert {p.name for p in path.parent.iterdir()} <= {"w.bin", "w.bin.json", "w.bin.lock"}
    shown = capsys.readouterr().err
    assert re.search(r"w\.bin: 100%.*300k/300k \[.*B/s\]", shown)


def test_a_file_of_unsaid_length_is_whole_when_its_last_chunk_came(site, path):
    site.chunked = True
    fetch(of(site), path)
    assert path.read_bytes() == BODY


@pytest.mark.parametrize("chunked", [False, True])
def test_a_cut_download_goes_on_where_it_stopped(site, path, caplog, chunked):
    caplog.set_level(logging.INFO)
    site.chunked = chunked
    kept = cut(site, path)
    fetch(of(site), path)
    assert site.asked == [None, f"bytes={kept}-"]
    assert path.read_bytes() == BODY
    assert f"going on after {kept / 1e6:.1f} MB" in caplog.text
    assert not beside(path, ".partial").exists()
    assert not beside(path, ".partial.json").exists()


def test_a_cut_download_says_why(site, path):
    site.cut_after = 100_000
    assert "the connection broke off" in refused(site, path)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 200_000), max_size=4), known=st.booleans())
def test_however_often_it_is_cut_every_byte_comes_once(site, cuts, known):
    with tempfile.TemporaryDirectory() as folder:
        path, source = Path(folder) / "w.bin", of(site, sha256=SHA256[:8] if known else None)
        for after in cuts:
            site.cut_after = after
            try:
                fetch(source, path)
            except WeightsError:
                assert not path.exists()
        site.cut_after = None
        if not path.exists():
            partial = beside(path, ".partial")
            kept = partial.stat().st_size if partial.exists() else 0
            fetch(source, path)
            assert site.asked[-1] == (f"bytes={kept}-" if kept else None)
        assert path.read_bytes() == BODY


@pytest.mark.parametrize(
    "behaviour", [{"heeds_if_range": True}, {"heeds_if_range": False}, {"ranges": False}], ids=lambda b: str(*b.items())
)
def test_a_file_that_changed_meanwhile_starts_over(site, path, behaviour, caplog):
    caplog.set_level(logging.INFO)
    cut(site, path)
    site.body, site.etag, site.modified = OTHER, '"two"', "Thu, 02 Jan 2020 00:00:00 GMT"
    for name, value in behaviour.items():
        setattr(site, name, value)
    fetch(of(site), path)
    assert path.read_bytes() == OTHER
    assert "starting over" in caplog.text


def test_a_file_that_became_shorter_starts_over(site, path):
    kept = cut(site, path)
    site.body, site.etag, site.heeds_if_range = OTHER[: kept - 1], '"two"', False
    fetch(of(site), path)
    assert path.read_bytes() == OTHER[: kept - 1]
    assert site.asked == [None, f"bytes={kept}-", None]


def test_a_server_without_ranges_starts_over(site, path):
    cut(site, path)
    site.ranges = False
    fetch(of(site), path)
    assert path.read_bytes() == BODY


def test_a_weak_etag_is_not_trusted_with_bytes(site, path):
    site.etag = 'W/"one"'
    cut(site, path)
    site.modified = "Thu, 02 Jan 2020 00:00:00 GMT"
    site.body = OTHER
    fetch(of(site), path)
    assert path.read_bytes() == OTHER


@pytest.mark.parametrize("sha256", [None, SHA256])
def test_without_any_validator_only_a_known_digest_allows_going_on(site, path, sha256):
    site.etag = site.modified = None
    kept = cut(site, path, sha256=sha256)
    fetch(of(site, sha256=sha256), path)
    assert site.asked[1] == (f"bytes={kept}-" if sha256 else None)
    assert path.read_bytes() == BODY


def test_a_partial_of_another_address_or_without_its_note_is_not_used(site, path):
    cut(site, path)
    beside(path, ".partial.json").write_text("{")
    fetch(of(site), path)
    assert site.asked == [None, None]
    path.unlink()
    cut(site, path)
    note = json.loads(beside(path, ".partial.json").read_text())
    beside(path, ".partial.json").write_text(json.dumps({**note, "url": "http://127.0.0.1/elsewhere"}))
    fetch(of(site), path)
    assert site.asked[2:] == [None, None]
    assert path.read_bytes() == BODY


def test_what_came_whole_before_a_crash_is_not_fetched_again(site, path):
    cut(site, path)
    beside(path, ".partial").write_bytes(BODY)
    fetch(of(site), path)
    assert len(site.asked) == 1
    assert path.read_bytes() == BODY


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        ({"status": 404}, "the server answers 404 Not Found"),
        ({"status": 503}, "the server answers 503 Service Unavailable"),
        ({"status": 206}, "the server answers 206 Partial Content"),
        ({"headers": {"Content-Type": "text/html; charset=utf-8"}}, "sent a web page instead"),
        ({"body": b"\n <!DOCTYPE html><p>Sign in</p>"}, "sent a web page instead"),
        ({"body": b"<html><body>404</body></html>"}, "sent a web page instead"),
        ({"body": b""}, "sent an empty file"),
        ({"says_length": False}, "does not say how long the file is"),
        ({"redirects": -1}, "the server redirects more than 10 times"),
    ],
    ids=str,
)
def test_what_is_not_the_file_is_refused_and_leaves_nothing(site, path, behaviour, why):
    for name, value in behaviour.items():
        setattr(site, name, value)
    assert why in refused(site, path)
    assert {p.name for p in path.parent.iterdir()} <= {"w.bin.lock"}


def test_a_compressed_answer_is_refused(site, path):
    import gzip

    site.headers, site.body = {"Content-Encoding": "gzip"}, gzip.compress(BODY)
    assert "sends it compressed (gzip), unasked" in refused(site, path)


def test_an_archive_that_the_server_calls_encoded_is_stored_as_it_is(site, path):
    import gzip

    site.headers, site.body = {"Content-Encoding": "x-gzip"}, gzip.compress(BODY)
    fetch(WeightFile("w.tar.gz", url=site.url), path)
    assert path.read_bytes() == site.body


def test_a_login_page_does_not_spoil_what_has_come(site, path):
    kept = cut(site, path)
    site.status, site.body, site.etag = 200, b"<!DOCTYPE html><p>Sign in</p>", None
    assert "web page" in refused(site, path)
    site.body, site.etag = BODY, '"one"'
    fetch(of(site), path)
    assert site.asked[-1] == f"bytes={kept}-"
    assert path.read_bytes() == BODY


@pytest.mark.parametrize("behaviour", [{"wait_first": True}, {"wait_after": 150_000}], ids=str)
def test_a_server_that_stalls_is_given_up(site, path, monkeypatch, behaviour):
    monkeypatch.setattr(fetching, "STALL_SECONDS", 0.3)
    for name, value in behaviour.items():
        setattr(site, name, value)
    assert "no byte came for 0.3 s" in refused(site, path)
    site.go.set()
    fetch(of(site), path)
    assert path.read_bytes() == BODY


def test_a_redirect_is_followed(site, path):
    site.redirects = 3
    fetch(of(site), path)
    assert path.read_bytes() == BODY


def test_no_server_at_all(site, path):
    site.url = "http://127.0.0.1:9/w.bin"  # the discard port: nobody listens
    text = refused(site, path)
    assert "why:   the connection is refused: nothing answers at that address\n" in text


def test_no_address_names_the_package(path):
    with pytest.raises(WeightsError, match=r"(?s)not installed.*some-package.*cafemood\[demo\]"):
        fetch(WeightFile("w.bin", package="some-package"), path)


@pytest.mark.parametrize("sha256", [SHA256, SHA256[:8], SHA256[:8].upper()])
def test_a_known_digest_or_its_first_digits_must_fit(site, path, sha256):
    fetch(of(site, sha256=sha256), path)
    assert path.read_bytes() == BODY


def test_a_wrong_digest_leaves_nothing(site, path):
    text = refused(site, path, sha256="beef" * 16)
    assert f"the SHA-256 begins {SHA256[:12]}, beefbeefbeef was expected" in text
    assert {p.name for p in path.parent.iterdir()} <= {"w.bin.lock"}


def test_a_file_replaced_on_the_server_is_refused_until_its_record_is_deleted(site, path):
    fetch(of(site), path)
    path.unlink()
    site.body, site.etag = OTHER, '"two"'
    text = refused(site, path)
    assert "are not the ones known" in text
    assert f"delete {beside(path, '.json')} first" in text
    beside(path, ".json").unlink()
    fetch(of(site), path)
    assert path.read_bytes() == OTHER


def test_an_address_without_tls_is_named_once(site, path, caplog):
    caplog.set_level(logging.INFO)
    fetch(of(site), path)
    assert caplog.text.count("offers no TLS; the SHA-256 of w.bin is recorded, and compared from now on") == 1
    path.unlink()
    caplog.clear()
    fetch(of(site), path)
    assert caplog.text.count("offers no TLS; the SHA-256 of w.bin is compared with the known one") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_fills_up_is_one_message_and_no_file(site, path):
    path.parent.mkdir()
    beside(path, ".partial").symlink_to("/dev/full")  # every write to it fails as on a full disk
    text = refused(site, path)
    assert "could not be stored" in text
    assert re.search(r"why:   the disk is full \([\d,.]+ MB free\)", text)
    assert "free some space" in text


def test_too_little_space_is_said_before_anything_comes(site, path, monkeypatch):
    kept = cut(site, path)
    usage = shutil.disk_usage(path.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=50_000))
    assert "the disk is full, 0.1 MB are still to come (0.1 MB free)" in refused(site, path)
    monkeypatch.undo()
    fetch(of(site), path)
    assert site.asked[-1] == f"bytes={kept}-"


def test_a_cache_that_cannot_be_a_folder(site, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match=r"(?s)could not be stored.*TORCH_HOME.*backbone\.weights=FILE"):
        fetch(of(site), tmp_path / "file" / "w.bin")


def test_a_read_only_cache_is_one_clear_error(site):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        cache = Path(folder) / "cache"
        cache.mkdir()
        cache.chmod(0o555)
        Path(folder).chmod(0o755)
        root = os.geteuid() == 0
        if root:  # to root nothing is read-only
            os.seteuid(65534)
        try:
            text = refused(site, cache / "w.bin")
        finally:
            if root:
                os.seteuid(0)
        assert "could not be stored" in text
        assert "why:   its rights do not allow it\n" in text
        assert "correct the folder's rights, or set TORCH_HOME" in text
        assert list(cache.iterdir()) == []
        cache.chmod(0o755)


def fetch_and_tell(url, path, told):
    """What another process does: log to a file, fetch, and say that it is done."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    logging.basicConfig(filename=told, level=logging.INFO, format="%(message)s", force=True)
    fetch(WeightFile("w.bin", url=url), path)
    logging.info("done")


def started(site, path, told):
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=fetch_and_tell, args=(site.url, path, told), daemon=True)
    process.start()
    return process


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@pytest.mark.slow
def test_of_two_processes_one_fetches_and_the_other_waits(site, path, tmp_path, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(fetching, "STALL_SECONDS", 60.0)
    site.wait_after, told = 150_000, tmp_path / "told"
    here = threading.Thread(target=fetch, args=(of(site), path))
    here.start()
    wait_for(lambda: site.asked)
    there = started(site, path, told)
    wait_for(lambda: told.exists() and "Waiting" in told.read_text())
    time.sleep(0.2)
    assert not path.exists()
    site.go.set()
    here.join(60)
    there.join(60)
    assert there.exitcode == 0
    assert len(site.asked) == 1
    assert path.read_bytes() == BODY
    assert told.read_text().splitlines() == ["Waiting for another process that fetches w.bin", "done"]
    assert "Waiting" not in caplog.text


@pytest.mark.slow
def test_a_process_that_is_stopped_leaves_what_another_can_go_on_with(site, tmp_path):
    site.wait_after = 200_000
    paths = {by: tmp_path / by.name / "w.bin" for by in (signal.SIGINT, signal.SIGKILL)}
    processes = {by: started(site, path, tmp_path / f"{by.name}.log") for by, path in paths.items()}
    partials = {by: beside(path, ".partial") for by, path in paths.items()}
    wait_for(lambda: all(partial.exists() and partial.stat().st_size for partial in partials.values()))
    for by, path in paths.items():
        partial, process = partials[by], processes[by]
        os.kill(process.pid, by)
        process.join(60)
        assert process.exitcode not in (0, None)
        assert not path.exists()
        kept = partial.stat().st_size
        site.wait_after = None
        fetch(of(site), path)
        assert site.asked[-1] == f"bytes={kept}-"
        assert path.read_bytes() == BODY


@pytest.fixture
def hashed(monkeypatch):
    """The files whose digest was taken."""
    taken, digest = [], fetching.file_digest
    monkeypatch.setattr(fetching, "file_digest", lambda file: taken.append(Path(file).name) or digest(file))
    return taken


def test_a_file_that_has_not_changed_is_not_read_again(site, path, hashed):
    fetch(of(site), path)
    assert hashed == ["w.bin.partial"]
    check(of(site), path)
    check(of(site, sha256=SHA256[:8]), path)
    assert hashed == ["w.bin.partial"]
    os.utime(path, ns=(1, 1))  # copied or restored: the same bytes, another time
    check(of(site), path)
    check(of(site), path)
    assert hashed == ["w.bin.partial", "w.bin"]


def test_a_thorough_check_reads_the_file_in_any_case(site, path):
    assert not is_recorded(path)
    fetch(of(site), path)
    assert is_recorded(path)
    before = path.stat()
    path.write_bytes(OTHER)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a failing disk would change it
    assert check(of(site), path) == SHA256
    with pytest.raises(WeightsError, match="has changed"):
        check(of(site), path, thorough=True)


@pytest.mark.parametrize("sha256", [None, SHA256, SHA256[:8]])
@pytest.mark.parametrize("data", [OTHER, BODY[:-1], b""], ids=["same size", "cut", "empty"])
def test_a_file_that_changed_is_refused(site, path, sha256, data):
    fetch(of(site, sha256=sha256), path)
    path.write_bytes(data)
    os.utime(path, ns=(5, 5))
    with pytest.raises(WeightsError, match=r"(?s)has changed.*was expected.*delete it") as caught:
        check(of(site, sha256=sha256), path)
    for part in (str(path), site.url, OFFLINE):
        assert part in str(caught.value)


def test_a_known_digest_is_asked_of_a_recorded_file_too(site, path):
    fetch(of(site), path)
    with pytest.raises(WeightsError, match=r"(?s)has changed.*beef was expected"):
        check(of(site, sha256="beef"), path)


def test_a_file_put_there_by_hand_is_recorded_when_first_seen(site, path, caplog):
    caplog.set_level(logging.INFO)
    path.parent.mkdir()
    path.write_bytes(BODY)
    check(of(site), path)
    assert json.loads(beside(path, ".json").read_text())["sha256"] == SHA256
    assert f"recorded its SHA-256 {SHA256}" in caplog.text


@pytest.mark.parametrize("text", ["", "{", "[]", '{"size": 3}', '{"sha256": "a", "size": "b", "mtime_ns": 1}'])
def test_a_damaged_record_is_one_clear_error(site, path, text):
    fetch(of(site), path)
    beside(path, ".json").write_text(text)
    with pytest.raises(WeightsError, match=r"(?s)record of a weight file cannot be read.*w\.bin\.json.*delete it"):
        check(of(site), path)


def test_a_good_file_in_a_cache_of_somebody_else_is_used(site, path, monkeypatch):
    path.parent.mkdir()
    path.write_bytes(BODY)

    def read_only(*_):
        raise CafemoodError("A file could not be written") from OSError(errno.EROFS, "")

    monkeypatch.setattr(fetching, "write_json", read_only)
    check(of(site, sha256=SHA256), path)
    with pytest.raises(WeightsError, match="has changed"):
        check(of(site, sha256="beef"), path)


def test_find_fetches_once_and_then_finds_it(site, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    found = find(of(site))
    assert found == tmp_path / "hub" / "cafemood" / "w.bin"
    assert find(of(site)) == found
    assert len(site.asked) == 1
    found.write_bytes(b"changed")
    with pytest.raises(WeightsError, match=r"(?s)has changed.*delete it"):
        find(of(site))

"""A site of photos on loopback that counts what it is asked for, and has the faults of real ones."""

import base64
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

SIGNATURE = "5ecretSignature"
PASSWORD = "pa55word"


class Site(ThreadingHTTPServer):
    """Serves a folder; `/moved/…` redirects, `/elsewhere` to where it is told,
    `/loop` for ever, `/busy/…` has 503 twice, `/cut/…` breaks off,
    `/stall/…` never ends, `/signed/…` and `/locked/…` want their secret."""

    daemon_threads = True

    def __init__(self, folder: Path, pause: float = 0.0) -> None:
        self.folder, self.pause = folder, pause
        self.asked: Counter[str] = Counter()
        self.elsewhere = ""  # where `/elsewhere` redirects to
        self.over = threading.Event()
        self.held: str | None = None  # this path is answered only once `freed` is set
        self.freed = threading.Event()
        super().__init__(("127.0.0.1", 0), _Answer)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        self.server.asked[path] += 1
        first, _, rest = path.lstrip("/").partition("/")
        if first == "loop":
            return self._say(302, location="/loop")
        if first == "elsewhere":
            return self._say(302, location=self.server.elsewhere)
        if first == "moved":
            return self._say(302, location="/" + parts.path.lstrip("/").partition("/")[2])
        if first == "busy" and self.server.asked[path] < 3:
            return self._say(503)
        if first == "signed" and parse_qs(parts.query).get("X-Amz-Signature") != [SIGNATURE]:
            return self._say(403)
        given = self.headers.get("Authorization", "").partition(" ")[2]
        if first == "locked" and base64.b64decode(given) != f"ann:{PASSWORD}".encode():
            return self._say(401)
        if first == "stall":
            self._head(100)
            self.server.over.wait(30)
            return None
        known = first in ("busy", "cut", "signed", "locked")
        file = self.server.folder / (rest if known else path.lstrip("/"))
        if not file.is_file():
            return self._say(404)
        time.sleep(self.server.pause)
        if path == self.server.held:
            self.server.freed.wait(240)
        data = file.read_bytes()
        self._head(len(data))
        self.wfile.write(data[: len(data) // 2] if first == "cut" else data)
        return None

    def _head(self, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _say(self, status: int, location: str | None = None) -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(folder: Path, pause: float = 0.0):
    """The site, for as long as the block lasts."""
    site = Site(folder, pause)
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.over.set()
        site.freed.set()
        site.shutdown()
        site.server_close()
        thread.join()

"""A store in an empty folder, a server that runs crawls, replicas that tests can write faults for."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cafecrawl.replica.content import Content, blob_photo
from cafecrawl.replica.site import Replica, running
from cafecrawl.store import Store

CRAWLER = Path(__file__).parents[2] / "crawler"
FAST = {
    "DOWNLOAD_DELAY": 0,
    "AUTOTHROTTLE_ENABLED": 0,
    "PATIENCE_BACKOFF": 0.05,
    "PATIENCE_PAUSE": 0.2,
    "PATIENCE_MAX_WAIT": 10,
    "ROBOTS_TIMEOUT": 1,
    "DOWNLOAD_TIMEOUT": 2,
}


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "사진")
    yield opened
    opened.close()


@dataclass
class Ended:
    """A command that has ended: exit code (minus the signal that killed it), what it said, its largest memory."""

    code: int
    text: str
    kilobytes: int


class CrawlServer:
    """Runs `scrapy …` in forks of one process that has Scrapy imported already."""

    def __init__(self, outputs: Path) -> None:
        paths = [str(CRAWLER), str(CRAWLER.parent / "src"), os.environ.get("PYTHONPATH", "")]
        self._outputs, self._n, self._files = outputs, 0, {}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "crawl_server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=CRAWLER,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
        )

    def start(self, *args: str, fsize: int | None = None) -> int:
        """Start a command; returns its process id."""
        self._n += 1
        out = self._outputs / f"{self._n}.txt"
        pid = self._ask({"args": args, "out": str(out), "fsize": fsize})
        self._files[pid] = out
        return pid

    def wait(self, pid: int) -> Ended:
        """Wait for a command."""
        code, kilobytes = self._ask({"wait": pid})
        return Ended(code, self._files.pop(pid).read_text(), kilobytes)

    def crawl(
        self, spider: str, folder: Path, site: str | None = None, *, fsize=None, settings=None, **arguments
    ) -> Ended:
        """Run a crawl to its end."""
        return self.wait(self.start(*crawl_words(spider, folder, site, settings=settings, **arguments), fsize=fsize))

    def kill(self, pid: int) -> None:
        """kill -9."""
        os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """End the server."""
        self._process.stdin.close()
        self._process.wait(30)

    def _ask(self, order):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def crawl_words(spider: str, folder: Path, site: str | None = None, *, settings=None, **arguments) -> list[str]:
    """The words of a crawl command, quick and with a contact unless told otherwise."""
    given = {"contact": "tests@cafemood.example", "folder": folder} | ({"site": site} if site else {}) | arguments
    words = ["crawl", spider]
    for name, value in given.items():
        words += ["-a", f"{name}={value}"] if value is not None else []
    for name, value in (FAST | (settings or {})).items():
        words += ["-s", f"{name}={value}"]
    return words


@pytest.fixture(scope="session")
def scrapy(tmp_path_factory) -> Iterator[CrawlServer]:
    """Runs `scrapy …`."""
    server = CrawlServer(tmp_path_factory.mktemp("said"))
    yield server
    server.stop()


@pytest.fixture
def replica_of():
    """Start a replica with faults; quickly drawn pictures unless told otherwise."""
    open_ones = []

    def start(*faults, content: Content | None = None, **options) -> Replica:
        content = content or Content(n_cafes=3, n_photos=4, n_openverse=12, n_commons=10, draw=blob_photo)
        context = running(Replica(content, faults, **options))
        open_ones.append(context)
        return context.__enter__()

    yield start
    for context in open_ones:
        context.__exit__(None, None, None)

"""Pictures as bytes, and pages of a list, for the crawler's tests."""

import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cafecrawl.items import Page, PhotoRef, Place
from cafecrawl.store import Store

CRAWLER = Path(__file__).parents[2] / "crawler"
FAST = {
    "DOWNLOAD_DELAY": 0,
    "AUTOTHROTTLE_ENABLED": 0,
    "PATIENCE_BACKOFF": 0.05,
    "PATIENCE_PAUSE": 0.2,
    "PATIENCE_MAX_WAIT": 10,
    "ROBOTS_TIMEOUT": 30,
    "DOWNLOAD_TIMEOUT": 30,
}
IMPATIENT = {"ROBOTS_TIMEOUT": 1, "DOWNLOAD_TIMEOUT": 2}
"""For a site that stalls, and for no other: a loaded machine may take that long by itself."""


def picture(seed: int, size: tuple[int, int] = (320, 256), kind: str = "JPEG", **save) -> bytes:
    """A picture of smooth blobs, different for each seed, so that pHashes differ as those of photos do."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (9, 12, 3), dtype=np.uint8))
    out = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(out, kind, **save)
    return out.getvalue()


def found(n: int, cafe_id: str = "1", source: str = "naver", **more) -> Page:
    """A page of a list with `n` photos of one café."""
    refs = tuple(
        PhotoRef(cafe_id, f"http://img/{cafe_id}/{i}.jpg", source, licence="CC BY 4.0", attribution="누군가", **more)
        for i in range(n)
    )
    return Page((Place(cafe_id, "카페 공릉"),), refs)


def add_photos(store: Store, *pages: Page, source: str = "naver", **options) -> None:
    """Put pages into the ledger as one list each."""
    for i, page in enumerate(pages):
        store.ledger.add_lists(source, [(f"list-{source}-{i}", {"i": i})])
        store.ledger.add_page(source, store.ledger.next_list(source), page, **options)


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

    def ended(self, pid: int) -> bool:
        """Whether a command has ended by itself (or was killed)."""
        return self._ask({"ended": pid})

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


class BrokenPipeline:
    """A check with a bug."""

    def process_item(self, item):
        """Fail as nobody foresaw."""
        raise ZeroDivisionError("unforeseen")

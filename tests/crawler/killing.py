"""Kill a crawl with -9 again and again, let it end, and compare with one that nobody killed.

Used by `test_kill.py` (50 kills) and `benchmarks/crawl_kill.py` (500).
"""

import random
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow.parquet as pq
from crawler_helpers import CrawlServer, crawl_words

from cafecrawl.replica.content import Content, blob_photo
from cafecrawl.replica.faults import Fault
from cafecrawl.replica.site import Replica, running

SIZE = {"n_cafes": 4, "n_photos": 5}
ARGUMENTS = {"area": "공릉동,seongsu", "photos": 5}
SETTINGS = {"CONCURRENT_REQUESTS_PER_DOMAIN": 4, "LOG_LEVEL": "ERROR"}


@dataclass
class Killed:
    """What happened: kills, crawls brought to their end, kills by how many photos were there, complaints."""

    kills: int = 0
    ended: int = 0
    at: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def kill_often(scrapy: CrawlServer, folder: Path, n_kills: int, seed: int) -> Killed:
    """Run crawls that die at `n_kills` random moments in all; each is resumed until it ends by itself.

    A moment is a random time in one case of five (start-up, recovery, export), else shortly after a random number
    of further requests or of further stored photos: so that kills lie all over a crawl, however fast it is.
    """
    content = Content(**SIZE, draw=blob_photo)
    result, rng = Killed(), random.Random(seed)
    slow = Fault("naver_images", r"\.jpg$", "slow", value="0.04")  # else all photos would arrive in one breath
    with running(Replica(content, [slow])) as replica:
        site = replica.urls["naver"]
        started = time.monotonic()
        whole = scrapy.crawl("naver", folder / "whole", site, settings=SETTINGS, **ARGUMENTS)
        longest = time.monotonic() - started
        assert whole.code == 0, whole.text
        expected = contents(folder / "whole")
        while result.kills < n_kills:
            one = folder / f"killed{result.ended}"
            complete: set[str] = set()
            while True:
                n_log = len(replica.log)
                pid = scrapy.start(*crawl_words("naver", one, site, settings=SETTINGS, **ARGUMENTS))
                if result.kills < n_kills:
                    kind = rng.random()
                    if kind < 0.2:
                        time.sleep(rng.uniform(0, longest))
                    elif kind < 0.6:
                        n_asked = n_log + rng.randint(1, 14)
                        wait_for(lambda n=n_asked: len(replica.log) >= n, scrapy, pid)
                    else:
                        n_stored = len(list(one.glob("*.jpg"))) + rng.randint(1, 8)
                        wait_for(lambda n=n_stored, folder=one: len(list(folder.glob("*.jpg"))) >= n, scrapy, pid)
                    time.sleep(rng.uniform(0, 0.02))
                    scrapy.kill(pid)
                ended = scrapy.wait(pid)
                again = complete & {h.path for h in replica.log[n_log:]}
                result.wrong += [f"asked again for {path}" for path in again]
                if ended.code != -9:
                    break
                result.kills += 1
                complete = stored_paths(one)
                result.at.append(len(complete))
            result.ended += 1
            if ended.code != 0:
                result.wrong.append(f"ended with {ended.code}: {ended.text}")
            else:
                result.wrong += [f"{one.name}: {text}" for text in differences(expected, contents(one))]
    return result


def wait_for(happened: Callable[[], bool], scrapy: CrawlServer, pid: int) -> None:
    """Wait until something has happened, or the crawl has ended."""
    while not happened() and not scrapy.ended(pid):
        time.sleep(0.002)


def contents(folder: Path) -> dict[str, object]:
    """Every file's name and bytes; of the manifest every column but the time of fetching; no temporary file."""
    found: dict[str, object] = {}
    for path in folder.iterdir():
        if path.name == "manifest.parquet":
            found[path.name] = pq.read_table(path).drop_columns(["fetched_at"]).to_pylist()
        elif path.is_file() and path.name != "manifest.jsonl":
            found[path.name] = path.read_bytes()
    found["incoming"] = sorted(p.name for p in (folder / ".crawl" / "incoming").iterdir())
    return found


def differences(expected: dict[str, object], found: dict[str, object]) -> list[str]:
    """What is not the same, in words."""
    said = [f"{name} is missing" for name in expected if name not in found]
    said += [f"{name} is new" for name in found if name not in expected]
    for name in sorted(expected.keys() & found.keys()):
        a, b = expected[name], found[name]
        if a != b and name == "manifest.parquet":
            said += [f"manifest: {x} became {y}" for x, y in zip(a, b, strict=False) if x != y][:2]
            said += [f"manifest: {len(a)} rows became {len(b)}"] * (len(a) != len(b))
        elif a != b:
            said.append(f"{name} differs: {a[:300]!r} became {b[:300]!r}" if len(a) < 5000 else f"{name} differs")
    return said


def stored_paths(folder: Path) -> set[str]:
    """The addresses (their paths) of the photos that stand in the folder."""
    ledger = folder / ".crawl" / "ledger.sqlite"
    if not ledger.exists():
        return set()
    database = sqlite3.connect(ledger)
    try:
        rows = database.execute("SELECT url, stem FROM photos").fetchall()
    except sqlite3.OperationalError:  # killed before there was a table
        rows = []
    finally:
        database.close()
    return {urlsplit(url).path for url, stem in rows if (folder / f"{stem}.jpg").exists()}

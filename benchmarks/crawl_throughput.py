"""Photos a second through our crawler, its syncs to the disk included, against stock Scrapy's ImagesPipeline.

    python benchmarks/crawl_throughput.py [--photos 400] [--rounds 3] [--concurrency 16]
    python benchmarks/crawl_throughput.py --photos 10143 --small --rounds 0   # the same crawl again, with nothing to do

The photos are the demo's, 1,024 pixels on the longer side, each under many addresses (some bytes behind the
picture tell them apart), served on loopback by this process. Both crawlers run as they are, with delays off and the
same number of requests at once; a round is one of ours and one of stock Scrapy. Timed is what lies between the first
request for a photo and the end of the command. Stock Scrapy re-encodes JPEGs and syncs nothing; ours stores the bytes
as served, fully decoded once, hashed, compared with all others, synced, and written into the ledger.
"""

from __future__ import annotations

import argparse
import functools
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from cafemood.data.folders import demo_photos
from cafemood.data.images import open_image

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "crawler")]

from cafecrawl.replica.content import Content, blob_photo  # noqa: E402
from cafecrawl.replica.site import Replica, running  # noqa: E402

STOCK = """
import scrapy
class Stock(scrapy.Spider):
    name = "stock"
    async def start(self):
        yield {"image_urls": [line.split(",")[0] for line in open(self.table).read().splitlines()[1:]]}
"""


def bodies() -> list[bytes]:
    """The demo photos as JPEGs of 1,024 pixels."""
    photo_set, found = demo_photos(), []
    for photo in photo_set.photos:
        image = open_image(photo_set.path(photo))
        image.thumbnail((1024, 1024), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=88)
        found.append(out.getvalue())
    return found


def marked(pictures: list[bytes], number: int, view: int) -> bytes:
    """One of the pictures, with its number behind it."""
    return pictures[number % len(pictures)] + number.to_bytes(8, "big")


def timed(words: list[str], replica: Replica, folder: Path) -> tuple[float, float]:
    """Run a command; seconds from the first request for a photo to its end, and seconds in all."""
    n = len(replica.log)
    started, begun = time.time(), time.perf_counter()
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    whole = time.perf_counter() - begun
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    first = next((h.started for h in replica.log[n:] if h.host == "flickr" and h.path != "/robots.txt"), started)
    return started + whole - first, whole


def ours(table: Path, store: Path, n_at_once: int) -> list[str]:
    """The command of a crawl of ours."""
    words = [sys.executable, "-m", "scrapy", "crawl", "urllist", "-a", "contact=bench@cafemood.example"]
    words += ["-a", f"file={table}", "-a", f"folder={store}"]
    fast = {"DOWNLOAD_DELAY": 0, "AUTOTHROTTLE_ENABLED": 0, "CONCURRENT_REQUESTS_PER_DOMAIN": n_at_once}
    return words + [word for name, value in fast.items() for word in ("-s", f"{name}={value}")]


def stock(spider: Path, table: Path, store: Path, n_at_once: int) -> list[str]:
    """The command of a crawl of stock Scrapy."""
    words = [sys.executable, "-m", "scrapy", "runspider", str(spider), "-a", f"table={table}"]
    settings = {
        "ITEM_PIPELINES": '{"scrapy.pipelines.images.ImagesPipeline": 1}', "IMAGES_STORE": store,
        "CONCURRENT_REQUESTS": max(n_at_once, 16), "CONCURRENT_REQUESTS_PER_DOMAIN": n_at_once,
        "DOWNLOAD_DELAY": 0, "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    return words + [word for name, value in settings.items() for word in ("-s", f"{name}={value}")]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3, help="0: ours alone, then the same crawl again")
    parser.add_argument("--concurrency", type=int, default=16, help="requests at once (default 16)")
    parser.add_argument("--small", action="store_true", help="drawn pictures of 288 x 256 instead of photos")
    chosen = parser.parse_args()
    draw = blob_photo if chosen.small else functools.partial(marked, bodies())
    content = Content(draw=draw)
    for number in range(chosen.photos):
        content.photo(number, 0)
    rates: dict[str, list[float]] = {"ours": [], "stock": []}
    with tempfile.TemporaryDirectory() as name, running(Replica(content)) as replica:
        folder = Path(name)
        spider, table = folder / "stock.py", folder / "photos.csv"
        spider.write_text(STOCK)
        lines = [f"{replica.urls['flickr']}/{i}_0.jpg,cc0,{i},x" for i in range(chosen.photos)]
        table.write_text("url,licence,cafe_id,attribution\n" + "\n".join(lines))
        for i in range(max(chosen.rounds, 1)):
            store = folder / f"ours{i}"
            seconds, _ = timed(ours(table, store, chosen.concurrency), replica, ROOT / "crawler")
            rates["ours"].append(len(list(store.glob("cafe_*.jpg"))) / seconds)
            if chosen.rounds:
                store = folder / f"stock{i}"
                seconds, _ = timed(stock(spider, table, store, chosen.concurrency), replica, folder)
                rates["stock"].append(len(list(store.glob("full/*.jpg"))) / seconds)
        n_asked = len(replica.log)
        _, again = timed(ours(table, folder / "ours0", chosen.concurrency), replica, ROOT / "crawler")
        n_asked = len(replica.log) - n_asked
    print(f"{chosen.photos:,} photos, {os.cpu_count()} cores, {chosen.concurrency} requests at once; photos/s (rounds)")
    for who, values in rates.items():
        if values:
            print(f"  {who:6} {statistics.median(values):6.1f} ({', '.join(f'{v:.1f}' for v in values)})")
    if chosen.rounds:
        pairs = [a / b for a, b in zip(rates["ours"], rates["stock"], strict=True)]
        said = ", ".join(f"{r:.2f}" for r in pairs)
        print(f"  ours is {statistics.median(pairs):.2f} x as fast ({said})")
    print(f"the finished crawl again: {n_asked} requests, {again:.2f} s, start of Python included")


if __name__ == "__main__":
    main()

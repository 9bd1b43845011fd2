"""How long a host is left alone: its own pause, its Crawl-delay, its Retry-After, the longest of them."""

import asyncio
import itertools

import pytest
from aiohttp import web
from scrapy.http import Response
from scripted_site import jpeg, json_of, rows_of

from cafecrawl.ledger import DAY
from cafecrawl.middlewares import retry_after

pytestmark = pytest.mark.slow


def between(site) -> list[float]:
    """Seconds between requests."""
    at = [asked.at for asked in site.asked]
    return [later - earlier for earlier, later in itertools.pairwise(at)]


def test_autothrottle_leaves_a_hosts_own_pause_as_it_is(scrapy, site_of, tmp_path):
    site = site_of(
        lambda request: json_of({"page": int(request.query["page"]), "page_count": 5, "results": []}),
    )
    throttled = {"AUTOTHROTTLE_ENABLED": 1, "DOWNLOAD_DELAY_JITTER": 0, "DOWNLOAD_SLOTS": site.slot(delay=0.8)}
    done = scrapy.crawl("openverse", tmp_path, site.url, query="x", settings=throttled)
    assert done.code == 0, done.text
    assert len(site.paths) == 5
    assert min(between(site)) > 0.5  # AutoThrottle would halve it; a request may come late on a loaded machine


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_robots_with_a_byte_order_mark_are_obeyed(scrapy, site_of, tmp_path, bom):
    site = site_of(jpeg, lambda request: web.Response(body=bom + b"User-agent: *\nDisallow: /\n"))
    done = scrapy.crawl("urllist", tmp_path / "p", file=site.table(tmp_path / "t.csv", "/1.jpg,cc0"))
    assert done.code == 0, done.text
    assert site.paths == []
    assert "forbids" in rows_of(tmp_path / "p", "SELECT reason FROM photos")[0][0]


async def until(happened) -> None:
    """Hold an answer back until something has happened; 20 seconds at most."""
    for _ in range(1000):
        if happened():
            return
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("own", [0, 1.5])
@pytest.mark.parametrize("throttle", [0, 1])
def test_a_crawl_delay_is_kept(scrapy, site_of, tmp_path, throttle, own):
    site = site_of(jpeg, lambda request: web.Response(text="User-agent: *\nCrawl-delay: 1.5\n"))
    table = site.table(tmp_path / "t.csv", *(f"/{n}.jpg,cc0" for n in range(1, 4)))
    settings = {"AUTOTHROTTLE_ENABLED": throttle, "AUTOTHROTTLE_START_DELAY": 0, "DOWNLOAD_DELAY": own}
    settings["DOWNLOAD_DELAY_JITTER"] = 0.9
    done = scrapy.crawl("urllist", tmp_path / "p", file=table, settings=settings)
    assert done.code == 0, done.text
    assert min(between(site)) > 1.25  # a request may come late on a loaded machine, and the next one on time


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("1795641536328", 30 * DAY),
        ("9" * 400, 30 * DAY),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 30 * DAY),
        ("Mon, 01 Jan 99999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 0001 00:00:00 +0900", 0),
        ("120s", None),
    ],
)
def test_no_retry_after_is_endless_or_an_error(header, seconds):
    answer = Response("http://x/", headers={"Retry-After": header})
    assert retry_after(answer, 1_800_000_000.0) == seconds


def test_a_long_silence_is_not_cut_short_by_a_later_failure(scrapy, site_of, tmp_path):
    """Two photos in flight: 429 with an hour for the first, then 500 for the second."""

    async def answer(request):
        if request.path == "/1.jpg":
            await until(lambda: "/2.jpg" in site.paths)
            return web.Response(status=429, headers={"Retry-After": "3600"})
        await until(lambda: rows_of(tmp_path / "p", "SELECT seconds FROM holds"))
        return web.Response(status=500)

    site = site_of(answer)
    table = site.table(tmp_path / "t.csv", *(f"/{n}.jpg,cc0" for n in (1, 2, 3)))
    settings = {"DOWNLOAD_SLOTS": site.slot(concurrency=2), "PATIENCE_BACKOFF": 2}
    for _ in range(2):
        done = scrapy.crawl("urllist", tmp_path / "p", file=table, settings=settings)
        assert done.code == 4, done.text
    assert sorted(site.paths) == ["/1.jpg", "/2.jpg"]
    assert rows_of(tmp_path / "p", "SELECT seconds FROM holds") == [(3600.0,)]


def test_refusals_of_requests_that_were_on_their_way_together_are_one(scrapy, site_of, tmp_path):
    async def answer(request):
        if request.path in ("/1.jpg", "/2.jpg") and site.paths.count(request.path) == 1:
            await until(lambda: {"/1.jpg", "/2.jpg"} <= set(site.paths))
            return web.Response(status=429, headers={"Retry-After": "1"})
        return jpeg(request)

    site = site_of(answer)
    table = site.table(tmp_path / "t.csv", *(f"/{n}.jpg,cc0" for n in (1, 2, 3)))
    done = scrapy.crawl("urllist", tmp_path / "p", file=table, settings={"DOWNLOAD_SLOTS": site.slot(concurrency=2)})
    assert done.code == 0, done.text
    assert sorted(site.paths) == ["/1.jpg", "/1.jpg", "/2.jpg", "/2.jpg", "/3.jpg"]


def test_a_silence_asked_for_with_robots_holds_for_the_next_crawl(scrapy, site_of, tmp_path):
    site = site_of(jpeg, lambda request: web.Response(status=429, headers={"Retry-After": "3600"}))
    table = site.table(tmp_path / "t.csv", "/1.jpg,cc0")
    codes = [scrapy.crawl("urllist", tmp_path / "p", file=table).code for _ in range(2)]
    assert codes == [3, 4]
    assert len(site.asked) == 1

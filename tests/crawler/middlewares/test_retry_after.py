"""Retry-After: how long a host is left alone, and which refusals count as one."""

import asyncio

import pytest
from aiohttp import web
from scrapy.http import Response
from scripted_site import jpeg, rows_of

from cafecrawl.ledger import DAY
from cafecrawl.middlewares.retry_after import retry_after_seconds

pytestmark = pytest.mark.slow


async def until(happened) -> None:
    """Hold an answer back until something has happened; 20 seconds at most."""
    for _ in range(1000):
        if happened():
            return
        await asyncio.sleep(0.02)


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
    assert retry_after_seconds(answer, 1_800_000_000.0) == seconds


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

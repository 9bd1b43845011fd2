"""How long a host is left alone: its own pause, its Crawl-delay, its Retry-After, the longest of them."""

import pytest
from aiohttp import web
from scripted_site import jpeg, json_of, rows_of

pytestmark = pytest.mark.slow


def between(site) -> list[float]:
    """Seconds between requests."""
    at = [asked.at for asked in site.asked]
    return [later - earlier for earlier, later in zip(at, at[1:], strict=False)]


def test_autothrottle_leaves_a_hosts_own_pause_as_it_is(scrapy, site_of, tmp_path):
    site = site_of(
        lambda request: json_of({"page": int(request.query["page"]), "page_count": 5, "results": []}),
    )
    throttled = {"AUTOTHROTTLE_ENABLED": 1, "DOWNLOAD_DELAY_JITTER": 0, "DOWNLOAD_SLOTS": site.slot(delay=0.8)}
    done = scrapy.crawl("openverse", tmp_path, site.url, query="x", settings=throttled)
    assert done.code == 0, done.text
    assert len(site.paths) == 5
    assert min(between(site)) > 0.75


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_robots_with_a_byte_order_mark_are_obeyed(scrapy, site_of, tmp_path, bom):
    site = site_of(jpeg, lambda request: web.Response(body=bom + b"User-agent: *\nDisallow: /\n"))
    done = scrapy.crawl("urllist", tmp_path / "p", file=site.table(tmp_path / "t.csv", "/1.jpg,cc0"))
    assert done.code == 0, done.text
    assert site.paths == []
    assert "forbids" in rows_of(tmp_path / "p", "SELECT reason FROM photos")[0][0]


@pytest.mark.parametrize("throttle", [0, 1])
def test_a_crawl_delay_is_kept(scrapy, site_of, tmp_path, throttle):
    site = site_of(jpeg, lambda request: web.Response(text="User-agent: *\nCrawl-delay: 0.9\n"))
    table = site.table(tmp_path / "t.csv", *(f"/{n}.jpg,cc0" for n in range(1, 4)))
    settings = {"AUTOTHROTTLE_ENABLED": throttle, "AUTOTHROTTLE_START_DELAY": 0, "DOWNLOAD_DELAY_JITTER": 0.5}
    done = scrapy.crawl("urllist", tmp_path / "p", file=table, settings=settings)
    assert done.code == 0, done.text
    assert min(between(site)) > 0.85

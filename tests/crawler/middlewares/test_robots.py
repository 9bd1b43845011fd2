"""robots.txt: read whatever it begins with, and its Crawl-delay kept."""

import pytest
from aiohttp import web
from scripted_site import between, jpeg, rows_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_robots_with_a_byte_order_mark_are_obeyed(scrapy, site_of, tmp_path, bom):
    site = site_of(jpeg, lambda request: web.Response(body=bom + b"User-agent: *\nDisallow: /\n"))
    done = scrapy.crawl("urllist", tmp_path / "p", file=site.table(tmp_path / "t.csv", "/1.jpg,cc0"))
    assert done.code == 0, done.text
    assert site.paths == []
    assert "forbids" in rows_of(tmp_path / "p", "SELECT reason FROM photos")[0][0]


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

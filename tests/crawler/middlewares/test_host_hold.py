"""A host that asked for a long silence is asked for nothing by the next crawl, not even robots.txt."""

import pytest
from aiohttp import web
from scripted_site import jpeg

pytestmark = pytest.mark.slow


def test_a_silence_asked_for_with_robots_holds_for_the_next_crawl(scrapy, site_of, tmp_path):
    site = site_of(jpeg, lambda request: web.Response(status=429, headers={"Retry-After": "3600"}))
    table = site.table(tmp_path / "t.csv", "/1.jpg,cc0")
    codes = [scrapy.crawl("urllist", tmp_path / "p", file=table).code for _ in range(2)]
    assert codes == [3, 4]
    assert len(site.asked) == 1

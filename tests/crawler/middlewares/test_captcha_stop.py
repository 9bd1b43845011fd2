"""A wall is the host's; what one photo's page says is that photo's alone."""

import pytest
from aiohttp import web
from scripted_site import jpeg, rows_of

pytestmark = pytest.mark.slow
PAGE = '<!DOCTYPE html><html><head><script src="https://example.org/recaptcha/api.js"></script></head></html>'


def first_is(status: int):
    """Answers with a page that mentions a captcha for the first photo, and with pictures else."""

    def answer(request):
        if request.path == "/1.jpg":
            return web.Response(status=status, text=PAGE, content_type="text/html")
        return jpeg(request)

    return answer


@pytest.mark.parametrize("status", [404, 410])
def test_a_photo_that_is_gone_is_no_wall_whatever_its_page_mentions(scrapy, site_of, tmp_path, status):
    site = site_of(first_is(status))
    table = site.table(tmp_path / "t.csv", "/1.jpg,cc0", "/2.jpg,cc0")
    done = scrapy.crawl("urllist", tmp_path / "p", file=table)
    assert done.code == 0, done.text
    assert rows_of(tmp_path / "p", "SELECT state FROM photos ORDER BY id") == [("rejected",), ("done",)]


@pytest.mark.parametrize("status", [200, 400, 401, 403, 405])
def test_a_photo_that_meets_a_wall_in_three_crawls_does_not_bar_the_others(scrapy, site_of, tmp_path, status):
    site = site_of(first_is(status))
    table = site.table(tmp_path / "t.csv", "/1.jpg,cc0", "/2.jpg,cc0")
    codes = [scrapy.crawl("urllist", tmp_path / "p", file=table).code for _ in range(4)]
    assert codes == [4, 4, 4, 0]
    assert rows_of(tmp_path / "p", "SELECT state, reason FROM photos ORDER BY id") == [
        ("rejected", f"{site.host} shows a captcha"),
        ("done", None),
    ]

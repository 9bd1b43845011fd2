"""robots.txt: read whatever it begins with, and its Crawl-delay kept."""

import pytest
from aiohttp import web
from scripted_site import between, jpeg, rows_of

from cafecrawl.middlewares.robots import LARGEST, rules_of

RULES = b"User-agent: *\nDisallow: /\n"
COMMENT = b"# a comment\n"


@pytest.mark.slow
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_robots_with_a_byte_order_mark_are_obeyed(scrapy, site_of, tmp_path, bom):
    site = site_of(jpeg, lambda request: web.Response(body=bom + b"User-agent: *\nDisallow: /\n"))
    done = scrapy.crawl("urllist", tmp_path / "p", file=site.table(tmp_path / "t.csv", "/1.jpg,cc0"))
    assert done.code == 0, done.text
    assert site.paths == []
    assert "forbids" in rows_of(tmp_path / "p", "SELECT reason FROM photos")[0][0]


@pytest.mark.slow
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
    "body",
    [
        RULES,
        b"\xef\xbb\xbf" + RULES,
        b"\n\n  " + RULES,
        RULES.replace(b"\n", b"\r"),
        RULES.decode().encode("utf-16"),
        "# 공릉동 카페\n".encode("cp949") + RULES,
        RULES + COMMENT * (LARGEST // 8),
        b"Sitemap: https://e.example/map.xml",
        b"user-agent : *\ndisallow :/x",
        b"not a rule\n" + RULES,
    ],
)
def test_rules_are_read(body):
    assert ":" in rules_of(body)


@pytest.mark.parametrize("body", [b"", b"\n\n", COMMENT, b"\xef\xbb\xbf", b" \t\n# nothing is forbidden\n"])
def test_an_empty_file_has_no_rules(body):
    assert rules_of(body) is not None


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><title>404</title><pre>Disallow: nothing",
        b"\xef\xbb\xbf\n <html>\nUser-agent: *\n",
        b"\x89PNG\r\n\x1a\n\0\0Disallow: /",
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        b"PK\x03\x04\x14\x00",
        b"\x1f\x8b\x08\x00abc",
        b'{"error": "not found",\n "allow": 1}',
        b"Not Found",
        "찾을 수 없습니다".encode(),
        COMMENT * (LARGEST // 8) + RULES,
        b"x" * (LARGEST + 1),
        b"GIF89a\x01\x01",
    ],
)
def test_what_is_no_rules_is_not_taken_for_none(body):
    assert rules_of(body) is None


def test_a_rule_that_is_cut_off_does_not_count():
    body = (RULES + COMMENT * LARGEST)[: LARGEST - 13] + b"\nDisallow: /private\n"
    assert "Disallow: /p" not in rules_of(body)


@pytest.mark.slow
@pytest.mark.parametrize("body", [b"\x89PNG\r\n\x1a\n\0\0", b"Not Found", b"{}", COMMENT * 90_000, b"\0" * 30_000_000])
def test_a_host_without_readable_rules_is_asked_for_nothing(scrapy, site_of, tmp_path, body):
    site = site_of(jpeg, lambda request: web.Response(body=body))
    done = scrapy.crawl("urllist", tmp_path / "p", file=site.table(tmp_path / "t.csv", "/1.jpg,cc0"))
    assert done.code == 3, done.text
    assert site.paths == []

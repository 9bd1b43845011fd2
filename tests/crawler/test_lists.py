"""Lists that do not come as they should: told by the exit code, asked for again, and never in a circle."""

import sqlite3
import time

import pytest
from aiohttp import web
from scrapy.exceptions import DownloadTimeoutError
from scrapy.http import Response
from scrapy.settings import Settings
from scripted_site import jpeg, json_of, rows_of
from twisted.python.failure import Failure

from cafecrawl.ledger import Ledger
from cafecrawl.photo_window import PhotoWindow
from cafecrawl.replica.content import Content, blob_photo
from cafecrawl.replica.faults import Fault
from cafecrawl.spiders.openverse import OpenverseSpider

pytestmark = pytest.mark.slow
LISTS = "SELECT state, n_pages FROM lists ORDER BY id"


def commons_file(site, **more) -> dict:
    info = {
        "url": f"{site.url}/1.jpg",
        "mime": "image/jpeg",
        "width": 900,
        "descriptionurl": "http://x/",
        "user": "u",
        "extmetadata": {"License": {"value": "cc-by-4.0"}},
    }
    page = {"pageid": 7, "title": "File:Cafe.jpg", "imageinfo": [info | more]}
    return {"batchcomplete": True, "query": {"pages": [page]}}


def test_half_an_emoji_in_a_title_is_no_obstacle(scrapy, site_of, tmp_path):
    site = site_of(lambda request: jpeg(request) if request.path == "/1.jpg" else json_of(answer))
    answer = commons_file(site)
    answer["query"]["pages"][0]["title"] = "File:Cafe \ud83d.jpg"
    done = scrapy.crawl("commons", tmp_path, site.url, query="cafe")
    assert done.code == 0, done.text
    assert site.paths == ["/w/api.php", "/1.jpg"]
    assert rows_of(tmp_path, "SELECT cafe_name FROM places") == [("Cafe ?",)]


def test_json_of_any_depth_is_a_changed_layout(scrapy, site_of, tmp_path):
    site = site_of(lambda request: web.Response(text="[" * 200_000))
    done = scrapy.crawl("osm", tmp_path, site.url, area="seongsu")
    assert done.code == 6, done.text
    assert len(site.paths) == 1


def test_an_error_that_nobody_foresaw_ends_the_crawl_with_its_traceback(scrapy, site_of, tmp_path):
    """Half a character in an address gets past the parser, and not into the ledger."""
    site = site_of(lambda request: json_of(commons_file(site, url="http://x/\ud83d.jpg")))
    done = scrapy.crawl("commons", tmp_path, site.url, query="cafe")
    assert done.code == 2, done.text
    assert "A page of a list could not be used" in done.text
    assert "Traceback" in done.text
    assert len(site.paths) == 1
    assert rows_of(tmp_path, LISTS) == [("open", 0)]


@pytest.mark.parametrize("arrived", [True, False])
def test_a_ledger_that_cannot_be_written_ends_the_crawl_whatever_came(monkeypatch, tmp_path, arrived):
    """The note that a list failed cannot be written either: the crawl ends, and does not wait or ask again."""
    spider = OpenverseSpider(contact="a@example.org", folder=tmp_path, query="x")
    spider.settings = Settings()
    spider.open_folder()
    spider._window = PhotoWindow(spider.ledger, spider.name, spider.accepts, repair=False)
    listing = spider._listing = spider.ledger.next_list("openverse")

    def fail(*_):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(spider.ledger, "fail_list", fail)
    if arrived:
        spider.list_arrived(Response("http://x/", body=b"no JSON"))
    else:
        failure = Failure(DownloadTimeoutError())
        failure.request = spider.list_request(listing)
        spider.list_failed(failure)
    assert spider.outcome is not None
    assert spider._listing is None
    spider.store.close()


@pytest.mark.parametrize("status", [400, 404, 410, 451])
def test_a_refused_list_is_told_and_stays_open(scrapy, site_of, tmp_path, status):
    site = site_of(lambda request: web.Response(status=status))
    done = scrapy.crawl("openverse", tmp_path, site.url, query="x|y")
    assert done.code == 1, done.text
    assert f"list refused: HTTP {status}" in done.text
    assert rows_of(tmp_path, LISTS) == [("open", 0), ("open", 0)]
    site.answer = lambda request: json_of({"page": 1, "page_count": 1, "results": []})
    done = scrapy.crawl("openverse", tmp_path, site.url, query="x|y")
    assert done.code == 0, done.text
    assert rows_of(tmp_path, LISTS) == [("done", 1), ("done", 1)]


def test_a_cafe_that_is_gone_does_not_keep_a_crawl_open(scrapy, replica_of, tmp_path):
    replica = replica_of(Fault("naver", "^/place/1000000400/photo", "404"))
    done = scrapy.crawl("naver", tmp_path, replica.urls["naver"], area="공릉동")
    assert done.code == 0, done.text
    assert rows_of(tmp_path, "SELECT key FROM lists WHERE state = 'failed'") == [("naver photos 1000000400",)]


def test_a_list_that_an_earlier_version_closed_is_asked_for_again(scrapy, site_of, tmp_path):
    site = site_of(lambda request: web.Response(status=404))
    assert scrapy.crawl("openverse", tmp_path, site.url, query="x").code == 1
    ledger = Ledger(tmp_path / ".crawl" / "ledger.sqlite")
    ledger.end_list(ledger.next_list("openverse"), "HTTP 404")
    ledger.close()
    site.answer = lambda request: json_of({"page": 1, "page_count": 1, "results": []})
    done = scrapy.crawl("openverse", tmp_path, site.url, query="x")
    assert done.code == 0, done.text
    assert len(site.paths) == 2
    assert rows_of(tmp_path, LISTS) == [("done", 1)]


def test_a_viewer_that_has_moved_is_no_cafe_that_is_gone(scrapy, replica_of, tmp_path):
    replica = replica_of(
        Fault("naver", "^/graphql", "404"),
        content=Content(n_cafes=1, n_photos=30, n_openverse=1, n_commons=1, draw=blob_photo),
    )
    done = scrapy.crawl("naver", tmp_path, replica.urls["naver"], area="공릉동", photos=30)
    assert done.code == 1, done.text
    assert "list refused: HTTP 404" in done.text
    assert rows_of(tmp_path, "SELECT count(*) FROM lists WHERE state = 'failed'") == [(0,)]


def test_overpass_that_ran_out_of_time_has_not_said_that_there_is_nothing(scrapy, site_of, tmp_path):
    remark = 'runtime error: Query timed out in "query" at line 1 after 61 seconds.'
    site = site_of(lambda request: json_of({"elements": [], "remark": remark}))
    done = scrapy.crawl("osm", tmp_path, site.url, area="seongsu")
    assert done.code == 1, done.text
    assert "Query timed out" in done.text
    assert len(site.paths) == 3
    assert rows_of(tmp_path, LISTS) == [("open", 0)]


def openverse_of(photos):
    """The API: pages of two photos that lie on another site."""

    def answer(request):
        page = int(request.query["page"])
        rows = [
            {"id": f"{n}", "url": f"{photos.url}/{n}.jpg", "license": "by", "license_version": "4.0"}
            for n in (2 * page, 2 * page + 1)
        ]
        return json_of({"page": page, "page_count": 12, "results": rows})

    return answer


def test_a_used_up_quota_stops_the_lists_and_not_the_photos(scrapy, site_of, tmp_path):
    photos = site_of(jpeg)
    api = site_of(openverse_of(photos))
    ledger = Ledger(tmp_path / ".crawl" / "ledger.sqlite")
    for _ in range(198):
        ledger.count_request("openverse", time.time())
    ledger.close()
    done = scrapy.crawl("openverse", tmp_path, api.url, query="x")
    assert done.code == 5, done.text
    assert "The daily quota of openverse is used up" in done.text
    assert len(api.paths) == 2
    assert rows_of(tmp_path, "SELECT count(*) FROM photos WHERE state = 'done'") == [(4,)]
    assert rows_of(tmp_path, LISTS) == [("open", 2)]


def test_a_quota_that_the_source_counts_does_not_stop_the_photos_either(scrapy, site_of, tmp_path):
    photos = site_of(jpeg)
    pages = openverse_of(photos)

    def answer(request):
        if request.query["page"] == "1":
            return pages(request)
        return web.Response(status=429, headers={"Retry-After": "9000"})

    api = site_of(answer)
    done = scrapy.crawl("openverse", tmp_path, api.url, query="x")
    assert done.code == 5, done.text
    assert "asks to be left alone" in done.text
    assert rows_of(tmp_path, "SELECT count(*) FROM photos WHERE state = 'done'") == [(2,)]
    assert scrapy.crawl("openverse", tmp_path, api.url, query="x").code == 5
    assert len(api.paths) == 2


def test_every_attempt_at_a_list_counts_against_the_quota(scrapy, site_of, tmp_path):
    def answer(request):
        if len(site.paths) < 3:
            return web.Response(status=500)
        return json_of({"page": 1, "page_count": 1, "results": []})

    site = site_of(answer)
    assert scrapy.crawl("openverse", tmp_path, site.url, query="x").code == 0
    assert rows_of(tmp_path, "SELECT count(*) FROM requests") == [(3,)]

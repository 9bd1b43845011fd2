"""Where a crawl never goes: addresses that can never work, and private ones that its list does not name."""

import csv

import pytest
from aiohttp import web
from crawler_helpers import found
from scripted_site import jpeg, rows_of

from cafecrawl.ledger import Ledger

pytestmark = pytest.mark.slow
REASONS = "SELECT reason FROM photos WHERE state = 'rejected' ORDER BY id"


def redirecting(targets):
    """Answers `/0.jpg` with a redirect to the first target, and so on; anything else with a picture."""

    def answer(request):
        name = request.path[1:].split(".")[0]
        if name.isdigit() and int(name) < len(targets):
            return web.Response(status=302, headers={"Location": targets[int(name)]})
        return jpeg(request)

    return answer


def test_no_redirect_leads_to_a_private_address_that_the_list_does_not_name(scrapy, site_of, tmp_path):
    """Whatever it is written as; nobody there is asked, robots.txt neither, and the rest arrives."""
    inner = site_of(jpeg)
    port = inner.host.rpartition(":")[2]
    hosts = ["localhost", "127.0.0.2", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "[::ffff:127.0.0.1]", "[::1]", "127.1"]
    targets = [f"http://{host}:{port}/99.jpg" for host in hosts] + ["http://169.254.169.254/latest/meta-data/"]
    outer = site_of(redirecting(targets))
    table = outer.table(tmp_path / "t.csv", *(f"/{n}.jpg,cc0" for n in range(len(targets) + 2)))
    done = scrapy.crawl("urllist", tmp_path / "p", file=table)
    assert done.code == 0, done.text
    assert inner.asked == []
    reasons = [reason for (reason,) in rows_of(tmp_path / "p", REASONS)]
    assert len(reasons) == len(targets)
    assert {reason.split("a private")[1] for reason in reasons} == {" address that the list does not name"}
    assert rows_of(tmp_path / "p", "SELECT count(*) FROM photos WHERE state = 'done'") == [(2,)]


def test_a_redirect_to_a_host_that_the_list_names_is_followed(scrapy, site_of, tmp_path):
    inner = site_of(jpeg)
    port = inner.host.rpartition(":")[2]
    outer = site_of(redirecting([f"http://localhost:{port}/99.jpg"]))
    table = outer.table(tmp_path / "t.csv", "/0.jpg,cc0")
    table.write_text(table.read_text() + f"http://localhost:{port}/98.jpg,cc0,somebody\n")
    done = scrapy.crawl("urllist", tmp_path / "p", file=table)
    assert done.code == 0, done.text
    assert sorted(inner.paths) == ["/98.jpg", "/99.jpg"]
    assert rows_of(tmp_path / "p", "SELECT count(*) FROM photos WHERE state = 'done'") == [(2,)]


NEVER = [
    "http://",
    "http://a b/c.jpg",
    "http://host:99999/c.jpg",
    "gopher://host/c.jpg",
    "javascript:alert(1)",
    "사진.jpg",
    "http://a..b/c.jpg",
]
NEVER += [
    "http:///c.jpg",
    "http://[::g]/c.jpg",
    "http://256.0.0.1/c.jpg",
    f"http://{'a' * 64}.kr/c.jpg",
    "=1+1",
    "https://xn--99999999999.kr/",
]


def test_addresses_that_can_never_work_are_rejected_once_and_named(scrapy, site_of, tmp_path):
    site, folder = site_of(redirecting(["http://", "http://a b/x.jpg", "//host:99999/x.jpg"])), tmp_path / "p"
    table = site.table(tmp_path / "t.csv", *(f"/{n}.jpg,cc0" for n in range(5)))
    table.write_text(table.read_text() + "".join(f"{address},cc0,somebody\n" for address in NEVER))
    done = scrapy.crawl("urllist", folder, file=table)
    assert done.code == 0, done.text
    n = len(NEVER) + 3
    assert f"{n} rejected, each with its reason: {folder / 'rejected.csv'}" in done.text
    assert len(done.text.splitlines()) < 8
    with open(folder / "rejected.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, strict=True))
    assert [row["url"] for row in rows][3:] == [("'" if a.startswith("=") else "") + a for a in NEVER]
    assert all(row["reason"] for row in rows)
    asked = len(site.asked)
    again = scrapy.crawl("urllist", folder, file=table)
    assert again.code == 0, again.text
    assert len(site.asked) == asked


def test_a_list_is_told_by_its_hosts(store):
    page = found(1)
    store.ledger.add_lists("urllist", [("t", {})])
    urls = ["http://Localhost:81/a.jpg", "https://u:p@10.0.0.1/x", "http://x.org/?u=http://10.0.0.2/"]
    for i, url in enumerate(urls):
        photo = page.photos[0].__class__(f"c{i}", url, "urllist")
        store.ledger.add_page("urllist", store.ledger.open_list("t"), page.__class__((), (photo,), next={}))
    assert isinstance(store.ledger, Ledger)
    known = ["localhost", "10.0.0.1", "10.0.0.2", "0.0.0.1", "x.org", "%"]
    assert [store.ledger.names_host("urllist", host) for host in known] == [True, True, False, False, True, False]
    assert not store.ledger.names_host("naver", "localhost")

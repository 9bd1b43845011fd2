"""`verify --repair`: what was stored once is fetched again, and nothing else."""

import signal
import subprocess

import pytest
from aiohttp import web
from crawler_helpers import add_photos, crawl_words, found
from scripted_site import jpeg, rows_of

from cafecrawl.commands import verify
from cafecrawl.ledger import Ledger
from cafecrawl.store import StoreError

pytestmark = pytest.mark.slow
PHOTOS = "SELECT state, file NOTNULL FROM photos ORDER BY id"


def repair(scrapy, folder):
    return scrapy.wait(scrapy.start("verify", "--repair", *crawl_words("", folder)[2:]))


def test_what_waits_for_another_reason_is_not_fetched(scrapy, site_of, tmp_path):
    """Photos past the limit, and those whose licence nobody accepted, wait on."""
    site = site_of(jpeg)
    table = site.table(
        tmp_path / "t.csv", "/1.jpg,cc0", "/2.jpg,cc-by-nc-nd-4.0", "/3.jpg,All rights reserved", "/4.jpg,cc0"
    )
    folder = tmp_path / "p"
    assert scrapy.crawl("urllist", folder, file=table, limit=1).code == 0
    next(folder.glob("cafe_*")).write_bytes(b"x")
    done = repair(scrapy, folder)
    assert done.code == 0, done.text
    assert site.paths == ["/1.jpg", "/1.jpg"]
    assert rows_of(folder, PHOTOS) == [("done", 1), ("pending", 0), ("pending", 0), ("pending", 0)]


def test_a_repair_that_failed_is_taken_up_by_the_next(scrapy, site_of, tmp_path):
    site = site_of(jpeg)
    folder = tmp_path / "p"
    assert scrapy.crawl("urllist", folder, file=site.table(tmp_path / "t.csv", "/1.jpg,cc0")).code == 0
    next(folder.glob("cafe_*")).unlink()
    site.answer = lambda request: web.Response(status=500)
    assert repair(scrapy, folder).code == 1
    site.answer = jpeg
    done = repair(scrapy, folder)
    assert done.code == 0, done.text
    assert rows_of(folder, PHOTOS) == [("done", 1)]


def test_a_photo_that_is_whole_again_after_a_failed_repair_is_done(scrapy, site_of, tmp_path):
    site = site_of(jpeg)
    folder = tmp_path / "p"
    assert scrapy.crawl("urllist", folder, file=site.table(tmp_path / "t.csv", "/1.jpg,cc0")).code == 0
    photo = next(folder.glob("cafe_*"))
    body = photo.read_bytes()
    photo.unlink()
    site.answer = lambda request: web.Response(status=500)
    assert repair(scrapy, folder).code == 1
    assert (folder / "manifest.jsonl").read_text() == ""
    photo.write_bytes(body)
    n_asked = len(site.asked)
    done = repair(scrapy, folder)
    assert done.code == 0, done.text
    assert rows_of(folder, "SELECT state, tries, reason FROM photos") == [("done", 0, None)]
    assert photo.name in (folder / "manifest.jsonl").read_text()
    assert len(site.asked) == n_asked


def test_a_repair_has_all_its_tries(scrapy, site_of, tmp_path):
    site = site_of(jpeg)
    folder = tmp_path / "p"
    assert scrapy.crawl("urllist", folder, file=site.table(tmp_path / "t.csv", "/1.jpg,cc0")).code == 0
    ledger = Ledger(folder / ".crawl" / "ledger.sqlite")
    ledger.set_photos("done", [{"id": 1, "tries": 2}])  # as earlier versions left it
    ledger.close()
    next(folder.glob("cafe_*")).unlink()
    site.answer = lambda request: web.Response(status=500)
    assert [repair(scrapy, folder).code for _ in range(2)] == [1, 1]
    assert rows_of(folder, "SELECT state, tries FROM photos") == [("pending", 2)]


def test_a_repair_whose_commit_is_lost_is_taken_up_by_the_next(store):
    add_photos(store, found(1))
    lost = {"id": 1, "file": "cafe_1_1.jpg", "photo_id": "f" * 64, "n_bytes": 1}
    store.ledger.set_photos("storing", [lost])
    store.recover()
    assert [row["file"] for row in store.ledger.pending("naver", 0, 9, stored_once=True)] == ["cafe_1_1.jpg"]


def test_what_is_not_ours_is_not_taken_for_a_lost_commit(store):
    add_photos(store, found(1))
    (store.root / "cafe_1_1.jpg").write_bytes(b"somebody's")
    store.ledger.set_photos("storing", [{"id": 1, "file": "cafe_1_1.jpg", "photo_id": "f" * 64, "n_bytes": 1}])
    with pytest.raises(StoreError, match="did not write"):
        store.recover()
    assert (store.root / "cafe_1_1.jpg").read_bytes() == b"somebody's"


def test_a_repair_that_is_killed_is_no_success(monkeypatch):
    killed = subprocess.CompletedProcess([], -signal.SIGKILL)
    monkeypatch.setattr(verify.subprocess, "run", lambda *_, **__: killed)
    command = verify.Command()
    command._fetch(["commons", "openverse"], {"contact": "a@example.org"}, [])
    assert command.exitcode == 137


def test_a_photo_that_arrived_has_all_its_tries_again(scrapy, site_of, tmp_path):
    site = site_of(lambda request: web.Response(status=500))
    table, folder = site.table(tmp_path / "t.csv", "/1.jpg,cc0"), tmp_path / "p"
    assert [scrapy.crawl("urllist", folder, file=table).code for _ in range(2)] == [1, 1]
    site.answer = jpeg
    assert scrapy.crawl("urllist", folder, file=table).code == 0
    assert rows_of(folder, "SELECT state, tries FROM photos") == [("done", 0)]

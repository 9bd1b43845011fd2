"""The ledger: a page is one transaction, ranks and names are fixed at once, quotas survive restarts and clocks."""

import sqlite3

import pytest
from crawler_helpers import add_photos, found

from cafecrawl.errors import ConfigError
from cafecrawl.items import Page
from cafecrawl.ledger import DAY, Ledger


@pytest.fixture
def ledger(tmp_path):
    opened = Ledger(tmp_path / ".crawl" / "ledger.sqlite")
    yield opened
    opened.close()


def add(ledger, page, **options) -> int:
    ledger.add_lists("naver", [("q", {"query": "공릉동 카페"})])
    return ledger.add_page("naver", ledger.next_list("naver"), page, **options)


def test_a_page_stores_photos_and_advances_the_cursor_at_once(ledger):
    assert add(ledger, Page(photos=found(3).photos, places=found(3).places, next={"page": 2})) == 3
    listing = ledger.next_list("naver")
    assert listing.cursor == {"page": 2}
    assert [(r["rank"], r["stem"]) for r in ledger.pending("naver", 0, 9)] == [
        (1, "cafe_1_1"),
        (2, "cafe_1_2"),
        (3, "cafe_1_3"),
    ]


def test_a_page_that_fails_half_way_leaves_nothing(ledger, monkeypatch):
    ledger.add_lists("naver", [("q", {})])
    with pytest.raises(TypeError):
        ledger.add_page("naver", ledger.next_list("naver"), found(3), sublists=[("x", {"not json": object()})])
    assert ledger.counts()["pending"] == 0
    assert ledger.next_list("naver").n_pages == 0


def test_known_photos_and_lists_are_not_added_again(ledger):
    add(ledger, Page(photos=found(2).photos, next={"page": 2}))
    assert add(ledger, Page(photos=found(3).photos, next={"page": 3})) == 1
    assert ledger.next_list("naver").n_pages == 2


def test_a_cafe_is_full_at_its_limit(ledger):
    assert add(ledger, Page(photos=found(9).photos, next={"page": 2}), per_cafe=4) == 4
    assert ledger.next_list("naver") is None


def test_a_list_that_never_ends_is_ended_after_stale_pages(ledger):
    add(ledger, Page(photos=found(2).photos, next={"c": 0}), max_stale=3)
    for n in range(3):
        listing = ledger.next_list("naver")
        assert listing.n_stale == n
        ledger.add_page("naver", listing, Page(photos=found(2).photos, next={"c": n}), max_stale=3)
    assert ledger.next_list("naver") is None


def test_quotas_count_over_restarts_and_whatever_the_clock(tmp_path):
    path = tmp_path / "ledger.sqlite"
    first = Ledger(path)
    for second in range(5):
        first.count_request("openverse", 1000.0 + second)
    first.close()
    again = Ledger(path)
    assert again.used_today("openverse", 1010.0) == (5, 1000.0)
    assert again.used_today("openverse", 10.0)[0] == 5  # set back
    assert again.used_today("openverse", 1000.0 + DAY + 2)[0] == 2
    assert again.used_today("commons", 1010.0)[0] == 0
    again.close()


def test_a_wait_is_never_cut_short_nor_endless_by_a_clock(ledger):
    ledger.hold("example.org", now=1000.0, seconds=60)
    assert ledger.held("example.org", 1020.0) == 40
    assert ledger.held("example.org", 10.0) == 60
    assert ledger.held("example.org", 2000.0) == 0
    assert ledger.held("another.org", 1000.0) == 0


@pytest.mark.parametrize("seconds", [1795641536328.0, float("inf")])
def test_no_wait_that_is_stored_lasts_more_than_thirty_days(ledger, seconds):
    with ledger.transaction() as db:  # as versions before stored it
        db.execute("INSERT INTO holds VALUES ('example.org', 1000.0, ?)", (seconds,))
    assert ledger.held("example.org", 1000.0) == 30 * DAY
    assert ledger.held("example.org", 1000.0 + 31 * DAY) == 0


def test_a_photo_that_fails_in_crawl_after_crawl_is_given_up(ledger):
    add(ledger, found(1))
    for _ in range(2):
        ledger.postpone(1, "HTTP 500", max_tries=3)
        assert ledger.counts()["pending"] == 1
    ledger.postpone(1, "HTTP 500", max_tries=3)
    assert (ledger.counts()["rejected"], ledger.photo(1)["reason"]) == (1, "HTTP 500")


def test_a_ledger_of_another_version_is_refused(tmp_path):
    path = tmp_path / "ledger.sqlite"
    Ledger(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match=r"written by another version(.|\n)*version 99, this crawler reads 1"):
        Ledger(path)


def test_an_older_ledger_without_a_version_is_refused(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE photos (url TEXT)")
    with pytest.raises(ConfigError, match="has version 0"):
        Ledger(path)


def test_a_damaged_ledger_is_refused(tmp_path):
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(ConfigError, match=r"The ledger cannot be opened(.|\n)*it is no SQLite database"):
        Ledger(path)


def test_a_missing_ledger_is_told_apart_from_an_empty_one(tmp_path):
    with pytest.raises(ConfigError, match="There is no crawl in this folder"):
        Ledger(tmp_path / ".crawl" / "ledger.sqlite", readonly=True)


def test_names_of_300_characters_and_emoji_are_kept_as_they_are(store):
    name = "카페☕️" * 100
    page = found(1)
    add_photos(store, Page((page.places[0].__class__("1", name),), page.photos))
    assert next(store.ledger.places())["cafe_name"] == name

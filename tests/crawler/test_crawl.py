"""Whole crawls of the replica: what arrives, what is never asked for, and how a crawl ends."""

import functools
import hashlib
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from crawler_helpers import IMPATIENT, crawl_words
from killing import wait_for

from cafecrawl.ledger import Ledger
from cafecrawl.licences import KNOWN, RESERVED, code_of
from cafecrawl.replica.content import Content, blob_photo, number_and_view
from cafecrawl.replica.faults import Fault
from cafecrawl.replica.pages import REVIEW, REVIEWERS
from cafecrawl.replica.site import IMAGE_HOSTS
from cafemood.data.manifests import read_manifest

pytestmark = pytest.mark.slow
SOURCES = {
    "openverse": ("openverse", {"query": "cafe interior"}, 9),
    "commons": ("commons", {"query": "cafe interior"}, 9),
    "naver": ("naver", {"area": "공릉동,seongsu"}, 24),
}
IMAGES = {"openverse": "flickr", "commons": "upload", "naver": "naver_images"}


def manifest(folder: Path) -> list[dict]:
    """The manifest's rows, without the time of fetching."""
    rows = pq.read_table(folder / "manifest.parquet").to_pylist()
    return [{k: v for k, v in row.items() if k != "fetched_at"} for row in rows]


def crawl(scrapy, replica, folder, source="openverse", **more):
    host, arguments, _ = SOURCES[source]
    return scrapy.crawl(source, folder, replica.urls[host], **(arguments | more))


@pytest.mark.parametrize("source", SOURCES)
def test_photos_are_the_bytes_that_were_served(scrapy, replica_of, tmp_path, source):
    """Promise 7: the SHA-256 of every stored file is that of the served bytes; Commons' SHA-1 is verified."""
    replica = replica_of()
    done = crawl(scrapy, replica, tmp_path, source)
    assert done.code == 0, done.text
    rows = manifest(tmp_path)
    assert len(rows) == SOURCES[source][2]
    served = {hashlib.sha256(replica.content.photo(*number_and_view(h.path))).hexdigest() for h in replica.photo_hits()}
    assert {row["photo_id"] for row in rows} <= served
    for row in rows:
        assert hashlib.sha256((tmp_path / row["file"]).read_bytes()).hexdigest() == row["photo_id"]
    assert {row["verified"] for row in rows} == ({"sha1"} if source == "commons" else {"none"})


@pytest.mark.parametrize("generation", ["A", "B"])
def test_both_generations_of_naver_give_the_same(scrapy, replica_of, tmp_path, generation):
    replica = replica_of(generation=generation)
    assert crawl(scrapy, replica, tmp_path, "naver").code == 0
    rows = manifest(tmp_path)
    assert len(rows) == 24
    assert rows[0]["file"] == "cafe_1000000400_1.jpg"
    assert rows[0]["area"] == "공릉동"
    assert {row["rank"] for row in rows} == {1, 2, 3, 4}


def test_the_studys_plan_is_kept_within_its_limits(scrapy, replica_of, tmp_path):
    replica = replica_of(content=Content(n_cafes=90, n_photos=3, draw=blob_photo))
    done = crawl(scrapy, replica, tmp_path, "naver", area="홍대", cafes=80, photos=2)
    assert done.code == 0, done.text
    rows = manifest(tmp_path)
    assert len({row["cafe_id"] for row in rows}) == 80
    assert len(rows) == 160


def test_osm_lists_cafes(scrapy, replica_of, tmp_path):
    replica = replica_of()
    done = scrapy.crawl("osm", tmp_path, replica.urls["overpass"], area="all")
    assert done.code == 0, done.text
    assert f"48 cafés of osm: {tmp_path / 'places.csv'}" in done.text
    assert "osm:node/" in (tmp_path / "places.csv").read_text()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_of_addresses(scrapy, replica_of, tmp_path, kind):
    import pandas as pd

    replica = replica_of()
    base = replica.urls["flickr"]
    rows = [
        {"url": f"{base}/{n}_0.jpg", "licence": "CC BY 4.0", "creator": "홍길동", "cafe_id": f"../{n}"} for n in (1, 2)
    ]
    rows += [{"url": f"{base}/3_0.jpg", "licence": "mine, all mine"}, {"url": "javascript:alert(1)", "licence": "cc0"}]
    rows += [{"url": "", "licence": "cc0"}, {"url": f"{base}/4_0.jpg", "licence": "cc-by-nc-4.0"}]
    table = tmp_path / f"표.{kind}"
    frame = pd.DataFrame(rows)
    frame.to_csv(table, index=False) if kind == "csv" else frame.to_parquet(table)
    folder = tmp_path / "photos"
    done = scrapy.crawl("urllist", folder, file=table)
    assert done.code == 0, done.text
    assert [row["cafe_id"] for row in manifest(folder)] == ["../1", "../2"]
    assert len(replica.photo_hits()) == 2
    said = " ".join(
        r["reason"]
        for r in Ledger(folder / ".crawl/ledger.sqlite").rows("SELECT reason FROM photos WHERE reason IS NOT NULL")
    )
    assert "licence: mine, all mine" in said
    assert "licence: CC BY-NC 4.0" in said
    assert "no web address" in said


@pytest.mark.parametrize("source", SOURCES)
def test_a_finished_crawl_run_again_asks_for_nothing(scrapy, replica_of, tmp_path, source):
    """Promise 2."""
    replica = replica_of()
    crawl(scrapy, replica, tmp_path, source)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    n = len(replica.log)
    done = crawl(scrapy, replica, tmp_path, source)
    assert done.code == 0, done.text
    assert len(replica.log) == n
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()} == before


def test_a_limit_gives_the_first_photos_and_a_larger_one_goes_on(scrapy, replica_of, tmp_path):
    replica = replica_of()
    crawl(scrapy, replica, tmp_path, limit=4)
    first = [row["photo_id"] for row in manifest(tmp_path)]
    assert len(first) == 4
    n = len(replica.photo_hits())
    crawl(scrapy, replica, tmp_path, limit=7)
    assert [row["photo_id"] for row in manifest(tmp_path)][:4] == first
    assert len(manifest(tmp_path)) == 7
    assert len(replica.photo_hits()) == n + 3


def test_every_row_has_an_allowed_licence_and_an_attribution(scrapy, replica_of, tmp_path):
    """Promise 8, its first half."""
    replica = replica_of()
    for source in SOURCES:
        assert crawl(scrapy, replica, tmp_path, source).code == 0
    rows = manifest(tmp_path)
    assert {row["source"] for row in rows} == set(SOURCES)
    assert all(code_of(row["licence"]) in {*KNOWN, RESERVED} and row["attribution"] for row in rows)
    assert not any(code_of(row["licence"]) == "by-nc-nd" for row in rows)
    assert not any("nc" in row["licence"].lower() for row in rows)


def test_reviewers_are_in_no_file(scrapy, replica_of, tmp_path):
    """Promise 8, its second half: no output file, ledger included, knows a reviewer's name or text."""
    replica = replica_of()
    assert crawl(scrapy, replica, tmp_path, "naver").code == 0
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert any(p.name == "ledger.sqlite" for p in files)
    for path in files:
        body = path.read_bytes()
        for word in (*REVIEWERS, REVIEW):
            assert word.encode() not in body
            assert json.dumps(word).strip('"').encode() not in body


def test_cafemood_reads_the_manifest(scrapy, replica_of, tmp_path):
    crawl(scrapy, replica_of(), tmp_path, "naver")
    for name in ("manifest.parquet", "manifest.jsonl"):
        photos = read_manifest(tmp_path / name)
        assert len(photos.photos) == 24
        assert not photos.skipped


# The law


@pytest.mark.parametrize("where", ["list", "images"])
@pytest.mark.parametrize(
    ("source", "kind"),
    [("openverse", k) for k in ("disallow", "429", "500", "403", "stall", "html")]
    + [("commons", "429"), ("naver", "500")],
)
def test_robots_fail_closed(scrapy, replica_of, tmp_path, source, where, kind):
    """Promise 4: whatever is wrong with robots.txt, nothing else is asked of that host."""
    host = SOURCES[source][0] if where == "list" else IMAGES[source]
    replica = replica_of(Fault(host, "^/robots.txt$", kind))
    done = crawl(scrapy, replica, tmp_path, source, settings=IMPATIENT if kind == "stall" else {})
    assert replica.hits(host) == []
    assert "Traceback" not in done.text
    if where == "list":
        assert done.code == 3, done.text
        assert len(replica.hits()) == 0
    else:
        assert done.code == (0 if kind == "disallow" else 3), done.text


def test_robots_are_obeyed_by_path(scrapy, replica_of, tmp_path):
    replica = replica_of()
    table = tmp_path / "t.csv"
    base = replica.urls["flickr"]
    table.write_text(f"url,licence\n{base}/private/1_0.jpg,cc0\n{base}/1_0.jpg,cc0\n")
    assert scrapy.crawl("urllist", tmp_path / "p", file=table).code == 0
    assert [h.path for h in replica.photo_hits()] == ["/1_0.jpg"]


def test_a_redirect_does_not_lead_past_robots(scrapy, replica_of, tmp_path):
    replica = replica_of(Fault("flickr", "^/1_0", "redirects", value="1"), Fault("flickr", "^/robots.txt$", "disallow"))
    table = tmp_path / "t.csv"
    table.write_text(f"url,licence\n{replica.urls['flickr']}/1_0.jpg,cc0\n")
    assert scrapy.crawl("urllist", tmp_path / "p", file=table).code == 0
    assert replica.photo_hits() == []


def test_without_a_contact_nothing_is_asked(scrapy, replica_of, tmp_path):
    replica = replica_of()
    for contact in (None, "me", "me@", "http://"):
        done = crawl(scrapy, replica, tmp_path, contact=contact)
        assert done.code == 2
        assert "-a contact=you@example.org" in done.text
        assert "Traceback" not in done.text
    assert replica.log == []


def test_the_agent_says_who_crawls(scrapy, replica_of, tmp_path):
    replica = replica_of()
    crawl(scrapy, replica, tmp_path)
    assert {h.agent for h in replica.log} == {"cafecrawl/0.1 (cafemood; +tests@cafemood.example)"}


def test_naver_without_permission_refuses_in_one_line(scrapy, replica_of, tmp_path):
    replica = replica_of(Fault("naver", "^/robots.txt$", "disallow"))
    done = crawl(scrapy, replica, tmp_path, "naver")
    assert done.code == 3
    lines = [line for line in done.text.splitlines() if "Naver does not allow" in line]
    assert len(lines) == 1
    assert "scrapy crawl openverse" in lines[0]
    assert "permission=FILE" in lines[0]
    assert replica.hits() == []


def test_a_permission_is_recorded_by_path_and_digest(scrapy, replica_of, tmp_path):
    """On the replica, robots.txt allows; the permission is what the photos' licence then names."""
    letter = tmp_path / "허가서.pdf"
    letter.write_bytes(b"%PDF permission")
    digest = hashlib.sha256(b"%PDF permission").hexdigest()
    folder = tmp_path / "p"
    assert crawl(scrapy, replica_of(), folder, "naver", permission=letter).code == 0
    run = Ledger(folder / ".crawl/ledger.sqlite").rows("SELECT * FROM runs")[0]
    assert (run["permission_file"], run["permission_sha256"]) == (str(letter), digest)
    assert digest[:12] in manifest(folder)[0]["licence"]
    assert "must not be passed on" in (folder / "DATASET_CARD.md").read_text()


@pytest.mark.parametrize(("content", "message"), [(None, "cannot be read"), (b" \n", "is empty")])
def test_an_unusable_permission_is_refused(scrapy, replica_of, tmp_path, content, message):
    letter = tmp_path / "p.pdf"
    if content is not None:
        letter.write_bytes(content)
    replica = replica_of()
    done = crawl(scrapy, replica, tmp_path / "p", "naver", permission=letter)
    assert done.code == 3
    assert f"The permission {message}" in done.text
    assert replica.log == []


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", ["captcha", "429"])
def test_a_wall_stops_the_source_within_one_further_request(scrapy, replica_of, tmp_path, source, kind):
    """Promise 4: a captcha, or 429 upon 429."""
    host = SOURCES[source][0]
    replica = replica_of(Fault(host, "^/(?!robots)", kind))
    done = crawl(scrapy, replica, tmp_path, source)
    assert done.code == 4, done.text
    assert len(replica.hits(host)) <= (1 if kind == "captcha" else 2)
    assert "Traceback" not in done.text


@pytest.mark.parametrize("kind", ["captcha", "429"])
def test_a_wall_before_the_photos_leaves_that_host_alone_and_loses_nothing(scrapy, replica_of, tmp_path, kind):
    replica = replica_of(Fault("flickr", r"^/\d", kind))
    done = crawl(scrapy, replica, tmp_path)
    assert done.code == 4, done.text
    assert len(replica.photo_hits()) <= 2
    assert Ledger(tmp_path / ".crawl/ledger.sqlite").counts()["pending"] == 9


@pytest.mark.parametrize("source", SOURCES)
def test_a_new_layout_is_never_no_results(scrapy, replica_of, tmp_path, source):
    replica = replica_of(Fault(SOURCES[source][0], "^/(?!robots)", "layout"))
    done = crawl(scrapy, replica, tmp_path, source)
    assert done.code == 6, done.text
    assert "have changed" in done.text
    n = len(replica.hits())
    assert n == 1


def test_openverse_is_never_asked_with_mature_and_never_past_its_depth(scrapy, replica_of, tmp_path):
    replica = replica_of(content=Content(n_openverse=400, draw=blob_photo))
    done = crawl(scrapy, replica, tmp_path, limit=1000, settings={"ITEM_PIPELINES": "{}"})
    asked = replica.hits("openverse")
    assert {h.status for h in asked} == {200}
    assert len(asked) == 12
    assert not any("mature" in h.query for h in asked)
    assert done.code in (0, 1)


# Patience


def test_retry_after_is_obeyed(scrapy, replica_of, tmp_path):
    """Promise 5: after a 429 the host is silent for as long as it asked."""
    replica = replica_of(
        Fault("flickr", "^/10002_1", "429", nth=(1,), retry_after=2),
        Fault("openverse", "^/v1", "503", nth=(1,), retry_after=1),
    )
    done = crawl(scrapy, replica, tmp_path)
    assert done.code == 0, done.text
    for host, status, seconds in (("flickr", 429, 2), ("openverse", 503, 1)):
        hits = replica.hits(host, robots=True)
        refused = next(h for h in hits if h.status == status)
        later = [h.started for h in hits if h.started > refused.started]
        assert min(later) - refused.started >= seconds - 0.05
    assert len(manifest(tmp_path)) == 9


@pytest.mark.parametrize("most", [1, 2])
def test_in_flight_requests_stay_within_the_hosts_limit(scrapy, replica_of, tmp_path, most):
    slow = [Fault(host, r"^/\d", "slow", value="0.05") for host in IMAGE_HOSTS]  # so that others can begin
    replica = replica_of(*slow, content=Content(n_openverse=40, draw=blob_photo))
    crawl(scrapy, replica, tmp_path, settings={"CONCURRENT_REQUESTS_PER_DOMAIN": most})
    assert max(h.in_flight for h in replica.log) == most
    assert len(manifest(tmp_path)) == 30


def test_quotas_hold_over_restarts(scrapy, replica_of, tmp_path):
    """Promise 5: 200 list requests in 24 hours, whatever number of crawls asks."""
    replica = replica_of()
    crawl(scrapy, replica, tmp_path, query="one")
    ledger = Ledger(tmp_path / ".crawl/ledger.sqlite")
    import time

    for _ in range(198):
        ledger.count_request("openverse", time.time())
    ledger.close()
    done = crawl(scrapy, replica, tmp_path, query="two|three|four")
    assert done.code == 5, done.text
    assert "The daily quota of openverse is used up" in done.text
    assert re.search(r"run the same command again after \d{4}-\d\d-\d\d \d\d:\d\d", done.text)
    assert len(replica.hits("openverse")) == 2
    again = crawl(scrapy, replica, tmp_path, query="two|three|four")
    assert again.code == 5
    assert len(replica.hits("openverse")) == 2


def test_a_long_retry_after_ends_the_crawl_and_holds_for_the_next(scrapy, replica_of, tmp_path):
    replica = replica_of(per_day=0)
    done = crawl(scrapy, replica, tmp_path)
    assert done.code == 5, done.text
    assert "asks to be left alone" in done.text
    assert crawl(scrapy, replica, tmp_path).code == 5
    assert len(replica.hits("openverse")) == 1


def test_server_lag_is_waited_for(scrapy, replica_of, tmp_path):
    replica = replica_of(Fault("commons", "^/w/", "maxlag", nth=(1,), retry_after=1))
    done = crawl(scrapy, replica, tmp_path, "commons")
    assert done.code == 0, done.text
    first, second = replica.hits("commons")[:2]
    assert second.started - first.started >= 0.95
    assert len(manifest(tmp_path)) == 9


# Faults

PASSING = ["500", "503", "truncated", "reset", "stall"]
LASTING = {
    "404": "HTTP 404",
    "empty": "empty",
    "html": "a web page instead of a photo",
    "bomb": "over 50,000,000 pixels",
    "huge": "over the size limit",
    "loop": "it redirects for ever",
    "noai": "X-Robots-Tag: noai",
    "truncated": "damaged",
}


@pytest.mark.parametrize("kind", ["500", "503", "reset", "stall"])
def test_a_fault_that_passes_costs_nothing(scrapy, replica_of, tmp_path, kind):
    replica = replica_of(Fault("flickr", "^/10001_0", kind, nth=(1,)))
    done = crawl(scrapy, replica, tmp_path, settings=IMPATIENT if kind == "stall" else {})
    assert done.code == 0, done.text
    assert len(manifest(tmp_path)) == 9


@pytest.mark.parametrize("kind", ["500", "reset"])
def test_a_fault_that_stays_is_tried_in_three_crawls_and_given_up(scrapy, replica_of, tmp_path, kind):
    replica = replica_of(Fault("flickr", "^/10001_0", kind))
    codes = [crawl(scrapy, replica, tmp_path).code for _ in range(4)]
    assert codes == [1, 1, 0, 0]
    assert len([h for h in replica.photo_hits() if h.path == "/10001_0.jpg"]) == 9
    assert len(manifest(tmp_path)) == 8


def test_what_is_no_photo_never_reaches_the_folder_and_memory_stays_small(scrapy, replica_of, tmp_path):
    """Promise 6, all lasting faults in one crawl, resident memory under 300 MB throughout."""
    numbers = [n for n in range(40) if n % 4 != 3]
    faults = [
        Fault("flickr", f"^/{10_000 + n // 2}_{n % 2}", kind) for n, kind in zip(numbers[4:], LASTING, strict=False)
    ]
    replica = replica_of(*faults, content=Content(n_openverse=40, draw=blob_photo))
    done = crawl(scrapy, replica, tmp_path, settings={"CONCURRENT_REQUESTS_PER_DOMAIN": 8})
    assert done.code == 0, done.text
    rejected = {
        r["reason"]
        for r in Ledger(tmp_path / ".crawl/ledger.sqlite").rows("SELECT reason FROM photos WHERE state = 'rejected'")
    }
    for reason in LASTING.values():
        assert any(reason in said for said in rejected), (reason, rejected)
    assert len(manifest(tmp_path)) == 30 - len(LASTING)
    for path in tmp_path.glob("cafe_*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in {r["photo_id"] for r in manifest(tmp_path)}
    assert done.kilobytes < 300 * 1024


def test_a_wrong_content_type_is_no_reason_to_lose_a_photo(scrapy, replica_of, tmp_path):
    replica = replica_of(Fault("flickr", "^/10001_0", "wrong_type"))
    assert crawl(scrapy, replica, tmp_path).code == 0
    assert len(manifest(tmp_path)) == 9


def test_redirects_are_followed(scrapy, replica_of, tmp_path):
    replica = replica_of(Fault("flickr", "^/10001_0", "redirects", value="3"))
    assert crawl(scrapy, replica, tmp_path).code == 0
    assert len(manifest(tmp_path)) == 9


def test_bytes_that_are_not_those_commons_promised_are_refused(scrapy, replica_of, tmp_path):
    replica = replica_of(Fault("upload", "^/20000_1", "near"))
    assert crawl(scrapy, replica, tmp_path, "commons").code == 0
    assert len(manifest(tmp_path)) == 8


def test_duplicates_and_near_duplicates(scrapy, replica_of, tmp_path):
    """Same bytes: once. Same view of the same café: once. Same view elsewhere: kept, and marked."""
    cafe = 1_000_000_400 - 1_000_000_000
    replica = replica_of(
        Fault("naver_images", f"/{cafe}_1", "duplicate", value=f"/{cafe}_0.jpg"),
        Fault("naver_images", f"/{cafe}_2", "near", value=f"/{cafe}_0.jpg"),
        Fault("naver_images", f"/{cafe + 1}_0", "near", value=f"/{cafe}_0.jpg"),
        content=Content(n_cafes=3, n_photos=4, draw=functools.partial(blob_photo, size=(400, 320))),
    )
    done = crawl(scrapy, replica, tmp_path, "naver", area="공릉동")
    assert done.code == 0, done.text
    rows = manifest(tmp_path)
    assert [r["rank"] for r in rows if r["cafe_id"] == "1000000400"] == [1, 4]
    marked = [r for r in rows if r["near_duplicate_of"]]
    assert [(r["cafe_id"], r["rank"]) for r in marked] == [("1000000401", 1)]
    assert marked[0]["near_duplicate_of"] == rows[0]["photo_id"]
    assert len(list(tmp_path.glob("cafe_*.jpg"))) == 12  # nothing is deleted


# Folders


def test_two_crawls_into_one_folder(scrapy, replica_of, tmp_path):
    replica = replica_of(Fault("openverse", "^/v1", "stall"))  # the first works until it is killed
    first = scrapy.start(*crawl_words("openverse", tmp_path, replica.urls["openverse"], query="cafe"))
    wait_for(lambda: bool(replica.log), scrapy, first)
    second = crawl(scrapy, replica, tmp_path, "commons")
    assert second.code == 2
    assert "Another crawl is working in this folder" in second.text
    scrapy.kill(first)
    scrapy.wait(first)


def test_a_full_disk_ends_cleanly_and_the_next_crawl_goes_on(scrapy, replica_of, tmp_path):
    """Promise 3; the disk is full for files over 4 kB, so photos and the ledger's pages meet it."""
    replica = replica_of()
    done = crawl(scrapy, replica, tmp_path, fsize=4000)
    assert done.code == 2, done.text
    assert "Traceback" not in done.text
    assert list(tmp_path.glob("cafe_*")) == []
    assert crawl(scrapy, replica, tmp_path).code == 0
    assert len(manifest(tmp_path)) == 9


def test_an_older_manifest_of_somebody_is_not_written_over(scrapy, replica_of, tmp_path):
    (tmp_path / "manifest.parquet").write_bytes(b"mine")
    replica = replica_of()
    done = crawl(scrapy, replica, tmp_path)
    assert done.code == 2
    assert "A file is in the way that no crawl of this folder wrote" in done.text
    assert (tmp_path / "manifest.parquet").read_bytes() == b"mine"
    (tmp_path / "manifest.parquet").unlink()
    (tmp_path / ".manifest.parquet.999.partial").write_bytes(b"a killed crawl's")
    n = len(replica.log)
    done = scrapy.wait(scrapy.start("export", "-a", f"folder={tmp_path}"))
    assert done.code == 0, done.text
    assert len(manifest(tmp_path)) == 9
    assert list(tmp_path.glob(".*.partial")) == []
    assert len(replica.log) == n


def test_verify_repairs_exactly_what_is_damaged(scrapy, replica_of, tmp_path):
    """Promise 3: photos of two sources, one cut off, one altered, one deleted."""
    replica = replica_of()
    crawl(scrapy, replica, tmp_path)
    crawl(scrapy, replica, tmp_path, "commons")
    before = {p.name: p.read_bytes() for p in tmp_path.glob("cafe_*")}
    openverse, commons = (sorted(n for n in before if source in n) for source in ("openverse", "commons"))
    (tmp_path / openverse[0]).write_bytes(before[openverse[0]][:99])
    (tmp_path / openverse[1]).write_bytes(before[openverse[1]][:-1] + b"x")
    (tmp_path / commons[0]).unlink()
    n = len(replica.log)
    told = scrapy.wait(scrapy.start("verify", "-a", f"folder={tmp_path}"))
    assert told.code == 1
    assert {line for line in told.text.splitlines() if "aged: " in line or "missing: " in line} == {
        f"damaged: {openverse[0]}",
        f"damaged: {openverse[1]}",
        f"missing: {commons[0]}",
    }
    assert len(replica.log) == n
    done = scrapy.wait(scrapy.start("verify", "--repair", *crawl_words("", tmp_path)[2:]))
    assert done.code == 0, done.text
    assert len([h for h in replica.log[n:] if h.path != "/robots.txt"]) == 3
    assert {p.name: p.read_bytes() for p in tmp_path.glob("cafe_*")} == before
    assert scrapy.wait(scrapy.start("verify", "-a", f"folder={tmp_path}")).code == 0


def test_status_tells_what_there_is(scrapy, replica_of, tmp_path):
    crawl(scrapy, replica_of(), tmp_path)
    done = scrapy.wait(scrapy.start("status", "-a", f"folder={tmp_path}"))
    assert done.code == 0
    assert re.search(r"openverse +9 +0 +3", done.text)
    assert "rejected      3: licence: CC BY-NC-ND 2.0" in done.text
    nothing = scrapy.wait(scrapy.start("status", "-a", f"folder={tmp_path / 'x'}"))
    assert nothing.code == 2
    assert "There is no crawl in this folder" in nothing.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"colour": "red"}, "Unknown argument 'colour'"),
        ({"limit": "many"}, "limit=many is no whole number above 0"),
        ({"limit": "0"}, "limit=0 is no whole number above 0"),
        ({"area": "부산"}, "Unknown area '부산'"),
        ({"licences": "gpl"}, "Unknown licence 'gpl'"),
        ({"site": "example.org"}, "'example.org' is no address"),
        ({"contact": "kim"}, "'kim' is no e-mail or web address"),
    ],
)
def test_arguments_are_checked_before_anything_is_asked(scrapy, replica_of, tmp_path, arguments, message):
    replica = replica_of()
    site = arguments.pop("site", replica.urls["openverse"])
    done = scrapy.crawl("openverse", tmp_path / "p", site, **arguments)
    assert done.code == 2
    assert message in done.text
    assert "Traceback" not in done.text
    assert replica.log == []
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (None, "", "No table given"),
        ("missing.csv", None, "does not exist"),
        ("t.xls", "x", "'.xls' is not .parquet"),
        ("t.xlsx", "x", "cannot be read"),
        ("t.csv", "address\nx\n", "no column 'url', 'licence'"),
        ("t.parquet", "no parquet", "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_used(scrapy, tmp_path, name, text, message):
    if name and text is not None:
        (tmp_path / name).write_text(text)
    done = scrapy.crawl("urllist", tmp_path / "p", file=tmp_path / name if name else None)
    assert done.code == 2, done.text
    assert message in done.text
    assert "Traceback" not in done.text


def test_osm_needs_an_area(scrapy, tmp_path):
    done = scrapy.crawl("osm", tmp_path / "p")
    assert done.code == 2
    assert "No area given" in done.text


@pytest.mark.thorough
def test_memory_does_not_grow_with_what_is_pending(scrapy, replica_of, tmp_path):
    """Promise 9: 100,000 photos waiting in the ledger cost a crawl no more memory than 1,000."""
    replica = replica_of()
    base = replica.urls["flickr"]
    used = {}
    for n in (1_000, 100_000):
        table = tmp_path / f"{n}.csv"
        lines = (f"{base}/{i}_0.jpg,cc0,{i},x" for i in range(n))
        table.write_text("url,licence,cafe_id,attribution\n" + "\n".join(lines))
        done = scrapy.crawl(
            "urllist", tmp_path / str(n), file=table, limit=200, settings={"CONCURRENT_REQUESTS_PER_DOMAIN": 8}
        )
        assert done.code == 0, done.text
        assert Ledger(tmp_path / str(n) / ".crawl/ledger.sqlite").counts() == {
            "pending": n - 200,
            "storing": 0,
            "done": 200,
            "rejected": 0,
        }
        used[n] = done.kilobytes
    assert used[100_000] - used[1_000] < 15 * 1024

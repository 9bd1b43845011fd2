"""A table of addresses: corrected and given again, it is taken as corrected."""

import pandas as pd
import pytest
from scripted_site import jpeg, rows_of

from cafecrawl.ledger import Ledger

pytestmark = pytest.mark.slow
STATES = "SELECT state, reason FROM photos ORDER BY id"


def test_a_table_with_a_bad_byte_far_down_is_taken_when_it_is_corrected(scrapy, site_of, tmp_path):
    site, table, folder = site_of(jpeg), tmp_path / "t.csv", tmp_path / "p"
    start = "url,licence,cafe_name\n" + "".join(f"{site.url}/{n}.jpg,cc0,cafe\n" for n in (1, 2, 3))
    start += "".join(f"{site.url}/x.jpg,mine,{'n' * 80}\n" for _ in range(3000))
    last = f"{site.url}/4.jpg,cc0,카페\n"
    table.write_bytes(start.encode() + last.encode() + b"\xff")
    done = scrapy.crawl("urllist", folder, file=table)
    assert done.code == 2, done.text
    assert "The list cannot be read" in done.text
    assert site.asked == []
    table.write_text(start + last)
    done = scrapy.crawl("urllist", folder, file=table)
    assert done.code == 0, done.text
    assert rows_of(folder, "SELECT count(*) FROM photos WHERE state = 'done'") == [(4,)]


def test_a_corrected_licence_and_a_wider_choice_are_reconsidered(scrapy, site_of, tmp_path):
    site, table, folder = site_of(jpeg), tmp_path / "t.csv", tmp_path / "p"

    def crawl(*rows, **more):
        table.write_text("\n".join(["url,licence", *(site.url + row for row in rows)]) + "\n")
        done = scrapy.crawl("urllist", folder, file=table, **more)
        assert done.code == 0, done.text
        return rows_of(folder, STATES)

    assert crawl("/1.jpg,CC BY4", "/2.jpg,CC BY-NC 4.0") == [
        ("rejected", "licence: CC BY4"),
        ("rejected", "licence: CC BY-NC 4.0"),
    ]
    assert crawl("/1.jpg,CC BY 4.0", "/2.jpg,CC BY-NC 4.0")[0] == ("done", None)
    assert crawl("/1.jpg,CC BY 4.0", "/2.jpg,CC BY-NC 4.0", licences="by-nc")[1] == ("done", None)
    assert site.paths == ["/1.jpg", "/2.jpg"]
    assert "CC BY 4.0" in (folder / "ATTRIBUTION.md").read_text()


def test_a_corrected_table_holds_for_photos_that_are_stored(scrapy, site_of, tmp_path):
    site, table, folder = site_of(jpeg), tmp_path / "t.csv", tmp_path / "p"

    def crawl(*rows):
        table.write_text("\n".join(["url,licence,creator,attribution", *(site.url + row for row in rows)]) + "\n")
        done = scrapy.crawl("urllist", folder, file=table)
        assert done.code == 0, done.text
        texts = [(folder / name).read_text() for name in ("manifest.jsonl", "ATTRIBUTION.md")]
        return done.text, rows_of(folder, "SELECT state, reason, file NOTNULL FROM photos ORDER BY id"), *texts

    first = ("/1.jpg,cc0,A,by Alice", "/2.jpg,CC BY 4.0,A,by Alice", "/3.jpg,cc0,C,by Carol")
    crawl(*first)
    said, states, manifest, credits = crawl(
        "/1.jpg,All rights reserved,B,by Bob", "/2.jpg,CC BY-SA 4.0,B,by Bob", "/3.jpg,cc0,C,by Dora"
    )
    assert "Removed 1 stored photos" in said
    assert states == [("rejected", "licence: All rights reserved (corrected)", 0), ("done", None, 1), ("done", None, 1)]
    assert len(list(folder.glob("cafe_*"))) == 2
    for text in (manifest, credits):
        assert [name for name in ("Alice", "Carol", "/1.jpg") if name in text] == []
        assert [name for name in ("by Bob", "by Dora", "CC BY-SA 4.0") if name not in text] == []
    said, states, _, credits = crawl(*first)  # and back
    assert states == [("done", None, 1)] * 3
    assert "by Alice" in credits
    assert "by Carol" in credits
    assert site.paths == ["/1.jpg", "/2.jpg", "/3.jpg", "/1.jpg"]


def test_the_last_row_of_an_address_counts_and_a_stored_photo_stays(scrapy, site_of, tmp_path):
    """As in a folder of an earlier version, whose table is read once more."""
    site, table, folder = site_of(jpeg), tmp_path / "t.csv", tmp_path / "p"
    rows = [f"{site.url}/1.jpg,{licence}" for licence in ("CC BY-NC 4.0", "CC BY 4.0")]
    table.write_text("\n".join(["url,licence", *rows]) + "\n")
    assert scrapy.crawl("urllist", folder, file=table).code == 0
    ledger = Ledger(folder / ".crawl" / "ledger.sqlite")
    ledger.fact("table", "another")
    ledger.close()
    done = scrapy.crawl("urllist", folder, file=table)
    assert done.code == 0, done.text
    assert rows_of(folder, "SELECT state, licence, file NOTNULL FROM photos") == [("done", "CC BY 4.0", 1)]
    assert site.paths == ["/1.jpg"]


def test_a_photo_that_was_put_back_is_deleted_for_no_licence_but_a_corrected_one(scrapy, site_of, tmp_path):
    site, table, folder = site_of(jpeg), tmp_path / "t.csv", tmp_path / "p"
    table.write_text(f"url,licence\n{site.url}/1.jpg,CC BY-NC 4.0\n")
    assert scrapy.crawl("urllist", folder, file=table, licences="by-nc").code == 0
    photo = next(folder.glob("cafe_*"))
    ledger = Ledger(folder / ".crawl" / "ledger.sqlite")
    ledger.set_photos("pending", [{"id": 1}])  # its repair failed
    ledger.close()
    assert scrapy.crawl("urllist", folder, file=table).code == 0  # and now its licence is not asked for
    assert rows_of(folder, STATES) == [("rejected", "licence: CC BY-NC 4.0")]
    assert photo.exists()
    assert scrapy.crawl("urllist", folder, file=table, licences="by-nc").code == 0
    assert rows_of(folder, STATES) == [("done", None)]


def test_titles_and_creators_may_be_numbers(scrapy, site_of, tmp_path):
    site, table = site_of(jpeg), tmp_path / "t.parquet"
    row = {"url": f"{site.url}/1.jpg", "licence": "cc0", "title": 2021, "creator": 7, "cafe_name": 11, "cafe_id": 5}
    pd.DataFrame([row]).to_parquet(table)
    done = scrapy.crawl("urllist", tmp_path / "p", file=table)
    assert done.code == 0, done.text
    assert rows_of(tmp_path / "p", "SELECT attribution FROM photos") == [("“2021” by 7, CC0 1.0",)]
    assert rows_of(tmp_path / "p", "SELECT cafe_id, cafe_name FROM places") == [("5", "11")]

"""The crawler's tables: nothing in them runs in a spreadsheet or breaks a row, and they are read back exactly."""

from csv_checks import FORMULAS, rows_of_csv

from cafecrawl import export
from cafecrawl.items import Page, PhotoRef, Place
from cafecrawl.spiders.urllist import read_rows
from cafemood.core.atomic import write_rows
from cafemood.data.tables import read_table


def test_cafes_and_rejected_addresses(store):
    places = tuple(Place(f"{text}{i}", text, text, text, -33.5, 127.0) for i, text in enumerate(FORMULAS))
    photos = tuple(PhotoRef(f"{text}{i}", f"{text}{i}", "urllist", licence=text) for i, text in enumerate(FORMULAS))
    store.ledger.add_lists("urllist", [("t", {})])
    store.ledger.add_page("urllist", store.ledger.open_list("t"), Page(places, photos))
    for row, text in enumerate(FORMULAS, 1):
        store.ledger.reject(row, text)
    export.write(store.root, store.ledger)
    known = rows_of_csv(store.root / "places.csv")
    assert len(known) == len(rows_of_csv(store.root / export.REJECTED)) == len(FORMULAS) + 1
    assert {(row[4], row[5]) for row in known[1:]} == {("-33.5", "127.0")}
    names = [row["cafe_name"] for row in read_table(store.root / "places.csv", ["cafe_name"]).rows]
    assert names == [text.replace("\0", "\ufffd") for text in FORMULAS]


def test_a_table_of_ours_is_read_back(tmp_path):
    texts = [text for text in FORMULAS if "\0" not in text]
    write_rows(tmp_path / "t.csv", ["url", "licence"], [[text, "cc0"] for text in texts])
    rows_of_csv(tmp_path / "t.csv")
    assert [row["url"] for row in read_rows(tmp_path / "t.csv")] == texts

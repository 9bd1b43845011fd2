"""`keep=place`: photos that seem to show no place are set aside and listed, never deleted, and come back."""

import csv
import io
import json

import pytest
from crawler_helpers import add_photos, found
from drawn_things import draw_thing
from PIL import Image

from cafecrawl import export, set_aside
from cafecrawl.checks import inspect
from cafecrawl.errors import ConfigError
from cafecrawl.options import read_options
from cafecrawl.replica.rooms import draw_cafe, draw_photo

PHOTOS = (
    [draw_photo(draw_cafe(0, 0), view, (384, 288)) for view in range(2)]
    + [draw_thing(1, kind, (384, 288)) for kind in ("menu", "cup")]
    + [draw_photo(draw_cafe(0, 0), 2, (384, 288))]
)
THINGS = {"cafe_1_3.jpg", "cafe_1_4.jpg"}


def body(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=92)
    return stream.getvalue()


@pytest.fixture
def filled(store):
    """A folder of three rooms and two things of one café."""
    add_photos(store, found(len(PHOTOS)))
    rows = store.ledger.pending("naver", 0, 99)
    bodies = [body(photo) for photo in PHOTOS]
    store.commit([store.stage(row, data, inspect(data)) for row, data in zip(rows, bodies, strict=True)])
    return store


def files(folder, table="manifest.jsonl"):
    if table.endswith(".csv"):
        with open(folder / table, encoding="utf-8-sig", newline="") as stream:
            return {row["file"] for row in csv.DictReader(stream)}
    return {json.loads(line)["file"] for line in (folder / table).read_text(encoding="utf-8").splitlines()}


def test_by_default_nothing_is_looked_at_or_set_aside(filled, monkeypatch):
    monkeypatch.setattr(set_aside, "measure", None)
    assert export.write(filled.root, filled.ledger) == 5
    assert not (filled.root / export.SET_ASIDE).exists()


def test_set_aside_is_listed_with_its_reason_and_stays_in_the_folder(filled):
    set_aside.remember(filled.ledger, "place")
    assert export.write(filled.root, filled.ledger) == 3
    assert files(filled.root) == {f"cafe_1_{n}.jpg" for n in (1, 2, 5)}
    assert files(filled.root, export.SET_ASIDE) == THINGS
    with open(filled.root / export.SET_ASIDE, encoding="utf-8-sig", newline="") as stream:
        rows = {row["file"]: row for row in csv.DictReader(stream)}
    assert "text" in rows["cafe_1_3.jpg"]["reason"]
    assert "close up" in rows["cafe_1_4.jpg"]["reason"]
    assert all(float(row["place"]) < 0.5 and row["cafe_id"] == "1" for row in rows.values())
    assert {path.name for path in filled.root.iterdir()} >= THINGS
    assert filled.ledger.counts()["done"] == 5  # a later crawl does not ask for them again
    assert "2 seem to show no place" in (filled.root / "DATASET_CARD.md").read_text(encoding="utf-8")


def test_a_folder_keeps_what_it_was_last_asked_to_keep_and_takes_all_back(filled):
    set_aside.remember(filled.ledger, "place")
    assert export.write_if_changed(filled.root, filled.ledger)
    set_aside.remember(filled.ledger, None)  # a crawl that says nothing
    assert not export.write_if_changed(filled.root, filled.ledger)
    assert len(files(filled.root)) == 3
    set_aside.remember(filled.ledger, "all")
    assert export.write_if_changed(filled.root, filled.ledger)
    assert len(files(filled.root)) == 5
    assert not (filled.root / export.SET_ASIDE).exists()


def test_each_photo_is_looked_at_once(filled, monkeypatch):
    set_aside.remember(filled.ledger, "place")
    first = set_aside.set_aside(filled.root, filled.ledger)
    monkeypatch.setattr(set_aside, "measure", None)
    assert set_aside.set_aside(filled.root, filled.ledger) == first
    assert len(first) == 2


def test_a_photo_that_cannot_be_read_is_not_set_aside(filled):
    (filled.root / "cafe_1_3.jpg").write_bytes(b"\xff\xd8\xff broken")
    set_aside.remember(filled.ledger, "place")
    assert len(set_aside.set_aside(filled.root, filled.ledger)) == 1
    (filled.root / "cafe_1_3.jpg").write_bytes(body(PHOTOS[2]))  # it is looked at when it is whole again
    assert len(set_aside.set_aside(filled.root, filled.ledger)) == 2


def test_a_table_of_that_name_that_is_not_ours_is_not_touched(filled):
    export.write(filled.root, filled.ledger)
    (filled.root / export.SET_ASIDE).write_text("mine", encoding="utf-8")
    export.write(filled.root, filled.ledger)
    assert (filled.root / export.SET_ASIDE).read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(("given", "keep"), [({}, None), ({"keep": "place"}, "place"), ({"keep": "all"}, "all")])
def test_the_argument(given, keep):
    assert read_options({"contact": "a@b.example"} | given, {}).keep == keep


def test_an_unknown_word_is_refused():
    with pytest.raises(ConfigError, match="keep=places"):
        read_options({"contact": "a@b.example", "keep": "places"}, {})


@pytest.mark.slow
def test_from_the_command_line(scrapy, filled):
    folder = filled.root
    filled.close()
    done = scrapy.wait(scrapy.start("export", "-a", f"folder={folder}", "-a", "keep=place"))
    assert (done.code, "3 photos" in done.text) == (0, True), done.text
    assert files(folder, export.SET_ASIDE) == THINGS
    done = scrapy.wait(scrapy.start("export", "-a", f"folder={folder}", "-a", "keep=rooms"))
    assert done.code == 2
    assert "Traceback" not in done.text

"""`scrapy rooms`: labelled folders that cafemood reads, resumable, never mixed."""

import csv
import hashlib

import pytest

from cafecrawl.replica.content import room_photo
from cafecrawl.replica.rooms import ATMOSPHERES
from cafemood.data.folders import scan_folder

pytestmark = pytest.mark.slow


def rooms(scrapy, *words):
    return scrapy.wait(scrapy.start("rooms", *map(str, words)))


def test_rooms_are_labelled_and_drawn_once(scrapy, tmp_path):
    root = tmp_path / "방"
    done = rooms(scrapy, root, "--cafes", 5, "--views", 2)
    assert done.code == 0, done.text
    assert f"10 photos of 5 drawn cafés (10 new): {root}" in done.text
    photos = scan_folder(root, labels="subfolder").photos
    assert {(p.cafe_id, p.label) for p in photos} == {(str(i), name) for i, name in enumerate(ATMOSPHERES)}
    with (root / "rooms.csv").open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert len(table) == 10
    assert all(row["file"].startswith(f"{row['atmosphere']}/") for row in table)
    one = root / table[3]["file"]
    expected = hashlib.sha256(room_photo(0, int(table[3]["cafe_id"]), int(table[3]["view"]) - 1)).hexdigest()
    assert hashlib.sha256(one.read_bytes()).hexdigest() == expected
    one.unlink()
    assert "(1 new)" in rooms(scrapy, root, "--cafes", 5, "--views", 2).text
    assert one.exists()
    other = rooms(scrapy, root, "--seed", 1)
    assert other.code == 2
    assert "it holds rooms of seed 0" in other.text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Give one folder to draw into"),
        (["new", "--cafes", "0"], "--cafes 0 is no whole number from 1 up"),
        (["full"], "it has other files and no rooms.csv"),
    ],
)
def test_rooms_that_cannot_be_drawn(scrapy, tmp_path, words, message):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    done = rooms(scrapy, *([tmp_path / words[0], *words[1:]] if words else []))
    assert done.code == 2
    assert message in done.text
    assert "Traceback" not in done.text
    assert not (tmp_path / "new").exists()

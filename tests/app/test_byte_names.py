"""Photos from a Korean Windows, whose names are CP949 and no UTF-8, through every command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from drawn_rooms import MOODS, draw_room

from cafemood import runs
from cafemood.core.names import path_of, text_of

ROOT = Path(__file__).parents[2]
CAFES = ["공릉동 카페 숲", "하계동 카페 나무", "café Été", "\x1b]0;고양이\x07\u202e"]
ENCODINGS = ["cp949", "cp949", "latin-1", "utf-8"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="their file systems take Unicode only"),
]


def command(*words, cwd):
    code = "from cafemood.app.cli import main; main()"
    done = subprocess.run(
        [os.fsencode(word) for word in (sys.executable, "-c", code, *map(str, words))],
        cwd=cwd,
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONUTF8": "1"},
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    for text in (done.stdout, done.stderr):
        assert b"\x1b]" not in text
        assert "\u202e".encode() not in text
        text.decode()  # whoever reads it reads UTF-8
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def bytes_named(name, encoding):
    return os.fsdecode(name.encode(encoding))


def draw(folder, cafe, name, n, encoding="cp949"):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        path = folder / bytes_named(f"{name}{i}.jpg", encoding)
        with open(path, "wb") as stream:
            draw_room(100 * cafe + i, list(MOODS)[cafe % 2], (200, 150)).save(stream, "JPEG")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of photos whose own name, cafés and files are bytes; and a finished run of them."""
    place = tmp_path_factory.mktemp("bytes")
    photos = place / bytes_named("카페 사진", "cp949")
    for i, (name, encoding) in enumerate(zip(CAFES, ENCODINGS, strict=True)):
        draw(photos / bytes_named(name, encoding), i, "창가", 5)
    (photos / bytes_named("빈 파일.jpg", "cp949")).touch()
    words = ["data=folder", f"data.root={photos}", "backbone=random", "method=kmeans", "k=2", "hydra.run.dir=run"]
    code, _, err = command("train", *words, "baseline_seeds=1", "nulls=1", "resamples=0", cwd=place)
    assert code == 0, err
    return place


def test_every_table_of_the_run_names_every_photo(place):
    run = runs.load(place / "run")
    photos = place / bytes_named("카페 사진", "cp949")
    expected = {path for path in photos.rglob("*.jpg") if path.stat().st_size}
    for table in (run.assignments, pd.read_csv(run.folder / "assignments.csv", dtype=str)):
        assert {run.photos_root / path_of(file) for file in table["file"]} == expected
    assert {path_of(path) for path in run.photos["path"]} == expected
    assert run.photos_root == photos.resolve()
    wanted = {text_of(bytes_named(n, e)) for n, e in zip(CAFES, ENCODINGS, strict=True)}
    assert set(run.assignments["cafe_id"]) == wanted
    assert [entry["file"] for entry in run.facts["data"]["skipped"]] == [text_of("빈 파일.jpg".encode("cp949"))]
    assert set(pd.read_parquet(run.folder / "thumbnails.parquet")["photo_id"]) == set(run.assignments["photo_id"])
    for page in run.folder.glob("*.html"):
        assert not {"\x1b", "\u202e"} & set(page.read_text(encoding="utf-8"))


@pytest.mark.thorough
def test_each_command_finds_them_again(place, tmp_path):
    run = place / "run"
    photos = place / bytes_named("카페 사진", "cp949")
    cafe = photos / bytes_named(CAFES[0], "cp949")
    first = next(iter(sorted(cafe.iterdir())))
    for given in (first, text_of(first)):  # as a shell completes it, and as a page shows it
        code, out, err = command("assign", run, given, "--json", cwd=place)
        assert code == 0, err
        assert json.loads(out)["photo"] == text_of(first)
        assert json.loads(out)["nearest"][0]["file"] == text_of(first.relative_to(photos))
    cafe_id = text_of(bytes_named(CAFES[0], "cp949"))
    for given in (bytes_named(CAFES[0], "cp949"), cafe_id):
        code, out, err = command("similar", run, "--cafe", given, "--json", cwd=place)
        assert code == 0, err
        assert {json.loads(line)["cafe_id"] for line in out.splitlines()} == {
            text_of(bytes_named(n, e)) for n, e in zip(CAFES[1:], ENCODINGS[1:], strict=True)
        }
    code, out, err = command("similar", run, "--photo", first, cwd=place)
    assert code == 0, err
    for kind, count in (("folders", 20), ("fiftyone", 20), ("csv", 3)):
        code, out, err = command("export", run, kind, "--to", tmp_path / kind, "--copy", cwd=place)
        assert code == 0, err
        files = [path for path in (tmp_path / kind).rglob("*") if path.suffix in (".jpg", ".csv")]
        assert len(files) == count
        for path in files:
            os.fsencode(path).decode()
    listed = pd.read_csv(tmp_path / "csv" / "photos.csv", dtype=str)
    assert all((photos / path_of(file)).is_file() for file in listed["file"])
    for verb in (["report"], ["cafes"], ["show"], ["atlas"], ["atlas", "--folder"]):
        code, out, err = command(verb[0], run, *verb[1:], cwd=place)
        assert code == 0, err
    code, out, err = command("compare", run, cwd=place)
    assert code in (0, 1), err


@pytest.mark.thorough
def test_new_cafes_are_kept_and_found(place, tmp_path):
    new = tmp_path / bytes_named("새 카페 꿈", "cp949")
    draw(new, 0, "탁자", 2)
    (new / bytes_named("깨진.jpg", "cp949")).write_bytes(b"no photo")
    code, _, _ = command("assign", place / "run", new, "--keep", cwd=tmp_path)
    assert code == 1
    run = runs.load(place / "run")
    added = run.photos[run.photos["added"]]
    assert set(added["cafe_id"]) <= {text_of(new.name)}
    assert all(path_of(path).is_file() for path in added["path"])
    code, _, err = command("report", place / "run", cwd=tmp_path)
    assert code == 0, err


@pytest.mark.thorough
def test_an_error_about_such_a_name_steers_nothing(place, tmp_path):
    bad = tmp_path / "\x1b]0;제목\x07\u202e\x9b31m"
    bad.mkdir()
    (bad / bytes_named("글.txt", "cp949")).touch()
    for words in (["assign", place / "run", bad], ["show", bad], ["assign", place / "run", bad / "없다.jpg"]):
        code, out, err = command(*words, cwd=tmp_path)
        assert code == 1
        assert not {"\x07", "\x9b", "\x1b"} & set(out + err)
    code, out, err = command("train", "data=folder", f"data.root={bad}", "hydra.run.dir=r", cwd=tmp_path)
    assert code == 1
    assert not {"\x07", "\x9b"} & set(out + err)

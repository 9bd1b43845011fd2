"""Exports: what other programs read, whole or not at all, and honest about photos that are gone."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from csv_checks import FORMULAS, rows_of_csv
from made_runs import HOSTILE, make_run
from PIL import Image

from cafemood.cafes import moods, profiles
from cafemood.core.cells import unguarded
from cafemood.data.folders import scan_folder
from cafemood.errors import CafemoodError
from cafemood.report import export


@pytest.fixture
def known(cafe_run):
    moods.give_name(cafe_run, 1, 'a/b: "나무"')
    return profiles.load(cafe_run)


@pytest.mark.parametrize("copy", [False, True])
def test_a_folder_a_mood(known, tmp_path, copy):
    done = export.export(known, "folders", tmp_path / "내보내기", copy=copy)
    places = sorted(path.name for path in (tmp_path / "내보내기").iterdir())
    assert places[0] == "1 a_b_ _나무_"
    files = list((tmp_path / "내보내기").rglob("*.jpg"))
    assert len(files) == len(known.run.photos)
    assert all(path.is_symlink() != copy for path in files)
    assert Image.open(files[0]).size == (200, 150)
    assert done.notes == []
    sizes = known.run.photos["cluster"].value_counts()
    assert len(list((tmp_path / "내보내기" / places[0]).iterdir())) == sizes[0]


def test_photos_that_have_gone_are_replaced_and_told(known, tmp_path):
    (known.run.photos_root / known.run.photos["file"][0]).unlink()
    done = export.export(known, "folders", tmp_path / "out", copy=True)
    assert "1 photos are not where they were" in done.notes[0]
    assert "1 are exported as the run's thumbnails" in done.notes[0]
    assert len(list((tmp_path / "out").rglob("*.webp"))) == 1


def test_tables_open_in_excel_with_korean(known, tmp_path):
    export.export(known, "csv", tmp_path / "out")
    assert (tmp_path / "out" / "cafes.csv").read_bytes()[:3] == b"\xef\xbb\xbf"
    photos = pd.read_csv(tmp_path / "out" / "photos.csv")
    assert set(photos.loc[photos["mood"] == 1, "mood_name"]) == {'a/b: "나무"'}
    table = pd.read_csv(tmp_path / "out" / "cafes.csv", dtype={"cafe_id": str})
    assert HOSTILE in set(table["cafe_name"])
    assert len(table) == 6


def test_names_are_no_formulas_in_a_spreadsheet(known, tmp_path):
    known.table["cafe_name"] = "=1+1"
    known.run.photos["cafe_name"] = "=1+1"
    export.export(known, "csv", tmp_path / "out")
    for name in ("photos.csv", "cafes.csv"):
        assert set(pd.read_csv(tmp_path / "out" / name)["cafe_name"]) == {"'=1+1"}


def test_geojson_is_what_its_standard_says(known, tmp_path):
    done = export.export(known, "geojson", tmp_path / "out")
    found = json.loads((tmp_path / "out" / "cafes.geojson").read_text(encoding="utf-8"))
    assert found["type"] == "FeatureCollection"
    assert found["features"][0]["geometry"]["coordinates"] == pytest.approx([127.07, 37.62])
    assert len(found["features"]) == 5
    assert done.notes == ["1 cafés have no coordinates and were left out."]
    assert found["features"][2]["properties"]["cafe_name"] == "مقهى الورد"


def test_fiftyone_finds_a_class_for_every_file(known, tmp_path):
    export.export(known, "fiftyone", tmp_path / "out")
    found = json.loads((tmp_path / "out" / "labels.json").read_text(encoding="utf-8"))
    assert {path.stem for path in (tmp_path / "out" / "data").iterdir()} == set(found["labels"])
    assert len(found["labels"]) == len(known.run.photos)
    photos = known.run.photos
    stem = f"{photos['photo_id'][3][:8]}_{photos['file'][3].removesuffix('.jpg')}"
    assert found["classes"][found["labels"][stem]].endswith(f"(mood {photos['cluster'][3] + 1})")


def test_nothing_is_overwritten_or_left_half(known, tmp_path, monkeypatch):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    with pytest.raises(CafemoodError, match=r"(?s)folder for the export is taken.*not empty.*give a new folder"):
        export.export(known, "csv", taken)
    with pytest.raises(CafemoodError, match=r"(?s)Unknown kind of export 'xml'.*folders, csv, geojson, fiftyone"):
        export.export(known, "xml", tmp_path / "out")

    def full(*_):
        raise OSError(28, "of another language")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(CafemoodError, match=r"(?s)could not be written.*the disk is full"):
        export.export(known, "folders", tmp_path / "out", copy=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "taken"]


def test_the_folder_one_stands_in_may_be_given(known, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    export.export(known, "csv", Path("."))
    assert {path.name for path in (tmp_path / "here").iterdir()} == {"photos.csv", "cafes.csv", "moods.csv"}
    monkeypatch.chdir(tmp_path)


def test_no_coordinates_no_map(known, tmp_path):
    known.table[["lat", "lon"]] = float("nan")
    with pytest.raises(CafemoodError, match=r"(?s)No café of this run has coordinates.*export csv"):
        export.export(known, "geojson", tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "name"), [("../..", "_"), ("a/b", "a_b"), ("카페" * 99, "카페" * 30), (" . ", "_"), ("x\0y", "x_y")]
)
def test_names_of_folders_are_safe(text, name):
    assert export.safe_name(text) in (name, ".._..".strip(" ."))
    assert "/" not in export.safe_name(text)


def test_no_table_of_a_run_runs_or_breaks_a_row(tmp_path, photo_folder):
    """Whatever the cafés are called: in the run's own tables and in the exported ones."""
    scanned = scan_folder(photo_folder)
    texts = [*FORMULAS, *FORMULAS]
    photos = tuple(
        replace(
            p,
            cafe_id=f"{texts[i]}{i % 4}",
            cafe_name=texts[i + 1],
            address=texts[i + 2],
            area=texts[i + 3],
            creator=texts[i],
        )
        for i, p in enumerate(scanned.photos[:12])
    )
    run = make_run(tmp_path / "run", replace(scanned, photos=photos, cafe_source="manifest"))
    moods.give_name(run, 1, "=1+1")
    profiles.build(run)
    export.export(profiles.load(run), "csv", tmp_path / "out")
    tables = {path.name: rows_of_csv(path) for path in [*run.folder.glob("*.csv"), *(tmp_path / "out").glob("*.csv")]}
    assert {"assignments.csv", "cafes.csv", "photos.csv", "moods.csv"} <= set(tables)
    head, *rows = tables["assignments.csv"]
    at = head.index("cafe_id")
    assert {unguarded(row[at]) for row in rows} == {p.cafe_id.replace("\0", "\ufffd") for p in photos}

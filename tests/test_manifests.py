"""A crawl's manifest against its files, and lists of paths and addresses."""

from dataclasses import replace

import pandas as pd
import pytest

from cafemood.errors import PhotoError
from cafemood.manifests import read_manifest, write_manifest
from cafemood.photos import scan_folder

# -- manifests


def manifest(folder, suffix=".parquet"):
    rows = [
        replace(p, cafe_name="공릉동 카페", lat=37.6, licence="CC BY 4.0", rank=i)
        for i, p in enumerate(scan_folder(folder).photos)
    ]
    path = folder / f"manifest{suffix}"
    write_manifest(folder / "manifest.parquet", rows)
    table = pd.read_parquet(folder / "manifest.parquet")
    if suffix == ".csv":
        table.to_csv(path, index=False)
    if suffix == ".jsonl":
        table.to_json(path, orient="records", lines=True, force_ascii=False)
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_a_manifest_comes_back(photo_folder, suffix):
    found = read_manifest(manifest(photo_folder, suffix))
    assert [p.photo_id for p in found.photos] == [p.photo_id for p in scan_folder(photo_folder).photos]
    assert found.photos[0].cafe_name == "공릉동 카페"
    assert found.photos[0].lat == 37.6
    assert found.photos[0].address is None
    assert found.cafe_source == "manifest"


def changed(path, change):
    table = pd.read_parquet(path)
    change(table)
    table.to_parquet(path)
    return path


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("file", "../outside.jpg", "the path leads out of the manifest's folder"),
        ("file", "/etc/passwd", "the path leads out of the manifest's folder"),
        ("file", "gone.jpg", "the file is missing"),
        ("photo_id", "0" * 64, "its bytes are not those of the manifest's photo_id"),
        ("cafe_id", "", "the row lacks its file, photo_id or cafe_id"),
    ],
)
def test_a_bad_row_is_skipped_with_its_reason(photo_folder, column, value, reason):
    path = manifest(photo_folder)
    found = read_manifest(changed(path, lambda table: table.__setitem__(column, [value, *table[column][1:]])))
    assert [s.reason for s in found.skipped] == [reason]
    assert len(found.photos) == 11


def test_a_label_column(photo_folder):
    path = manifest(photo_folder)
    changed(path, lambda table: table.__setitem__("mood", ["a", "b"] * 6))
    assert [p.label for p in read_manifest(path, labels="mood").photos] == ["a", "b"] * 6
    with pytest.raises(PhotoError, match="no column 'nope'"):
        read_manifest(path, labels="nope")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("m.parquet", None, "does not exist"),
        ("m.xlsx", b"", "Unknown kind of manifest"),
        ("m.parquet", b"PAR1 not really", "cannot be read"),
        ("m.csv", b"file,cafe_id\nx.jpg,1\n", "no column 'photo_id'"),
        ("m.csv", b"photo_id,file,cafe_id\n", "it has no rows"),
        ("m.csv", b"photo_id,file,cafe_id\nab,x.jpg,1\n", "all 1 files were skipped, the first x.jpg"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_why(tmp_path, name, data, message):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(PhotoError, match=message):
        read_manifest(tmp_path / name)

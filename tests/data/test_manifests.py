"""A crawl's manifest against its files, and lists of paths and addresses."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from cafemood.core import remote
from cafemood.data.folders import scan_folder
from cafemood.data.manifests import read_listing, read_manifest, write_manifest
from cafemood.errors import PhotoError

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
        ("file", "null\0byte.jpg", "its name holds a zero byte"),
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


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
@pytest.mark.parametrize("read", [read_manifest, read_listing])
def test_a_missing_label_is_no_class(photo_folder, suffix, read):
    table = pd.read_parquet(manifest(photo_folder)).assign(mood=["a", None, ""] * 4, none=None)
    path = photo_folder / f"labelled{suffix}"
    {
        ".parquet": lambda: table.to_parquet(path),
        ".csv": lambda: table.to_csv(path, index=False),
        ".jsonl": lambda: table.to_json(path, orient="records", lines=True),
    }[suffix]()
    assert [p.label for p in read(path, labels="mood").photos] == ["a", None, None] * 4
    assert read(path, labels="mood").labelled
    assert not read(path, labels="none").labelled


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("m.parquet", None, "does not exist"),
        ("m.xls", b"", r"(?s)Unknown kind of list.*CSV UTF-8"),
        ("m.parquet", b"PAR1 not really", r"(?s)cannot be read.*it is empty, damaged, or no \.parquet table"),
        ("m.csv", b"", r"(?s)cannot be read.*it is empty"),
        (
            "m.csv",
            b"photo_id,file\nab,c\xe9.jpg\n",
            r"(?s)cannot be read.*UTF-8: byte 0xE9 in line 2, cell 2",
        ),
        ("m.csv", b"photo_id,file,cafe_id\nab,x.jpg,1\nab,x.jpg,1,2\n", r"(?s)cannot be read.*line 3 .*cell 4"),
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


# -- lists of paths and addresses


def listed(folder, rows, suffix=".csv"):
    path = folder / f"list{suffix}"
    table = pd.DataFrame(rows)
    {".csv": lambda: table.to_csv(path, index=False), ".parquet": lambda: table.to_parquet(path)}[suffix]()
    return path


def test_a_column_file_is_enough(photo_folder):
    scanned = scan_folder(photo_folder)
    files = [p.file for p in scanned.photos]
    files[0] = str(photo_folder / files[0])
    files[1] = (photo_folder / files[1]).as_uri()
    found = read_listing(listed(photo_folder, {"file": files}))
    assert [p.photo_id for p in found.photos] == [p.photo_id for p in scanned.photos]
    assert [p.cafe_id for p in found.photos] == [p.cafe_id for p in scanned.photos]
    assert found.cafe_source == "filename"
    assert all(found.path(p).is_file() for p in found.photos)


def test_relative_paths_start_from_the_root(photo_folder, tmp_path):
    files = [p.file for p in scan_folder(photo_folder).photos]
    table = listed(tmp_path, {"file": files})
    assert len(read_listing(table, root=str(photo_folder)).photos) == 12
    behind = read_listing(table, root="memory://bucket/photos/")
    assert [p.file for p in behind.photos] == [f"memory://bucket/photos/{file}" for file in files]
    assert [behind.path(p) for p in behind.photos] == [p.file for p in behind.photos]


def test_addresses_are_listed_without_being_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(remote, "fetch", lambda address: pytest.fail(f"opened {address}"))
    known = "ab" * 32
    rows = [
        {"file": "https://host/a/1.jpg", "cafe_id": "007", "lat": 37.5, "mood": "dark"},
        {"file": "memory://b/2.jpg", "cafe_id": "8", "photo_id": known, "mood": "light"},
    ]
    found = read_listing(listed(tmp_path, rows), labels="mood")
    assert [p.photo_id for p in found.photos] == [remote.address_id("https://host/a/1.jpg"), known]
    assert [(p.cafe_id, p.label) for p in found.photos] == [("007", "dark"), ("8", "light")]
    assert found.photos[0].lat == 37.5
    assert found.cafe_source == "manifest"


def test_cafes_of_addresses_are_folders_below_the_one_that_all_share(tmp_path):
    rows = {"file": [f"memory://bucket/photos/{cafe}/{i}.jpg" for cafe in ("north", "south") for i in range(2)]}
    found = read_listing(listed(tmp_path, rows))
    assert [p.cafe_id for p in found.photos] == ["north", "north", "south", "south"]
    flat = read_listing(listed(tmp_path, {"file": ["memory://bucket/1.jpg", "memory://bucket/2.jpg"]}))
    assert flat.cafe_source == "none"
    assert len({p.cafe_id for p in flat.photos}) == 2


def test_secrets_stay_in_memory_and_names_stay_apart(tmp_path):
    files = [
        "https://ann:pw@host/1.jpg",
        "https://host/get?sig=a",
        "https://host/get?sig=b",
        "https://host/get?ref=s3cret&sig=a",
        "https://host/2.jpg?w=3",
    ]
    found = read_listing(listed(tmp_path, {"file": files, "source_url": files}))
    name = f"https://host/get#{remote.address_id(files[3])[:12]}"
    assert [p.file for p in found.photos] == ["https://host/1.jpg", "https://host/get", name, "https://host/2.jpg?w=3"]
    assert [found.path(p) for p in found.photos] == [*files[:2], *files[3:]]
    assert [(s.file, s.reason) for s in found.skipped] == [("https://host/get#2", "the same photo as https://host/get")]
    assert not any(secret in repr(found) for secret in ("ann", "pw", "sig=", "s3cret"))


def test_what_an_address_is_called_depends_on_no_other(tmp_path):
    files = [f"https://host/place/photo?ref={i}" for i in range(3)]
    first = read_listing(listed(tmp_path, {"file": files}))
    turned = read_listing(listed(tmp_path, {"file": ["https://host/place/photo?ref=9", *files[::-1]]}))
    assert turned.photos[:0:-1] == first.photos
    assert len({p.photo_id for p in turned.photos}) == 4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"file": None}, "the row lacks its file"),
        ({"file": "gone.jpg"}, "there is no such file or folder"),
        ({"photo_id": "xyz"}, "its photo_id is no SHA-256"),
        ({"photo_id": "0" * 64}, "its bytes are not those of the manifest's photo_id"),
    ],
)
def test_a_bad_row_of_a_list_is_skipped_and_the_rest_goes_on(photo_folder, change, reason):
    rows = [{"file": p.file, "photo_id": p.photo_id, "cafe_id": p.cafe_id} for p in scan_folder(photo_folder).photos]
    rows[3] |= change
    found = read_listing(listed(photo_folder, rows, ".parquet"))
    assert len(found.photos) == 11
    assert [s.reason for s in found.skipped] == [reason]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("https://[foo/x.jpg", "https://[foo/x.jpg"),
        ("https://ann:pw@[foo/x.jpg?sig=s3cret#pw", "https://[foo/x.jpg"),
        ("https://ann:pw@ex\u2100mple.com/x.jpg?pw", "https://ex\u2100mple.com/x.jpg"),
    ],
)
def test_what_is_no_address_is_named_without_its_secrets_and_the_rest_goes_on(tmp_path, file, name):
    found = read_listing(listed(tmp_path, {"file": [file, "https://host/a.jpg"], "source_url": [file] * 2}))
    assert [p.file for p in found.photos] == ["https://host/a.jpg"]
    (skipped,) = found.skipped
    assert skipped.file == name
    assert skipped.reason.startswith("it is no address (")
    assert "pw" not in repr(found)
    assert "s3cret" not in repr(found)


def test_columns_that_may_lack_a_value_of_their_kind(photo_folder):
    files = [p.file for p in scan_folder(photo_folder).photos][:3]
    rows = pd.DataFrame({"file": files, "cafe_id": [1, None, 2], "lat": [1, None, 3], "area": ["a", None, "c"]})
    for table in (rows, rows.convert_dtypes()):
        found = read_listing(listed(photo_folder, table, ".parquet")).photos
        assert [(p.cafe_id, p.lat, p.area) for p in found] == [
            ("1", 1.0, "a"),
            (found[1].photo_id[:12], None, None),
            ("2", 3.0, "c"),
        ]


def json_lines(folder, rows):
    path = folder / "list.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_number_is_a_missing_one(photo_folder, tmp_path, blank):
    files = sorted(str(path) for path in photo_folder.rglob("*.jpg"))[:3]
    rows = [json.dumps({"file": file, "lat": blank, "lon": "127.05", "rank": blank}) for file in files]
    (tmp_path / "l.jsonl").write_text("\n".join(rows), encoding="utf-8")
    found = read_listing(tmp_path / "l.jsonl")
    assert [(p.lat, p.lon, p.rank) for p in found.photos] == [(None, 127.05, None)] * 3


def test_a_list_may_mix_numbers_and_texts(photo_folder, tmp_path):
    more = [
        {"cafe_name": 24, "area": "06236", "lat": "37.5", "rank": 1, "fetched_at": "2026-01-02", "cafe_id": 7},
        {"cafe_name": "Café A", "area": None, "lat": 37, "cafe_id": "07"},
        {"cafe_name": 2.5, "area": 6236, "lat": None, "rank": "2", "cafe_id": None},
        {"cafe_name": "half \ud800", "lat": "unknown"},
        {"cafe_name": "half \ud800"},
    ]
    scanned = scan_folder(photo_folder).photos
    rows = [{"file": p.file} | values for p, values in zip(scanned, more, strict=False)]
    rows.append({"file": "null\0byte.jpg"})
    found = read_listing(json_lines(photo_folder, rows))
    assert [(p.cafe_name, p.area, p.lat, p.rank, p.cafe_id) for p in found.photos] == [
        ("24", "06236", 37.5, 1, "7"),
        ("Café A", None, 37.0, None, "07"),
        ("2.5", "6236", None, 2, scanned[2].photo_id[:12]),
        (r"half \uD800", None, None, None, scanned[4].photo_id[:12]),
    ]
    assert found.photos[0].fetched_at == "2026-01-02"
    assert [s.reason for s in found.skipped] == ["its lat is no number: 'unknown'", "its name holds a zero byte"]
    write_manifest(tmp_path / "manifest.parquet", found.photos)


def test_a_line_that_is_no_row_is_named(tmp_path):
    (tmp_path / "half.jsonl").write_text('{"file": "a.jpg"}\n\n{"file": x}\n')
    with pytest.raises(PhotoError, match=r"(?s)cannot be read.*line 3 is no JSON from column 10 on"):
        read_listing(tmp_path / "half.jsonl")
    with pytest.raises(PhotoError, match=r"(?s)cannot be read.*line 2 is no object"):
        read_listing(json_lines(tmp_path, [{"file": "a.jpg"}, 5]))


def test_leading_zeros_of_a_csv_stay(photo_folder):
    files = [p.file for p in scan_folder(photo_folder).photos][:2]
    found = read_listing(
        listed(photo_folder, {"file": files, "area": ["06236", "1"], "mood": ["01", None]}), labels="mood"
    )
    assert [(p.area, p.label) for p in found.photos] == [("06236", "01"), ("1", None)]


def test_duplicate_rows_count_once_and_name_the_first(photo_folder):
    files = [p.file for p in scan_folder(photo_folder).photos]
    (photo_folder / "twin.jpg").write_bytes((photo_folder / files[2]).read_bytes())
    found = read_listing(listed(photo_folder, {"file": [*files, files[0], "twin.jpg"]}))
    assert len(found.photos) == 12
    assert [(s.file, s.reason) for s in found.skipped] == [
        (files[0], f"the same photo as {files[0]}"),
        ("twin.jpg", f"the same photo as {files[2]}"),
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"url": ["https://host/1.jpg"]}, r"(?s)no column 'file'.*its columns are url"),
        ({"https://ann:pw@host/1.jpg?sig=x": [1]}, r"(?s)no column 'file'.*its columns are https://host/1\.jpg\s"),
        ({"file": ["gone.jpg"]}, r"all 1 files were skipped, the first gone\.jpg"),
        ({"file": ["nope://x.jpg"]}, r"(?s)Unknown kind of address.*nope://"),
        ({"file": []}, "it has no rows"),
    ],
)
def test_a_list_that_cannot_be_used_says_why(tmp_path, rows, message):
    with pytest.raises(PhotoError, match=message):
        read_listing(listed(tmp_path, rows))


def test_no_list_given_says_what_to_give():
    with pytest.raises(PhotoError, match=r"(?s)No manifest given.*data\.manifest=FILE"):
        read_listing(None)


@pytest.mark.parametrize("cafe", ["=1+1", "-7", "@공릉", "'=x", " =1", "＝1", "+82 2", "'tis"])
def test_a_table_of_ours_gives_its_ids_back(tmp_path, photo_folder, cafe):
    """Which have an apostrophe before what a spreadsheet would run."""
    from cafemood.core.atomic import write_rows

    file = next(path for path in sorted(photo_folder.rglob("*.jpg")))
    write_rows(tmp_path / "t.csv", ["file", "cafe_id", "=label"], [[str(file), cafe, cafe]])
    (photo,) = read_listing(tmp_path / "t.csv", labels="=label").photos
    assert (photo.cafe_id, photo.label) == (cafe, cafe)

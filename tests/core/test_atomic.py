"""Files appear whole or not at all."""

import errno
import json

import numpy as np
import pandas as pd
import pytest

from cafemood.core.atomic import discard_partials, keep, read_cached, write_csv, write_json, writing
from cafemood.errors import CafemoodError


def write_half(path, error):
    with writing(path) as partial:
        partial.write_text("half")
        raise error


@pytest.mark.parametrize("error", [RuntimeError(), KeyboardInterrupt()])
def test_an_error_leaves_the_old_file_and_no_partial(tmp_path, error):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(type(error)):
        write_half(path, error)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "its rights do not allow it"),
        (errno.EROFS, "the disk is read-only"),
    ],
)
def test_a_full_disk_or_missing_right_says_what_to_do(tmp_path, number, reason):
    with pytest.raises(CafemoodError, match=rf"(?s)could not be written.*x.*{reason}.*cache_dir"):
        write_half(tmp_path / "x", OSError(number, "of another language"))
    assert not list(tmp_path.iterdir())


def test_json_takes_numpy_and_has_no_nan(tmp_path):
    write_json(tmp_path / "x.json", {"a": np.float32(1.5), "b": [np.nan, np.int64(2)], "c": np.array([[1.0, np.inf]])})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": 1.5, "b": [None, 2], "c": [[1.0, None]]}


def test_what_killed_processes_left_can_be_removed(tmp_path):
    for name in (".a[1].txt.12.partial", ".a[1].txt.345.partial", ".b.txt.12.partial", "a[1].txt"):
        (tmp_path / name).write_text("x")
    discard_partials(tmp_path / "a[1].txt")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".b.txt.12.partial", "a[1].txt"]


def test_a_cache_keeps_arrays(tmp_path):
    path = tmp_path / "new" / "a.safetensors"
    assert read_cached(path, "x") is None
    assert read_cached(None, "x") is None
    keep(None, {"x": np.zeros(2)})
    keep(path, {"x": np.arange(6, dtype=np.float32).reshape(2, 3)})
    (found,) = read_cached(path, "x").values()
    np.testing.assert_array_equal(found, [[0, 1, 2], [3, 4, 5]])
    assert [p.name for p in path.parent.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize("damage", [b"", b"no tensors at all", None, "another"])
def test_a_damaged_cache_file_is_set_aside_and_named(damage, tmp_path, caplog):
    path = tmp_path / "a.safetensors"
    keep(path, {"x": np.zeros(100)})
    whole = path.read_bytes()
    if damage == "another":
        keep(path, {"y": np.zeros(2)})
    else:
        path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert read_cached(path, "x") is None
    assert not path.exists()
    assert f"The cache file {path} is damaged" in caplog.text
    assert path.with_name("a.safetensors.damaged").exists()


def test_no_spreadsheet_takes_a_name_for_a_formula(tmp_path):
    names = ['=HYPERLINK("http://evil.example","menu")', "+1", "-1+2", "@SUM(A1)", "\t=1", "숲 = 나무", None]
    table = pd.DataFrame({"name": names, "lon": [-1.5] * 7})
    write_csv(tmp_path / "a.csv", table)
    found = pd.read_csv(tmp_path / "a.csv")
    assert found["name"].tolist()[:6] == [*("'" + name for name in names[:5]), names[5]]
    assert found["lon"].tolist() == [-1.5] * 7
    assert table["name"].tolist()[:6] == names[:6]


def test_a_table_keeps_its_kinds(tmp_path):
    table = pd.DataFrame(
        {
            "whole": pd.array([-1, None], dtype="Int64"),
            "small": np.array([-0.1, np.nan], dtype=np.float32),
            "yes": [True, False],
            "mixed": pd.Series([-5, "-5"], dtype=object),
            "few": pd.Categorical(["=a", "b"]),
            "=1+1": ["", None],
        }
    )
    write_csv(tmp_path / "a.csv", table)
    assert (tmp_path / "a.csv").read_text() == (
        "whole,small,yes,mixed,few,'=1+1\n-1,-0.1,True,-5,'=a,\n,,False,'-5,b,\n"
    )
    write_csv(tmp_path / "b.csv", table.iloc[:0])
    assert (tmp_path / "b.csv").read_text().count("\n") == 1
    write_csv(tmp_path / "c.csv", pd.DataFrame({"a": [None, "x"]}))
    assert len(pd.read_csv(tmp_path / "c.csv", skip_blank_lines=True)) == 2


def test_names_that_are_no_utf_8_are_shown_escaped(tmp_path):
    write_csv(tmp_path / "a.csv", pd.DataFrame({"file": ["\udcc7\udcd1.jpg"]}, dtype=object), encoding="utf-8-sig")
    assert (tmp_path / "a.csv").read_text(encoding="utf-8-sig") == "file\n\\udcc7\\udcd1.jpg\n"

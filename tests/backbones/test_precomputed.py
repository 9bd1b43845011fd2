"""Features that the user brings keep their ids, or are refused with a reason."""

import numpy as np
import pandas as pd
import pytest

from cafemood.backbones.creating import create_backbone
from cafemood.backbones.precomputed import read_matrix
from cafemood.core import chunks
from cafemood.errors import FeaturesError

IDS = ["a", "b", "c"]
MATRIX = np.arange(6, dtype=np.float32).reshape(3, 2)


def test_npz_npy_and_parquet_give_the_same_rows(tmp_path):
    np.savez(tmp_path / "m.npz", features=MATRIX, photo_id=np.array(IDS))
    np.save(tmp_path / "m.npy", MATRIX)
    (tmp_path / "ids.txt").write_text("a\nb\n\nc\n")
    wide = pd.DataFrame(MATRIX, columns=["f0", "f1"]).assign(photo_id=IDS)
    wide.to_parquet(tmp_path / "wide.parquet")
    pd.DataFrame({"photo_id": IDS, "features": list(MATRIX)}).to_parquet(tmp_path / "list.parquet")
    found = [
        create_backbone("precomputed", path=str(tmp_path / "m.npz")),
        create_backbone("precomputed", path=str(tmp_path / "m.npy"), ids=str(tmp_path / "ids.txt")),
        create_backbone("precomputed", path=str(tmp_path / "wide.parquet")),
        create_backbone("precomputed", path=str(tmp_path / "list.parquet")),
    ]
    assert len({backbone.fingerprint for backbone in found}) == 1
    assert all(np.array_equal(backbone.matrix, MATRIX) for backbone in found)


def test_ids_of_bytes_are_texts(tmp_path):
    raw = [name.encode() for name in ("a.jpg", "사진.jpg")]
    np.savez(tmp_path / "m.npz", features=MATRIX[:2], photo_id=np.array(raw))
    pd.DataFrame({"photo_id": raw, "features": list(MATRIX[:2])}).to_parquet(tmp_path / "m.parquet")
    for name in ("m.npz", "m.parquet"):
        assert read_matrix(str(tmp_path / name)).ids == ("a.jpg", "사진.jpg")


def write_npz(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"features": MATRIX}, "lacks features or photo_id"),
        ({"features": MATRIX, "photo_id": np.array(["a", "b"])}, r"(?s)do not match.*2 ids for a matrix"),
        ({"features": MATRIX[:, 0], "photo_id": np.array(IDS)}, "do not match"),
        ({"features": MATRIX, "photo_id": np.array(["a", "b", "a"])}, r"(?s)An id stands twice.*a"),
        ({"features": MATRIX * np.array([[1], [np.nan], [1]]), "photo_id": np.array(IDS)}, r"(?s)NaN.*first is b"),
        ({"features": np.array([{}] * 3), "photo_id": np.array(IDS)}, "cannot be read"),
    ],
)
def test_a_matrix_that_cannot_be_used_says_why(tmp_path, arrays, message):
    with pytest.raises(FeaturesError, match=message):
        create_backbone("precomputed", path=str(write_npz(tmp_path / "m.npz", **arrays)))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("m.npy", None, "needs ids"),
        ("m.npz", b"junk", r"(?s)cannot be read.*it is damaged, or no \.npz of plain numbers"),
        ("m.mat", b"x", "Unknown kind of matrix"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, name, data, message):
    if data is None:
        np.save(tmp_path / name, MATRIX)
    else:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(FeaturesError, match=message):
        create_backbone("precomputed", path=str(tmp_path / name))


@pytest.mark.parametrize(
    ("data", "why"), [(None, "there is no such file or folder"), (b"\xff", "it is not UTF-8: byte 0xFF in line 1")]
)
def test_a_file_of_ids_that_cannot_be_read_is_named(tmp_path, data, why):
    np.save(tmp_path / "m.npy", MATRIX)
    if data is not None:
        (tmp_path / "ids.txt").write_bytes(data)
    with pytest.raises(FeaturesError, match=rf"(?s)The ids cannot be read.*ids\.txt.*{why}.*backbone\.ids"):
        read_matrix(str(tmp_path / "m.npy"), str(tmp_path / "ids.txt"))


def test_a_long_matrix_stays_on_disk_and_is_the_same_features(tmp_path, monkeypatch):
    rows = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float16)
    np.save(tmp_path / "rows.npy", rows)
    (tmp_path / "ids.txt").write_text("\n".join(f"p{i}" for i in range(50)))
    short = read_matrix(str(tmp_path / "rows.npy"), str(tmp_path / "ids.txt"))
    monkeypatch.setattr(chunks, "LARGE", 20)
    monkeypatch.setattr(chunks, "rows_within", lambda *_: 7)
    long = read_matrix(str(tmp_path / "rows.npy"), str(tmp_path / "ids.txt"))
    assert isinstance(long.matrix, np.memmap)
    assert long.matrix.dtype == np.float16
    assert long.fingerprint == short.fingerprint
    rows[33, 1] = np.nan
    np.save(tmp_path / "rows.npy", rows)
    with pytest.raises(FeaturesError, match="NaN or infinity") as caught:
        read_matrix(str(tmp_path / "rows.npy"), str(tmp_path / "ids.txt"))
    assert "p33" in str(caught.value.why)
    (tmp_path / "rows.npy").write_bytes((tmp_path / "rows.npy").read_bytes()[:-50])
    with pytest.raises(FeaturesError, match="cannot be read"):
        read_matrix(str(tmp_path / "rows.npy"), str(tmp_path / "ids.txt"))

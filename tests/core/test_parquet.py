"""Parquet files of ours are whole, or are said to be damaged."""

from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cafemood.core.parquet import read_parquet, write_parquet
from cafemood.core.reasons import Flaw

TABLE = pd.DataFrame(
    {
        "file": [f"공릉동 카페/{i}.jpg" for i in range(40)],
        "cluster": np.arange(40) % 3,
        "x": np.linspace(0, 1, 40, dtype=np.float32),
        "area": [None, "공릉동"] * 20,
    }
)


def test_a_table_comes_back(tmp_path):
    write_parquet(tmp_path / "a.parquet", TABLE)
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "a.parquet", TABLE.columns), TABLE)


def test_one_of_an_earlier_version_is_read(tmp_path):
    TABLE.to_parquet(tmp_path / "a.parquet", index=False)
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "a.parquet"), TABLE)


def test_a_missing_column_is_named(tmp_path):
    write_parquet(tmp_path / "a.parquet", TABLE)
    with pytest.raises(Flaw, match="cafe_id"):
        read_parquet(tmp_path / "a.parquet", ["file", "cafe_id"])


def test_a_file_that_is_not_there_is_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_parquet(tmp_path / "a.parquet")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_byte_of_the_pages_is_damage(tmp_path, data):
    path = tmp_path / "a.parquet"
    write_parquet(path, TABLE)
    content = bytearray(path.read_bytes())
    footer = int.from_bytes(content[-8:-4], "little") + 8
    at = data.draw(st.integers(4, len(content) - footer - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with suppress(Flaw):  # if not, it was a byte that no column needs
        pd.testing.assert_frame_equal(read_parquet(path, TABLE.columns), TABLE)

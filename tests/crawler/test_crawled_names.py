"""File names: safe, short enough, the study's for plain ids, and never the same for two cafés."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cafecrawl.names import file_stem


def test_naver_ids_give_the_studys_names():
    assert file_stem("1234567890", 7) == "cafe_1234567890_7"


@pytest.mark.parametrize(
    "cafe_id", ["osm:node/12", "../../etc/passwd", ".", "..", "a\\b", "con:", "☕️", "카페" * 150, "", "\0"]
)
def test_hostile_ids_give_plain_names(cafe_id):
    name = file_stem(cafe_id, 1) + ".jpg"
    assert not set(name) & set('/\\:*?"<>|\0 ')
    assert len(name.encode()) < 255
    assert name.startswith("cafe_")


@given(st.text(max_size=80), st.text(max_size=80), st.integers(1, 99), st.integers(1, 99))
def test_different_photos_have_different_names_even_where_case_is_ignored(a, b, i, j):
    if (a, i) != (b, j) and unicodedata.normalize("NFC", a) != unicodedata.normalize("NFC", b):
        assert file_stem(a, i).lower() != file_stem(b, j).lower()

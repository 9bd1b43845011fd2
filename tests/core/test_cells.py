"""Cells of CSV files: what was written comes back, and nothing of it runs or breaks a row."""

import csv
import io

import pytest
from csv_checks import check
from hypothesis import given
from hypothesis import strategies as st

from cafemood.core.cells import csv_line, guarded, unguarded

SIGNS = st.sampled_from("=+-@＝＋－＠\t\r\n\0 '\",;|a1카\u200b\ufeff\xa0\u3000")
TEXTS = st.one_of(st.text(SIGNS, max_size=8), st.text(st.characters(exclude_categories=("Cs",)), max_size=8))


@given(st.lists(st.lists(TEXTS, min_size=3, max_size=3), max_size=5))
def test_texts_come_back_and_none_runs(rows):
    written = "".join(map(csv_line, rows))
    found = list(csv.reader(io.StringIO(written, newline=""), strict=True))
    check(found)
    assert [[unguarded(cell) for cell in row] for row in found] == [
        [c.replace("\0", "\ufffd") for c in r] for r in rows
    ]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+82 2 970 5000", "-1", "@공릉동", "\t=1", "\r=1", "\n카페", "  =1", "\u3000＝1", "＠a", "－1", "＋1",
        "\ufeff=1", "\u200b=1", "\0=1", "'=1", "''=1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://e.example","menu")',
        "\x1b=1", "−1",
    ],
)  # fmt: skip
def test_a_formula_is_guarded_once(text):
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", ["카페 공릉", "'tis", "'", "a=b", "숲 = 나무", "", "5-1", "사진\r=1", "#1"])
def test_other_text_stays_as_it_is(text):
    assert guarded(text) == unguarded(text) == text


@pytest.mark.parametrize("cell", [-1, -0.5, 1e-7, -1e300, True, float("-inf")])
def test_numbers_stay_numbers(cell):
    assert csv_line([cell, cell]) == f"{cell},{cell}\n"

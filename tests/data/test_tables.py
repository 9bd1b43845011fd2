"""Lists as Excel, Numbers, pandas and Arrow write them: every cell comes back as it was, or an error says where not."""

import csv
import io
import json
import sys
import types
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from cafemood.core.cells import unguarded
from cafemood.data.cells import cast
from cafemood.data.tables import read_table
from cafemood.errors import PhotoError

KNOWN = ("file", "cafe_id", "cafe_name", "label", "lat", "lon")
HANGUL = "공릉동카페나무숲고양이책방"
WORDS = [
    "NA",
    "None",
    "null",
    "nan",
    "N/A",
    "007",
    "1e5",
    "1.0",
    "TRUE",
    "-",
    "NULL",
    "#N/A",
    "0x1F",
    "+82",
    "1_000",
    "∞",
]


def rows_of(path):
    return list(read_table(path, KNOWN).rows)


def written(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def refused(path):
    with pytest.raises(PhotoError) as caught:
        rows_of(path)
    assert caught.value.where == path
    return str(caught.value.why)


# -- round trips

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6),
    st.sampled_from(ENCODINGS),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@example(
    [("a,b", "c;d\te|f", 'she said "가"'), ("첫\n줄", " NA ", "\ufeff")], "utf-16-le", ";", "\r\n", csv.QUOTE_MINIMAL
)
def test_what_a_strict_writer_writes_comes_back_cell_by_cell(tmp_path, rows, encoding, separator, end, quoting):
    stream = io.StringIO(newline="")
    quoting = quoting if end == "\r\n" else csv.QUOTE_ALL  # else the writer leaves the other line end unquoted
    table = csv.writer(stream, delimiter=separator, lineterminator=end, quoting=quoting)
    table.writerows([("file", "cafe_id", "cafe_name"), *rows])
    text = stream.getvalue()
    if encoding in ("utf-16-le", "utf-16-be"):  # without a mark only Latin letters tell
        assume(sum(letter < "\x80" for letter in text) > len(text) / 3)
    (tmp_path / "l.csv").write_bytes(text.encode(encoding))
    # an apostrophe before what a spreadsheet would run is a guard, ours or another program's
    expected = [tuple(unguarded(cell) or None for cell in row) for row in rows if any(cell.strip() for cell in row)]
    assert [tuple(row.values()) for row in rows_of(tmp_path / "l.csv")] == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(st.text(HANGUL, max_size=8).map("공릉동 {}".format), st.text("ab01 ,\t\"'\n")), min_size=1, max_size=6
    ),
    st.sampled_from(",;\t|"),
)
def test_korean_text_of_excel_comes_back(tmp_path, rows, separator):
    with open(tmp_path / "l.csv", "w", encoding="cp949", newline="") as stream:
        csv.writer(stream, delimiter=separator).writerows([("cafe_id", "label"), *rows])
    with pytest.raises(UnicodeDecodeError):  # 책 alone has the bytes of å in UTF-8
        (tmp_path / "l.csv").read_text(encoding="utf-8")
    assert [tuple(row.values()) for row in rows_of(tmp_path / "l.csv")] == [(a, unguarded(b) or None) for a, b in rows]


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_pandas_would_change_is_a_word(tmp_path, kind, word):
    path = tmp_path / f"l{kind}"
    if kind == ".jsonl":
        path.write_text(json.dumps({"file": "a.jpg", "cafe_id": word}), encoding="utf-8")
    elif kind == ".parquet":
        pq.write_table(pa.table({"file": ["a.jpg"], "cafe_id": [word]}), path)
    else:
        separator = "\t" if kind == ".tsv" else ","
        written(path, f"file{separator}cafe_id\na.jpg{separator}{word}\n")
    (row,) = rows_of(path)
    assert cast(row) == ""
    assert row == {"file": "a.jpg", "cafe_id": word}


# -- numbers that are ids

LONG = [2**53 + 1, 2**63 - 1, 1234567890123456789, -(2**60) - 1, 0, 7]


@pytest.mark.parametrize("number", LONG)
def test_whole_numbers_keep_their_digits_beside_a_gap(tmp_path, number):
    pq.write_table(pa.table({"cafe_id": pa.array([number, None], pa.int64())}), tmp_path / "l.parquet")
    lines = "\n".join(f'{{"cafe_id": {cell}}}' for cell in (number, "null", f"{number}.0"))
    written(tmp_path / "l.jsonl", lines)
    for path, expected in (
        (tmp_path / "l.parquet", [str(number), None]),
        (tmp_path / "l.jsonl", [str(number), None, str(number)]),
    ):
        rows = rows_of(path)
        assert [cast(row) for row in rows] == [""] * len(rows)
        assert [row["cafe_id"] for row in rows] == expected


def test_a_float_that_has_lost_its_digits_is_no_id(tmp_path):
    pq.write_table(pa.table({"cafe_id": [24.0, 2.5, 1.2345678901234568e18, float("nan")]}), tmp_path / "l.parquet")
    rows = rows_of(tmp_path / "l.parquet")
    assert [bool(cast(row)) for row in rows] == [False, False, True, False]
    assert [row["cafe_id"] for row in rows][:2] == ["24", "2.5"]
    assert rows[3]["cafe_id"] is None


def test_arrow_types_that_python_lacks(tmp_path):
    columns = {
        "file": pa.array([b"a.jpg", "카페.jpg".encode("cp949")], pa.binary()),
        "cafe_id": pa.array(["나무", None]).dictionary_encode(),
        "label": pa.array([1, 2], pa.timestamp("ns")),
        "lat": pa.array([37, None], pa.uint8()),
        "photo": pa.array([b"x", b"y"]),
    }
    pq.write_table(pa.table(columns), tmp_path / "l.parquet")
    first, second = rows_of(tmp_path / "l.parquet")
    assert (cast(first), cast(second)) == ("", "")
    assert (first["file"], first["cafe_id"], first["lat"]) == ("a.jpg", "나무", 37.0)
    assert first["label"] == "1970-01-01 00:00:00.000000001"
    assert second["file"] == r"ī\xC6\xE4.jpg"
    assert "photo" not in first


@pytest.mark.parametrize("number", ["1e999", "1E400", "-1e999999999", "NaN", "Infinity", "1" * 4000])
def test_a_number_of_json_that_is_none_ends_nothing(tmp_path, number):
    (row,) = rows_of(written(tmp_path / "l.jsonl", f'{{"cafe_id": {number}, "lat": {number}}}'))
    assert cast(row) or row["lat"] is None
    assert row["cafe_id"] is None or isinstance(row["cafe_id"], str)


def test_a_number_that_is_too_long_for_python_is_named(tmp_path):
    assert "line 1" in refused(written(tmp_path / "l.jsonl", f'{{"lat": {"1" * 5000}}}'))


@pytest.mark.parametrize(
    ("cell", "lat"), [("37,62", 37.62), (" 37.62 ", 37.62), ("-0,5", -0.5), ("37", 37.0), ("", None)]
)
def test_a_number_with_a_comma_is_one(cell, lat):
    row = {"lat": cell}
    assert (cast(row), row["lat"]) == ("", lat)


# -- separators, extra cells, names of columns


@pytest.mark.parametrize(
    "text",
    [
        "file;cafe_id\na,b.jpg;공릉동 카페\n",
        "file\tcafe_id\na,b.jpg\t공릉동 카페\n",
        "file|cafe_id\na,b.jpg|공릉동 카페\n",
        "sep=;\nfile;cafe_id\na,b.jpg;공릉동 카페\n",
        '"file","cafe_id"\r\n"a,b.jpg","공릉동 카페"\r\n',
        'file,cafe_id,,\n"a,b.jpg",공릉동 카페,,\n',
        'file,cafe_id\n"a,b.jpg",공릉동 카페,, ,\n',
        '\n,,\nfile,cafe_id\n,\n\n"a,b.jpg",공릉동 카페\n,,,\n',
        ',file,cafe_id\n0,"a,b.jpg",공릉동 카페\n',
        ' File , Cafe ID\n"a,b.jpg",공릉동 카페\n',
        '\ufeffFILE,CAFE-ID\n"a,b.jpg",공릉동 카페\n',
        'file,memo|x;y,cafe_id\n"a,b.jpg",,공릉동 카페\n',
        'cafe_id,file\r공릉동 카페,"a,b.jpg"\r',
    ],
)
def test_a_table_is_read_as_it_is_meant(tmp_path, text):
    (row,) = rows_of(written(tmp_path / "l.csv", text))
    assert (row["file"], row["cafe_id"]) == ("a,b.jpg", "공릉동 카페")


@pytest.mark.parametrize("suffix", [".CSV", ".Csv", ".csv "])
def test_the_suffix_of_a_list_in_any_case(tmp_path, suffix):
    assert rows_of(written(tmp_path / f"l{suffix}", "file\na.jpg\n")) == [{"file": "a.jpg"}]


def test_a_cell_may_hold_line_ends_and_a_short_row_lacks_cells(tmp_path):
    rows = rows_of(written(tmp_path / "l.csv", 'file,cafe_name,label\na.jpg,"공릉동\r\n카페",x\nb.jpg\n'))
    assert rows == [
        {"file": "a.jpg", "cafe_name": "공릉동\r\n카페", "label": "x"},
        {"file": "b.jpg", "cafe_name": None, "label": None},
    ]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("file,cafe_id\na.jpg,1\nb, c.jpg,2\n", ("line 3", "cell 3")),
        ("file,cafe_id,\na.jpg,1,\nb.jpg,2,x\n", ("line 3", "cell 3")),
        ('file,cafe_id\na.jpg,"공릉동"동\n', ("line 2",)),
        ('file,cafe_id\na.jpg,1\nb.jpg,"공릉동\nc.jpg,3\n', ("line 3",)),
        ("file,File,cafe_id,FILE\n,,,x\n", ()),
        ("File,FILE,cafe_id\na,b,c\n", ("cells 1, 2",)),
        ("file,cafe_id,file\na,b,c\n", ("cells 1, 3",)),
        ("", ()),
        ("\n\n,,\n", ()),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_with_its_place(tmp_path, text, places):
    path = written(tmp_path / "l.csv", text)
    if text.startswith("file,File"):  # one is written as it is known
        assert rows_of(path) == [{"file": None, "cafe_id": None}]
        return
    why = refused(path)
    assert [place for place in places if place not in why] == []


# -- encodings


@pytest.mark.parametrize(
    "text",
    [
        "file,cafe_name\na.jpg,공릉동 카페\n",
        "file,cafe_name\na.jpg,하계동 책방 고양이\nb.jpg,성수동 커피 볶는 집\n",
        "file,cafe_name\n사진/a.jpg,똠방각하 카페 (서울)\n",
        "파일,file\n1,사진/a.jpg\n",
        "file,cafe_name\na.jpg,숲\n",
    ],
)
@pytest.mark.parametrize("encoding", ["cp949", "utf-8-sig", "utf-16"])
def test_a_korean_list_of_excel_is_read(tmp_path, text, encoding):
    assert rows_of(written(tmp_path / "l.csv", text, encoding)) == rows_of(written(tmp_path / "u.csv", text))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("file,cafe_name\na.jpg,Café Été\n", "latin-1"),
        ("file,cafe_name\na.jpg,Ärger im Café Äpfel\n", "latin-1"),
        ("file,cafe_name\na.jpg,咖啡馆大学路\n", "gbk"),
        ("file,cafe_name\na.jpg,喫茶店さくら\n", "shift_jis"),
        ("file,cafe_name\na.jpg,кофейня\n", "cp1251"),
        ("file,cafe_name\na.jpg,咖啡館\n", "big5"),
        ("file,cafe_name\na.jpg,καφενείο\n", "cp1253"),
    ],
)
def test_another_encoding_is_refused_with_its_line_and_cell(tmp_path, text, encoding):
    path = written(tmp_path / "l.csv", text, encoding)
    with pytest.raises(PhotoError) as caught:
        rows_of(path)
    why = str(caught.value.why)
    assert [word for word in ("UTF-8", "CP949", "line 2", "cell 2") if word not in why] == []
    assert "CSV UTF-8" in str(caught.value.fix)


def test_one_row_of_another_encoding_is_refused(tmp_path):
    good = "".join(f"{i}.jpg,공릉동 카페\n" for i in range(20)).encode()
    path = tmp_path / "l.csv"
    path.write_bytes(b"file,cafe_name\n" + good + "x.jpg,카페\n".encode("cp949"))
    assert "line 22" in refused(path)
    path.write_bytes("file,cafe_name\na.jpg,카페\n".encode("utf-16")[:-1])
    assert "UTF-16" in refused(path)


# -- Excel


def test_without_the_extra_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    (tmp_path / "l.xlsx").write_bytes(b"PK")
    with pytest.raises(PhotoError) as caught:
        rows_of(tmp_path / "l.xlsx")
    assert "cafemood[excel]" in str(caught.value.fix)


@pytest.fixture
def workbook(tmp_path, monkeypatch):
    """A workbook of such sheets, where openpyxl may not be installed: its `worksheets` with `title` and `values`."""

    def make(*sheets):
        made = [types.SimpleNamespace(title=f"Sheet{i + 1}", values=rows) for i, rows in enumerate(sheets)]
        book = types.SimpleNamespace(worksheets=made)
        known = types.SimpleNamespace(load_workbook=lambda path, data_only: book)
        monkeypatch.setitem(sys.modules, "openpyxl", known)
        (tmp_path / "l.xlsx").write_bytes(b"PK")
        return tmp_path / "l.xlsx"

    return make


def test_cells_of_a_workbook(workbook):
    head = ("File ", "cafe_id", "label", "lat", None)
    rows = [head, ("a.jpg", 7, True, 37.5, None), (None,) * 5, ("b.jpg", "007", datetime(2026, 1, 2), None, " ")]
    found = rows_of(workbook(rows, [(None,)]))
    assert [cast(row) for row in found] == ["", ""]
    assert found == [
        {"file": "a.jpg", "cafe_id": "7", "label": "TRUE", "lat": 37.5},
        {"file": "b.jpg", "cafe_id": "007", "label": "2026-01-02", "lat": None},
    ]


def test_a_workbook_that_openpyxl_wrote(tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    for row in (("file", "cafe_id", "cafe_name"), ("사진/1.jpg", "007", "공릉동 카페"), ("사진/2.jpg", 7, "=1+1 카페")):
        book.active.append(row)
    book.active["C3"].data_type = "s"  # a text that begins like a formula
    book.save(tmp_path / "목록.xlsx")
    found = rows_of(tmp_path / "목록.xlsx")
    assert [cast(row) for row in found] == ["", ""]
    assert found == [
        {"file": "사진/1.jpg", "cafe_id": "007", "cafe_name": "공릉동 카페"},
        {"file": "사진/2.jpg", "cafe_id": "7", "cafe_name": "=1+1 카페"},
    ]


@pytest.mark.parametrize(
    ("sheets", "place"),
    [
        ([[("file",), ("a.jpg",)], [("x",)]], "2 sheets"),
        ([[("file", "cafe_id"), ("a.jpg", 1234567890123456789)]], "line 2, cell 2"),
        ([[("file",), ("a.jpg",), ("b.jpg", "x")]], "line 3"),
        ([], "0 sheets"),
    ],
)
def test_a_workbook_that_leaves_a_doubt_is_refused(workbook, sheets, place):
    assert place in refused(workbook(*sheets))

"""Names that are bytes, as text and back; and text that steers no terminal."""

import json
import logging
import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cafemood.core.html import environment, for_script
from cafemood.core.names import existing, guard_logs, json_line, name_of, path_of, plain, shown, text_of
from cafemood.errors import PhotoError

STEERS = ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\x9d8;;http://x\x9c", "\u202egpj.exe", "\u2066a", "\r", "\x00\x7f"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("공릉동 카페.jpg".encode("cp949"), r"\xB0\xF8\xB8\xAA\xB5\xBF ī\xC6\xE4.jpg"),
        ("café.jpg".encode("latin-1"), r"caf\xE9.jpg"),
        ("공릉동/카페.jpg".encode(), "공릉동/카페.jpg"),
        (rb"caf\xE9.jpg", r"caf\x5CxE9.jpg"),
        (rb"C:\photos\a.jpg", r"C:\photos\a.jpg"),
        ("咖啡.jpg".encode("gbk"), r"\xBF\xA7\xB7\xC8.jpg"),
        ("喫茶.jpg".encode("shift_jis"), r"\x8Bi\x92\x83.jpg"),
        ("카페".encode()[:-1], r"카\xED\x8E"),
    ],
)
def test_a_name_that_is_bytes_has_a_text_and_comes_back(name, text):
    assert text_of(name) == text_of(os.fsdecode(name)) == text
    assert os.fsencode(path_of(text)) == name


@given(st.binary(max_size=30))
@example(rb"\x5C\x5CxE9")
@example(b"\\\xe9")
@example(b"\\x\xe9E9")
def test_the_bytes_of_every_name_come_back(name):
    text = text_of(name)
    assert name_of(text).encode("utf-8", "surrogateescape") == name
    assert text.encode().decode() == text


@given(st.text(st.one_of(st.characters(), st.sampled_from("\\xu5CDE89\udce9\udc80\ud800")), max_size=30))
@example("\\uD800\ud800")
def test_every_name_that_python_can_hold_comes_back(name):
    assert name_of(text_of(name)) == name
    text_of(name).encode()


@given(st.lists(st.text(st.sampled_from("\\xu5CDE89\udce9"), max_size=8), min_size=2, max_size=2, unique=True))
def test_two_names_have_two_texts(names):
    assert len({text_of(name) for name in names}) == 2


def test_a_path_is_found_as_it_is_and_as_it_was_shown(tmp_path):
    photo = tmp_path / os.fsdecode("카페.jpg".encode("cp949"))
    photo.touch()
    assert existing(photo) == existing(text_of(photo)) == photo
    literal = tmp_path / r"caf\xE9.jpg"
    literal.touch()
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).touch()
    assert existing(literal) == literal
    assert existing(tmp_path / "gone.jpg") == tmp_path / "gone.jpg"


@pytest.mark.parametrize("steers", STEERS)
def test_nothing_steers_a_terminal_or_a_page(steers):
    name = f"카페 {steers}.jpg"
    for text in (plain(name), shown(name), str(environment("cafemood.report").from_string("{{ x }}").render(x=name))):
        assert not set(steers) & set(text) - set(map(chr, range(0x20, 0x7F)))
    assert not set(str(for_script({"file": name}))) & (set(steers) - set(map(chr, range(0x20, 0x7F))))
    line = json_line(json.dumps({"file": name}, ensure_ascii=False))
    assert json.loads(line) == {"file": name}
    assert not set(line) & (set(steers) - set(map(chr, range(0x20, 0x7F))))


def test_scripts_get_json_whatever_a_name_holds():
    names = ["\x9b\u202e\udce9\\xE9", 'a"\\', "줄\n바꿈\t", "\x1b"]
    found = json.loads(str(for_script(names)))
    assert found == [r"\x9B\u202E\xE9\xE9", 'a"\\', "줄\n바꿈\t", "\x1b"]


def test_a_name_with_line_ends_forges_no_line():
    assert shown("a\nERROR b\r\tc") == r"a\nERROR b\x0D\tc"
    message = str(PhotoError("A photo is too large", where="a\n  do:    rm -r ~"))
    assert [line for line in message.splitlines() if line.startswith("  do:")] == []


def test_a_record_of_the_guard_says_plain_text():
    before = logging.getLogRecordFactory()
    try:
        guard_logs()
        record = logging.getLogger("stranger").makeRecord("x", 30, "f", 1, "%s", ("카페\x1b[2J\udce9",), None)
    finally:
        logging.setLogRecordFactory(before)
    assert record.getMessage() == r"카페\x1B[2J\xE9"

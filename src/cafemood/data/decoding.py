"""The text of a list: UTF-8, UTF-16, or the CP949 of a Korean Excel, where one of them fits beyond doubt."""

from __future__ import annotations

import codecs
import io
from pathlib import Path
from typing import TextIO

from cafemood.core.reasons import Flaw

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),  # begins as UTF-16's does
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_COMMON = frozenset(
    "가각간감갑강개거건게격결경계고곡골곳공과관광교구국군권그근금기길김꽃나난날남내너널네노논농느는능니님다단달담당대더덕데"
    "도독동두드들등디딸때떠또라락란람래량러런레려력련로록론료루류르른를름릉리린림립마만말매머먼메며면명모목몰무문물미민바박반"
    "발밤방배백번벌범법베벤벽별병보복본봄봉부북분불브블비빈빙빛빵사산살삼상새색생서석선설성세셀소속손솔송수순숲쉬스슬승시식신"
    "실심십싸아안암압앙애야약양어언얼업에여역연열영예오옥온올와왕외요용우운울웅원월위유육윤은을음응의이익인일임입있자작잔장재"
    "저적전점정제조종좋좌주준중즈지직진질집차찬참창채책천철첫청체초촌총최추축춘출치친카커컵케코콘콜쿠크클키타탁태터테토통투트"
    "특티파판팔패퍼페평포표푸품풍프플피필하학한할함합항해행향허헌현협형혜호홀홍화환황회효후훈휴흥희흰히힐"
)
"""Syllables that most of Korean text is made of; bytes of another encoding that CP949 takes give rare ones."""
COMMON_SHARE = 0.6
WAY_OUT = "save it as UTF-8 (in Excel: Save As, “CSV UTF-8 (comma delimited)”)"


_CHUNK = 1 << 20


def opened(path: Path) -> TextIO:
    """The text of a file, to be read line by line, line ends as they are; what is UTF-8 is not held in memory.

    Raises:
        Flaw: See `decoded`.
    """
    if _is_utf8(path):
        return open(path, encoding="utf-8-sig", newline="")
    return io.StringIO(decoded(path.read_bytes()), newline="")


def _is_utf8(path: Path) -> bool:
    """Whether a file is UTF-8 throughout, with a mark or without, and holds no zero byte."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open(path, "rb") as stream:
        while chunk := stream.read(_CHUNK):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                return False
            if b"\0" in chunk:
                return False
    return not decoder.getstate()[0]


def decoded(data: bytes) -> str:
    """The text of a file.

    What is UTF-8 is taken as such; UTF-16 and UTF-32 are known by their mark. UTF-16 without is taken by the zero
    bytes of its Latin letters, and CP949 where what it gives is mostly common Korean syllables.

    Raises:
        Flaw: The bytes are of another encoding, or of one that cannot be told; it names the first such place.
    """
    for mark, codec, name in _MARKS:
        if data.startswith(mark):
            return _strict(data, codec, name)
    if utf_16 := _unmarked_utf16(data):
        return _strict(data, utf_16, "UTF-16")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        korean = _korean(data)
        if korean is None:
            raise Flaw(_where(data, error.start, "UTF-8") + ", nor the CP949 of a Korean Excel beyond doubt") from None
        return korean


def _strict(data: bytes, codec: str, name: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(codec, "ignore")
        raise Flaw(f"it is not {name}, as it begins: line {before.count(chr(10)) + 1} is damaged or cut off") from None


def _unmarked_utf16(data: bytes) -> str | None:
    """The codec, where every other byte of what looks like Latin letters is zero."""
    if b"\0" not in data:
        return None
    even, odd = data[::2].count(0), data[1::2].count(0)
    if 10 * max(even, odd) < len(data) or 4 * min(even, odd) > max(even, odd):  # 가 (U+AC00) has a zero byte too
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _korean(data: bytes) -> str | None:
    try:
        text = data.decode("cp949")
    except UnicodeDecodeError:
        return None
    foreign = [letter for letter in text if letter > "\x7f"]
    common = sum(letter in _COMMON for letter in foreign)
    return text if common >= COMMON_SHARE * len(foreign) else None


def _where(data: bytes, position: int, name: str) -> str:
    """The line and the cell of a byte, as an editor and Excel count them."""
    line = data.count(b"\n", 0, position) + 1
    head, before = data[:1000].split(b"\n")[0], data[data.rfind(b"\n", 0, position) + 1 : position]
    separator = max((b",", b";", b"\t", b"|"), key=head.count)
    cell = before.count(separator) + 1
    return f"it is not {name}: byte 0x{data[position]:02X} in line {line}, cell {cell}"

r"""Names of files and folders, which are bytes: as text that every file and page can hold, and back.

Python hands a byte of a name that is not UTF-8 on as half of a surrogate pair (PEP 383), which no UTF-8 file takes.
In all that is written such a byte stands as `\xHH`, two capital hexadecimal digits: `caf\xE9.jpg`. A backslash that
would begin such an escape in a real name stands as `\x5C`, so that no two names have the same text.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

_ESCAPE = re.compile(r"\\(?:x([89A-F][0-9A-F]|5C)|u(D[89A-F][0-9A-F]{2}))")
_TO_ESCAPE = re.compile(rf"[\ud800-\udfff]|\\(?={_ESCAPE.pattern[2:]})")
_HALF = re.compile(r"[\ud800-\udfff]")

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What steers a terminal (C0 but for tab and newline, DEL, C1), or the direction and the lines of text (UAX #9)."""


def text_of(name: str | bytes | os.PathLike[str]) -> str:
    r"""A name of the file system as text for files and pages, with `\xHH` for a byte that is not UTF-8.

    `path_of` gives the name back. A name in UTF-8 without such an escape is its own text.
    """
    return _TO_ESCAPE.sub(_escaped, _decoded(name))


def has_bytes(name: str) -> bool:
    """Whether a name holds bytes that are no text."""
    return _HALF.search(name) is not None


def whole(text: str) -> str:
    r"""Text with `\xHH` or `\uDHHH` for half a surrogate pair, which JSON may hold and no file in UTF-8."""
    return _HALF.sub(_escaped, text)


def path_of(text: str) -> Path:
    """The path whose `text_of` is this text."""
    return Path(name_of(text))


def name_of(text: str) -> str:
    """The name whose `text_of` is this text, as Python hands it to the system."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: chr(_point(found[1] or "", found[2])), text)


def existing(path: str | os.PathLike[str]) -> Path:
    """A path that a user gave: as it is, or, if only that is there, as the text of a path that a page showed."""
    as_given, meant = Path(path), path_of(os.fspath(path))
    return meant if meant != as_given and not os.path.lexists(as_given) and os.path.lexists(meant) else as_given


def plain(text: str) -> str:
    r"""Text that steers no terminal: such characters stand as `\x1B` or `\u202E`; tabs and line ends stay."""
    return _CONTROL.sub(_visible, _HALF.sub(_escaped, text))


def plain_json(text: str) -> str:
    """JSON as `json.dumps` gives it with `ensure_ascii=False`, its texts `plain`."""
    return _CONTROL.sub(_in_json, _HALF.sub(_in_json, text))


def json_line(text: str) -> str:
    r"""JSON of one line, with `\\u009B` for what steers a terminal: the same value, for programs too."""
    return _CONTROL.sub(_as_json, _HALF.sub(_as_json, text))


def without_halves(text: str) -> str:
    r"""JSON with `\\xHH` for half a surrogate pair that nobody took through `text_of`: a file must be written."""
    return _HALF.sub(_in_json, text)


def shown(name: object) -> str:
    r"""A name, or another text from outside, for one line of a terminal: `plain`, and its line ends as `\n`."""
    return plain(str(name)).replace("\n", "\\n").replace("\t", "\\t")


def guard_logs() -> None:
    """Have every log record of this process say its message as `plain` text, whoever writes or handles it."""
    logging.setLogRecordFactory(_Record)


class _Record(logging.LogRecord):
    def getMessage(self) -> str:
        return plain(super().getMessage())


def _decoded(name: str | bytes | os.PathLike[str]) -> str:
    """Bytes as Python decodes them on a system whose names are UTF-8."""
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else os.fspath(name)


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    if number == 0x5C:
        return r"\x5C"
    return f"\\x{number - 0xDC00:02X}" if 0xDC80 <= number <= 0xDCFF else f"\\u{number:04X}"


def _point(byte: str, half: str | None) -> int:
    if half:
        return int(half, 16)
    return 0x5C if byte == "5C" else 0xDC00 + int(byte, 16)


def _as_json(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _in_json(found: re.Match[str]) -> str:
    return found[0] if found[0] < " " else plain(found[0]).replace("\\", "\\\\")


def _visible(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02X}" if number < 0x100 else f"\\u{number:04X}"

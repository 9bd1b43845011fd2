"""Cells of CSV files: text that no spreadsheet runs and no reader takes for the end of a row, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from numbers import Number

_FORMULA = re.compile(
    r"[\s\ufeff\u200b-\u200f\u2060\x00-\x1f\x7f-\x9f\u00ad\u202a-\u202e\u2066-\u2069]*[=+\-@＝＋－＠﹢﹣﹦﹫−]|[\t\r\n]"
)
"""How a text begins that a spreadsheet may run (https://owasp.org/www-community/attacks/CSV_Injection): the sign of a
formula, its wide forms too, behind what is not seen or trimmed; a tab or a line's end."""

_QUOTED = re.compile(r'[",\r\n\t;\x0b\x0c\x1c-\x1e\x85\u2028\u2029]|^\s|\s$')

_PLAIN = re.compile(r"[A-Za-z0-9][\w./:-]*", re.ASCII)
"""Most texts: what nothing is to be done about."""


def guarded(text: str) -> str:
    """A text with an apostrophe before it where a spreadsheet might run it; `unguarded` gives it back.

    Names of cafés come from open data: whoever opens the table must not run what a stranger wrote.
    """
    return f"'{text}" if _FORMULA.match(text.lstrip("'")) else text


def unguarded(text: str) -> str:
    """The text that `guarded` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text.lstrip("'")) else text


def csv_line(cells: Iterable[object]) -> str:
    """A row of a CSV file with its line's end: texts are guarded, numbers stay numbers, None and NaN are empty.

    A zero byte, which ends a text for half of all readers, becomes U+FFFD. Half a character, as names that are no
    UTF-8 have, is shown escaped.
    """
    line = ",".join(map(_cell, cells))
    return f"{line or chr(34) * 2}\n"  # an empty line would be no row


def _cell(cell: object) -> str:
    if isinstance(cell, str) and _PLAIN.fullmatch(cell):
        return cell
    if isinstance(cell, float | int):  # NumPy's float64 too; what asks for `Number` is slow
        return str(cell) if cell == cell else ""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):  # pandas' own
        return ""
    if isinstance(cell, Number):
        return str(cell) if cell == cell else ""
    text = cell if isinstance(cell, str) else str(cell)
    text = guarded(text.replace("\0", "\ufffd").encode("utf-8", "backslashreplace").decode())
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text

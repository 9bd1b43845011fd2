"""What the cells of a list mean: the types that `Photo` has, ids and labels as exact text."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from typing import Any

from cafemood.core.names import shown, text_of, whole
from cafemood.core.reasons import Flaw
from cafemood.data.photos import Photo

COLUMNS = frozenset(f.name for f in fields(Photo))
"""What a list may know of a photo."""

_NUMBERS: dict[str, Callable[[float], float]] = {"lat": float, "lon": float, "rank": int, "width": int, "height": int}
_DIGITS = 100
_WHOLE = 2**53
"""Floats from here on no longer tell two whole numbers apart."""


def cast(record: dict[str, Any]) -> str:
    """Give the values of a row the types that `Photo` has, in place; returns what is wrong with one, or nothing."""
    wrong = ""
    for key, value in record.items():
        if value is None or key not in COLUMNS:
            continue
        if key not in _NUMBERS:
            try:
                record[key] = text(value)
            except Flaw as flaw:
                record[key], wrong = str(value), f"its {key} {flaw}"
            continue
        if isinstance(value, str) and not value.strip():
            record[key] = None
            continue
        try:
            number = float(value.replace(",", ".") if isinstance(value, str) else value)  # 37,62 of a German Excel
            if not math.isfinite(number):
                raise ValueError("not finite")
            record[key] = _NUMBERS[key](number)
        except (TypeError, ValueError, OverflowError):
            wrong = f"its {key} is no number: {shown(value)[:40]!r}"
    return wrong


def text(value: Any) -> str:
    """A name or an id as text: 24 and 24.0 (what pandas makes of a column of whole numbers with a gap) are both "24".

    Raises:
        Flaw: A number is so long that its last digits were lost when the list was written.
    """
    if isinstance(value, bytes):
        return text_of(value)
    if isinstance(value, float) and value.is_integer():
        if abs(value) >= _WHOLE:
            raise Flaw(f"is the number {value:g}, whose last digits the list has lost (store it as text)")
        return str(int(value))
    if isinstance(value, Decimal) and value.adjusted() < _DIGITS and value == value.to_integral_value():
        return str(int(value))
    return whole(str(value))


def label(value: Any) -> str | None:
    """A ground truth as text; None where there is none."""
    return None if value in (None, "") else text(value)

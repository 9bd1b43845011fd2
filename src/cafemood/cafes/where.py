"""Cafés by a condition on their profile: `light>50`, `scale_cozy>=3.5`."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence

import numpy as np

from cafemood.cafes import looks, scales
from cafemood.cafes.profiles import Cafes
from cafemood.errors import CafemoodError

_SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "=": operator.eq}
_CONDITION = re.compile(r"\s*(\w+)\s*(>=|<=|>|<|=)\s*([-+]?(?:\d+\.?\d*|\.\d+))\s*")


def columns(cafes: Cafes) -> list[str]:
    """What a condition may name: looks, rated scales, shares of moods, the mood, spread, number of photos."""
    shares = [name for name in map(str, cafes.table) if re.fullmatch(r"share_\d+", name)]
    return [*looks.LOOKS, *cafes.scales, *shares, "mood", "spread", "n_photos"]


def fitting(cafes: Cafes, conditions: Sequence[str]) -> np.ndarray:
    """Which cafés (c,) meet all conditions; one whose value is not known meets none.

    Args:
        cafes: All cafés.
        conditions: Such as `warmth>12`. A scale can be named without `scale_`.

    Raises:
        CafemoodError: One is no condition, or its column is none of `columns`.
    """
    kept = np.ones(len(cafes.table), bool)
    known = columns(cafes)
    for condition in conditions:
        found = _CONDITION.fullmatch(condition)
        if found is None:
            fix = "give a column of cafes.csv, one of > >= < <= =, and a number: --where 'light>50'"
            raise CafemoodError(f"{condition!r} is no condition", where="--where", fix=fix)
        name, sign, number = found.groups()
        name = f"{scales.COLUMN}{name}" if name not in known else name
        if name not in known:
            why = None if cafes.scales else "people have rated no scale of this run (cafemood survey learn)"
            fix = f"name one of {', '.join(known)}"
            raise CafemoodError(f"Cafés have no column {found[1]!r}", where=cafes.run.folder, why=why, fix=fix)
        values = cafes.table[name].to_numpy(dtype=float)
        kept &= ~np.isnan(values) & _SIGNS[sign](values, float(number))
    return kept

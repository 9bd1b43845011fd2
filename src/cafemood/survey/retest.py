"""How far people agree with themselves."""

from __future__ import annotations

import pandas as pd

from cafemood.survey.kinds.registry import KINDS
from cafemood.survey.statistics import Found, _wilson


def retest(answers: pd.DataFrame) -> Found:
    """What people answer when they are asked again: the ceiling for anything that predicts them; skips do not count."""
    first = answers[answers["repeat_of"].isna()].set_index(["person", "question"])["answer"]
    rows = answers[answers["repeat_of"].notna() & answers["answer"].notna()]
    columns = (rows[name] for name in ("kind", "answer", "person", "repeat_of"))
    asked = [(kind, again, first.get((person, of))) for kind, again, person, of in zip(*columns, strict=True)]
    pairs = [(kind, again, before) for kind, again, before in asked if pd.notna(before)]
    found: Found = {}
    for kind in (kind for kind in KINDS.values() if kind.asked_again):
        of_kind = [(a, b) for name, a, b in pairs if name == kind.name]
        same, n = sum(a == b for a, b in of_kind), len(of_kind)
        interval = _wilson(same, n) if n else {"low": None, "high": None}
        found[kind.name] = {"n": n, "same": same / n if n else None, **interval, **kind.retest(of_kind)}
    return found

"""How results are worded: clusters by number, shares in percent, p-values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def cluster_numbers(clusters: Sequence[Mapping[str, Any]]) -> list[int]:
    """The clusters' numbers, from 0."""
    return [int(entry["cluster"]) for entry in clusters]


def cluster_words(clusters: Sequence[Mapping[str, Any]]) -> str:
    """`cluster 1`, `clusters 1 and 3`: counted from 1."""
    words = [str(entry["cluster"] + 1) for entry in clusters]
    if len(words) < 2:
        return "".join(f"cluster\u00a0{word}" for word in words)
    return f"clusters {', '.join(words[:-1])} and\u00a0{words[-1]}"


def percent(share: float) -> str:
    """Whole percents."""
    return f"{100 * share:.0f}\u00a0%"


def p_value(value: float | None) -> str:
    """Three decimals; a dash for none."""
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"

"""Finding: one statement about a result, with a stable code, a level, its wording, and the figures that it states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

Level = Literal["bad", "warn", "good", "info"]

ORDER: dict[Level, int] = {"bad": 0, "warn": 1, "good": 2, "info": 3}
"""Levels, the gravest first."""


@dataclass(frozen=True)
class Finding:
    """One statement about a result.

    Attributes:
        code: What it states, for programs; it stays the same when the wording changes.
        level: `bad`, `warn`, `good` or `info`.
        text: The wording that pages and the terminal show.
        figures: The numbers and names in the wording. Clusters are numbered from 0 here, from 1 in the text.
    """

    code: str
    level: Level
    text: str
    figures: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The finding as `scores.json` holds it: an object with `code`, `level`, `text` and `figures`."""
        return {"code": self.code, "level": self.level, "text": self.text, "figures": self.figures}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Finding:
        """Read a finding back; those of an earlier cafemood have no code (`""`) and no figures."""
        level = cast(Level, record["level"])
        return cls(record.get("code", ""), level, record["text"], dict(record.get("figures") or {}))


def gravest_first(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings by their level; those of one level keep their order."""
    return sorted(findings, key=lambda finding: ORDER[finding.level])


def with_names(finding: Finding, names: Mapping[int, str]) -> Finding:
    """The finding with the names of its groups beside their numbers, as pages show it."""
    figures = finding.figures
    groups = [figures["cluster"]] if "cluster" in figures else figures.get("clusters") or []
    numbers, called = in_words(groups), in_words(groups, names)
    return replace(finding, text=finding.text.replace(numbers, called, 1)) if groups else finding


def in_words(groups: Sequence[int], names: Mapping[int, str] | None = None) -> str:
    """`Mood 1`, `Moods 1, 2 and 4`; with names `Moods 1 “dark wood” and 2`."""
    calls = [f"{j + 1}" + (f" “{names[j]}”" if names and j in names else "") for j in groups]
    if len(calls) < 2:
        return f"Mood {calls[0]}" if calls else ""
    return f"Moods {', '.join(calls[:-1])} and {calls[-1]}"

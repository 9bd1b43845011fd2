"""The words that cafemood knows, and the texts that have nothing to do with cafés; English and Korean side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

PHRASINGS = {
    "en": ("{}", "a photo: {}", "a photo of a café: {}", "the interior of a café, {}"),
    "ko": ("{}", "사진: {}", "카페 사진: {}", "카페 내부, {}"),
}
"""How a text is put, in the languages that scores are calibrated in; the vectors of all are averaged (Radford et al.,
"Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, section 3.1.4)."""
NAMELESS = "shows"
"""The kind of words that say what a photo shows instead of a place; they name no mood."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase of the vocabulary.

    Attributes:
        kind: atmosphere, light, materials, colour, furniture, decoration, space, use or `NAMELESS`.
        english, korean: The same in both languages.
    """

    kind: str
    english: str
    korean: str


@dataclass(frozen=True, slots=True)
class Scale:
    """A scale of ambiance between opposite phrases.

    Attributes:
        name: As the survey calls it.
        low, high: Phrases of its ends, the plainest first.
    """

    name: str
    low: tuple[str, ...]
    high: tuple[str, ...]


@cache
def vocabulary() -> tuple[Term, ...]:
    """All words, in the order of the file."""
    return tuple(Term(*row) for row in _rows("vocabulary.tsv"))


@cache
def unrelated() -> dict[str, tuple[str, ...]]:
    """The unrelated texts by language: `en`, `ko`, row by row the same."""
    english, korean = zip(*_rows("unrelated.tsv"), strict=True)
    return {"en": english, "ko": korean}


@cache
def scales() -> tuple[Scale, ...]:
    """The scales of ambiance, in the order of the file."""
    return tuple(Scale(name, *(tuple(end.split("; ")) for end in ends)) for name, *ends in _rows("ambiance.tsv"))


def _rows(file: str) -> list[list[str]]:
    text = resources.files("cafemood.words").joinpath("data", file).read_text(encoding="utf-8")
    lines = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return lines[1:]

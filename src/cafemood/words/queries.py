"""A text to look for: checked before a network is loaded, and in which language it is."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from cafemood.errors import CafemoodError
from cafemood.words.vocabulary import PHRASINGS

LONGEST = 300
"""Letters of a text; networks read a few dozen words."""
_SCRIPTS = {
    "HANGUL": ("ko",), "HIRAGANA": ("ja",), "KATAKANA": ("ja",), "CJK": ("zh", "ja"), "CYRILLIC": ("ru", "uk"),
    "GREEK": ("el",), "ARABIC": ("ar", "fa"), "HEBREW": ("he",), "DEVANAGARI": ("hi",), "BENGALI": ("bn",),
    "TELUGU": ("te",), "THAI": ("th",), "LATIN": (),
}  # fmt: skip
"""Scripts and the languages that they may be; of Latin letters nobody can tell the language."""


@dataclass(frozen=True)
class Query:
    """A text that can be looked for.

    Attributes:
        text: Without needless spaces.
        language: `ko`, or `en` for all other languages.
        calibrated: Whether its scores can be set against unrelated texts of its own language.
    """

    text: str
    language: str
    calibrated: bool

    @property
    def phrasings(self) -> tuple[str, ...]:
        """How the text is put."""
        return PHRASINGS[self.language] if self.calibrated else ("{}",)


def checked(text: str, languages: tuple[str, ...], name: str, where: str = "TEXT") -> Query:
    """Check a text.

    Args:
        text: The user's.
        languages: Codes of the languages that the backbone knows.
        name: The backbone's.
        where: What the text was given as.

    Raises:
        CafemoodError: It is empty, has no letter, is too long, or in a script that the backbone does not know.
    """
    text = " ".join("".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text).split())
    if not any(c.isalnum() for c in text):
        why = "it holds no letter" if text else "it is empty"
        raise CafemoodError("There is nothing to look for", where=where, why=why, fix='give words: "dark wood"')
    if len(text) > LONGEST:
        why = f"it has {len(text):,} letters, {LONGEST} are the most"
        raise CafemoodError("The text is too long", where=where, why=why, fix="give a few words")
    scripts = sorted({_script(c) for c in text if c.isalpha()})
    for script in scripts:
        possible = _SCRIPTS.get(script)
        if possible is None or (possible and not set(possible) & set(languages)):
            known = ", ".join(languages)
            why = f"it has {script.capitalize()} letters; {name} knows {known}"
            fix = "search in one of these languages" + _other(possible or (), languages)
            raise CafemoodError("The backbone does not know this language", where=where, why=why, fix=fix)
    language = "ko" if "HANGUL" in scripts else "en"
    return Query(text, language, calibrated=set(scripts) <= {"HANGUL", "LATIN"})


def _script(letter: str) -> str:
    """The first word of a letter's name in Unicode; `HALFWIDTH KATAKANA …` is Katakana's."""
    words = unicodedata.name(letter, "UNKNOWN").replace("FULLWIDTH ", "").replace("HALFWIDTH ", "").split()
    if words[0] in ("FEMININE", "MASCULINE", "MICRO", "MODIFIER", "MATHEMATICAL", "ROMAN", "SUPERSCRIPT", "SUBSCRIPT"):
        return "LATIN"
    return words[0]


def _other(possible: tuple[str, ...], languages: tuple[str, ...]) -> str:
    from cafemood.backbones.text_cards import TEXT_CARDS

    able = [n for n, card in TEXT_CARDS.items() if set(possible) & set(card.languages) - set(languages)]
    return f", or once: cafemood words RUN --backbone {able[0]}" if able else ""

"""Licences by their one canonical code, and the list of those a crawl may keep."""

from __future__ import annotations

import re
from dataclasses import dataclass

OPEN = ("cc0", "pdm", "by", "by-sa")
"""Free for any use, with attribution and share-alike at most: the default allow-list."""
KNOWN = (*OPEN, "by-nc", "by-nd", "by-nc-sa", "by-nc-nd")
RESERVED = "rights-reserved"
"""No open licence: kept only by the `naver` spider, and never to be passed on."""

_NAMES = {"cc0": "CC0", "pdm": "Public Domain Mark", RESERVED: "All rights reserved"}
_PORTS = (
    "argentina|armenia|australia|austria|azerbaijan|belgium|brazil|bulgaria|canada|chile|china mainland|colombia|"
    "costa rica|croatia|czech republic|denmark|ecuador|egypt|estonia|finland|france|georgia|germany|greece|guatemala|"
    "hong kong|hungary|india|ireland|israel|italy|japan|korea|south korea|luxembourg|macedonia|malaysia|malta|mexico|"
    "netherlands|new zealand|norway|peru|philippines|poland|portugal|puerto rico|romania|serbia|singapore|slovenia|"
    "south africa|spain|sweden|switzerland|taiwan|thailand|uganda|ukraine|united states|venezuela|vietnam|"
    "(?:uk: )?england (?:&|and) wales|(?:uk: )?scotland"
)
_SUFFIX = rf"international|unported|generic|migrated|igo|(?!nc|nd|sa)[a-z]{{2}}|{_PORTS}"
"""What may follow a version: a port, by its name or its country. Anything else may be a restriction."""
_FREE = re.compile(rf"^(?:cc[- ])?(?P<code>by(?:-(?:nc|nd|sa))*)(?:[- ](?P<version>\d\.\d)(?:[- ](?:{_SUFFIX}))?)?$")
_ZERO = re.compile(
    r"^cc[- ]?(?:0|zero)(?:[- ]1\.0(?:[- ]universal)?)?(?: \(cc0(?: 1\.0)?\))?(?: public domain dedication)?$"
)
_MARK = re.compile(r"^(?:pd|pdm|public domain|public domain mark|pd-[\w-]+)(?:[- ]1\.0)?$")


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence: its code (`by-sa`), its name (`CC BY-SA 4.0`) and its text's address."""

    code: str
    name: str
    url: str | None = None


def read_licence(text: str | None, version: str | None = None, url: str | None = None) -> Licence | None:
    """Recognise a licence as Openverse (`by-sa`), Commons (`cc-by-sa-4.0`, `pd`) and people write it.

    Returns:
        The licence, or None for anything that is not one of `KNOWN`: unknown is never taken for free.
    """
    code = (text or "").strip().lower().replace("_", "-")
    if _ZERO.match(code):
        return Licence("cc0", "CC0 1.0", url or "https://creativecommons.org/publicdomain/zero/1.0/")
    if _MARK.match(code):
        return Licence("pdm", _NAMES["pdm"], url or "https://creativecommons.org/publicdomain/mark/1.0/")
    match = _FREE.match(code.replace("cc by", "cc-by").removeprefix("cc-"))
    if not match or match["code"] not in KNOWN:
        return None
    version = match["version"] or version
    name = " ".join(part for part in ("CC", match["code"].upper(), version) if part)
    return Licence(
        match["code"], name, url or f"https://creativecommons.org/licenses/{match['code']}/{version or '4.0'}/"
    )


def reserved(reason: str) -> Licence:
    """A photo kept under robots.txt or a written permission, without an open licence."""
    return Licence(RESERVED, f"{_NAMES[RESERVED]} ({reason})")


def code_of(name: str | None) -> str | None:
    """The code of a licence's name, as stored in a manifest; None if it is none that we know."""
    if (name or "").startswith(_NAMES[RESERVED]):
        return RESERVED
    licence = read_licence(name)
    return licence.code if licence else None


def credit(title: str | None, creator: str | None, licence: Licence) -> str:
    """The line to print beside a photo: title, author, licence (TASL without its source address)."""
    return f"“{(title or 'Untitled').strip()}” by {(creator or 'an unnamed author').strip()}, {licence.name}"

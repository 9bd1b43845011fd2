"""Wikimedia Commons' query API: files with their licence, author and SHA-1."""

from __future__ import annotations

from typing import Any

from cafecrawl.errors import ConfigError
from cafecrawl.items import Page, PhotoRef, Place
from cafecrawl.licences import credit, read_licence
from cafecrawl.parsers import TryLater, changed, load_json, number, plain_text, reader

SOURCE = "Wikimedia Commons"
PHOTO_TYPES = ("image/jpeg", "image/png", "image/webp")


@reader(SOURCE)
def parse_page(body: bytes, area: str | None = None) -> Page:
    """Read one answer of `action=query`; `next` is its whole `continue` object.

    A thumbnail's address is taken where there is one (fewer bytes); only originals carry a `sha1`.

    Raises:
        LayoutChanged: It is not that answer.
        TryLater: The answer is the `maxlag` error (it comes with HTTP 200).
        ConfigError: The API refuses the request, or the category does not exist.
    """
    answer = load_json(body, SOURCE)
    if not isinstance(answer, dict):
        raise changed(SOURCE, "the answer is no object")
    if "error" in answer:
        error = answer["error"] if isinstance(answer["error"], dict) else {}
        if error.get("code") in ("maxlag", "ratelimited", "readonly"):
            raise TryLater(str(error.get("info")))
        raise ConfigError(
            "Wikimedia Commons refuses the request",
            where=error.get("code"),
            why=error.get("info"),
            fix="correct query=, category= or area=",
        )
    if "query" not in answer and "batchcomplete" not in answer:
        raise changed(SOURCE, "the answer has neither `query` nor `batchcomplete`")
    pages = answer.get("query", {}).get("pages", [])
    if not isinstance(pages, list):
        raise changed(SOURCE, "`pages` is no list (formatversion=2)")
    pages = sorted(pages, key=lambda p: p.get("index", 0))
    found = [pair for pair in (_photo(p, area) for p in pages) if pair]
    return Page(
        tuple(place for place, _ in found),
        tuple(photo for _, photo in found),
        answer.get("continue"),
        len(pages) - len(found),
    )


def _photo(page: dict[str, Any], area: str | None) -> tuple[Place, PhotoRef] | None:
    info = (page.get("imageinfo") or [{}])[0]
    if page.get("missing") or "filemissing" in info or info.get("mime") not in PHOTO_TYPES or not info.get("url"):
        return None
    facts = {key: value.get("value") for key, value in (info.get("extmetadata") or {}).items()}
    licence = read_licence(facts.get("License") or facts.get("LicenseShortName"), None, facts.get("LicenseUrl"))
    if licence is None or facts.get("NonFree") or facts.get("Restrictions"):
        return None
    title = plain_text(str(page.get("title", "")).removeprefix("File:").rsplit(".", 1)[0], 300)
    creator = plain_text(facts.get("Artist"), 200) or plain_text(info.get("user"), 200)
    smaller = info.get("thumburl") if info.get("thumbwidth", 0) < info.get("width", 0) else None
    cafe_id = f"commons:{page['pageid']}"
    photo = PhotoRef(
        cafe_id,
        smaller or info["url"],
        "commons",
        info.get("descriptionurl"),
        licence.name,
        licence.url,
        creator,
        plain_text(facts.get("Attribution")) or credit(title, creator, licence),
        None if smaller else info.get("sha1"),
    )
    place = Place(cafe_id, title, None, area, number(facts.get("GPSLatitude")), number(facts.get("GPSLongitude")))
    return place, photo

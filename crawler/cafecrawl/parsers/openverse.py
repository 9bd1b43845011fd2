"""Openverse's image search: openly licensed photos of many providers, a licence an item."""

from __future__ import annotations

from typing import Any

from cafecrawl.items import Page, PhotoRef, Place
from cafecrawl.licences import credit, read_licence
from cafecrawl.parsers import changed, load_json, plain_text, reader

SOURCE = "Openverse"
PAGE_SIZE, MAX_DEPTH = 20, 240
"""Without a token: at most 20 a page, and page x page_size at most 240; past it the answer is 401."""


@reader(SOURCE)
def parse_page(body: bytes, area: str | None = None) -> Page:
    """Read one page of `/v1/images/`; `next` is `{"page": n + 1}` within the depth that is free to all.

    Every photo is a café of its own: Openverse knows no cafés.

    Raises:
        LayoutChanged: It is not that answer.
    """
    answer = load_json(body, SOURCE)
    if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
        raise changed(SOURCE, "the answer has no `results`")
    try:
        page, last = int(answer["page"]), int(answer["page_count"])
    except (KeyError, TypeError, ValueError):
        raise changed(SOURCE, "the answer does not say which page it is") from None
    found = [pair for pair in (_photo(row, area) for row in answer["results"]) if pair]
    more = page < last and (page + 1) * PAGE_SIZE <= MAX_DEPTH
    return Page(
        tuple(place for place, _ in found),
        tuple(photo for _, photo in found),
        {"page": page + 1} if more else None,
        len(answer["results"]) - len(found),
    )


def _photo(row: dict[str, Any], area: str | None) -> tuple[Place, PhotoRef] | None:
    licence = read_licence(row.get("license"), row.get("license_version"), row.get("license_url"))
    if not row.get("id") or not str(row.get("url", "")).startswith(("https://", "http://")):
        return None
    if licence is None or row.get("mature"):
        return None
    cafe_id = f"openverse:{row['id']}"
    title, creator = plain_text(row.get("title")), plain_text(row.get("creator"), 200)
    photo = PhotoRef(
        cafe_id,
        str(row["url"]),
        "openverse",
        row.get("foreign_landing_url") or row.get("detail_url"),
        licence.name,
        licence.url,
        creator,
        plain_text(row.get("attribution")) or credit(title, creator, licence),
    )
    return Place(cafe_id, title, area=area), photo

"""OpenStreetMap's cafés as Overpass lists them (ODbL): ids, names, addresses, coordinates; no photos."""

from __future__ import annotations

from typing import Any

from cafecrawl.items import Page, Place
from cafecrawl.parsers import TryLater, changed, load_json, number, plain_text, reader

SOURCE = "Overpass (OpenStreetMap)"


@reader(SOURCE)
def parse_page(body: bytes, area: str | None = None) -> Page:
    """Read the `elements` of an answer with `[out:json]` and `out center tags`.

    Raises:
        LayoutChanged: It is not that answer.
        TryLater: The query ran out of time or memory (this comes with HTTP 200 and no elements).
    """
    answer = load_json(body, SOURCE)
    if not isinstance(answer, dict) or not isinstance(answer.get("elements"), list):
        raise changed(SOURCE, "the answer has no `elements`")
    remark = str(answer.get("remark") or "")
    if not answer["elements"] and remark.startswith("runtime error"):
        raise TryLater(remark)
    places = [_place(e, area) for e in answer["elements"] if e.get("id") and e.get("type")]
    return Page(tuple(places), n_left_out=len(answer["elements"]) - len(places))


def _place(element: dict[str, Any], area: str | None) -> Place:
    tags = element.get("tags") or {}
    spot = element.get("center") or element
    address = " ".join(
        str(tags[key]) for key in ("addr:city", "addr:district", "addr:street", "addr:housenumber") if tags.get(key)
    )
    return Place(
        f"osm:{element['type']}/{element['id']}",
        plain_text(tags.get("name:ko") or tags.get("name") or tags.get("name:en")),
        plain_text(address),
        area,
        number(spot.get("lat")),
        number(spot.get("lon")),
    )

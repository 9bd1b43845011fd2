"""Naver Map search: the page of both generations, and the JSON that pages it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from cafecrawl.items import Page, Place
from cafecrawl.parsers import changed, load_json, number, plain_text, reader

SOURCE = "Naver Map search"
_STREAM = re.compile(r"__RQ_STREAMING_STATE__\s*\.push\(\s*")
_CLASSIC = re.compile(r"var\s+searchResult\s*=\s*")
_DATA_CID = re.compile(r'data-cid="s?(\d+)"')
_LINK = re.compile(r"m\.place\.naver\.com/(?:place|restaurant|cafe)/(\d+)")


@reader(SOURCE)
def parse_page(body: bytes, area: str | None = None) -> Page:
    """Read the cafés of a search page: React-Query stream, then `searchResult`, then bare links.

    Raises:
        LayoutChanged: None of the three is in the page.
    """
    text = body.decode("utf-8", "replace")
    for read in (_from_stream, _from_classic, _from_links):
        places = read(text, area)
        if places is not None:
            return Page(_unique(places))
    raise changed(SOURCE, "neither a result stream, nor searchResult, nor links to places")


@reader(SOURCE)
def parse_more(body: bytes, area: str | None = None) -> Page:
    """Read a `searchMore.naver` answer; `next` is `{"page": n + 1}` until a page has no places.

    Raises:
        LayoutChanged: It is not that answer.
    """
    result = load_json(body, SOURCE)
    result = result.get("result") if isinstance(result, dict) else None
    if not isinstance(result, dict):
        raise changed(SOURCE, "searchMore has no `result`")
    site = result.get("site")
    if site is None:  # how it says that there is no hit
        return Page()
    rows = site.get("list") if isinstance(site, dict) else None
    if not isinstance(rows, list):
        raise changed(SOURCE, "searchMore has no `result.site.list`")
    places = _unique([_place(row, area) for row in rows])
    return Page(places, next={"page": int(site.get("page") or 1) + 1} if places else None)


def _from_stream(text: str, area: str | None) -> list[Place] | None:
    starts = [match.end() for match in _STREAM.finditer(text)]
    if not starts:
        return None
    found = [row for start in starts for row in _records(_object_at(text, start))]
    return [_place(row, area) for row in found]


def _from_classic(text: str, area: str | None) -> list[Place] | None:
    match = _CLASSIC.search(text)
    if not match:
        return None
    site = _object_at(text, match.end()).get("site") or {}
    return [_place(row, area) for row in site.get("list", [])]


def _from_links(text: str, area: str | None) -> list[Place] | None:
    ids = _DATA_CID.findall(text) or _LINK.findall(text)
    return [Place(cafe_id, area=area) for cafe_id in ids] or None


def _object_at(text: str, start: int) -> dict[str, Any]:
    source = re.sub(r"(?<=[:,\[])\s*undefined(?=\s*[,}\]])", "null", text[start : text.find("</script", start)])
    try:
        value, _ = json.JSONDecoder().raw_decode(source.lstrip())
    except ValueError:
        raise changed(SOURCE, "its data is not JSON") from None
    return value if isinstance(value, dict) else {"": value}


def _records(value: Any) -> Iterator[dict[str, Any]]:
    """Every record of a place in a tree of JSON, in the order of the page."""
    if isinstance(value, list):
        for entry in value:
            yield from _records(entry)
    elif isinstance(value, dict):
        if "id" in value and "name" in value and ("latitude" in value or "roadAddress" in value):
            yield value
        else:
            for entry in value.values():
                yield from _records(entry)


def _place(row: dict[str, Any], area: str | None) -> Place:
    cafe_id = str(row.get("id") or "").lstrip("s")  # searchMore writes "s1234567890"
    if not cafe_id.isdigit():
        raise changed(SOURCE, f"a place's id is {row.get('id')!r}")
    return Place(
        cafe_id,
        plain_text(row.get("name")),
        plain_text(row.get("roadAddress") or row.get("address")),
        area,
        number(row.get("latitude", row.get("y"))),
        number(row.get("longitude", row.get("x"))),
    )


def _unique(places: list[Place]) -> tuple[Place, ...]:
    first: dict[str, Place] = {}
    for place in places:
        first.setdefault(place.cafe_id, place)
    return tuple(first.values())

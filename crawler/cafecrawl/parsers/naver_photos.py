"""Photos of a Naver place: the photo page and the GraphQL photo viewer, interiors only.

Only an allow-list of fields is read: reviewers' names, ids, pictures and texts never reach an item.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cafecrawl.items import Page, PhotoRef
from cafecrawl.parsers import changed, load_json, reader

SOURCE = "Naver place photos"
INTERIOR = "내부"
CURSORS = ("biz", "clip", "cp0", "aiView", "visitorReview", "imgSas", "cp")
QUERY = (
    "query getPhotoViewerItems($input: PhotoViewerInput) { photoViewer(input: $input) "
    "{ cursors { id startIndex hasNext lastCursor } photos { viewId originalUrl width height title photoType } } }"
)
_IMAGES = re.compile(
    r'<img[^>]+class="[^"]*\bK0PDV\b[^"]*"[^>]*src="([^"]+)"|<img[^>]+src="([^"]+)"[^>]*class="[^"]*\bK0PDV\b'
)
_APOLLO = re.compile(r"window\.__APOLLO_STATE__\s*=\s*")


def viewer_request(cafe_id: str, cursors: list[dict[str, Any]] | None = None) -> bytes:
    """The GraphQL body that asks for the next photos of a place."""
    wanted: list[dict[str, Any]] = cursors or [{"id": name} for name in CURSORS]
    variables = {
        "businessId": cafe_id,
        "businessType": "restaurant",
        "cursors": wanted,
        "excludeAuthorIds": [],
        "excludeSection": [],
        "excludeClipIds": [],
        "dateRange": "",
    }
    body = [{"operationName": "getPhotoViewerItems", "variables": {"input": variables}, "query": QUERY}]
    return json.dumps(body, ensure_ascii=False).encode()


@reader(SOURCE)
def parse_viewer(body: bytes, cafe_id: str) -> Page:
    """Read a photo viewer answer; `next` is `{"cursors": […]}` with those that go on.

    Two cursors (`clip`, `visitorReview`) never end: the spider stops after pages without new photos.

    Raises:
        LayoutChanged: It is not that answer.
    """
    answers = load_json(body, SOURCE)
    answers = answers if isinstance(answers, list) else [answers]
    data = next((a["data"] for a in answers if isinstance(a, dict) and "photoViewer" in (a.get("data") or {})), None)
    if data is None:
        raise changed(SOURCE, "the answer has no `photoViewer`")
    viewer = data["photoViewer"]
    if not isinstance(viewer, dict) or not isinstance(viewer.get("photos"), list):
        raise changed(SOURCE, "`photoViewer` has no `photos`")
    urls = [str(p["originalUrl"]) for p in viewer["photos"] if p.get("originalUrl") and p.get("title") == INTERIOR]
    cursors = [
        {"id": c["id"], "lastCursor": c["lastCursor"]}
        for c in viewer.get("cursors", [])
        if c.get("hasNext") and c.get("lastCursor") is not None
    ]
    photos = _photos(urls, cafe_id)
    return Page(
        photos=photos,
        next={"cursors": cursors} if cursors else None,
        n_left_out=len(viewer["photos"]) - len(photos),
    )


@reader(SOURCE)
def parse_page(body: bytes, cafe_id: str) -> Page:
    """Read the first interiors from the photo page (`?filterType=내부`); the viewer has the rest.

    Raises:
        LayoutChanged: The page holds neither photos nor the state they come from.
    """
    text = body.decode("utf-8", "replace")
    urls = [a or b for a, b in _IMAGES.findall(text)]
    if not urls and not _APOLLO.search(text):
        raise changed(SOURCE, "no photos and no state in the photo page")
    return Page(photos=_photos(urls, cafe_id), next={"cursors": None})


def original_url(url: str) -> str:
    """The photo behind Naver's resizing proxy (`search.pstatic.net/common/?src=…`), without a size fragment."""
    url = url.replace("&amp;", "&").split("#")[0]
    parts = urlsplit(url)
    inner = parse_qs(parts.query).get("src")
    if inner and parts.path.startswith("/common"):
        return original_url(inner[0])
    return url


def _photos(urls: list[str], cafe_id: str) -> tuple[PhotoRef, ...]:
    page = f"https://m.place.naver.com/place/{cafe_id}/photo"
    originals = dict.fromkeys(original_url(url) for url in urls)
    return tuple(PhotoRef(cafe_id, url, "naver", page) for url in originals if url.startswith(("https://", "http://")))

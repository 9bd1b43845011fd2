"""The replica's pages, one function a page: the shapes of the real sites, with the personal data that those carry."""

from __future__ import annotations

import hashlib
import html
import io
import json
import re
from typing import Any
from urllib.parse import quote

from aiohttp import web
from PIL import Image

from cafecrawl.areas import AREAS, Area
from cafecrawl.replica.content import COMMONS, OPENVERSE, Content, ReplicaCafe

REVIEWERS = ("김리뷰왕", "박동네미식가", "이커피러버")
REVIEW = "정말 아늑하고 좋은 카페였어요 다시 올게요"
"""Personal data on the replica's pages; tests hold that it is in no output file."""


class NaverPages:
    """Search of both generations, searchMore, the photo page, the photo viewer."""

    def __init__(self, content: Content, image_host: str, generation: str) -> None:
        self.content, self.image_host, self.generation = content, image_host, generation

    def search(self, request: web.Request) -> web.Response:
        """`/search2/search.naver`: the first 15 of an area."""
        rows = [self._record(c) for c in self._cafes(request)[:15]]
        if self.generation == "A":
            data = json.dumps({"site": {"list": rows}} if rows else {}, ensure_ascii=False)
            script = f"requirejs(['search'], function(search){{ var searchResult = {data} ; search.go(); }});"
        else:
            streamed = [{k: r[k] for k in ("name", "address", "roadAddress")} | self._modern(r) for r in rows]
            data = json.dumps({"queries": [{"state": {"data": {"items": streamed}}}]}, ensure_ascii=False)
            script = f"window.__RQ_STREAMING_STATE__.push({data});window.__RQ_STREAMING_CALLBACK__();"
        return web.Response(text=f"<html><body><script>{script}</script></body></html>", content_type="text/html")

    def search_more(self, request: web.Request) -> web.Response:
        """`/search2/searchMore.naver`: all of an area, 75 a page."""
        page, most = int(request.query.get("page", 1)), int(request.query.get("displayCount", 15))
        rows = [self._record(c) for c in self._cafes(request)[(page - 1) * most : page * most]]
        site = {"site": {"sort": "0", "page": page, "list": rows}} if rows or page > 1 else {}
        return web.json_response({"result": site})

    def photo_page(self, request: web.Request) -> web.Response:
        """`/{kind}/{id}/photo`: the first interiors through the resizing proxy, and a review."""
        number = int(request.match_info["cafe"]) - 1_000_000_000
        images = "".join(
            f'<img class="K0PDV _div" src="{html.escape(self._proxied(self._image(number, view)))}" alt="내부">'
            for view in range(min(3, self.content.n_photos))
        )
        state = json.dumps({"Review:1": {"author": REVIEWERS[0], "body": REVIEW}}, ensure_ascii=False)
        page = f"<html><body>{images}<script>window.__APOLLO_STATE__ = {state};</script></body></html>"
        return web.Response(text=page, content_type="text/html")

    async def graphql(self, request: web.Request) -> web.Response:
        """`/graphql`: the photo viewer; two cursors never end, and every review has an author."""
        asked = (await request.json())[0]["variables"]["input"]
        number = int(asked["businessId"]) - 1_000_000_000
        last = {c["id"]: c.get("lastCursor") for c in asked["cursors"]}
        first = not any(last.values())
        start = 0 if first else int(last.get("aiView") or self.content.n_photos)
        views = range(start, min(start + 4, self.content.n_photos))
        photos = [self._photo(self._image(number, v), "내부") for v in views]
        photos += [self._photo(self._image(number, 0), "메뉴")] if first else []
        photos += [self._photo(f"{self.image_host}/review/{i}.jpg", "리뷰", i) for i in range(2)]
        more = start + 4 < self.content.n_photos
        cursors = [
            {"id": "biz", "startIndex": 1, "hasNext": False, "lastCursor": None},
            {"id": "aiView", "startIndex": 1, "hasNext": more, "lastCursor": str(start + 4) if more else None},
            {"id": "clip", "startIndex": 1, "hasNext": True, "lastCursor": "c"},
            {"id": "visitorReview", "startIndex": 1, "hasNext": True, "lastCursor": "r"},
        ]
        return web.json_response([{"data": {"photoViewer": {"cursors": cursors, "photos": photos}}}])

    def _cafes(self, request: web.Request) -> list[ReplicaCafe]:
        words = request.query.get("query", "")
        area = next((a for a in AREAS.values() if a.name in words), None)
        return self.content.cafes(area) if area else []

    def _record(self, cafe: ReplicaCafe) -> dict[str, Any]:
        address = f"서울특별시 {cafe.area.name} {cafe.number}"
        return {
            "id": f"s{cafe.cafe_id}",
            "name": html.escape(cafe.name),
            "address": address,
            "roadAddress": address,
            "tel": "02-000-0000",
            "x": f"{cafe.lon:.7f}",
            "y": f"{cafe.lat:.7f}",
            "microReview": [{"author": REVIEWERS[1], "text": REVIEW}],
        }

    @staticmethod
    def _modern(record: dict[str, Any]) -> dict[str, Any]:
        place = {"id": int(record["id"][1:]), "latitude": float(record["y"]), "longitude": float(record["x"])}
        return place | {"microReview": record["microReview"]}

    def _image(self, number: int, view: int) -> str:
        return f"{self.image_host}/ldb/{number}_{view}.jpg"

    def _proxied(self, url: str) -> str:
        return f"{self.image_host}/common/?autoRotate=true&type=w560&src={quote(url, safe='')}"

    @staticmethod
    def _photo(url: str, title: str, reviewer: int | None = None) -> dict[str, Any]:
        author = None
        if reviewer is not None:
            author = {
                "id": f"u{reviewer}",
                "nickname": REVIEWERS[reviewer],
                "imageUrl": f"https://phinf/{REVIEWERS[reviewer]}",
            }
        text = REVIEW if reviewer is not None else None
        return {"viewId": "v", "originalUrl": url, "title": title, "photoType": "ibu", "author": author, "text": text}


class OpenversePages:
    """The image search, with its redirect, its depth, its rate headers and its trap."""

    def __init__(self, content: Content, image_host: str, per_day: int) -> None:
        self.content, self.image_host, self.per_day, self.used = content, image_host, per_day, 0

    def images(self, request: web.Request) -> web.Response:
        """`/v1/images/`."""
        asked = request.query
        page, size = int(asked.get("page", 1)), int(asked.get("page_size", 20))
        if size > 20:
            return web.json_response({"detail": "page_size may not exceed 20 for anonymous requests"}, status=401)
        if page * size > 240:
            return web.json_response({"detail": "pagination depth may not exceed 240"}, status=401)
        self.used += 1
        headers = {
            "X-RateLimit-Limit-anon_burst": "20/min",
            "X-RateLimit-Limit-anon_sustained": f"{self.per_day}/day",
            "X-RateLimit-Available-anon_sustained": str(max(self.per_day - self.used, 0)),
        }
        if self.used > self.per_day:
            return web.json_response({"detail": "throttled"}, status=429, headers=headers | {"Retry-After": "86400"})
        sensitive = bool(asked.get("mature"))  # the trap: any value, even "false", turns sensitive results on
        total = self.content.n_openverse
        rows = [self._row(i, sensitive) for i in range((page - 1) * size, min(page * size, total))]
        pages = -(-total // size)
        answer = {"result_count": total, "page_count": pages, "page_size": size, "page": page, "results": rows}
        return web.json_response(answer, headers=headers)

    def _row(self, i: int, sensitive: bool) -> dict[str, Any]:
        licence, version = (("by", "2.0"), ("by-sa", "4.0"), ("cc0", "1.0"), ("by-nc-nd", "2.0"))[i % 4]
        number, view = OPENVERSE + i // 2, i % 2
        return {
            "id": f"6d1c{i:08d}",
            "title": f"Café interior № {i} ☕",
            "foreign_landing_url": f"https://www.flickr.com/photos/u/{i}",
            "url": f"{self.image_host}/{number}_{view}.jpg",
            "creator": f"Photographer {i}",
            "license": licence,
            "license_version": version,
            "license_url": f"https://creativecommons.org/licenses/{licence}/{version}/",
            "attribution": f'"Café interior № {i}" by Photographer {i} is licensed under {licence} {version}.',
            "mature": sensitive,
        }


class CommonsPages:
    """`action=query` with a generator: continue, HTML artists, real SHA-1s, some files no photos."""

    def __init__(self, content: Content, image_host: str) -> None:
        self.content, self.image_host = content, image_host

    def api(self, request: web.Request) -> web.Response:
        """`/w/api.php`."""
        asked = request.query
        prefix = {"search": "gsr", "geosearch": "ggs", "categorymembers": "gcm"}.get(asked.get("generator", ""))
        if prefix is None:
            return web.json_response({"error": {"code": "badvalue", "info": "Unrecognized value for generator"}})
        start, size = int(asked.get(f"{prefix}offset", 0)), int(asked.get(f"{prefix}limit", 10))
        chosen = range(start, min(start + size, self.content.n_commons))
        answer: dict[str, Any] = {"batchcomplete": True, "query": {"pages": [self._page(i) for i in chosen][::-1]}}
        if start + size < self.content.n_commons:
            answer["continue"] = {f"{prefix}offset": start + size, "continue": f"{prefix}offset||"}
        return web.json_response(answer)

    def _page(self, i: int) -> dict[str, Any]:
        if i % 10 == 9:
            return {
                "pageid": 500 + i,
                "title": f"File:Plan {i}.svg",
                "index": i,
                "imageinfo": [{"mime": "image/svg+xml"}],
            }
        number, view = COMMONS + i // 2, i % 2
        body = self.content.photo(number, view)
        with Image.open(io.BytesIO(body)) as image:
            width, height = image.size
        licence, name = (("cc-by-sa-4.0", "CC BY-SA 4.0"), ("cc0", "CC0"), ("pd", "Public domain"))[i % 3]
        url = f"{self.image_host}/{number}_{view}.jpg"
        facts = {
            "License": licence,
            "LicenseShortName": name,
            "LicenseUrl": "https://creativecommons.org/licenses/by-sa/4.0",
            "Artist": f'<a href="//commons.wikimedia.org/wiki/User:U{i}">사진가 {i}</a>',
            "Restrictions": "",
            "GPSLatitude": "37.55",
        }
        info = {
            "url": url,
            "thumburl": url,
            "thumbwidth": width,
            "width": width,
            "height": height,
            "mime": "image/jpeg",
            "user": f"U{i}",
            "descriptionurl": f"https://commons.wikimedia.org/wiki/File:Café_{i}.jpg",
            "sha1": hashlib.sha1(body, usedforsecurity=False).hexdigest(),
            "extmetadata": {key: {"value": value} for key, value in facts.items()},
        }
        return {"pageid": 500 + i, "ns": 6, "title": f"File:Café {i}.jpg", "index": i, "imageinfo": [info]}


def overpass(content: Content, query: str) -> web.Response:
    """`/api/interpreter`: the cafés around a point, nodes and ways."""
    match = re.search(r"around:[\d.]+,([\d.]+),([\d.]+)", query)
    area = _nearest(float(match[1]), float(match[2])) if match else None
    elements: list[dict[str, Any]] = []
    for cafe in content.cafes(area) if area else []:
        spot = {"lat": cafe.lat, "lon": cafe.lon}
        tags = {"amenity": "cafe", "name": "Cafe", "name:ko": cafe.name, "addr:street": f"{cafe.area.name}로"}
        way = cafe.number % 3 == 0
        elements.append(
            {"type": "way" if way else "node", "id": 5_000_000 + cafe.number, "tags": tags}
            | ({"center": spot} if way else spot)
        )
    return web.json_response({"version": 0.6, "elements": elements})


def _nearest(lat: float, lon: float) -> Area:
    return min(AREAS.values(), key=lambda a: (a.lat - lat) ** 2 + (a.lon - lon) ** 2)

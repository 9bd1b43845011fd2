"""Naver Map, the 2021 study's source: only where its robots.txt, or its written permission, allows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import ceil
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from scrapy.http import Request, Response

from cafecrawl.areas import AREAS
from cafecrawl.cost import Cost
from cafecrawl.errors import CrawlError, NotAllowed
from cafecrawl.items import Page
from cafecrawl.ledger import Listing
from cafecrawl.licences import RESERVED, reserved
from cafecrawl.options import Options
from cafecrawl.parsers import naver_photos, naver_search
from cafecrawl.spider import PhotoSpider

MAP, PLACE, GRAPHQL = "https://m.map.naver.com", "https://m.place.naver.com", "https://pcmap-api.place.naver.com"
IMAGES = ("ldb-phinf.pstatic.net", "pup-review-phinf.pstatic.net", "blogfiles.pstatic.net", "blogfiles.naver.net")

CAFES, PHOTOS = 76, 10
"""Cafés an area, and interiors a café, as in the study."""
PAGE_SIZE = 75


class NaverSpider(PhotoSpider):
    """`scrapy crawl naver -a contact=… -a permission=FILE`: 16 areas x 76 cafés x 10 interiors, as in the study."""

    name = "naver"
    own: ClassVar = {
        "cafes": f"cafés an area at most (default {CAFES})",
        "photos": f"interiors a café at most (default {PHOTOS})",
    }
    max_stale = 3
    ends_at_block = True
    replica_host = "naver"
    demo_arguments: ClassVar = {"area": "공릉동,성수역,연남동"}
    refusal = (
        "Naver does not allow crawls without its written permission: give -a permission=FILE (with -a contact=… alone, "
        "robots.txt is asked and obeyed). Open sources: `scrapy crawl openverse`, `scrapy crawl commons`."
    )

    def prepare(self) -> None:
        """The study's plan by default; robots.txt is set aside only for what the permission is about."""
        self.n_cafes = self.options.number("cafes", CAFES)
        self.per_cafe = self.options.number("photos", PHOTOS)
        self.accepted |= {RESERVED}
        permission = self.options.permission
        hosts = [url.removeprefix("https://") for url in (MAP, PLACE, GRAPHQL)]
        self.permitted_hosts = (*hosts, *IMAGES) if permission else ()
        self.licence = reserved(
            f"Naver's written permission, SHA-256 {permission.sha256[:12]}" if permission else "robots.txt allows it"
        )

    def lists(self) -> Iterable[tuple[str, dict[str, Any]]]:
        """A search an area: the study's words."""
        for area in self.options.areas or AREAS.values():
            yield f"naver {area.name} 카페", {"step": "search", "query": f"{area.name} 카페", "area": area.name}

    @classmethod
    def cost(cls, options: Options) -> Cost:
        """A search an area, then two requests a café for its photos."""
        n_areas = len(options.areas or AREAS)
        n_cafes = options.number("cafes", CAFES)
        n_photos = n_areas * n_cafes * options.number("photos", PHOTOS)
        searches = n_areas * (1 + ceil(max(n_cafes - PAGE_SIZE, 0) / PAGE_SIZE))
        return Cost(searches + 2 * n_areas * n_cafes, min(n_photos, options.limit or n_photos))

    def list_request(self, listing: Listing) -> Request:
        """The study's search page, then its JSON; a café's photo page, then the viewer."""
        asked, cursor = listing.request, listing.cursor or {}
        if asked["step"] == "search":
            site = self.options.site or MAP
            if "page" not in cursor:
                words = urlencode({"query": asked["query"], "sm": "hty", "style": "v5"})
                return Request(f"{site}/search2/search.naver?{words}")
            most = {"query": asked["query"], "page": cursor["page"], "displayCount": PAGE_SIZE, "type": "SITE_1"}
            return Request(
                f"{site}/search2/searchMore.naver?{urlencode(most | {'siteSort': 0, 'sm': 'clk', 'style': 'v5'})}"
            )
        if "cursors" not in cursor:
            site = self.options.site or PLACE
            return Request(f"{site}/place/{asked['cafe_id']}/photo?filterType={quote('내부')}")
        return Request(
            f"{self.options.site or GRAPHQL}/graphql",
            method="POST",
            body=naver_photos.viewer_request(asked["cafe_id"], cursor["cursors"]),
            headers={"Content-Type": "application/json"},
        )

    def parse_list(self, listing: Listing, response: Response) -> tuple[Page, Iterable[tuple[str, dict[str, Any]]]]:
        """Cafés (each gives rise to a list of photos), or photos."""
        asked, cursor = listing.request, listing.cursor or {}
        if asked["step"] == "photos":
            parse = naver_photos.parse_viewer if "cursors" in cursor else naver_photos.parse_page
            return self._licensed(parse(response.body, asked["cafe_id"]), asked["cafe_id"]), ()
        if "page" in cursor:
            page = naver_search.parse_more(response.body, asked["area"])
        else:
            page = naver_search.parse_page(response.body, asked["area"])
            page = replace(page, next={"page": 1} if page.places else None)
        cafe_ids = self._cafe_ids(asked["area"])
        places = [p for p in page.places if p.cafe_id not in cafe_ids][: max(self.n_cafes - len(cafe_ids), 0)]
        more = page.next if len(cafe_ids) + len(places) < self.n_cafes else None
        sublists = [(f"naver photos {p.cafe_id}", {"step": "photos", "cafe_id": p.cafe_id}) for p in places]
        return Page(tuple(places), next=more, n_left_out=len(page.places) - len(places)), sublists

    def list_refused(self, host: str, why: str) -> CrawlError:
        """One line, with the ways that are open."""
        return NotAllowed(
            f"Naver does not allow this crawl ({why}): nothing was fetched. Open sources: `scrapy crawl openverse`, "
            "`scrapy crawl commons`; or give Naver's written permission: -a permission=FILE"
        )

    def list_gone(self, listing: Listing) -> bool:
        """A café that has closed has no photo page any more; the viewer has one address for all cafés."""
        return listing.request["step"] == "photos" and "cursors" not in (listing.cursor or {})

    def _cafe_ids(self, area: str) -> set[str]:
        rows = self.ledger.rows("SELECT cafe_id FROM places WHERE source = 'naver' AND area = ?", area)
        return {row["cafe_id"] for row in rows}

    def _licensed(self, page: Page, cafe_id: str) -> Page:
        credit = f"Photo of Naver place {cafe_id}, provided by the business; {self.licence.name}"
        photos = tuple(replace(p, licence=self.licence.name, attribution=credit) for p in page.photos)
        return Page(photos=photos, next=page.next, n_left_out=page.n_left_out)

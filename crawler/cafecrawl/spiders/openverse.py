"""Openly licensed photos that Openverse finds: a licence and an attribution each."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Any, ClassVar
from urllib.parse import urlencode

from scrapy.http import Request, Response

from cafecrawl.cost import Cost
from cafecrawl.items import Page
from cafecrawl.ledger import Listing
from cafecrawl.options import Options
from cafecrawl.parsers import openverse
from cafecrawl.spider import PhotoSpider

QUERIES = (
    "cafe interior",
    "coffee shop interior",
    "coffeehouse interior",
    "cafe seating",
    "coffee bar counter",
    "cozy cafe",
    "카페 인테리어",
    "Seoul cafe",
)


class OpenverseSpider(PhotoSpider):
    """`scrapy crawl openverse -a contact=… [-a limit=500] [-a area=seongsu] [-a query="cafe interior"]`."""

    name = "openverse"
    own: ClassVar = {"query": f"words to search for, separated by | (default: {' | '.join(QUERIES)})"}
    daily_quota = 200
    replica_host = "openverse"
    demo_arguments: ClassVar = {"query": "cafe interior"}

    def lists(self) -> Iterable[tuple[str, dict[str, Any]]]:
        """One list a query; with areas, one a query and area."""
        licences = ",".join(sorted(self.options.licences))
        for query, area in queries(self.options):
            request = {"q": query[:200], "license": licences, "area": area}
            yield f"openverse {query} {licences}", request

    @classmethod
    def cost(cls, options: Options) -> Cost:
        """Lists as deep as they are free."""
        n_photos = len(queries(options)) * openverse.MAX_DEPTH
        n_photos = min(options.limit or n_photos, n_photos)
        return Cost(ceil(n_photos / openverse.PAGE_SIZE), n_photos, 3.2, 1.0, cls.daily_quota)

    def list_request(self, listing: Listing) -> Request:
        """Never with `mature`: any value of it, even "false", turns sensitive results on."""
        query = {
            "q": listing.request["q"],
            "license": listing.request["license"],
            "page_size": openverse.PAGE_SIZE,
            "page": (listing.cursor or {}).get("page", 1),
        }
        site = self.options.site or "https://api.openverse.org"
        return Request(f"{site}/v1/images/?{urlencode(query)}")

    def parse_list(self, listing: Listing, response: Response) -> tuple[Page, Iterable[tuple[str, dict[str, Any]]]]:
        """A page of results."""
        return openverse.parse_page(response.body, listing.request["area"] or None), ()


def queries(options: Options) -> list[tuple[str, str]]:
    """The words to search for, and the area of each ("" without one)."""
    words = options.own.get("query")
    plain = [w.strip() for w in words.split("|") if w.strip()] if words else list(QUERIES)
    if not options.areas:
        return [(query, "") for query in plain]
    in_korean = [] if words else [(f"{area.name} 카페", area.name) for area in options.areas]
    repeated = plain if words else plain[:1]
    return in_korean + [(f"{query} {area.key}", area.name) for area in options.areas for query in repeated]

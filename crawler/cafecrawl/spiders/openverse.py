"""Openly licensed photos that Openverse finds: a licence and an attribution each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar
from urllib.parse import urlencode

from scrapy.http import Request, Response

from cafecrawl.items import Page
from cafecrawl.ledger import Listing
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

    def lists(self) -> Iterable[tuple[str, dict[str, Any]]]:
        """One list a query; with areas, one a query and area."""
        words = self.options.own.get("query")
        queries = [w.strip() for w in words.split("|") if w.strip()] if words else list(QUERIES)
        licences = ",".join(sorted(self.options.licences))
        if self.options.areas:
            named = [(f"{a.name} 카페", a.name) for a in self.options.areas] if not words else []
            named += [(f"{q} {a.key}", a.name) for a in self.options.areas for q in (queries if words else queries[:1])]
        else:
            named = [(q, "") for q in queries]
        for query, area in named:
            request = {"q": query[:200], "license": licences, "area": area}
            yield f"openverse {query} {licences}", request

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

"""Freely licensed photos of Wikimedia Commons, by words, by category, or around an area of Seoul."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar
from urllib.parse import urlencode

from scrapy.http import Request, Response

from cafecrawl.items import Page
from cafecrawl.ledger import Listing
from cafecrawl.parsers import commons
from cafecrawl.spider import PhotoSpider

QUERIES = ("cafe interior", "coffeehouse interior", "coffee shop interior", "café interior Seoul")
FACTS = (
    "License|LicenseShortName|LicenseUrl|Attribution|AttributionRequired|Artist|Restrictions|NonFree|"
    "GPSLatitude|GPSLongitude"
)
QUESTION = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "maxlag": "5",
    "prop": "imageinfo",
    "iiprop": "url|size|mime|sha1|user|extmetadata",
    "iiurlwidth": "1280",
    "iiextmetadatalanguage": "en",
    "iiextmetadatafilter": FACTS,
}


class CommonsSpider(PhotoSpider):
    """`scrapy crawl commons -a contact=… [-a query="…"] [-a category="Interiors of cafés"] [-a area=seongsu]`."""

    name = "commons"
    own: ClassVar = {
        "query": f"words to search for, separated by | (default: {' | '.join(QUERIES)})",
        "category": "a category of Commons, without `Category:`",
        "radius": "metres around each area (default 1000, at most 10000)",
    }

    def prepare(self) -> None:
        """Check the radius."""
        self.radius = min(self.options.number("radius", 1000), 10_000)

    def lists(self) -> Iterable[tuple[str, dict[str, Any]]]:
        """A list a category, an area, or a query."""
        own = self.options.own
        if "category" in own:
            title = f"Category:{own['category'].removeprefix('Category:')}"
            asked = {"generator": "categorymembers", "gcmtitle": title, "gcmtype": "file", "gcmlimit": "50"}
            yield f"commons {title}", {"ask": asked, "area": ""}
            return
        for area in self.options.areas:
            place = {"ggscoord": f"{area.lat}|{area.lon}", "ggsradius": str(self.radius)}
            asked = {"generator": "geosearch", "ggsnamespace": "6", "ggslimit": "50", **place}
            yield f"commons around {area.key} {self.radius}", {"ask": asked, "area": area.name}
        if not self.options.areas or "query" in own:
            given = [words.strip() for words in own.get("query", "").split("|")]
            for query in [words for words in given if words] or QUERIES:
                words = f"{query} filetype:bitmap"
                asked = {"generator": "search", "gsrsearch": words, "gsrnamespace": "6", "gsrlimit": "50"}
                yield f"commons {words}", {"ask": asked, "area": ""}

    def list_request(self, listing: Listing) -> Request:
        """The question, with the whole `continue` object merged in."""
        site = self.options.site or "https://commons.wikimedia.org"
        return Request(f"{site}/w/api.php?{urlencode(QUESTION | listing.request['ask'] | (listing.cursor or {}))}")

    def parse_list(self, listing: Listing, response: Response) -> tuple[Page, Iterable[tuple[str, dict[str, Any]]]]:
        """A page of files."""
        return commons.parse_page(response.body, listing.request["area"] or None), ()

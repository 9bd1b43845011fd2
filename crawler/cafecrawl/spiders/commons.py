"""Freely licensed photos of Wikimedia Commons, by words, by category, or around an area of Seoul."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil
from typing import Any, ClassVar
from urllib.parse import urlencode

from scrapy.http import Request, Response

from cafecrawl.cost import Cost
from cafecrawl.items import Page
from cafecrawl.ledger import Listing
from cafecrawl.options import Options
from cafecrawl.parsers import commons
from cafecrawl.spider import PhotoSpider

QUERIES = ("cafe interior", "coffeehouse interior", "coffee shop interior", "café interior Seoul")
FACTS = (
    "License|LicenseShortName|LicenseUrl|Attribution|AttributionRequired|Artist|Restrictions|NonFree|"
    "GPSLatitude|GPSLongitude"
)
PAGE_SIZE = 50
MAX_DEPTH = 10_000
"""Photos that one list has at most (https://www.mediawiki.org/wiki/API:Search)."""
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

    replica_host = "commons"
    demo_arguments: ClassVar = {"query": "cafe interior"}

    def prepare(self) -> None:
        """Check the radius."""
        _radius(self.options)

    def lists(self) -> Iterable[tuple[str, dict[str, Any]]]:
        """A list a category, an area, or a query."""
        yield from _lists(self.options)

    @classmethod
    def cost(cls, options: Options) -> Cost:
        """Every list to its end."""
        n_photos = sum(1 for _ in _lists(options)) * MAX_DEPTH
        n_photos = min(options.limit or n_photos, n_photos)
        return Cost(ceil(n_photos / PAGE_SIZE), n_photos, 1.0, 0.5)

    def list_request(self, listing: Listing) -> Request:
        """The question, with the whole `continue` object merged in."""
        site = self.options.site or "https://commons.wikimedia.org"
        return Request(f"{site}/w/api.php?{urlencode(QUESTION | listing.request['ask'] | (listing.cursor or {}))}")

    def parse_list(self, listing: Listing, response: Response) -> tuple[Page, Iterable[tuple[str, dict[str, Any]]]]:
        """A page of files."""
        return commons.parse_page(response.body, listing.request["area"] or None), ()


def _radius(options: Options) -> int:
    return min(options.number("radius", 1000), 10_000)


def _lists(options: Options) -> Iterator[tuple[str, dict[str, Any]]]:
    arguments, radius = options.own, _radius(options)
    if "category" in arguments:
        title = f"Category:{arguments['category'].removeprefix('Category:')}"
        asked = {"generator": "categorymembers", "gcmtitle": title, "gcmtype": "file", "gcmlimit": str(PAGE_SIZE)}
        yield f"commons {title}", {"ask": asked, "area": ""}
        return
    for area in options.areas:
        place = {"ggscoord": f"{area.lat}|{area.lon}", "ggsradius": str(radius)}
        asked = {"generator": "geosearch", "ggsnamespace": "6", "ggslimit": str(PAGE_SIZE), **place}
        yield f"commons around {area.key} {radius}", {"ask": asked, "area": area.name}
    if not options.areas or "query" in arguments:
        given = [words.strip() for words in arguments.get("query", "").split("|")]
        for query in [words for words in given if words] or QUERIES:
            words = f"{query} filetype:bitmap"
            asked = {"generator": "search", "gsrsearch": words, "gsrnamespace": "6", "gsrlimit": str(PAGE_SIZE)}
            yield f"commons {words}", {"ask": asked, "area": ""}

"""OpenStreetMap's cafés of the study's areas: a legal list of places, without photos."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from scrapy.http import FormRequest, Request, Response

from cafecrawl.areas import AREAS
from cafecrawl.cost import Cost
from cafecrawl.items import Page
from cafecrawl.ledger import Listing
from cafecrawl.options import Options
from cafecrawl.parsers import overpass
from cafecrawl.spider import PhotoSpider


class OsmSpider(PhotoSpider):
    """`scrapy crawl osm -a contact=… -a area=all [-a radius=800]`."""

    name = "osm"
    own: ClassVar = {"radius": "metres around the middle of each area (default 800)"}
    needs_area = True
    has_photos = False
    replica_host = "overpass"
    demo_arguments: ClassVar = {"area": "공릉동,성수역,연남동"}

    def prepare(self) -> None:
        """Check the radius."""
        self.radius = self.options.number("radius", 800)

    def lists(self) -> Iterable[tuple[str, dict[str, Any]]]:
        """A list an area."""
        for area in self.options.areas:
            spot = f"(around:{self.radius},{area.lat},{area.lon})"
            query = f'[out:json][timeout:60];nwr["amenity"="cafe"]{spot};out center tags;'
            yield f"osm {area.key} {self.radius}", {"data": query, "area": area.name}

    @classmethod
    def cost(cls, options: Options) -> Cost:
        """A request an area."""
        return Cost(len(options.areas or AREAS), 0, list_delay=10.0)

    def list_request(self, listing: Listing) -> Request:
        """The query in Overpass QL."""
        site = self.options.site or "https://overpass-api.de"
        return FormRequest(f"{site}/api/interpreter", formdata={"data": listing.request["data"]})

    def parse_list(self, listing: Listing, response: Response) -> tuple[Page, Iterable[tuple[str, dict[str, Any]]]]:
        """All cafés of an area at once."""
        return overpass.parse_page(response.body, listing.request["area"]), ()

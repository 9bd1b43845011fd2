"""`scrapy plan SPIDER`: requests, bytes, hours and quota days of a crawl, before anything is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from scrapy.exceptions import UsageError

from cafecrawl.areas import AREAS
from cafecrawl.folders import FolderCommand
from cafecrawl.options import Options, read_options
from cafecrawl.parsers.openverse import MAX_DEPTH
from cafecrawl.parsers.openverse import PAGE_SIZE as OPENVERSE_PAGE
from cafecrawl.spider import PhotoSpider
from cafecrawl.spiders.commons import CommonsSpider
from cafecrawl.spiders.naver import NaverSpider
from cafecrawl.spiders.openverse import OpenverseSpider
from cafecrawl.spiders.osm import OsmSpider

PHOTO_BYTES = 300_000
"""What a photo weighs, about: 1,024 pixels on the longer side as JPEG."""
SEARCH_PAGE = 75
COMMONS_PAGE = 50
DEPTH = {"openverse": MAX_DEPTH, "commons": 10_000}
"""Photos that one list has at most (https://www.mediawiki.org/wiki/API:Search)."""
SPIDERS: dict[str, type[PhotoSpider]] = {"openverse": OpenverseSpider, "commons": CommonsSpider}


@dataclass(frozen=True)
class Plan:
    """What a crawl would ask for, at most.

    Attributes:
        lists: Requests for lists and pages.
        photos: Photos.
        list_delay: Seconds between two lists.
        photo_delay: Seconds between two photos.
        per_day: List requests that the source allows in 24 hours; None: no such limit.
    """

    lists: int
    photos: int
    list_delay: float = 1.0
    photo_delay: float = 1.0
    per_day: int | None = None

    @property
    def hours(self) -> float:
        """Hours of waiting alone, lists and photos one after the other."""
        return (self.lists * self.list_delay + self.photos * self.photo_delay) / 3600

    @property
    def days(self) -> int:
        """Days that a quota spreads it over; 1 without one."""
        return ceil(self.lists / self.per_day) if self.per_day else 1


def planned(name: str, options: Options) -> Plan:
    """The plan of a source with these arguments."""
    areas = len(options.areas or AREAS)
    if name == "naver":
        cafes, each = options.number("cafes", 76), options.number("photos", 10)
        wanted = areas * cafes * each
        searches = areas * (1 + ceil(max(cafes - SEARCH_PAGE, 0) / SEARCH_PAGE))
        return Plan(searches + 2 * areas * cafes, min(wanted, options.limit or wanted))
    if name == "osm":
        return Plan(areas, 0, list_delay=10.0)
    spider = SPIDERS[name]()
    spider.options = options
    spider.prepare()
    found = len(list(spider.lists())) * DEPTH[name]
    wanted = min(options.limit or found, found)
    if name == "openverse":
        return Plan(ceil(wanted / OPENVERSE_PAGE), wanted, 3.2, 1.0, OpenverseSpider.daily_quota)
    return Plan(ceil(wanted / COMMONS_PAGE), wanted, 1.0, 0.5)


class Command(FolderCommand):
    """Say what a crawl would cost its source and you; nothing is asked."""

    def syntax(self) -> str:
        return "SPIDER [-a NAME=VALUE]…"

    def short_desc(self) -> str:
        return "Requests, bytes, hours and quota days of a crawl, before anything is fetched"

    def act(self, args: list[str], arguments: dict[str, Any]) -> int:
        spiders = {spider.name: spider for spider in (OpenverseSpider, CommonsSpider, OsmSpider, NaverSpider)}
        if len(args) != 1 or args[0] not in spiders:
            raise UsageError(f"give one of {', '.join(spiders)}", print_help=False)
        name = args[0]
        options = read_options({"contact": "plan@example.org"} | arguments, spiders[name].own)
        plan = planned(name, options)
        print(f"{name}, at most:")
        print(
            f"  requests    {plan.lists + plan.photos:>10,}   ({plan.lists:,} lists and pages, {plan.photos:,} photos)"
        )
        print(f"  bytes       {plan.photos * PHOTO_BYTES / 1e9:>10.2f} GB (about {PHOTO_BYTES // 1000} kB a photo)")
        print(f"  hours       {plan.hours:>10.1f}   (the pauses between requests; answers take their own time)")
        quota = f"(the source allows {plan.per_day} requests a day)" if plan.per_day else "(no daily quota)"
        print(f"  quota days  {plan.days:>10,}   {quota}")
        if name == "naver" and not options.permission:
            print("  Naver does not allow crawls without its written permission.")
        return 0

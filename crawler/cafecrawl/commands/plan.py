"""`scrapy plan SPIDER`: requests, bytes, hours and quota days of a crawl, before anything is fetched."""

from __future__ import annotations

from typing import Any

from scrapy.exceptions import UsageError

from cafecrawl.cost import PHOTO_BYTES
from cafecrawl.folders import FolderCommand
from cafecrawl.options import read_options
from cafecrawl.spiderlist import spider_classes


class Command(FolderCommand):
    """Say what a crawl would cost its source and you; nothing is asked."""

    def syntax(self) -> str:
        return "SPIDER [-a NAME=VALUE]…"

    def short_desc(self) -> str:
        return "Requests, bytes, hours and quota days of a crawl, before anything is fetched"

    def act(self, args: list[str], arguments: dict[str, Any]) -> int:
        spiders = spider_classes(self.settings)
        if len(args) != 1 or args[0] not in spiders:
            raise UsageError(f"give one of {', '.join(spiders)}", print_help=False)
        name = args[0]
        spider = spiders[name]
        options = read_options({"contact": "plan@example.org"} | arguments, spider.own)
        cost = spider.cost(options)
        print(f"{name}, at most:")
        print(
            f"  requests    {cost.lists + cost.photos:>10,}   ({cost.lists:,} lists and pages, {cost.photos:,} photos)"
        )
        print(f"  bytes       {cost.bytes / 1e9:>10.2f} GB (about {PHOTO_BYTES // 1000} kB a photo)")
        print(f"  hours       {cost.hours:>10.1f}   (the pauses between requests; answers take their own time)")
        quota = f"(the source allows {cost.per_day} requests a day)" if cost.per_day else "(no daily quota)"
        print(f"  quota days  {cost.days:>10,}   {quota}")
        if spider.refusal and not options.permission:
            print(f"  {spider.refusal}")
        return 0

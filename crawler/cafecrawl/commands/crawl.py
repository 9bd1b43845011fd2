"""`scrapy crawl SPIDER -a contact=… …`: Scrapy's command, with an ending that says what happened."""

from __future__ import annotations

import argparse
import sys

from scrapy.commands.crawl import Command as ScrapyCrawl
from scrapy.exceptions import UsageError

from cafecrawl.errors import INTERRUPTED, NotAllowed
from cafecrawl.export import FILES, REJECTED
from cafecrawl.folders import goes_on
from cafecrawl.spider import PhotoSpider


class Command(ScrapyCrawl):
    """Crawl a source into a photo folder."""

    def short_desc(self) -> str:
        return "Fill the photo folder from a source"

    def long_desc(self) -> str:
        return (
            "Fill the photo folder from a source (see `scrapy list`). Give -a contact=you@example.org; "
            "other arguments: folder, "
            "limit, area, licences, site, permission, and the spider's own (a wrong one lists them). "
            "Exit codes: 0 done, 1 not everything arrived: run it again, 2 argument or folder, 3 robots.txt or "
            "permission, 4 blocked, 5 quota used up, 6 layout changed."
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if len(args) != 1:
            raise UsageError("give one spider: see `scrapy list`")
        assert self.crawler_process is not None
        try:
            crawler = self._create_crawler(args[0])
        except KeyError:
            raise UsageError(f"There is no spider {args[0]!r}: see `scrapy list`", print_help=False) from None
        refusal = crawler.spidercls.refusal if issubclass(crawler.spidercls, PhotoSpider) else None
        if refusal and not {"contact", "permission"} & set(opts.spargs):
            print(refusal, file=sys.stderr)
            self.exitcode = NotAllowed.exit_code
            return
        self.crawler_process.crawl(crawler, **opts.spargs)
        self.crawler_process.start()
        spider = crawler.spider
        if self.crawler_process.bootstrap_failed or not isinstance(spider, PhotoSpider):
            self.exitcode = 1
            return
        self.exitcode = tell(spider)


def tell(spider: PhotoSpider) -> int:
    """Say how a crawl ended and where its photos are; returns its exit code."""
    exit_code = getattr(spider, "exit_code", 1)
    message = getattr(spider, "message", "The crawl ended before it began.")
    print(message, file=sys.stdout if exit_code == 0 else sys.stderr)
    if spider.store is not None:
        folder = spider.options.folder
        if spider.has_photos:
            print(f"{spider.n_done:,} photos of {spider.name} ({spider.n_fetched:,} new): {folder / FILES[0]}")
        else:
            print(f"{spider.n_places:,} cafés of {spider.name}: {folder / FILES[5]}")
        if exit_code == INTERRUPTED:
            print(goes_on(), file=sys.stderr)
        if spider.n_rejected:
            print(f"{spider.n_rejected:,} rejected, each with its reason: {folder / REJECTED}")
    return exit_code

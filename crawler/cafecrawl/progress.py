"""The live line of a crawl: photos kept of those known, rate, time left."""

from __future__ import annotations

import sys

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.utils.asyncio import AsyncioLoopingCall
from tqdm import tqdm

from cafecrawl.spider import PhotoSpider


class Progress:
    """A tqdm bar fed from the ledger's counts."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self._bar: tqdm | None = None
        self._loop = AsyncioLoopingCall(self._tell)
        crawler.signals.connect(self._opened, signals.spider_opened)
        crawler.signals.connect(self._closed, signals.engine_stopped)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Progress:
        return cls(crawler)

    def _opened(self) -> None:
        self._loop.start(0.5 if sys.stderr.isatty() else 15, now=False)

    def _tell(self) -> None:
        spider = self.crawler.spider
        if not isinstance(spider, PhotoSpider) or spider.store is None or spider.outcome is not None:
            return
        counts = spider.ledger.counts(spider.name)
        known = counts["done"] + counts["pending"] + counts["storing"]
        total = min(known, spider.options.limit or known)
        if self._bar is None:
            self._bar = tqdm(
                total=total, initial=counts["done"], unit="photo", desc=spider.name, file=sys.stderr, mininterval=0
            )
        self._bar.total = total
        self._bar.n = counts["done"]
        lists = spider.ledger.n_open_lists(spider.name)
        self._bar.set_postfix_str(f"{lists} lists to read, {counts['rejected']} rejected", refresh=False)
        self._bar.refresh()

    def _closed(self) -> None:
        if self._loop.running:
            self._loop.stop()
        if self._bar is not None:
            self._bar.close()

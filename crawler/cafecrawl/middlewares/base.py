"""What the middlewares share: the crawler, its settings, its spider."""

from __future__ import annotations

from typing import Self

from scrapy.crawler import Crawler

from cafecrawl.spider import PhotoSpider


class Middleware:
    """A downloader middleware of a crawl whose spider is a `PhotoSpider`."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler, self.settings = crawler, crawler.settings

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    @property
    def spider(self) -> PhotoSpider:
        """The spider that crawls."""
        assert isinstance(self.crawler.spider, PhotoSpider)
        return self.crawler.spider

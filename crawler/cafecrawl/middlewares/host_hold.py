"""Hosts that asked for a long silence (`Retry-After`), in this crawl or an earlier one."""

from __future__ import annotations

import time
from typing import NoReturn
from urllib.parse import urlsplit

from scrapy.http import Request

from cafecrawl.ending import clock_time
from cafecrawl.errors import Blocked, QuotaUsedUp
from cafecrawl.middlewares.base import Middleware
from cafecrawl.refusals import HostClosed
from cafecrawl.spider import PhotoSpider


class HostHoldMiddleware(Middleware):
    """Ask nothing, not even robots.txt, of a host that asked an earlier crawl for a long silence."""

    def process_request(self, request: Request) -> None:
        host = urlsplit(request.url).netloc
        left = self.spider.ledger.held(host, time.time())
        if left > self.settings.getfloat("PATIENCE_MAX_WAIT"):
            give_up_host(self.spider, request, host, left)


def give_up_host(spider: PhotoSpider, request: Request, host: str, left: float) -> NoReturn:
    """Give a host up that wants a longer silence than a crawl can wait for.

    Raises:
        HostClosed: Always.
    """
    when = clock_time(left)
    spider.close_host(host, f"it asks to wait until {when}")
    if "list" in request.meta:
        kind, stop = (QuotaUsedUp, spider.end_lists) if spider.daily_quota else (Blocked, spider.halt)
        stop(
            kind(
                f"{host} asks to be left alone",
                why=f"Retry-After: {left:.0f} s",
                fix=f"run the same command again after {when}: it goes on from here",
            )
        )
    raise HostClosed(f"{host} asks to wait until {when}")

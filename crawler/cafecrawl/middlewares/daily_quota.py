"""The daily quota of a source: list requests of the last 24 hours, counted in the ledger."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from scrapy.http import Request

from cafecrawl.ending import clock_time
from cafecrawl.errors import QuotaUsedUp
from cafecrawl.middlewares.base import Middleware
from cafecrawl.refusals import HostClosed


class DailyQuotaMiddleware(Middleware):
    """Count list requests of the last 24 hours, retries too, in the ledger, and read no list before one too many."""

    def process_request(self, request: Request) -> None:
        quota = self.spider.daily_quota
        if quota is None or "list" not in request.meta:
            return
        now = time.time()
        used, oldest = self.spider.ledger.used_today(self.spider.name, now)
        if used >= quota:
            wait = max(oldest + 24 * 3600 - now, 60)
            self.spider.end_lists(
                QuotaUsedUp(
                    f"The daily quota of {self.spider.name} is used up",
                    why=f"{used} of {quota} requests in the last 24 hours",
                    fix=f"run the same command again after {clock_time(wait)}: it goes on from here",
                )
            )
            self.spider.close_host(urlsplit(request.url).netloc, "the daily quota is used up")
            raise HostClosed("the daily quota is used up")
        self.spider.ledger.count_request(self.spider.name, now)

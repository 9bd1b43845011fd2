"""A download slot for every host and port, and the agent with the contact on every request."""

from __future__ import annotations

from urllib.parse import urlsplit

from scrapy.http import Request

from cafecrawl.middlewares.base import Middleware


class HostSlotMiddleware(Middleware):
    """Give every host and port its own slot, and every request the agent with the contact.

    A pause that is settled for a host is not AutoThrottle's to change: it would halve it at each answer. So it
    does not grow either where such a host answers slowly.
    """

    def process_request(self, request: Request) -> None:
        assert self.crawler.engine is not None
        host = urlsplit(request.url).netloc  # anew after a redirect
        request.meta["download_slot"] = host
        request.meta["autothrottle_dont_adjust_delay"] = host in self.crawler.engine.downloader.per_slot_settings
        request.headers["User-Agent"] = self.spider.options.agent

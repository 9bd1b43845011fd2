"""robots.txt, obeyed strictly: where the rules are unknown, nothing is asked."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from protego import Protego
from scrapy.crawler import Crawler
from scrapy.http import Request

from cafecrawl.middlewares.base import Middleware
from cafecrawl.refusals import RobotsForbid, RobotsUnknown
from cafemood.core.reasons import reason_of

AGENT = "cafecrawl"
"""The name by which robots.txt may address this crawler."""


class FailClosedRobotsMiddleware(Middleware):
    """Obey robots.txt, and ask nothing of a host whose robots.txt cannot be had.

    RFC 9309, stricter: 404 and 410 mean that there are no rules; 401, 403, 429, 5xx, a timeout, a web page
    or anything else mean that the rules are unknown, and then nothing is allowed. A Crawl-delay is kept, up to
    ROBOTS_MAX_DELAY.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._rules: dict[str, asyncio.Task[Protego | str]] = {}

    async def process_request(self, request: Request) -> None:
        if request.meta.get("robots") or self._exempt(request.url):
            return
        parts = urlsplit(request.url)
        site = f"{parts.scheme}://{parts.netloc}"
        if site not in self._rules:
            self._rules[site] = asyncio.ensure_future(self._fetch(site))
        rules = await asyncio.shield(self._rules[site])
        if isinstance(rules, str):
            raise RobotsUnknown(f"robots.txt of {parts.netloc}: {rules}")
        if not rules.can_fetch(request.url, AGENT):
            raise RobotsForbid(f"robots.txt of {parts.netloc} forbids {parts.path}")

    def _exempt(self, url: str) -> bool:
        permitted = urlsplit(url).hostname in getattr(self.spider, "permitted_hosts", ())
        return permitted or url.startswith(tuple(self.settings.getdict("API_ENDPOINTS")))

    async def _fetch(self, site: str) -> Protego | str:
        """The rules of a site, or why they are unknown."""
        meta = {"robots": True, "download_timeout": self.settings.getfloat("ROBOTS_TIMEOUT")}
        request = Request(f"{site}/robots.txt", meta=meta, priority=1000)
        assert self.crawler.engine is not None
        try:
            response = await self.crawler.engine.download_async(request)
        except Exception as error:  # whatever it was, the rules are unknown
            return reason_of(error)
        if response.status in (404, 410):
            return Protego.parse("")
        if response.status != 200:
            return f"HTTP {response.status}"
        text = response.body.decode("utf-8-sig", "replace")  # RFC 9309: a byte order mark is no part of the rules
        if text.lstrip().startswith("<"):
            return "a web page instead of rules"
        rules = Protego.parse(text)
        self._slow_down(urlsplit(site).netloc, rules.crawl_delay(AGENT) or 0.0)
        return rules

    def _slow_down(self, host: str, asked: float) -> None:
        """Make a site's Crawl-delay, or a longer pause of its own, the least one of its slot: nothing shortens it."""
        if asked <= 0:
            return
        assert self.crawler.engine is not None
        downloader = self.crawler.engine.downloader
        slot_settings = downloader.per_slot_settings.get(host, {})
        least = min(asked, self.settings.getfloat("ROBOTS_MAX_DELAY"))
        delay = max(least, slot_settings.get("delay", self.settings.getfloat("DOWNLOAD_DELAY")))
        downloader.per_slot_settings[host] = slot_settings | {"delay": delay, "jitter": 0}
        if slot := downloader.slots.get(host):  # it was made for robots.txt
            slot.delay, slot.jitter = delay, 0

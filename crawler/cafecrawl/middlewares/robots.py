"""robots.txt, obeyed strictly: where the rules are unknown, nothing is asked."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlsplit

from protego import Protego
from scrapy.crawler import Crawler
from scrapy.http import Request

from cafecrawl.middlewares.base import Middleware
from cafecrawl.refusals import RobotsForbid, RobotsUnknown
from cafemood.core.reasons import reason_of

AGENT = "cafecrawl"
"""The name by which robots.txt may address this crawler."""


LARGEST = 500 * 1024
"""Bytes that are read of a robots.txt, as RFC 9309 (2.5) asks for at least and Google for at most."""

_RULE = re.compile(
    r"^[ \t]*(user-?agent|disallow|allow|crawl-?delay|sitemap|host|clean-param|noindex)[ \t]*:", re.I | re.M
)


def rules_of(body: bytes) -> str | None:
    """The text of a robots.txt; None where it cannot be read as rules, and so may hide some.

    RFC 9309 (2.3.1.5) and Google ignore lines that are no rules, and so allow all where a web page or a picture
    stands for them. Here such an answer is as good as none: it is a fault of the site, and says nothing of its
    wishes. Files that are empty or hold comments alone are rules: that there are none.
    """
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = body[: LARGEST * 2].decode("utf-16", "replace")
    else:
        text = body[:LARGEST].decode("utf-8-sig", "replace")  # RFC 9309: a byte order mark is no part of the rules
    if "\0" in text or text.lstrip().startswith(("<", "{", "[")):
        return None
    if len(body) > LARGEST:
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1]  # of a rule that is cut off the wrong half may count
    said = any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines())
    return text if _RULE.search(text) or not (said or len(body) > LARGEST) else None


class FailClosedRobotsMiddleware(Middleware):
    """Obey robots.txt, and ask nothing of a host whose robots.txt cannot be had.

    RFC 9309, stricter: 404 and 410 mean that there are no rules; 401, 403, 429, 5xx, a timeout, what holds no rules
    (see `rules_of`) or anything else mean that the rules are unknown, and then nothing is allowed. A Crawl-delay is
    kept, up to ROBOTS_MAX_DELAY.
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
        text = rules_of(response.body)
        if text is None:
            return "it holds no rules that can be read"
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

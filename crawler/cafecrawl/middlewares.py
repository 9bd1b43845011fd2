"""The law on the wire: one host one slot, robots that fail closed, quotas, Retry-After, walls, noai."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn
from urllib.parse import urlsplit

from protego import Protego
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
from scrapy.http import Request, Response

from cafecrawl.errors import Blocked, QuotaUsedUp
from cafecrawl.ledger import LONGEST
from cafecrawl.refusals import HostClosed, NoAi, RobotsForbid, RobotsUnknown, WallMet
from cafecrawl.spider import PhotoSpider, clock_time
from cafemood.core.reasons import reason_of

log = logging.getLogger(__name__)
AGENT = "cafecrawl"
PASSING = (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
_NO_AI = re.compile(r"\b(noai|noimageai)\b", re.I)


class _Middleware:
    def __init__(self, crawler: Crawler) -> None:
        self.crawler, self.settings = crawler, crawler.settings

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> _Middleware:
        return cls(crawler)

    @property
    def spider(self) -> PhotoSpider:
        assert isinstance(self.crawler.spider, PhotoSpider)
        return self.crawler.spider


class OwnSlot(_Middleware):
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


class HeldHosts(_Middleware):
    """Ask nothing, not even robots.txt, of a host that asked an earlier crawl for a long silence."""

    def process_request(self, request: Request) -> None:
        host = urlsplit(request.url).netloc
        left = self.spider.ledger.held(host, time.time())
        if left > self.settings.getfloat("PATIENCE_MAX_WAIT"):
            too_long(self.spider, request, host, left)


class FailClosedRobots(_Middleware):
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
        own = downloader.per_slot_settings.get(host, {})
        least = min(asked, self.settings.getfloat("ROBOTS_MAX_DELAY"))
        delay = max(least, own.get("delay", self.settings.getfloat("DOWNLOAD_DELAY")))
        downloader.per_slot_settings[host] = own | {"delay": delay, "jitter": 0}
        if slot := downloader.slots.get(host):  # it was made for robots.txt
            slot.delay, slot.jitter = delay, 0


class DailyQuota(_Middleware):
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


class Walls(_Middleware):
    """Stop at captchas; drop photos that are not for machine learning."""

    def process_response(self, request: Request, response: Response) -> Response:
        if request.meta.get("robots"):
            return response
        tags = b" ".join(response.headers.getlist("X-Robots-Tag")).decode("latin-1")
        if "photo" in request.meta and _NO_AI.search(tags):
            raise NoAi(f"X-Robots-Tag: {tags[:60]}")
        if "photo" in request.meta and response.status in (404, 410):
            return response  # many a page for what is gone has a captcha in its search box
        if self._is_wall(response):
            host = urlsplit(request.url).netloc
            if "list" in request.meta:
                self.spider.halt(
                    Blocked(
                        f"{host} shows a captcha",
                        where=request.url,
                        why="it wants a person; this crawler does not pretend to be one",
                        fix="wait some hours and run the same command again, or use an open source",
                    )
                )
            self.spider.close_host(host, "it shows a captcha")
            raise WallMet(f"{host} shows a captcha")
        return response

    @staticmethod
    def _is_wall(response: Response) -> bool:
        start = response.body[:20_000].lower()
        page = start.lstrip().startswith(b"<") and b"captcha" in start and b"searchresult" not in start
        return page or b"ce_bad_request" in start[:2000]


class Patience(_Middleware):
    """The gate next to the network: Retry-After obeyed, failures retried with growing pauses, walls left alone.

    No more requests pass the gate than the host's slot may have in flight, so that none waits behind the
    gate while the host asks for silence. Waits are in the ledger, and so survive a restart.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._until: dict[str, float] = {}
        self._refused_at: dict[str, float] = {}
        self._refusals: Counter[str] = Counter()
        self._failures: defaultdict[str, int] = defaultdict(int)

    async def process_request(self, request: Request) -> None:
        host = urlsplit(request.url).netloc
        request.meta.pop("turn", None)
        turn = self._turns.setdefault(host, asyncio.Semaphore(self._concurrency(host)))
        await turn.acquire()
        request.meta["turn"] = host
        while True:
            self._check_open(host)
            left = self._left(host)
            if left <= 0:
                request.meta["sent"] = time.monotonic()
                return
            if left > self.settings.getfloat("PATIENCE_MAX_WAIT"):
                too_long(self.spider, request, host, left)
            await asyncio.sleep(min(left, 0.5))

    def process_response(self, request: Request, response: Response) -> Response | Request:
        self._release(request)
        host = urlsplit(request.url).netloc
        if response.status == 429 or (response.status == 503 and "Retry-After" in response.headers):
            return self._refused(request, response, host)
        if response.status >= 500:
            return self._again(request, host, f"HTTP {response.status}") or response
        self._failures[host] = 0
        if self._knew(request, host):
            self._refusals[host] = 0
        asked = retry_after(response, time.time())
        if asked is not None and "list" in request.meta:  # MediaWiki says `maxlag` with HTTP 200
            self.pause(host, asked)
        return response

    def process_exception(self, request: Request, exception: Exception) -> Request | None:
        self._release(request)
        if isinstance(exception, PASSING):
            return self._again(request, urlsplit(request.url).netloc, reason_of(exception))
        return None

    def pause(self, host: str, seconds: float) -> None:
        """Leave a host alone for some seconds."""
        self._until[host] = max(time.monotonic() + seconds, self._until.get(host, 0.0))
        if seconds >= 1 and self.spider.store is not None:
            self.spider.ledger.hold(host, time.time(), seconds)

    def _refused(self, request: Request, response: Response, host: str) -> Response | Request:
        asked = retry_after(response, time.time())
        if asked is not None:
            self.pause(host, asked)
        if request.meta.get("robots"):
            return response
        self._refusals[host] += self._knew(request, host)
        self._refused_at[host] = time.monotonic()
        if asked is not None and asked > self.settings.getfloat("PATIENCE_MAX_WAIT"):
            too_long(self.spider, request, host, asked)
        if self._refusals[host] >= 2:
            self._wall(request, host, "it answers 429 again and again")
        if asked is None:
            self.pause(host, self.settings.getfloat("PATIENCE_PAUSE"))
        return _copy(request)

    def _knew(self, request: Request, host: str) -> bool:
        """Whether a request was sent after the host's last refusal, not while that was on its way."""
        return request.meta["sent"] >= self._refused_at.get(host, 0.0)

    def _again(self, request: Request, host: str, why: str) -> Request | None:
        if request.meta.get("robots"):
            return None
        tries = request.meta.get("tries", 0) + 1
        if tries > self.settings.getint("PATIENCE_RETRIES"):
            return None
        self._failures[host] += 1
        pause = self.settings.getfloat("PATIENCE_BACKOFF") * 2 ** min(self._failures[host] - 1, 5)
        log.info("%s from %s; the next request to it waits %.1f s", why, host, pause)
        self.pause(host, pause)
        again = _copy(request)
        again.meta["tries"] = tries
        return again

    def _wall(self, request: Request, host: str, why: str) -> None:
        self.spider.close_host(host, why)
        if "list" in request.meta or self.spider.name == "naver":
            self.spider.halt(
                Blocked(
                    f"{host} blocks the crawl",
                    where=request.url,
                    why=why,
                    fix="wait some hours, then run the same command again; going round a block is not possible",
                )
            )
        raise HostClosed(f"{host}: {why}")

    def _check_open(self, host: str) -> None:
        engine = self.crawler.engine
        if self.spider.outcome is not None or engine is None or not engine.running:
            raise HostClosed("the crawl is ending")
        if host in self.spider.closed_hosts:
            raise HostClosed(f"{host}: {self.spider.closed_hosts[host]}")

    def _left(self, host: str) -> float:
        if host not in self._until:
            held = self.spider.ledger.held(host, time.time()) if self.spider.store is not None else 0.0
            self._until[host] = time.monotonic() + held
        return self._until[host] - time.monotonic()

    def _concurrency(self, host: str) -> int:
        slot = self.settings.getdict("DOWNLOAD_SLOTS").get(host, {})
        return slot.get("concurrency") or self.settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")

    def _release(self, request: Request) -> None:
        host = request.meta.pop("turn", None)
        if host is not None:
            self._turns[host].release()


def too_long(spider: PhotoSpider, request: Request, host: str, left: float) -> NoReturn:
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


def retry_after(response: Response, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for (a number or a date), 30 days at most; None without a usable one."""
    text = (response.headers.get("Retry-After") or b"").decode("latin-1").strip()
    if not text:
        return None
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return min(float(text), LONGEST)
    try:
        when = parsedate_to_datetime(text)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        seconds = (when - datetime.fromtimestamp(now, UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST)


def _copy(request: Request) -> Request:
    again = request.copy()
    again.meta.pop("turn", None)
    again.dont_filter = True
    return again

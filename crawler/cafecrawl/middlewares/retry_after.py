"""`Retry-After` obeyed, failures retried with growing pauses, hosts that answer 429 again and again left alone."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
from scrapy.http import Request, Response

from cafecrawl.errors import Blocked
from cafecrawl.ledger import LONGEST
from cafecrawl.middlewares.base import Middleware
from cafecrawl.middlewares.host_hold import give_up_host
from cafecrawl.refusals import HostClosed
from cafemood.core.reasons import reason_of

log = logging.getLogger(__name__)
PASSING = (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
"""Failures of the network that may pass."""


class RetryAfterMiddleware(Middleware):
    """Wait as long as a host asks (`Retry-After`), and retry failures with growing pauses.

    Stands next to the network. A host that answers 429 again and again is given up for this crawl.

    No more requests pass than the host's slot may have in flight, so that none waits in the slot while the host
    asks for silence. Waits are in the ledger, and so survive a restart.
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
                give_up_host(self.spider, request, host, left)
            await asyncio.sleep(min(left, 0.5))

    def process_response(self, request: Request, response: Response) -> Response | Request:
        self._release(request)
        host = urlsplit(request.url).netloc
        if response.status == 429 or (response.status == 503 and "Retry-After" in response.headers):
            return self._obey_refusal(request, response, host)
        if response.status >= 500:
            return self._retry(request, host, f"HTTP {response.status}") or response
        self._failures[host] = 0
        if self._was_sent_after_refusal(request, host):
            self._refusals[host] = 0
        asked = retry_after_seconds(response, time.time())
        if asked is not None and "list" in request.meta:  # MediaWiki says `maxlag` with HTTP 200
            self.pause(host, asked)
        return response

    def process_exception(self, request: Request, exception: Exception) -> Request | None:
        self._release(request)
        if isinstance(exception, PASSING):
            return self._retry(request, urlsplit(request.url).netloc, reason_of(exception))
        return None

    def pause(self, host: str, seconds: float) -> None:
        """Leave a host alone for some seconds."""
        self._until[host] = max(time.monotonic() + seconds, self._until.get(host, 0.0))
        if seconds >= 1 and self.spider.store is not None:
            self.spider.ledger.hold(host, time.time(), seconds)

    def _obey_refusal(self, request: Request, response: Response, host: str) -> Response | Request:
        asked = retry_after_seconds(response, time.time())
        if asked is not None:
            self.pause(host, asked)
        if request.meta.get("robots"):
            return response
        self._refusals[host] += self._was_sent_after_refusal(request, host)
        self._refused_at[host] = time.monotonic()
        if asked is not None and asked > self.settings.getfloat("PATIENCE_MAX_WAIT"):
            give_up_host(self.spider, request, host, asked)
        if self._refusals[host] >= 2:
            self._give_up(request, host, "it answers 429 again and again")
        if asked is None:
            self.pause(host, self.settings.getfloat("PATIENCE_PAUSE"))
        return _copy_of(request)

    def _was_sent_after_refusal(self, request: Request, host: str) -> bool:
        """Whether a request was sent after the host's last refusal, not while that was on its way."""
        return request.meta["sent"] >= self._refused_at.get(host, 0.0)

    def _retry(self, request: Request, host: str, why: str) -> Request | None:
        if request.meta.get("robots"):
            return None
        tries = request.meta.get("tries", 0) + 1
        if tries > self.settings.getint("PATIENCE_RETRIES"):
            return None
        self._failures[host] += 1
        pause = self.settings.getfloat("PATIENCE_BACKOFF") * 2 ** min(self._failures[host] - 1, 5)
        log.info("%s from %s; the next request to it waits %.1f s", why, host, pause)
        self.pause(host, pause)
        again = _copy_of(request)
        again.meta["tries"] = tries
        return again

    def _give_up(self, request: Request, host: str, why: str) -> None:
        self.spider.close_host(host, why)
        if "list" in request.meta or self.spider.ends_at_block:
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
            seconds = self.spider.ledger.held(host, time.time()) if self.spider.store is not None else 0.0
            self._until[host] = time.monotonic() + seconds
        return self._until[host] - time.monotonic()

    def _concurrency(self, host: str) -> int:
        slot = self.settings.getdict("DOWNLOAD_SLOTS").get(host, {})
        return slot.get("concurrency") or self.settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")

    def _release(self, request: Request) -> None:
        host = request.meta.pop("turn", None)
        if host is not None:
            self._turns[host].release()


def retry_after_seconds(response: Response, now: float) -> float | None:
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


def _copy_of(request: Request) -> Request:
    again = request.copy()
    again.meta.pop("turn", None)
    again.dont_filter = True
    return again

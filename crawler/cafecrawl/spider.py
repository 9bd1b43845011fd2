"""What all spiders share: read the ledger, ask for what is missing, hand pages to a parser; a window in memory."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar

import scrapy
from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest
from scrapy.http import Request, Response
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from cafecrawl import export, licences
from cafecrawl.errors import DONE, INCOMPLETE, Blocked, ConfigError, CrawlError, LayoutChanged, NotAllowed
from cafecrawl.items import FetchedPhoto, Page
from cafecrawl.ledger import Ledger, Listing, ledger_reason
from cafecrawl.options import read_options
from cafecrawl.parsers import TryLater
from cafecrawl.refusals import HostClosed, NoAi, RobotsForbid, RobotsUnknown, WallMet
from cafecrawl.store import Store
from cafemood.core.reasons import quoted, reason_of
from cafemood.errors import CafemoodError

log = logging.getLogger(__name__)
GONE = (400, 401, 403, 404, 405, 406, 410, 414, 451)
"""Answers to a request for a photo that another attempt will not change."""


class PhotoSpider(scrapy.Spider):
    """A source of photos.

    A spider says which lists there are (`lists`), how to ask for a list's next page (`list_request`), and
    what a page holds (`parse_list`). Order, resuming, limits, failures and the exit code are settled here.
    """

    own: ClassVar[dict[str, str]] = {}
    """The spider's own arguments, with their help."""
    daily_quota: ClassVar[int | None] = None
    """List requests that the source allows in 24 hours."""
    needs_area: ClassVar[bool] = False
    per_cafe: int | None = None
    max_stale: int | None = None
    has_photos: ClassVar[bool] = True

    def __init__(self, name: str | None = None, **arguments: Any) -> None:
        super().__init__(name)
        self.arguments = arguments
        self.outcome: CrawlError | None = None
        self.no_lists: CrawlError | None = None
        self.closed_hosts: dict[str, str] = {}
        self.accepted: set[str] = set()
        self._freed = asyncio.Event()
        self._photos: set[int] = set()
        self._listing: Listing | None = None
        self._failed_list = self._n_later = 0
        self._buffer: deque[sqlite3.Row] = deque()
        self._last_row, self._dry = 0, False
        self.waiting: Counter[str] = Counter()
        self.n_done = self.n_fetched = self.n_places = 0
        self.run = 0
        self.store: Store | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> PhotoSpider:
        spider = super().from_crawler(crawler, *args, **kwargs)
        for signal in (signals.item_scraped, signals.item_dropped):
            crawler.signals.connect(spider._item_settled, signal)
        crawler.signals.connect(spider._item_failed, signals.item_error)
        return spider

    # What a source says of itself

    def lists(self) -> Iterable[tuple[str, dict[str, Any]]]:
        """The lists to read, each with its key and what its requests need."""
        raise NotImplementedError

    def list_request(self, listing: Listing) -> Request:
        """The request for a list's next page."""
        raise NotImplementedError

    def parse_list(self, listing: Listing, response: Response) -> tuple[Page, Iterable[tuple[str, dict[str, Any]]]]:
        """The page, and the lists that it gives rise to."""
        raise NotImplementedError

    def list_refused(self, host: str, why: str) -> CrawlError:
        """The error for a list that robots.txt keeps from being read."""
        return NotAllowed(
            f"robots.txt of {host} does not allow this crawl", where=host, why=why, fix="ask the site's operator"
        )

    def list_gone(self, listing: Listing) -> bool:
        """Whether 404 means that what this list lists is gone, rather than that the source has moved."""
        return False

    # The loop over the ledger

    async def start(self) -> AsyncIterator[Any]:
        """Yield the next request whenever there is room, until the ledger has nothing left."""
        try:
            self._open()
            while self.outcome is None:
                self._freed.clear()
                request = self._next_list() or self._next_photo()
                if request is not None:
                    yield request
                elif self._photos or self._listing:
                    await self._freed.wait()
                else:
                    break
        except CafemoodError as error:
            self.halt(error)
        except sqlite3.Error as error:
            self.halt(ConfigError("The ledger cannot be used", where=self.options.folder, why=ledger_reason(error)))
        except Exception as error:
            self.halt(_bug("The crawl could not go on", self.name, error))

    def _open(self) -> None:
        self.options = read_options(self.arguments, self.own)
        if self.needs_area and not self.options.areas and not self.options.repair:
            raise ConfigError("No area given", where="-a area=…", fix="give one, such as area=seongsu, or area=all")
        if self.options.repair:  # what was accepted once is fetched again
            self.accepted = {*licences.KNOWN, licences.RESERVED}
        else:
            self.accepted = set(self.options.licences)
        self.prepare()
        self.store = Store(self.options.folder)
        permission = self.options.permission
        self.run = self.ledger.start_run(
            self.name,
            datetime.now(UTC).isoformat(timespec="seconds"),
            {k: str(v) for k, v in self.arguments.items()},
            self.options.agent,
            (str(permission.path), permission.sha256) if permission else None,
        )
        adopted = self.store.recover()
        if adopted:
            log.warning("Adopted %d photos that a crawl had stored just before it died", adopted)
        if not self.options.repair:
            self.ledger.reopen_failed(self.name, self.list_gone)
            self.ledger.add_lists(self.name, self.lists())
            self.ledger.reconsider(self.name, self.accepts)
            if n := self.store.withdraw():
                log.warning("Removed %d stored photos: their corrected licence is not accepted", n)
        self.n_done = self.ledger.counts(self.name)["done"]

    def accepts(self, licence: str | None) -> bool:
        """Whether a photo with a licence of this name may be kept."""
        return licences.code_of(licence) in self.accepted

    def prepare(self) -> None:
        """Take what the spider needs from its options."""

    @property
    def ledger(self) -> Ledger:
        """The open ledger."""
        assert self.store is not None
        return self.store.ledger

    def halt(self, error: CafemoodError) -> None:
        """Ask for nothing more; the first reason is the crawl's outcome."""
        if self.outcome is None:
            self.outcome = error if isinstance(error, CrawlError) else ConfigError(error.what, why=error.why)
        self._freed.set()

    def end_lists(self, error: CrawlError) -> None:
        """Read no further list in this crawl; photos that are known go on, and then this is how it ends."""
        self.no_lists = error

    def close_host(self, host: str, why: str) -> None:
        """Ask for nothing more of one host in this crawl."""
        if host not in self.closed_hosts:
            log.warning("%s is left alone for now: %s", host, why)
        self.closed_hosts[host] = why

    @property
    def full(self) -> bool:
        """Whether the limit is reached, counting photos that are on their way."""
        limit = self.options.limit
        return limit is not None and self.n_done + len(self._photos) >= limit

    def _next_list(self) -> Request | None:
        if self.options.repair or self._listing or self.full or self.no_lists:
            return None
        if self.options.limit is not None and (self._photos or self._more_photos()):
            return None  # how many more are needed is known when these have arrived
        listing = self.ledger.next_list(self.name, self._failed_list)
        if listing is None:
            return None
        self._listing = listing
        request = self.list_request(listing)
        request.callback, request.errback = self.list_arrived, self.list_failed
        request.meta["list"] = listing.key
        request.dont_filter = True
        return request.replace(priority=10)

    def _more_photos(self) -> bool:
        if not self._buffer and not self._dry:
            repair = self.options.repair
            self._buffer.extend(self.ledger.pending(self.name, self._last_row, 256, stored_once=repair))
            self._dry = not self._buffer
        return bool(self._buffer)

    def _next_photo(self) -> Request | None:
        while len(self._photos) < self.settings.getint("PHOTO_WINDOW") and not self.full and self._more_photos():
            row = self._buffer.popleft()
            self._last_row = row["id"]
            if not self.accepts(row["licence"]):
                self.ledger.reject(row["id"], f"licence: {row['licence'] or 'none given'}")
                continue
            try:
                request = Request(
                    row["url"],
                    self.photo_arrived,
                    errback=self.photo_failed,
                    meta={"photo": row["id"]},
                    dont_filter=True,
                )
            except ValueError:
                self.ledger.reject(row["id"], "no web address")
                continue
            if not request.url.startswith(("http://", "https://")):
                self.ledger.reject(row["id"], "no web address")
                continue
            self._photos.add(row["id"])
            return request
        return None

    # Lists

    def list_arrived(self, response: Response) -> None:
        """Hand a page to its parser and store it."""
        listing = self._listing
        assert listing is not None
        try:
            page, sublists = self.parse_list(listing, response)
            self.ledger.add_page(
                self.name,
                listing,
                page,
                per_cafe=self.per_cafe,
                max_stale=self.max_stale,
                sublists=sublists,
            )
            self._dry = False
        except TryLater as error:
            self._n_later += 1
            if self._n_later > self.settings.getint("PATIENCE_RETRIES"):
                self.waiting[str(error)] += 1
                self._failed_list = listing.id
        except (LayoutChanged, ConfigError, NotAllowed) as error:
            self.halt(error)
            self._fail_list(listing, error.what)
        except sqlite3.Error as error:
            self.halt(ConfigError("The ledger cannot be written", where=self.ledger.path, why=ledger_reason(error)))
        except Exception as error:  # the list would be asked for again, and again
            self.halt(_bug("A page of a list could not be used", listing.key, error))
            self._fail_list(listing, reason_of(error))
        finally:
            self._listing = None
            self._freed.set()

    def list_failed(self, failure: Failure) -> None:
        """Note why a page could not be had; the list stays open, unless what it lists is gone."""
        listing, error = self._listing, failure.value
        assert listing is not None
        assert error is not None
        request: Request = failure.request  # type: ignore[attr-defined]
        host = _host(request.url)
        reason = self._reason(error, request)
        self._fail_list(listing, reason)
        if isinstance(error, RobotsForbid | RobotsUnknown):
            self.halt(self.list_refused(host, str(error)))
        elif isinstance(error, HttpError) and error.response.status in (401, 403):
            self.halt(
                Blocked(
                    f"{host} refuses the list with HTTP {error.response.status}",
                    where=request.url,
                    why=plain_body(error.response),
                    fix="nothing is wrong with what was fetched; ask the source's operator, or use another source",
                )
            )
        elif isinstance(error, HttpError) and error.response.status in (404, 410) and self.list_gone(listing):
            self.ledger.end_list(listing, reason)
        elif isinstance(error, HostClosed) and not self.no_lists:
            self.halt(Blocked(f"{host} asks to be left alone", where=host, why=str(error), fix="come back later"))
        elif not self.no_lists:
            refused = isinstance(error, HttpError) and error.response.status in GONE
            self.waiting["list refused: " * refused + reason] += 1
            self._failed_list = listing.id
        self._listing = None
        self._freed.set()

    def _reason(self, error: BaseException, request: Request) -> str:
        if isinstance(error, HttpError):
            return f"HTTP {error.response.status}"
        if isinstance(error, DownloadCancelledError):
            return "over the size limit"
        if type(error) is IgnoreRequest:  # Scrapy's; ours are kinds of their own, with words of ours
            for_ever = request.meta.get("redirect_times", 0) >= self.settings.getint("REDIRECT_MAX_TIMES")
            return "it redirects for ever" if for_ever else quoted(error, "Scrapy")
        return str(error)[:200] if isinstance(error, IgnoreRequest) and str(error) else reason_of(error)

    def _fail_list(self, listing: Listing, reason: str) -> None:
        try:
            self.ledger.fail_list(listing, reason)
        except sqlite3.Error as error:
            self.halt(ConfigError("The ledger cannot be written", where=self.ledger.path, why=ledger_reason(error)))

    # Photos

    def photo_arrived(self, response: Response) -> Iterator[FetchedPhoto]:
        """Pass the bytes on to the pipelines."""
        yield FetchedPhoto(response.meta["photo"], response.body, response.url)

    def photo_failed(self, failure: Failure) -> None:
        """Reject what will never come, keep what may."""
        row, error = failure.request.meta["photo"], failure.value  # type: ignore[attr-defined]
        assert error is not None
        request: Request = failure.request  # type: ignore[attr-defined]
        reason = self._reason(error, request)
        try:
            if isinstance(error, RobotsUnknown | HostClosed) and not isinstance(error, WallMet):
                self.waiting[reason] += 1
            elif (isinstance(error, HttpError) and error.response.status in GONE) or (
                isinstance(error, IgnoreRequest | DownloadCancelledError | NoAi)
                and not isinstance(error, HttpError | WallMet)
            ):
                self.ledger.reject(row, reason)
            else:
                self._postpone(row, reason)
        except sqlite3.Error as trouble:
            self.halt(ConfigError("The ledger cannot be written", where=self.ledger.path, why=ledger_reason(trouble)))
        self._settle(row)

    def _item_settled(self, item: Any, **_: Any) -> None:
        if isinstance(item, FetchedPhoto):
            self._settle(item.row)

    def _item_failed(self, item: Any, failure: Failure, **_: Any) -> None:
        if isinstance(item, FetchedPhoto):
            assert failure.value is not None
            self._postpone(item.row, f"error in a check: {reason_of(failure.value)}")
            self._settle(item.row)

    def _postpone(self, row: int, reason: str) -> None:
        try:
            waits = self.ledger.postpone(row, reason, max_tries=self.settings.getint("PHOTO_MAX_CRAWLS"))
            self.waiting[reason] += waits
        except sqlite3.Error as trouble:
            self.halt(ConfigError("The ledger cannot be written", where=self.ledger.path, why=ledger_reason(trouble)))

    def _settle(self, row: int) -> None:
        self._photos.discard(row)
        self._freed.set()

    def kept(self, n: int) -> None:
        """Photos were committed."""
        self.n_done += n
        self.n_fetched += n

    # The end

    def closed(self, reason: str) -> None:
        """Say how it ended, write the manifest if anything changed, let go of the folder."""
        self.exit_code, self.message = self._ending(reason)
        if self.store is None:
            return
        try:
            if self.run:
                now = datetime.now(UTC).isoformat(timespec="seconds")
                self.ledger.end_run(self.run, now, self.exit_code, self.message)
                self.n_places = self.ledger.n_places(self.name)
                export.write_if_changed(self.options.folder, self.ledger)
        except (CafemoodError, sqlite3.Error) as error:
            self.exit_code = ConfigError.exit_code
            self.message = str(error) if isinstance(error, CafemoodError) else ledger_reason(error)
        finally:
            self.store.close()

    def _ending(self, reason: str) -> tuple[int, str]:
        if self.outcome is not None:
            return self.outcome.exit_code, str(self.outcome)
        if reason != "finished":
            return INCOMPLETE, f"Stopped ({reason}). Nothing that was stored is lost: run the same command again."
        if self.no_lists is not None:
            return self.no_lists.exit_code, str(self.no_lists)
        if self.closed_hosts:
            told = "; ".join(f"{host}: {why}" for host, why in self.closed_hosts.items())
            return Blocked.exit_code, f"Some photos wait, because their site asked for it ({told}). Come back later."
        if any(reason.startswith("robots.txt") for reason in self.waiting):
            return (
                NotAllowed.exit_code,
                f"Some photos wait: {'; '.join(self.waiting)}. Run the same command again later.",
            )
        if +self.waiting:
            told = ", ".join(f"{n} x {why}" for why, n in self.waiting.most_common())
            return (
                INCOMPLETE,
                f"Not everything arrived ({told}). Run the same command again: it asks only for the rest.",
            )
        return DONE, "Done."


def plain_body(response: Response) -> str:
    """The beginning of an answer, for people."""
    return " ".join(response.body[:200].decode("utf-8", "replace").split())


def clock_time(seconds_from_now: float) -> str:
    """A time of day in the user's zone, for messages."""
    return datetime.fromtimestamp(time.time() + seconds_from_now).astimezone().strftime("%Y-%m-%d %H:%M %Z")


def _bug(what: str, where: str, error: Exception) -> CrawlError:
    """The error for what nobody foresaw; its traceback goes to the log."""
    log.error(what, exc_info=error)
    why = reason_of(error, otherwise=quoted(error))
    fix = "report it with the traceback above; nothing that was stored is lost"
    return CrawlError(what, where=where, why=why.encode("utf-8", "replace").decode(), fix=fix)


def _host(url: str) -> str:
    return url.split("/", 3)[2] if "://" in url else url

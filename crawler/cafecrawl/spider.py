"""PhotoSpider, the base of all spiders: reads the ledger, asks for what is missing, hands pages to a parser."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.http import Request, Response
from twisted.python.failure import Failure

from cafecrawl.errors import Blocked, ConfigError, LayoutChanged, NotAllowed
from cafecrawl.failures import GONE, failure_reason, has_status, is_final, plain_body, unforeseen
from cafecrawl.items import FetchedPhoto
from cafecrawl.ledger import Listing, ledger_reason
from cafecrawl.parsers import TryLater
from cafecrawl.photo_window import PhotoWindow
from cafecrawl.refusals import HostClosed, RobotsForbid, RobotsUnknown, WallMet
from cafecrawl.source import SourceSpider
from cafemood.core.addresses import flaw, is_web
from cafemood.core.reasons import reason_of
from cafemood.errors import CafemoodError


class PhotoSpider(SourceSpider):
    """A spider that fetches photos.

    A subclass says which lists there are (`lists`), how to ask for a list's next page (`list_request`), what a
    page holds (`parse_list`), and what a crawl costs (`cost`). Order, resuming, limits, failures and the exit
    code are settled here and in `SourceSpider`.
    """

    def __init__(self, name: str | None = None, **arguments: Any) -> None:
        super().__init__(name, **arguments)
        self._listing: Listing | None = None
        self._failed_list = self._n_later = 0
        self._window: PhotoWindow

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> PhotoSpider:
        spider = super().from_crawler(crawler, *args, **kwargs)
        for signal in (signals.item_scraped, signals.item_dropped):
            crawler.signals.connect(spider._item_settled, signal)
        crawler.signals.connect(spider._item_failed, signals.item_error)
        return spider

    # The loop over the ledger

    async def start(self) -> AsyncIterator[Any]:
        """Yield the next request whenever there is room, until the ledger has nothing left."""
        try:
            self.open_folder()
            self._window = PhotoWindow(self.ledger, self.name, self.accepts, repair=self.options.repair)
            while self.outcome is None:
                self.freed.clear()
                request = self.next_list_request() or self._next_photo_request()
                if request is not None:
                    yield request
                elif self._window.on_the_way or self._listing:
                    await self.freed.wait()
                else:
                    break
        except CafemoodError as error:
            self.halt(error)
        except sqlite3.Error as error:
            self.halt(ConfigError("The ledger cannot be used", where=self.options.folder, why=ledger_reason(error)))
        except Exception as error:
            self.halt(unforeseen("The crawl could not go on", self.name, error))

    @property
    def full(self) -> bool:
        """Whether the limit is reached, counting photos that are on their way."""
        limit = self.options.limit
        return limit is not None and self.n_done + len(self._window.on_the_way) >= limit

    def next_list_request(self) -> Request | None:
        """The request for the next page of a list; None while one is on its way, or if none is needed."""
        if self.options.repair or self._listing or self.full or self.no_lists:
            return None
        if self.options.limit is not None and (self._window.on_the_way or self._window.has_more()):
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

    def _next_photo_request(self) -> Request | None:
        while len(self._window.on_the_way) < self.settings.getint("PHOTO_WINDOW") and not self.full:
            row = self._window.next()
            if row is None:
                return None
            request = _photo_request(row["url"], row["id"], self)
            if isinstance(request, Request):
                return request
            self.ledger.reject(row["id"], request)
            self._window.settle(row["id"])
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
            self._window.look_again()
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
            self.halt(unforeseen("A page of a list could not be used", listing.key, error))
            self._fail_list(listing, reason_of(error))
        finally:
            self._listing = None
            self.freed.set()

    def list_failed(self, failure: Failure) -> None:
        """Note why a page could not be had; the list stays open, unless what it lists is gone."""
        listing, error = self._listing, failure.value
        assert listing is not None
        assert error is not None
        request: Request = failure.request  # type: ignore[attr-defined]
        host = urlsplit(request.url).netloc
        reason = failure_reason(error, request, self.settings)
        self._fail_list(listing, reason)
        if isinstance(error, RobotsForbid | RobotsUnknown):
            self.halt(self.list_refused(host, str(error)))
        elif has_status(error, 401, 403):
            self.halt(
                Blocked(
                    f"{host} refuses the list with {reason}",
                    where=request.url,
                    why=plain_body(error.response),
                    fix="nothing is wrong with what was fetched; ask the source's operator, or use another source",
                )
            )
        elif has_status(error, 404, 410) and self.list_gone(listing):
            self.ledger.end_list(listing, reason)
        elif isinstance(error, HostClosed) and not self.no_lists:
            self.halt(Blocked(f"{host} asks to be left alone", where=host, why=str(error), fix="come back later"))
        elif not self.no_lists:
            self.waiting["list refused: " * has_status(error, *GONE) + reason] += 1
            self._failed_list = listing.id
        self._listing = None
        self.freed.set()

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
        reason = failure_reason(error, request, self.settings)
        try:
            if isinstance(error, RobotsUnknown | HostClosed) and not isinstance(error, WallMet):
                self.waiting[reason] += 1
            elif is_final(error):
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
        self._window.settle(row)
        self.freed.set()


def _photo_request(url: str, row: int, spider: PhotoSpider) -> Request | str:
    """The request for a photo, or why there can be none."""
    if not is_web(url):
        return "no web address"
    if why := flaw(url):
        return why
    try:
        return Request(url, spider.photo_arrived, errback=spider.photo_failed, meta={"photo": row}, dont_filter=True)
    except ValueError:
        return "no web address"

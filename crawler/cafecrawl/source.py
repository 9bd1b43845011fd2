"""SourceSpider: what a spider says of its source, the state of its crawl, and how it begins and ends."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar

import scrapy
from scrapy.http import Request, Response

from cafecrawl import export, licences
from cafecrawl.cost import Cost
from cafecrawl.ending import MOST_TOLD, ending
from cafecrawl.errors import ConfigError, CrawlError, NotAllowed
from cafecrawl.items import Page
from cafecrawl.ledger import Ledger, Listing, ledger_reason
from cafecrawl.options import Options, read_options
from cafecrawl.set_aside import remember
from cafecrawl.store import Store
from cafemood.core.addresses import host_of
from cafemood.errors import CafemoodError

log = logging.getLogger(__name__)


class SourceSpider(scrapy.Spider):
    """A source of photos and the state of its crawl; `PhotoSpider` adds the requests."""

    own: ClassVar[dict[str, str]] = {}
    """The spider's own arguments, with their help."""
    daily_quota: ClassVar[int | None] = None
    """List requests that the source allows in 24 hours."""
    refusal: ClassVar[str | None] = None
    """Why `scrapy crawl` refuses the spider without contact and permission; None: it does not."""
    ends_at_block: ClassVar[bool] = False
    """Whether a host that blocks photos ends the whole crawl, as one that blocks lists does."""
    replica_host: ClassVar[str | None] = None
    """The site of the replica that stands for the source in `scrapy demo`; None: there is none."""
    demo_arguments: ClassVar[dict[str, str]] = {}
    """The arguments of the demo's crawl."""
    needs_area: ClassVar[bool] = False
    """Whether a crawl needs `area=…`."""
    per_cafe: int | None = None
    """Photos to keep of a café at most."""
    max_stale: int | None = None
    """Pages in a row without a new photo that end a list."""
    has_photos: ClassVar[bool] = True

    def __init__(self, name: str | None = None, **arguments: Any) -> None:
        super().__init__(name)
        self.arguments = arguments
        self.options: Options
        self.store: Store | None = None
        self.accepted: set[str] = set()
        self.run = 0
        self.outcome: CrawlError | None = None
        self.no_lists: CrawlError | None = None
        self.closed_hosts: dict[str, str] = {}
        self.waiting: Counter[str] = Counter()
        self.n_done = self.n_fetched = self.n_places = self.n_rejected = 0
        self.freed = asyncio.Event()
        """Set when there may be room for another request, or the crawl is to end."""

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

    @classmethod
    def cost(cls, options: Options) -> Cost:
        """The cost of a crawl with these options, at most; nothing is asked of anybody.

        Args:
            options: As `read_options` gives them.
        """
        raise NotImplementedError

    def list_refused(self, host: str, why: str) -> CrawlError:
        """The error for a list that robots.txt keeps from being read."""
        return NotAllowed(
            f"robots.txt of {host} does not allow this crawl", where=host, why=why, fix="ask the site's operator"
        )

    def list_gone(self, listing: Listing) -> bool:
        """Whether 404 means that what this list lists is gone, rather than that the source has moved."""
        return False

    # The state of the crawl

    def open_folder(self) -> None:
        """Read the options, open the ledger, and add the source's lists to it.

        Raises:
            CrawlError: An argument, the folder or its ledger cannot be used.
        """
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
        remember(self.ledger, self.options.keep)
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

    def names_host(self, host: str) -> bool:
        """Whether the crawl was told of a host itself, so that it may be in a private network."""
        if self.options.site is not None and host == host_of(self.options.site):
            return True
        return self.options.repair and self.ledger.names_host(self.name, host, fetched=True)

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
        self.freed.set()

    def end_lists(self, error: CrawlError) -> None:
        """Read no further list in this crawl; photos that are known go on, and then this is how it ends."""
        self.no_lists = error

    def close_host(self, host: str, why: str) -> None:
        """Ask for nothing more of one host in this crawl."""
        n = len(self.closed_hosts)
        if host not in self.closed_hosts and n < MOST_TOLD:
            log.warning("%s is left alone for now: %s", host, why)
        elif host not in self.closed_hosts and n == MOST_TOLD:
            log.warning("More hosts are left alone for now; at the end they are counted")
        self.closed_hosts[host] = why

    def kept(self, n: int) -> None:
        """Photos were committed."""
        self.n_done += n
        self.n_fetched += n

    # The end

    def closed(self, reason: str) -> None:
        """Say how it ended, write the manifest if anything changed, let go of the folder."""
        self.exit_code, self.message = ending(
            reason,
            outcome=self.outcome,
            no_lists=self.no_lists,
            closed_hosts=self.closed_hosts,
            waiting=self.waiting,
        )
        if self.store is None:
            return
        try:
            if self.run:
                now = datetime.now(UTC).isoformat(timespec="seconds")
                self.ledger.end_run(self.run, now, self.exit_code, self.message)
                self.n_places = self.ledger.n_places(self.name)
                self.n_rejected = self.ledger.counts(self.name)["rejected"]
                export.write_if_changed(self.options.folder, self.ledger)
        except (CafemoodError, sqlite3.Error) as error:
            self.exit_code = ConfigError.exit_code
            self.message = str(error) if isinstance(error, CafemoodError) else ledger_reason(error)
        finally:
            self.store.close()

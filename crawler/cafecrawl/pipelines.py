"""Fetched bytes on their way into the folder: licence, checks, commit."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from cafecrawl import checks
from cafecrawl.errors import ConfigError
from cafecrawl.items import FetchedPhoto
from cafecrawl.ledger import ledger_reason
from cafecrawl.spider import PhotoSpider
from cafecrawl.store import Staged, Store, StoreError


class _Pipeline:
    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> _Pipeline:
        return cls(crawler)

    @property
    def spider(self) -> PhotoSpider:
        assert isinstance(self.crawler.spider, PhotoSpider)
        return self.crawler.spider

    @property
    def store(self) -> Store:
        assert self.spider.store is not None
        return self.spider.store


class LicenceAllowList(_Pipeline):
    """Nothing without an accepted licence and an attribution gets further."""

    def process_item(self, item: FetchedPhoto) -> FetchedPhoto:
        row = self.store.ledger.photo(item.row)
        if not self.spider.accepts(row["licence"]) or not row["attribution"]:
            self.store.ledger.reject(item.row, f"licence: {row['licence'] or 'none given'}")
            raise DropItem("licence")
        return item


class CheckAndCommit(_Pipeline):
    """Check the bytes and stage them in threads; commit whatever is staged while the last commit ran.

    Only a few photos are decoded at a time, so memory does not grow with the number of requests.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="photo")
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._staged: list[tuple[Staged, asyncio.Future[None]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def process_item(self, item: FetchedPhoto) -> FetchedPhoto:
        loop = asyncio.get_running_loop()
        try:
            staged = await loop.run_in_executor(self._pool, self._check, item)
            item.body = b""
            done: asyncio.Future[None] = loop.create_future()
            self._staged.append((staged, done))
            if self._committing is None:
                self._committing = asyncio.ensure_future(self._commit_all())
            await done
        except checks.Rejected as refusal:
            self.store.ledger.reject(item.row, str(refusal))
            raise DropItem(str(refusal)) from None
        except (StoreError, sqlite3.Error) as error:
            why = ledger_reason(error)
            self.spider.halt(error if isinstance(error, StoreError) else ConfigError("The ledger failed", why=why))
            raise DropItem(why) from None
        return item

    def close_spider(self) -> None:
        self._pool.shutdown()
        self._disk.shutdown()

    def _check(self, item: FetchedPhoto) -> Staged:
        row = self.store.ledger.photo(item.row)
        verified = "none"
        if row["sha1"]:
            verified = "sha1"
            if hashlib.sha1(item.body, usedforsecurity=False).hexdigest() != row["sha1"]:
                raise checks.Rejected("not the bytes whose SHA-1 the source gives")
        facts = checks.inspect(item.body)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return self.store.stage(row, item.body, facts, verified=verified, fetched_at=now)

    async def _commit_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._staged:
            batch, self._staged = self._staged, []
            try:
                await loop.run_in_executor(self._disk, self.store.commit, [staged for staged, _ in batch])
            except BaseException as error:
                for _, done in batch:
                    done.set_exception(error)
            else:
                self.spider.kept(len(batch))
                for _, done in batch:
                    done.set_result(None)
        self._committing = None

"""The photos that a crawl has asked for and not yet settled, and the next ones from the ledger."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable

from cafecrawl.ledger import Ledger

BATCH = 256
"""Rows that are read from the ledger at a time."""


class PhotoWindow:
    """A window over the ledger's waiting photos: few are in memory, however many wait.

    Args:
        ledger: The open ledger.
        source: The spider's name.
        accepts: Whether a photo with a licence of this name may be kept.
        repair: Only photos that were stored once.
    """

    def __init__(
        self, ledger: Ledger, source: str, accepts: Callable[[str | None], bool], *, repair: bool = False
    ) -> None:
        self.on_the_way: set[int] = set()
        self._ledger, self._source, self._accepts, self._repair = ledger, source, accepts, repair
        self._buffer: deque[sqlite3.Row] = deque()
        self._last_row, self._at_end = 0, False

    def has_more(self) -> bool:
        """Whether a photo waits that was not asked for in this crawl."""
        if not self._buffer and not self._at_end:
            rows = self._ledger.pending(self._source, self._last_row, BATCH, stored_once=self._repair)
            self._buffer.extend(rows)
            self._at_end = not self._buffer
        return bool(self._buffer)

    def look_again(self) -> None:
        """Read the ledger again: a page has been stored."""
        self._at_end = False

    def next(self) -> sqlite3.Row | None:
        """The next photo whose licence may be kept, now on its way; others are rejected."""
        while self.has_more():
            row = self._buffer.popleft()
            self._last_row = row["id"]
            if self._accepts(row["licence"]):
                self.on_the_way.add(row["id"])
                return row
            self._ledger.reject(row["id"], f"licence: {row['licence'] or 'none given'}")
        return None

    def settle(self, row: int) -> None:
        """Note that a photo is on its way no more."""
        self.on_the_way.discard(row)

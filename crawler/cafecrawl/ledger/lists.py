"""The tables of lists and cafés; a page of a list is one transaction: its cafés, its photos, the cursor's advance."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from cafecrawl.items import Page
from cafecrawl.ledger.database import Database
from cafecrawl.ledger.photos import add_photo


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that is not yet read to its end; `cursor` is None before its first page."""

    id: int
    key: str
    request: dict[str, Any]
    cursor: dict[str, Any] | None
    n_pages: int
    n_stale: int


class ListsTable(Database):
    """Lists and how far each is read, and the cafés that they gave."""

    def add_lists(self, source: str, lists: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Add lists by their key; those that are known keep their cursor."""
        with self.transaction() as db:
            _add_lists(db, source, lists)

    def next_list(self, source: str, after: int = 0) -> Listing | None:
        """The first list that goes on, among those with a larger id than `after`."""
        rows = self.rows(
            "SELECT * FROM lists WHERE source = ? AND state = 'open' AND id > ? ORDER BY id LIMIT 1", source, after
        )
        return _listing_of(rows[0]) if rows else None

    def open_list(self, key: str) -> Listing | None:
        """The list with this key, if it goes on."""
        rows = self.rows("SELECT * FROM lists WHERE key = ? AND state = 'open'", key)
        return _listing_of(rows[0]) if rows else None

    def add_page(
        self,
        source: str,
        listing: Listing,
        page: Page,
        *,
        per_cafe: int | None = None,
        max_stale: int | None = None,
        sublists: Iterable[tuple[str, dict[str, Any]]] = (),
        accepts: Callable[[str | None], bool] | None = None,
    ) -> int:
        """Store one page of a list and advance its cursor, in one transaction.

        Args:
            source: The spider's name.
            listing: The list the page belongs to.
            page: What the parser made of it.
            per_cafe: Photos to keep of a café at most.
            max_stale: End the list after so many pages in a row without a new photo.
            sublists: Lists that the page gives rise to.
            accepts: Whether a licence may be kept. With it the page corrects photos that are known, stored ones
                too; one whose new licence may not be kept is rejected.

        Returns:
            The number of photos that are new.
        """
        with self.transaction() as db:
            for place in page.places:
                row = {"source": source, **asdict(place)}
                db.execute(
                    f"INSERT OR IGNORE INTO places ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608
                    tuple(row.values()),
                )
            n_new = sum(add_photo(db, asdict(photo), per_cafe, accepts) for photo in page.photos)
            n_stale = 0 if n_new or page.places else listing.n_stale + 1
            ended = page.next is None
            ended |= max_stale is not None and n_stale >= max_stale
            ended |= per_cafe is not None and bool(page.photos) and _is_full(db, page.photos[0].cafe_id, per_cafe)
            db.execute(
                "UPDATE lists SET cursor = ?, state = ?, n_pages = n_pages + 1, n_stale = ? WHERE id = ?",
                (json.dumps(page.next), "done" if ended else "open", n_stale, listing.id),
            )
            _add_lists(db, source, sublists)
        return n_new

    def fail_list(self, listing: Listing, reason: str) -> None:
        """Note why a list could not be read; it stays open for the next crawl."""
        with self.transaction() as db:
            db.execute("UPDATE lists SET reason = ? WHERE id = ?", (reason, listing.id))

    def reopen(self, key: str) -> None:
        """Let a list that was read to its end be read again from its start."""
        with self.transaction() as db:
            db.execute("UPDATE lists SET state = 'open', cursor = NULL WHERE key = ? AND state = 'done'", (key,))

    def reopen_failed(self, source: str, gone: Callable[[Listing], bool]) -> None:
        """Let lists go on that were closed unread, unless what they list is gone: earlier versions closed any."""
        rows = self.rows("SELECT * FROM lists WHERE source = ? AND state = 'failed'", source)
        with self.transaction() as db:
            db.executemany(
                "UPDATE lists SET state = 'open' WHERE id = ?",
                [(row["id"],) for row in rows if not gone(_listing_of(row))],
            )

    def end_list(self, listing: Listing, reason: str) -> None:
        """Close a list that cannot be read, ever."""
        with self.transaction() as db:
            db.execute("UPDATE lists SET state = 'failed', reason = ? WHERE id = ?", (reason, listing.id))

    def n_open_lists(self, source: str) -> int:
        """How many lists go on."""
        return self.rows("SELECT count(*) AS n FROM lists WHERE source = ? AND state = 'open'", source)[0]["n"]

    def n_places(self, source: str) -> int:
        """How many cafés a source has given."""
        return self.rows("SELECT count(*) AS n FROM places WHERE source = ?", source)[0]["n"]

    def places(self) -> Iterator[sqlite3.Row]:
        """All cafés in the order they were found, a thousand in memory at a time."""
        last = 0
        while rows := self.rows("SELECT * FROM places WHERE id > ? ORDER BY id LIMIT 1000", last):
            yield from rows
            last = rows[-1]["id"]


def _listing_of(row: sqlite3.Row) -> Listing:
    cursor = json.loads(row["cursor"]) if row["cursor"] else None
    return Listing(row["id"], row["key"], json.loads(row["request"]), cursor, row["n_pages"], row["n_stale"])


def _add_lists(db: sqlite3.Connection, source: str, lists: Iterable[tuple[str, dict[str, Any]]]) -> None:
    db.executemany(
        "INSERT OR IGNORE INTO lists (source, key, request) VALUES (?, ?, ?)",
        [(source, key, json.dumps(request, ensure_ascii=False)) for key, request in lists],
    )


def _is_full(db: sqlite3.Connection, cafe_id: str, per_cafe: int) -> bool:
    return db.execute("SELECT count(*) FROM photos WHERE cafe_id = ?", (cafe_id,)).fetchone()[0] >= per_cafe

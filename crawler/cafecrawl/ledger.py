"""The ledger: one SQLite file that alone says what is found, fetched, rejected and used up.

A page of a list is one transaction: its cafés, its photos and the cursor's advance. A photo's rank and file
name are fixed when it is found, so they do not depend on what is fetched first or how often a crawl died.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cafecrawl.errors import ConfigError
from cafecrawl.items import Page
from cafecrawl.names import file_stem
from cafemood.core.reasons import quoted, reason_of

VERSION = 1
DAY = 24 * 3600.0
LONGEST = 30 * DAY
"""What a `Retry-After` can ask for at most: more is a slip (milliseconds, a year too many)."""
_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE runs (
  id INTEGER PRIMARY KEY, source TEXT NOT NULL, started_at TEXT NOT NULL, arguments TEXT NOT NULL, agent TEXT,
  permission_file TEXT, permission_sha256 TEXT, ended_at TEXT, exit_code INTEGER, message TEXT);
CREATE TABLE lists (
  id INTEGER PRIMARY KEY, source TEXT NOT NULL, key TEXT NOT NULL UNIQUE, request TEXT NOT NULL, cursor TEXT,
  state TEXT NOT NULL DEFAULT 'open', n_pages INTEGER NOT NULL DEFAULT 0, n_stale INTEGER NOT NULL DEFAULT 0,
  reason TEXT);
CREATE TABLE places (
  id INTEGER PRIMARY KEY, cafe_id TEXT NOT NULL UNIQUE, source TEXT NOT NULL, cafe_name TEXT, address TEXT,
  area TEXT, lat REAL, lon REAL);
CREATE TABLE photos (
  id INTEGER PRIMARY KEY, source TEXT NOT NULL, url TEXT NOT NULL, cafe_id TEXT NOT NULL, rank INTEGER NOT NULL,
  stem TEXT NOT NULL UNIQUE, state TEXT NOT NULL DEFAULT 'pending', reason TEXT, tries INTEGER NOT NULL DEFAULT 0,
  source_url TEXT, licence TEXT, licence_url TEXT, creator TEXT, attribution TEXT, sha1 TEXT,
  photo_id TEXT, file TEXT, n_bytes INTEGER, width INTEGER, height INTEGER, phash TEXT, verified TEXT,
  fetched_at TEXT, UNIQUE (source, url), UNIQUE (cafe_id, rank));
CREATE INDEX photos_by_state ON photos (source, state, id);
CREATE INDEX photos_by_cafe ON photos (cafe_id);
CREATE TABLE requests (source TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX requests_by_source ON requests (source, at);
CREATE TABLE holds (host TEXT PRIMARY KEY, set_at REAL NOT NULL, seconds REAL NOT NULL);
"""
_FOR_ITS_LICENCE = "state = 'rejected' AND reason LIKE 'licence: %'"
_CORRECTED = " (corrected)"
"""Ends the reason of a stored photo whose licence was corrected to one that may not be kept."""
_REF = ("url", "source", "source_url", "licence", "licence_url", "creator", "attribution", "sha1")


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that is not yet read to its end; `cursor` is None before its first page."""

    id: int
    key: str
    request: dict[str, Any]
    cursor: dict[str, Any] | None
    n_pages: int
    n_stale: int


def ledger_reason(error: Exception) -> str:
    """Why the ledger or the folder failed, in our words where the code of SQLite or of the system tells."""
    return reason_of(error, otherwise=quoted(error, "SQLite"))


class Ledger:
    """An open ledger; its methods may be called from any thread."""

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        """Open a ledger, and make it if it is not there.

        Raises:
            ConfigError: It is missing (read-only), damaged, of another version, or cannot be written.
        """
        self.path = path
        self._lock = threading.RLock()
        if readonly and not path.is_file():
            raise ConfigError(
                "There is no crawl in this folder", where=path.parent.parent, fix="crawl first, or give folder=DIR"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
            self._db.row_factory = sqlite3.Row
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            n_tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if not n_tables and not readonly:
                self._create()
            elif version != VERSION:
                raise ConfigError(
                    "The ledger was written by another version of the crawler",
                    where=path,
                    why=f"it has version {version}, this crawler reads {VERSION}",
                    fix="crawl into a new folder (folder=DIR), or use the version that wrote it",
                )
            self._db.execute("PRAGMA synchronous = FULL")
        except sqlite3.DatabaseError as error:
            raise ConfigError(
                "The ledger cannot be opened",
                where=path,
                why=ledger_reason(error),
                fix="check the folder's rights and free space; if the file is damaged, crawl into a new folder",
            ) from None
        except OSError as error:
            raise ConfigError(
                "The photo folder cannot be written",
                where=path.parent,
                why=reason_of(error, path.parent),
                fix="correct its rights, or give another one: folder=DIR",
            ) from None

    def _create(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        with self.transaction() as db:  # one transaction: a crash leaves no half schema
            for statement in _SCHEMA.split(";\n"):
                if statement.strip():
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Close the file; the write-ahead log is merged into it."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All statements of the block, or none; on the disk when it ends."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """The rows of a reading query."""
        with self._lock:
            return self._db.execute(query, values).fetchall()

    # Facts and runs

    def fact(self, name: str, value: str | None = None) -> str | None:
        """A fact about the folder; with `value`, write it first."""
        if value is not None:
            with self.transaction() as db:
                db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
            return value
        found = self.rows("SELECT value FROM facts WHERE name = ?", name)
        return found[0]["value"] if found else None

    def start_run(
        self, source: str, started_at: str, arguments: dict[str, Any], agent: str, permission: tuple[str, str] | None
    ) -> int:
        """Note that a crawl begins; `permission` is the file's path and SHA-256."""
        path, digest = permission or (None, None)
        with self.transaction() as db:
            done = db.execute(
                "INSERT INTO runs (source, started_at, arguments, agent, permission_file, permission_sha256) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (source, started_at, json.dumps(arguments, ensure_ascii=False), agent, path, digest),
            )
            return int(done.lastrowid or 0)

    def end_run(self, run: int, ended_at: str, exit_code: int, message: str) -> None:
        """Note how a crawl ended."""
        with self.transaction() as db:
            db.execute(
                "UPDATE runs SET ended_at = ?, exit_code = ?, message = ? WHERE id = ?",
                (ended_at, exit_code, message, run),
            )

    # Lists

    def add_lists(self, source: str, lists: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Add lists by their key; those that are known keep their cursor."""
        with self.transaction() as db:
            self._add_lists(db, source, lists)

    def next_list(self, source: str, after: int = 0) -> Listing | None:
        """The first list that goes on, among those with a larger id than `after`."""
        found = self.rows(
            "SELECT * FROM lists WHERE source = ? AND state = 'open' AND id > ? ORDER BY id LIMIT 1", source, after
        )
        return self._listing_of(found[0]) if found else None

    def open_list(self, key: str) -> Listing | None:
        """The list with this key, if it goes on."""
        found = self.rows("SELECT * FROM lists WHERE key = ? AND state = 'open'", key)
        return self._listing_of(found[0]) if found else None

    @staticmethod
    def _listing_of(row: sqlite3.Row) -> Listing:
        cursor = json.loads(row["cursor"]) if row["cursor"] else None
        return Listing(row["id"], row["key"], json.loads(row["request"]), cursor, row["n_pages"], row["n_stale"])

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
            n_new = sum(self._add_photo(db, asdict(photo), per_cafe, accepts) for photo in page.photos)
            n_stale = 0 if n_new or page.places else listing.n_stale + 1
            ended = page.next is None
            ended |= max_stale is not None and n_stale >= max_stale
            ended |= per_cafe is not None and bool(page.photos) and self._full(db, page.photos[0].cafe_id, per_cafe)
            db.execute(
                "UPDATE lists SET cursor = ?, state = ?, n_pages = n_pages + 1, n_stale = ? WHERE id = ?",
                (json.dumps(page.next), "done" if ended else "open", n_stale, listing.id),
            )
            self._add_lists(db, source, sublists)
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
                [(row["id"],) for row in rows if not gone(self._listing_of(row))],
            )

    def end_list(self, listing: Listing, reason: str) -> None:
        """Close a list that cannot be read, ever."""
        with self.transaction() as db:
            db.execute("UPDATE lists SET state = 'failed', reason = ? WHERE id = ?", (reason, listing.id))

    def n_places(self, source: str) -> int:
        """How many cafés a source has given."""
        return self.rows("SELECT count(*) AS n FROM places WHERE source = ?", source)[0]["n"]

    def places(self) -> Iterator[sqlite3.Row]:
        """All cafés in the order they were found, a thousand in memory at a time."""
        last = 0
        while rows := self.rows("SELECT * FROM places WHERE id > ? ORDER BY id LIMIT 1000", last):
            yield from rows
            last = rows[-1]["id"]

    # Photos

    def pending(self, source: str, after: int, limit: int, *, stored_once: bool = False) -> list[sqlite3.Row]:
        """The next photos to fetch, in the order they were found, with ids larger than `after`.

        With `stored_once`, only those that were in the folder before: they keep their `file`.
        """
        which = " AND file NOTNULL" if stored_once else ""
        return self.rows(
            f"SELECT * FROM photos WHERE source = ? AND state = 'pending'{which} AND id > ? ORDER BY id LIMIT ?",  # noqa: S608
            source,
            after,
            limit,
        )

    def photo(self, row: int) -> sqlite3.Row:
        """One photo."""
        return self.rows("SELECT * FROM photos WHERE id = ?", row)[0]

    def reject(self, row: int, reason: str) -> None:
        """Note that a photo will never be kept, and why."""
        with self.transaction() as db:
            db.execute("UPDATE photos SET state = 'rejected', reason = ? WHERE id = ?", (reason, row))

    def reconsider(self, source: str, accepts: Callable[[str | None], bool]) -> None:
        """Let photos wait that were rejected for a licence that is accepted now; without an attribution none is."""
        which = f"source = ? AND {_FOR_ITS_LICENCE} AND attribution > ''"
        with self.transaction() as db:
            named = db.execute(f"SELECT DISTINCT licence FROM photos WHERE {which}", (source,)).fetchall()  # noqa: S608
            db.executemany(
                f"UPDATE photos SET state = 'pending', reason = NULL WHERE {which} AND licence = ?",  # noqa: S608
                [(source, row["licence"]) for row in named if accepts(row["licence"])],
            )

    def withdrawn(self) -> list[sqlite3.Row]:
        """Stored photos that were rejected for a licence corrected since; they have their `file` still."""
        return self.rows(
            f"SELECT * FROM photos WHERE {_FOR_ITS_LICENCE} AND reason LIKE ? AND file NOTNULL",  # noqa: S608
            f"%{_CORRECTED}",
        )

    def forget_files(self, rows: Iterable[int]) -> None:
        """Note that photos have no file any more."""
        with self.transaction() as db:
            db.executemany("UPDATE photos SET file = NULL WHERE id = ?", [(row,) for row in rows])

    def postpone(self, row: int, reason: str, *, max_tries: int) -> bool:
        """Note a failure that may pass; after `max_tries` crawls that met one, the photo is rejected (and False)."""
        with self.transaction() as db:
            db.execute(
                "UPDATE photos SET tries = tries + 1, reason = ?, "
                "state = CASE WHEN tries + 1 >= ? THEN 'rejected' ELSE 'pending' END WHERE id = ?",
                (reason, max_tries, row),
            )
        return self.photo(row)["state"] == "pending"

    def set_photos(self, state: str, facts: Iterable[dict[str, Any]]) -> None:
        """Write facts of photos (each with its `id`) and their new state, in one transaction."""
        with self.transaction() as db:
            for fact in facts:
                values = {k: v for k, v in fact.items() if k != "id"} | {"state": state, "reason": None}
                assignments = ", ".join(f"{name} = ?" for name in values)
                db.execute(f"UPDATE photos SET {assignments} WHERE id = ?", (*values.values(), fact["id"]))  # noqa: S608

    def counts(self, source: str | None = None) -> dict[str, int]:
        """Photos by state, of one source or of all."""
        where, values = (" WHERE source = ?", (source,)) if source else ("", ())
        found = self.rows(f"SELECT state, count(*) AS n FROM photos{where} GROUP BY state", *values)  # noqa: S608
        return {"pending": 0, "storing": 0, "done": 0, "rejected": 0} | {r["state"]: r["n"] for r in found}

    def n_open_lists(self, source: str) -> int:
        """How many lists go on."""
        return self.rows("SELECT count(*) AS n FROM lists WHERE source = ? AND state = 'open'", source)[0]["n"]

    # Quotas and waiting

    def used_today(self, source: str, now: float) -> tuple[int, float]:
        """Requests of the last 24 hours, and the time of the oldest of them.

        Requests dated in the future (the clock was set back) count too: a quota never grows by a clock.
        """
        row = self.rows(
            "SELECT count(*) AS n, min(at) AS first FROM requests WHERE source = ? AND at > ?", source, now - DAY
        )[0]
        return row["n"], min(row["first"] or now, now)

    def count_request(self, source: str, now: float) -> None:
        """Note a request against the quota, before it is sent."""
        with self.transaction() as db:
            db.execute("INSERT INTO requests VALUES (?, ?)", (source, now))
            db.execute("DELETE FROM requests WHERE at < ?", (now - 2 * DAY,))

    def hold(self, host: str, now: float, seconds: float) -> None:
        """A host asked to be left alone for some seconds; what ends later holds."""
        with self.transaction() as db:
            if seconds > self.held(host, now):
                db.execute("INSERT OR REPLACE INTO holds VALUES (?, ?, ?)", (host, now, seconds))

    def held(self, host: str, now: float) -> float:
        """Seconds a host is still to be left alone, `LONGEST` at most; a clock that was set back starts it anew."""
        found = self.rows("SELECT set_at, seconds FROM holds WHERE host = ?", host)
        if not found:
            return 0.0
        passed = max(now - found[0]["set_at"], 0.0)
        return max(min(found[0]["seconds"], LONGEST) - passed, 0.0)

    @staticmethod
    def _add_lists(db: sqlite3.Connection, source: str, lists: Iterable[tuple[str, dict[str, Any]]]) -> None:
        db.executemany(
            "INSERT OR IGNORE INTO lists (source, key, request) VALUES (?, ?, ?)",
            [(source, key, json.dumps(request, ensure_ascii=False)) for key, request in lists],
        )

    @staticmethod
    def _full(db: sqlite3.Connection, cafe_id: str, per_cafe: int) -> bool:
        return db.execute("SELECT count(*) FROM photos WHERE cafe_id = ?", (cafe_id,)).fetchone()[0] >= per_cafe

    @staticmethod
    def _correct(
        db: sqlite3.Connection,
        known: sqlite3.Row,
        photo: dict[str, Any],
        accepts: Callable[[str | None], bool] | None,
    ) -> None:
        """Take over what the source says now of a known photo; without `accepts`, only a new licence of one not stored.

        What waits goes on waiting, what was rejected for its licence and has no file waits again. A stored photo is
        rejected for a licence that may not be kept, and taken back by a later row of the same table.
        """
        facts = {name: photo[name] for name in _REF if name not in ("url", "source")}
        licence, new = photo["licence"], photo["licence"] != known["licence"]
        reason, stored = known["reason"] or "", known["file"] is not None
        refused = known["state"] == "rejected"
        waits = known["state"] == "pending" or (refused and not stored and reason.startswith("licence: "))
        if all(known[name] == value for name, value in facts.items()) or (accepts is None and not (new and waits)):
            return
        if waits:
            facts |= {"state": "pending", "reason": None}
        elif new and not refused and accepts is not None and not accepts(licence):
            facts |= {"state": "rejected", "reason": f"licence: {licence or 'none given'}{_CORRECTED}"}
        elif refused and stored and reason.endswith(_CORRECTED) and accepts is not None and accepts(licence):
            facts |= {"state": "done", "reason": None}
        assignments = ", ".join(f"{name} = ?" for name in facts)
        db.execute(f"UPDATE photos SET {assignments} WHERE id = ?", (*facts.values(), known["id"]))  # noqa: S608

    @staticmethod
    def _add_photo(
        db: sqlite3.Connection,
        photo: dict[str, Any],
        per_cafe: int | None,
        accepts: Callable[[str | None], bool] | None,
    ) -> int:
        cafe_id = photo["cafe_id"]
        known = db.execute(
            "SELECT * FROM photos WHERE source = ? AND url = ?", (photo["source"], photo["url"])
        ).fetchone()
        if known:
            Ledger._correct(db, known, photo, accepts)
            return 0
        rank = db.execute("SELECT coalesce(max(rank), 0) + 1 FROM photos WHERE cafe_id = ?", (cafe_id,)).fetchone()[0]
        if per_cafe is not None and rank > per_cafe:
            return 0
        row = {name: photo[name] for name in _REF} | {
            "cafe_id": cafe_id,
            "rank": rank,
            "stem": file_stem(cafe_id, rank),
        }
        db.execute(
            f"INSERT INTO photos ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608
            tuple(row.values()),
        )
        return 1

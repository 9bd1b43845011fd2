"""The ledger's SQLite file: schema, opening, transactions."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cafecrawl.errors import ConfigError
from cafemood.core.addresses import host_of
from cafemood.core.reasons import quoted, reason_of

VERSION = 1
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


def ledger_reason(error: Exception) -> str:
    """Why the ledger or the folder failed, in our words where the code of SQLite or of the system tells."""
    return reason_of(error, otherwise=quoted(error, "SQLite"))


class Database:
    """An open ledger file; its methods may be called from any thread."""

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
            self._db.create_function("host_of", 1, host_of, deterministic=True)
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

    def fact(self, name: str, value: str | None = None) -> str | None:
        """A fact about the folder; with `value`, write it first."""
        if value is not None:
            with self.transaction() as db:
                db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
            return value
        rows = self.rows("SELECT value FROM facts WHERE name = ?", name)
        return rows[0]["value"] if rows else None

"""The table of photos: what waits, what is stored, what was rejected and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cafecrawl.ledger.database import Database
from cafecrawl.names import file_stem

_FOR_ITS_LICENCE = "state = 'rejected' AND reason LIKE 'licence: %'"
_CORRECTED = " (corrected)"
"""Ends the reason of a stored photo whose licence was corrected to one that may not be kept."""
_REF = ("url", "source", "source_url", "licence", "licence_url", "creator", "attribution", "sha1")


class PhotosTable(Database):
    """Photos by state: pending, storing, done, rejected."""

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

    def names_host(self, source: str, host: str, *, fetched: bool = False) -> bool:
        """Whether an address of this source is on a host; with `fetched`, one whose photo was stored once."""
        query = "SELECT 1 FROM photos WHERE source = ? AND (file NOTNULL OR NOT ?) AND host_of(url) = ? LIMIT 1"
        return bool(self.rows(query, source, fetched, host))

    def rejected(self) -> Iterator[sqlite3.Row]:
        """Photos that were rejected, in the order they were found, a thousand in memory at a time."""
        last = 0
        query = "SELECT id, url, cafe_id, source, reason FROM photos WHERE state = 'rejected' AND id > ? "
        while rows := self.rows(query + "ORDER BY id LIMIT 1000", last):
            yield from rows
            last = rows[-1]["id"]

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
        rows = self.rows(f"SELECT state, count(*) AS n FROM photos{where} GROUP BY state", *values)  # noqa: S608
        return {"pending": 0, "storing": 0, "done": 0, "rejected": 0} | {r["state"]: r["n"] for r in rows}


def add_photo(
    db: sqlite3.Connection,
    photo: dict[str, Any],
    per_cafe: int | None,
    accepts: Callable[[str | None], bool] | None,
) -> int:
    """Add a photo that the source lists, or correct the one that has its address.

    Returns:
        1 if it is new, else 0.
    """
    cafe_id = photo["cafe_id"]
    earlier = db.execute(
        "SELECT * FROM photos WHERE source = ? AND url = ?", (photo["source"], photo["url"])
    ).fetchone()
    if earlier:
        _correct(db, earlier, photo, accepts)
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


def _correct(
    db: sqlite3.Connection,
    earlier: sqlite3.Row,
    photo: dict[str, Any],
    accepts: Callable[[str | None], bool] | None,
) -> None:
    """Correct a photo by what its source says now; without `accepts`, only the licence of one that is not stored.

    What waits goes on waiting, what was rejected for its licence and has no file waits again. A stored photo is
    rejected for a licence that may not be kept, and taken back by a later row of the same table.
    """
    facts = {name: photo[name] for name in _REF if name not in ("url", "source")}
    licence, new = photo["licence"], photo["licence"] != earlier["licence"]
    reason, stored = earlier["reason"] or "", earlier["file"] is not None
    refused = earlier["state"] == "rejected"
    waits = earlier["state"] == "pending" or (refused and not stored and reason.startswith("licence: "))
    if all(earlier[name] == value for name, value in facts.items()) or (accepts is None and not (new and waits)):
        return
    if waits:
        facts |= {"state": "pending", "reason": None}
    elif new and not refused and accepts is not None and not accepts(licence):
        facts |= {"state": "rejected", "reason": f"licence: {licence or 'none given'}{_CORRECTED}"}
    elif refused and stored and reason.endswith(_CORRECTED) and accepts is not None and accepts(licence):
        facts |= {"state": "done", "reason": None}
    assignments = ", ".join(f"{name} = ?" for name in facts)
    db.execute(f"UPDATE photos SET {assignments} WHERE id = ?", (*facts.values(), earlier["id"]))  # noqa: S608

"""The image folder: a photo appears whole, under its own name, and the ledger knows it; or nothing happened.

The steps of a commit, each safe to die after:

1. the checked bytes go to `.crawl/incoming/<row>.part`, which is synced;
2. the ledger notes what will be there (`storing`, with the SHA-256);
3. the file is moved to its name, and the folder is synced;
4. the ledger notes that it is there (`done`).

`recover` finishes what was between 2 and 4 without a request, and forgets what was before 2; what step 2 noted
and the disk lost waits to be fetched (again). Several photos share the steps 2 to 4, so that their syncs cost little.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cafecrawl.checks import PhotoFacts
from cafecrawl.errors import ConfigError
from cafecrawl.ledger import Ledger, ledger_reason
from cafemood.core.reasons import reason_of
from cafemood.data.images import file_digest

STATE = ".crawl"


class StoreError(ConfigError):
    """The folder cannot take a photo: the disk is full, the folder is read-only, or a name is taken."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A photo whose bytes are on the disk under a temporary name."""

    row: int
    partial: Path
    target: Path
    facts: dict[str, Any]


class Store:
    """A photo folder and its ledger, held by one crawl at a time."""

    def __init__(self, root: Path) -> None:
        """Take hold of a folder, and make it if it is not there.

        Raises:
            ConfigError: Another crawl holds it, it cannot be written, or its ledger cannot be used.
        """
        self.root = root
        self.incoming = root / STATE / "incoming"
        try:
            self.incoming.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(root / STATE / "lock")
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ConfigError(
                "Another crawl is working in this folder",
                where=root,
                fix="wait until it ends, or give another folder: folder=DIR",
            ) from None
        except OSError as error:
            raise ConfigError(
                "The photo folder cannot be written",
                where=root,
                why=reason_of(error, root),
                fix="correct its rights, or give another one: folder=DIR",
            ) from None
        try:
            self.ledger = Ledger(root / STATE / "ledger.sqlite")
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Let go of the folder."""
        self.ledger.close()
        self._lock.release()

    def recover(self) -> int:
        """Finish the commits that a crash cut off, and check that nobody took the names that will be needed.

        Returns:
            How many photos were adopted without a request.

        Raises:
            StoreError: A file that this crawl did not write stands where it will write.
        """
        finished: list[Staged] = []
        lost: list[dict[str, Any]] = []
        for row in self.ledger.rows("SELECT * FROM photos WHERE state = 'storing'"):
            target, partial = self.root / row["file"], self._partial(row["id"])
            if _is(target, row["photo_id"]) or _is(partial, row["photo_id"]):
                finished.append(Staged(row["id"], partial, target, {"id": row["id"], "photo_id": row["photo_id"]}))
            else:
                # its `file` stays for a repair to find, unless what stands there is not ours
                lost.append({"id": row["id"]} | ({"file": None, "photo_id": None} if target.exists() else {}))
        self._finish(finished)
        if lost:
            self.ledger.set_photos("pending", lost)
        for leftover in self.incoming.iterdir():
            leftover.unlink(missing_ok=True)
        self._refuse_taken_names()
        return len(finished)

    def withdraw(self) -> int:
        """Remove the files of stored photos that were rejected for a licence corrected since.

        Returns:
            How many there were.

        Raises:
            StoreError: A file cannot be removed, or the ledger cannot be written.
        """
        rows = self.ledger.withdrawn()
        try:
            for row in rows:
                (self.root / row["file"]).unlink(missing_ok=True)
            if rows:
                self.ledger.forget_files(row["id"] for row in rows)
        except (OSError, sqlite3.Error) as error:
            raise _store_error(self.root, error) from None
        return len(rows)

    def stage(self, row: sqlite3.Row, body: bytes, facts: PhotoFacts, **more: Any) -> Staged:
        """Step 1: put checked bytes on the disk under a temporary name.

        Args:
            row: The photo's row.
            body: Its bytes, kept as they were served.
            facts: What the checks found.
            more: Further columns of the ledger.

        Raises:
            StoreError: The disk is full or the folder cannot be written.
        """
        partial = self._partial(row["id"])
        try:
            with open(partial, "wb") as stream:
                stream.write(body)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise _store_error(self.root, error) from None
        name = row["stem"] + facts.suffix
        columns = {k: v for k, v in asdict(facts).items() if k != "suffix"}
        return Staged(
            row["id"],
            partial,
            self.root / name,
            columns | {"id": row["id"], "file": name, "n_bytes": len(body)} | more,
        )

    def commit(self, batch: Sequence[Staged]) -> None:
        """Steps 2 to 4 for staged photos.

        Raises:
            StoreError: The disk is full, or a name was taken meanwhile; the next crawl goes on from there.
        """
        try:
            for staged in batch:
                known = self.ledger.photo(staged.row)
                if staged.target.exists() and known["file"] != staged.target.name:
                    raise _taken(staged.target)
            self.ledger.set_photos("storing", [s.facts for s in batch])
            self._finish(batch)
        except (OSError, sqlite3.Error) as error:
            raise _store_error(self.root, error) from None

    def _finish(self, batch: Sequence[Staged]) -> None:
        if not batch:
            return
        for staged in batch:
            if staged.partial.exists():
                os.replace(staged.partial, staged.target)
        _sync_folder(self.root)
        self.ledger.set_photos("done", [{"id": s.row, "tries": 0} for s in batch])

    def _partial(self, row: int) -> Path:
        return self.incoming / f"{row}.part"

    def _refuse_taken_names(self) -> None:
        here = {entry.name for entry in os.scandir(self.root) if entry.name.startswith("cafe_")}
        if not here:
            return
        ours = {row["file"] for row in self.ledger.rows("SELECT file FROM photos WHERE file IS NOT NULL")}
        strangers = {Path(name).stem: name for name in here - ours}
        if not strangers:
            return
        for row in self.ledger.rows("SELECT stem FROM photos WHERE state = 'pending'"):
            if row["stem"] in strangers:
                raise _taken(self.root / strangers[row["stem"]])


def _taken(path: Path) -> StoreError:
    return StoreError(
        "A file that this crawl did not write has the name of one that it needs",
        where=path,
        fix="move it to another folder, then start the crawl again",
    )


def _is(path: Path, photo_id: str) -> bool:
    return path.is_file() and file_digest(path) == photo_id


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _store_error(root: Path, error: Exception) -> StoreError:
    return StoreError(
        "A photo could not be stored",
        where=root,
        why=ledger_reason(error),
        fix="free some space or correct the folder's rights, then start the crawl again: nothing stored is lost",
    )

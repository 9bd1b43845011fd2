"""Pictures and looks by content, kept beside the features: a photo that one run has opened, no other opens again."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np

from cafemood.core.reasons import DAMAGED, reason_of

log = logging.getLogger(__name__)

FORMAT = 2
"""Raise it when the same photo gives another picture or other looks."""
AT_ONCE, SECONDS = 256, 2.0
"""Entries are written when so many wait, or for so long: what a killed run makes again."""
_WAIT = 30.0
"""Seconds that another process may take to write."""
_ASKED = 500


class PictureCache:
    """Bytes by key in `cache_dir/pictures/pictures-FORMAT.sqlite`, which any number of processes read and fill.

    A key names what the bytes were made of, by its content, and how. SQLite keeps the file whole when a process is
    killed. A damaged file is deleted, and one that cannot be used is done without: each is said once.

    Args:
        cache_dir: The cache; None: nothing is kept.
    """

    def __init__(self, cache_dir: str | Path | None) -> None:
        self.path = None if cache_dir is None else Path(cache_dir) / "pictures" / f"pictures-{FORMAT}.sqlite"
        self._waiting: dict[str, bytes] = {}
        self._since = time.monotonic()

    def read(self, keys: Sequence[str | None]) -> dict[str, bytes]:
        """What is kept under the keys."""
        wanted = list({key for key in keys if key is not None})
        found: dict[str, bytes] = {}

        def look(database: sqlite3.Connection) -> None:
            for start in range(0, len(wanted), _ASKED):
                some = wanted[start : start + _ASKED]
                marks = ",".join("?" * len(some))
                found.update(database.execute(f"SELECT key, data FROM pictures WHERE key IN ({marks})", some))  # noqa: S608

        if self.path is not None and self.path.is_file():
            self._use(look)
        return found

    def add(self, key: str, data: bytes) -> None:
        """Keep bytes: they are written with others, at the latest by `write`."""
        if self.path is not None:
            self._waiting[key] = data
            if len(self._waiting) >= AT_ONCE or time.monotonic() - self._since > SECONDS:
                self.write()

    def write(self) -> None:
        """Write what waits."""
        waiting, self._waiting, self._since = self._waiting, {}, time.monotonic()

        def insert(database: sqlite3.Connection) -> None:
            with database:
                database.executemany("INSERT OR IGNORE INTO pictures VALUES (?, ?)", waiting.items())

        if waiting:
            self._use(insert)

    def _use(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Do something with the open database, if it can be used."""
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._say_if_made_again(self.path)
            with closing(sqlite3.connect(self.path, timeout=_WAIT)) as database:
                database.execute("CREATE TABLE IF NOT EXISTS pictures (key TEXT PRIMARY KEY, data BLOB) WITHOUT ROWID")
                work(database)
        except (OSError, sqlite3.OperationalError) as error:
            log.warning("Pictures are not shared between runs: %s", reason_of(error, self.path, "it cannot be written"))
            self.path = None
        except sqlite3.DatabaseError as error:
            said = reason_of(error, self.path, DAMAGED)
            log.warning("Deleting the damaged cache file %s (%s); its pictures are made again", self.path, said)
            for end in ("", "-journal", "-wal", "-shm"):
                with suppress(OSError):
                    self.path.with_name(self.path.name + end).unlink()

    @staticmethod
    def _say_if_made_again(path: Path) -> None:
        """Name the files of other versions, where there is none of this one yet."""
        if not path.is_file() and (others := sorted(path.parent.glob("pictures-*.sqlite"))):
            names = " and ".join(other.name for other in others)
            said = "Thumbnails and looks are made again: %s in %s is of another version of cafemood, and may be deleted"
            log.warning(said, names, path.parent)


class Places:
    """Where photos are, each told when it is asked for: a path takes longer to make than a known thumbnail to find.

    Args:
        where: Gives the place of a photo.
        photos: The photos, as `where` takes them.
    """

    def __init__(self, where: Callable[[Any], Path | str], photos: Sequence[Any] | np.ndarray) -> None:
        self.where, self.photos = where, photos

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, i: int) -> Path | str:
        return self.where(self.photos[i])


def key_of_photo(photo_id: str | None, what: str) -> str | None:
    """The key of something made of a photo; None where its id is not the SHA-256 of its bytes, but a name."""
    is_digest = photo_id is not None and len(photo_id) == 64 and not photo_id.strip("0123456789abcdef")
    return f"{photo_id} {what}" if is_digest else None


def key_of_picture(picture: bytes, what: str) -> str:
    """The key of something made of an encoded picture."""
    return f"{hashlib.sha256(picture).hexdigest()} {what}"


def keys_of_pictures(pictures: Iterable[bytes | None], what: str) -> list[str | None]:
    """`key_of_picture` of each; None where there is none."""
    return [None if picture is None else key_of_picture(picture, what) for picture in pictures]

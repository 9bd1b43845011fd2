"""The feature cache: content-keyed rows on disk, written in shards, read by mapping."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock

from cafemood.core import checked, chunks
from cafemood.core.atomic import write_json, writing
from cafemood.core.reasons import DAMAGED, Flaw, reason_of
from cafemood.errors import FeaturesError

if TYPE_CHECKING:
    from cafemood.backbones.backbone import Backbone

COMPACT_ABOVE = 64
"""With more shards than this, a finished fill merges them into one."""

MERGED_BYTES = 1 << 30
"""A shard as large as this stays as it is: a growing cache is not written again and again."""

_DAMAGE = (
    ValueError, EOFError, SyntaxError, TokenError, BadZipFile, TypeError, LookupError, ArithmeticError,
    AttributeError, RecursionError,
)  # fmt: skip
"""What `np.load` says of a file that is cut or broken. An `OSError` says something of the system, not of the file."""

_CONVERTED = ".srgb.npy"
"""How a shard ends whose photos were converted to sRGB; rows of older ones count once it is known that their photos
have no other colours (see `confirm`)."""
_LOSS, _ADDRESS_LOSS = "its photos are embedded again", "its photos are fetched again"

_ADDRESS = np.dtype([("address", "S64"), ("photo_id", "S64")])


@dataclass(frozen=True)
class Features:
    """Rows of a feature space, in the order of their photo ids, mapped from disk.

    Attributes:
        space: The feature space's name.
        fingerprint: The backbone's.
        photo_ids: One a row.
    """

    space: str
    fingerprint: str
    photo_ids: tuple[str, ...]
    _shards: tuple[np.ndarray, ...]
    _where: np.ndarray  # (n, 2): shard, row in it

    def __len__(self) -> int:
        return len(self.photo_ids)

    @property
    def dim(self) -> int:
        """Length of a row."""
        return int(self._shards[0].shape[1])

    def rows(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Copy the rows at `indices`: float32 (len(indices), dim)."""
        where = self._where[np.asarray(indices, dtype=np.int64)]
        out = np.empty((len(where), self.dim), dtype=np.float32)
        for shard in np.unique(where[:, 0]):
            chosen = np.flatnonzero(where[:, 0] == shard)
            out[chosen] = self._shards[shard][where[chosen, 1]]
        return out

    def matrix(self) -> np.ndarray:
        """All rows (n, dim), to be read and not changed: float32, gathered once.

        Where they lie in one shard in this order (a matrix that the user brought), the shard itself, mapped
        from disk as it is. Where they are more than the working memory, they are gathered into a file
        beside the shards that has no name and goes with the process.

        Raises:
            FeaturesError: The disk has no room for it.
        """
        return self._matrix

    @cached_property
    def _matrix(self) -> np.ndarray:
        one = len(self._shards) == 1 and len(self._shards[0]) == len(self)
        if one and np.array_equal(self._where[:, 1], np.arange(len(self))):
            return self._shards[0]
        every = np.arange(len(self))
        if chunks.fits_shape(len(self), self.dim) or not isinstance(self._shards[0], np.memmap):
            return self.rows(every)
        folder = Path(str(self._shards[0].filename)).parent
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                for chunk in np.array_split(every, 1 + 4 * len(self) * self.dim // (chunks.working_memory() // 4)):
                    self.rows(chunk).tofile(file)
                return np.memmap(file, np.float32, "r", shape=(len(self), self.dim))
        except OSError as error:
            needs = f"free {4 * len(self) * self.dim / 2**30:.1f} GiB, or raise working_memory if memory holds them"
            why = reason_of(error, folder)
            raise FeaturesError("The features cannot be gathered", where=folder, why=why, fix=needs) from None


class FeatureCache:
    """The rows of one backbone, as shards `<name>.npy` of (photo_id, features) records.

    The key of a row is (photo_id, fingerprint): another photo costs one embedding, another k none. A
    shard is renamed into place when it is whole, so a killed process loses at most the shard it was gathering.

    Attributes:
        addresses: The photo id of each address that was read, by the address's id.
    """

    def __init__(self, cache_dir: str | Path, backbone: Backbone) -> None:
        self.cache_dir = Path(cache_dir)
        self.folder = self.cache_dir / "features" / f"{backbone.name}-{backbone.fingerprint[:16]}"
        self.backbone = backbone
        self._dtype = np.dtype([("photo_id", "S64"), ("features", "<f4", (backbone.dim,))])
        self.addresses: dict[str, str] = {}
        self._shards: list[np.ndarray] = []
        self._where: dict[str, tuple[int, int]] = {}
        self._older, self._confirmed = set[str](), set[str]()
        self._checked: dict[Path, tuple[tuple[int, int, int], bool]] = {}
        self.refresh()

    def __contains__(self, photo_id: object) -> bool:
        return photo_id in self._where and (photo_id not in self._older or photo_id in self._confirmed)

    def __len__(self) -> int:
        return len(self._where) - len(self._older - self._confirmed)

    @property
    def doubtful(self) -> set[str]:
        """Photos whose rows were made when colour profiles were ignored, and that nobody has confirmed."""
        return self._older - self._confirmed

    def confirm(self, photo_ids: Iterable[str]) -> None:
        """Let doubtful rows count: their photos are in sRGB already, and would be embedded as they were."""
        self._confirmed |= self._older.intersection(photo_ids)

    def refresh(self) -> None:
        """Read the shards again; a damaged one is set aside, its photos count as not embedded.

        Raises:
            FeaturesError: The system does not let one be read.
        """
        self._shards, self._where, self.addresses, self._older = [], {}, {}, set()
        read = self._read(self.folder, self._dtype, _LOSS)
        for path, shard in sorted(read, key=lambda one: one[0].name.endswith(_CONVERTED)):  # the older ones first
            ids = [photo_id.decode() for photo_id in shard["photo_id"]]
            self._where |= {photo_id: (len(self._shards), row) for row, photo_id in enumerate(ids)}
            self._older = self._older.difference(ids) if path.name.endswith(_CONVERTED) else self._older.union(ids)
            self._shards.append(shard["features"])
        for _, shard in self._read(self.folder / "addresses", _ADDRESS, _ADDRESS_LOSS):
            self.addresses |= {address.decode(): photo_id.decode() for address, photo_id in shard}

    def append(self, photo_ids: Sequence[str], features: np.ndarray, read: Sequence[tuple[str, str]] = ()) -> None:
        """Store rows (m, dim) as a new shard, then the ids of the bytes that addresses gave.

        Args:
            photo_ids: One a row.
            features: The rows.
            read: (address id, photo id) pairs; see `remote.address_id`.
        """
        if photo_ids:
            shard = np.empty(len(photo_ids), dtype=self._dtype)
            shard["photo_id"], shard["features"] = [i.encode() for i in photo_ids], features
            self._write(self.folder, [shard])
        if read:
            pairs = [(address.encode(), photo_id.encode()) for address, photo_id in read]
            self._write(self.folder / "addresses", [np.array(pairs, dtype=_ADDRESS)])

    def compact(self) -> None:
        """Merge the shards that are not large into one when there are many."""
        both = ((folder, end) for folder in (self.folder, self.folder / "addresses") for end in (_CONVERTED, ".npy"))
        for folder, end in both:
            small = (path for path in sorted(folder.glob("*.npy")) if path.stat().st_size < MERGED_BYTES)
            paths = [path for path in small if path.name.endswith(_CONVERTED) == (end == _CONVERTED)]
            if len(paths) > COMPACT_ABOVE:
                dtype, loss = (self._dtype, _LOSS) if folder == self.folder else (_ADDRESS, _ADDRESS_LOSS)
                with _reading(folder):
                    shards = {path: self._intact(path, dtype, loss) for path in paths}
                whole = {path: shard for path, shard in shards.items() if shard is not None}
                if whole:
                    self._write(folder, list(whole.values()), end)
                for path in whole:
                    path.unlink(missing_ok=True)

    def lock(self) -> FileLock:
        """Held by the one process that fills the cache; the system drops it when the process dies."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / ".lock")

    def features(self, photo_ids: Sequence[str]) -> Features:
        """The rows of these photos, which must all be in the cache."""
        where = np.array([self._where[i] for i in photo_ids], dtype=np.int64).reshape(-1, 2)
        shards = tuple(self._shards)
        return Features(self.backbone.space, self.backbone.fingerprint, tuple(photo_ids), shards, where)

    def _read(self, folder: Path, dtype: np.dtype, loss: str) -> list[tuple[Path, np.ndarray]]:
        before = None
        with _reading(folder):
            while before != (paths := sorted(folder.glob("*.npy"))):
                try:
                    return [(path, shard) for path in paths if (shard := self._intact(path, dtype, loss)) is not None]
                except FileNotFoundError:  # another process has just merged it: list again
                    before = paths
            raise Flaw("a file is listed that is not there")

    def _write(self, folder: Path, parts: Sequence[np.ndarray], end: str = _CONVERTED) -> None:
        facts = self.folder / "backbone.json"
        if not facts.exists():
            write_json(facts, self.backbone.facts())
        with writing(folder / f"{uuid.uuid4().hex}{end}") as partial, open(partial, "wb") as stream:
            # as np.save would, part by part: merging takes no memory
            about = {
                "descr": np.lib.format.dtype_to_descr(parts[0].dtype),
                "fortran_order": False,
                "shape": (sum(map(len, parts)),),
            }
            np.lib.format.write_array_header_1_0(stream, about)
            for part in parts:
                part.tofile(stream)
            stream.close()
            checked.add_trailer(partial, self.backbone.fingerprint)

    def _intact(self, path: Path, dtype: np.dtype, loss: str) -> np.ndarray | None:
        """A shard, mapped; None if it is damaged: then it is set aside. Its bytes are checked once a process."""
        try:
            if path.is_dir():
                raise Flaw("it is a folder, not a file")
            found = path.stat()
            seen = (found.st_ino, found.st_size, found.st_mtime_ns)
            known = self._checked.get(path)
            ends = known[1] if known and known[0] == seen else checked.check_trailer(path, self.backbone.fingerprint)
            shard = np.load(path, mmap_mode="r", allow_pickle=False)
            if not isinstance(shard, np.memmap) or shard.dtype != dtype or shard.ndim != 1:
                raise Flaw("another layout")
            if shard.offset + shard.nbytes + ends * checked.TRAILER_BYTES != found.st_size:
                raise Flaw("it is longer than what it says it holds")
            if not ends and not all(
                shard[name].tobytes().isascii() for name in dtype.names or () if name != "features"
            ):
                raise Flaw("its ids are damaged")
            self._checked[path] = (seen, ends)
            return shard
        except _DAMAGE as error:
            checked.set_aside_and_say(path, reason_of(error, otherwise=DAMAGED), loss)
            return None


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, Flaw) as error:
        fix = "give it memory, open files (ulimit -v, -n) or rights, then run the same command again: nothing is lost"
        where, why = getattr(error, "filename", None) or folder, reason_of(error, folder)
        raise FeaturesError("The feature cache cannot be read", where=where, why=why, fix=fix) from None

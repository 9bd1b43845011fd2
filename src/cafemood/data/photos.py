"""Photo rows: scan a folder, and open one photo as upright RGB pixels."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from cafemood.core import remote
from cafemood.core.names import path_of, shown

CHUNK = 10_000
"""Files that wait for a thread at a time."""

TWIN = "the same photo as "
"""How the reason of a photo that is there twice begins."""

TOLD_ONE_BY_ONE = 20
"""Of more photos that were left out, one line says how many, and where all of them are named."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Photo:
    """One row of the manifest.

    `photo_id` is the SHA-256 of the file's bytes and `file` its path relative to the manifest (or the
    scanned folder), with forward slashes and as `core.names.text_of` writes it. `label` is a ground truth
    used for scoring only.
    """

    photo_id: str
    file: str
    cafe_id: str
    cafe_name: str | None = None
    address: str | None = None
    area: str | None = None
    lat: float | None = None
    lon: float | None = None
    source: str | None = None
    source_url: str | None = None
    licence: str | None = None
    licence_url: str | None = None
    creator: str | None = None
    attribution: str | None = None
    rank: int | None = None
    width: int | None = None
    height: int | None = None
    phash: str | None = None
    fetched_at: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A photo that was left out, and why; with its café where that is known and may matter."""

    file: str
    reason: str
    cafe_id: str | None = None


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """The photos of one data set, in a fixed order, and those left out.

    `cafe_source` says where café ids come from: `filename`, `folder`, `manifest` or `none` (every photo
    counts as its own café). `addresses` has the whole address of a photo whose `file` leaves out what may be a
    secret; it is never written. `has_files` is false for the rows of a matrix; where these are grey pictures
    themselves, `pixels` is their height and width.
    """

    name: str
    root: Path
    photos: tuple[Photo, ...]
    skipped: tuple[Skipped, ...] = ()
    cafe_source: str = "none"
    notes: tuple[str, ...] = field(default=())
    addresses: Mapping[str, str] = field(default_factory=dict, repr=False)
    has_files: bool = True
    pixels: tuple[int, int] | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over the photo ids, café ids and labels in order: the identity of the data set."""
        text = "\n".join(f"{p.photo_id} {p.cafe_id} {p.label or ''}" for p in self.photos)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def cafes_known(self) -> bool:
        """Whether café ids are known; if not, every photo counts as its own café."""
        return self.cafe_source != "none"

    @property
    def cafes(self) -> list[str] | None:
        """The café of each photo; None if no café is known."""
        return [photo.cafe_id for photo in self.photos] if self.cafes_known else None

    @property
    def labelled(self) -> bool:
        """Whether any photo has a ground truth."""
        return any(p.label is not None for p in self.photos)

    def path(self, photo: Photo) -> Path | str:
        """The photo's file on disk, or its address."""
        if remote.is_address(photo.file):
            return self.addresses.get(photo.file, photo.file)
        return self.root / path_of(photo.file)

    def keep(self, indices: Sequence[int], skipped: Iterable[Skipped] = ()) -> PhotoSet:
        """The photos at `indices` only, with more rows added to `skipped`."""
        kept = tuple(self.photos[i] for i in indices)
        return replace(self, photos=kept, skipped=(*self.skipped, *skipped))


def mapped(work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Map in threads, in order, some thousands at a time: a future for each of a million files takes gigabytes."""
    with ThreadPoolExecutor() as pool:
        for i in range(0, len(items), CHUNK):
            yield from pool.map(work, items[i : i + CHUNK])


def cafe_source(sources: set[str]) -> tuple[str, tuple[str, ...]]:
    """Where a set's café ids come from, and a note if they come from nowhere."""
    if sources == {"none"}:
        note = "No café ids: every photo counts as its own café (name files cafe_<id>_<n>.jpg or use sub-folders)."
        return "none", (note,)
    return next(source for source in ("filename", "folder", "none") if source in sources), ()


def count_reasons(skipped: Sequence[Skipped]) -> str:
    """That every file was skipped, and why the first one was."""
    if not skipped:
        return ""
    first = skipped[0]
    kinds = f" ({left_out(skipped)})" if len(skipped) > 1 else ""
    return f"all {len(skipped)} files were skipped, the first {shown(first.file)}: {first.reason}{kinds}"


def skipped_lines(skipped: Sequence[Skipped], *, where: str) -> list[str]:
    """What to say of files that were left out: a line each, or of many how many of which kind, in one.

    Args:
        skipped: The files.
        where: Where all are named.
    """
    if len(skipped) <= TOLD_ONE_BY_ONE:
        return [f"Skipped {shown(s.file)}: {shown(s.reason)}" for s in skipped]
    return [f"Skipped {len(skipped):,} files: {left_out(skipped)}. {where}"]


def left_out(skipped: Sequence[Skipped], most: int = 8) -> str:
    """What was left out, counted by suffix and reason, most first: `12 .mp4 (not an image), 3 .heic (…)`.

    Args:
        skipped: The files.
        most: Kinds that are named; of others how many there are.
    """
    counts = Counter((_suffix(s.file), _REST.sub("", s.reason).strip()) for s in skipped).most_common()
    kinds = [f"{n:,} {shown(suffix)} ({shown(reason)})" for (suffix, reason), n in counts[:most]]
    if len(counts) > most:
        kinds.append(f"{sum(n for _, n in counts[most:]):,} of {len(counts) - most:,} other kinds")
    return ", ".join(kinds)


def named_as_photo(skipped: Skipped) -> bool:
    """Whether a file that was left out is damaged or no photo although its name ends as a photo's does."""
    return _suffix(skipped.file) in _PHOTO_SUFFIXES and not skipped.reason.startswith("the same photo as")


_PHOTO_SUFFIXES = frozenset(f".{name}" for name in "jpg jpeg jpe jfif png webp gif tif tiff bmp avif heic heif".split())  # noqa: SIM905
_REST = re.compile(r"( as .*| \(\d+ files\)|: .*)$", re.DOTALL)
"""What differs from file to file within one reason."""


def _suffix(file: str) -> str:
    """A file's suffix in lower case, as it is counted."""
    if file.endswith("/"):
        return "folder"
    if remote.is_address(file):
        return "address"
    name = PurePosixPath(file).name
    return PurePosixPath(name).suffix.lower() or (name if name.startswith(".") else "without suffix")

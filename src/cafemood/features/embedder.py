"""Photos in, rows out: fetch, decode and run the network side by side, each photo's bytes once."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image

from cafemood.backbones.backbone import Backbone
from cafemood.core import remote
from cafemood.data import colours
from cafemood.data.images import open_image
from cafemood.data.photos import Photo, PhotoSet
from cafemood.errors import FeaturesError, PhotoError
from cafemood.features import engine

FETCHERS = 16
"""Photos behind addresses that a process asks for at once: it mostly waits."""

Seen = Callable[[str, Image.Image], None]
"""Told of a photo that was opened: the SHA-256 of its bytes, and its picture, which nobody else needs any more."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass
class Batch:
    """What became of some photos.

    Attributes:
        ids: SHA-256 of the bytes of each photo that was embedded.
        rows: Their features (m, dim).
        read: (address id, photo id) of each photo that was known by its address only.
        reasons: Why a photo could not be read, by the id it was listed under.
        profiles: Why a colour profile was not used, by its photo's file; of all photos until now.
        n: How many photos that were.
        beside: What became of them in the second network, if there is one: its `ids`, `rows` and `read` alone.
    """

    ids: list[str] = field(default_factory=list)
    rows: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32))
    read: list[tuple[str, str]] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, str] = field(default_factory=dict)
    n: int = 0
    beside: Batch | None = None
    _files: list[str] = field(default_factory=list)
    _pixels: list[torch.Tensor] = field(default_factory=list)


class Embedder:
    """A frozen network, the engine that runs it here, and the threads that fetch and decode for it.

    At most a few batches wait between them, so memory does not grow with the number of photos.

    Args:
        backbone: The network.
        n_photos: How many it will embed.
        batch_size: Photos a forward pass; None takes what is fast on this machine.
        cores: How many it may use.
        beside: A second network that sees each photo at the same opening.
    """

    def __init__(
        self,
        backbone: Backbone,
        n_photos: int,
        batch_size: int | None = None,
        cores: int = 1,
        beside: Backbone | None = None,
    ) -> None:
        self.backbone, self.cores, self.beside = backbone, cores, beside
        self.run = engine.choose(backbone, n_photos, batch_size, cores)
        self.run_beside = None if beside is None else engine.choose(beside, n_photos, batch_size, cores)

    def __call__(
        self,
        photo_set: PhotoSet,
        photos: Iterable[Photo],
        known: Container[str] = (),
        known_beside: Container[str] = (),
        seen: Seen | None = None,
    ) -> Iterator[Batch]:
        """Embed photos, in their order.

        Args:
            photo_set: Where they are.
            photos: Those to embed.
            known: Ids of bytes that have features already: an address that gives them is only noted.
            known_beside: The same of the second network.
            seen: Told of each photo that was opened; called in several threads.

        Raises:
            FeaturesError: A network gives NaN or infinity.
        """
        work = _Photos(photo_set, self.backbone, known, self.beside, known_beside, seen)
        engines = [self.run] if self.run_beside is None else [self.run, self.run_beside]
        size, workers = min(e.batch_size for e in engines), min(e.workers for e in engines)
        with (
            ThreadPoolExecutor(FETCHERS) as fetchers,
            ThreadPoolExecutor(self.cores) as decoders,
            ThreadPoolExecutor(workers) as networks,
        ):
            fetched = _ahead(fetchers, work.fetch, photos, waiting=2 * FETCHERS)
            decoded = _ahead(decoders, work.decode, fetched, waiting=2 * max(self.cores, size))
            batches = _batched(decoded, size, beside=self.beside is not None)
            for batch in _ahead(networks, self._forward, batches, waiting=2 * workers):
                _check_finite(batch, self.backbone)
                if batch.beside is not None and self.beside is not None:
                    _check_finite(batch.beside, self.beside)
                batch.profiles = work.flaws
                yield batch

    def _forward(self, batch: Batch) -> Batch:
        for part, run in ((batch, self.run), (batch.beside, self.run_beside)):
            if part is not None and run is not None and part._pixels:
                part.rows = run(torch.stack(part._pixels))
                part._pixels = []
        return batch


def _check_finite(batch: Batch, backbone: Backbone) -> None:
    if not np.isfinite(batch.rows).all():
        first = batch._files[int((~np.isfinite(batch.rows)).any(axis=1).argmax())]
        fix = "try backbone.precision=float32, or check the weight file"
        raise FeaturesError("The backbone gives NaN or infinity", where=first, why=backbone.name, fix=fix)


@dataclass
class _Decoded:
    """A photo, the id of its bytes, and its pixels for each network; or why there are none.

    There are no pixels where a network has features of these bytes already.
    """

    photo: Photo
    photo_id: str
    pixels: torch.Tensor | None = None
    beside: torch.Tensor | None = None
    reason: str | None = None


class _Photos:
    """What the threads do to one photo."""

    def __init__(
        self,
        photo_set: PhotoSet,
        backbone: Backbone,
        known: Container[str],
        beside: Backbone | None,
        known_beside: Container[str],
        seen: Seen | None = None,
    ) -> None:
        self.photo_set, self.backbone, self.known, self.seen = photo_set, backbone, known, seen
        self.beside, self.known_beside = beside, known_beside
        self.claimed, self.lock = set[str](), threading.Lock()
        self.flaws: dict[str, str] = {}

    def fetch(self, photo: Photo) -> tuple[Photo, bytes | Path | PhotoError]:
        place = self.photo_set.path(photo)
        if isinstance(place, Path):
            return photo, place
        try:
            return photo, remote.fetch(place)
        except PhotoError as error:
            return photo, error

    def decode(self, fetched: tuple[Photo, bytes | Path | PhotoError]) -> _Decoded:
        """What the networks are to see of a photo."""
        photo, source = fetched
        found = _Decoded(photo, photo.photo_id)
        try:
            if isinstance(source, PhotoError):
                raise source
            if isinstance(source, bytes):
                found.photo_id = hashlib.sha256(source).hexdigest()
                if photo.photo_id not in (found.photo_id, remote.address_id(str(self.photo_set.path(photo)))):
                    found.reason = "its bytes are not those of the manifest's photo_id"
                    return found
            with self.lock:
                twice = found.photo_id in self.claimed
                self.claimed.add(found.photo_id)
            wanted = [
                None if network is None or found.photo_id in known else network
                for network, known in ((self.backbone, self.known), (self.beside, self.known_beside))
            ]
            if twice or wanted == [None, None]:
                return found
            found.pixels, found.beside = self._seen_by(wanted, found, source)
        except PhotoError as error:
            found.reason = str(error.why or error.what)
        return found

    def _seen_by(
        self, networks: Sequence[Backbone | None], of: _Decoded, source: bytes | Path
    ) -> list[torch.Tensor | None]:
        """One opening for all that take a photo at the same size, so that none sees other pixels than alone."""
        opened: dict[int, Image.Image] = {}
        found: list[torch.Tensor | None] = []
        for network in networks:
            if network is None:
                found.append(None)
                continue
            if network.shortest not in opened:
                image = opened[network.shortest] = open_image(source, shortest=network.shortest)
                if colours.FLAW in image.info:
                    self.flaws[of.photo.file] = image.info[colours.FLAW]
            found.append(network.transform(opened[network.shortest]))
        if self.seen is not None and self.backbone.shortest in opened:
            self.seen(of.photo_id, opened[self.backbone.shortest])
        return found


def _batched(decoded: Iterable[_Decoded], size: int, *, beside: bool = False) -> Iterator[Batch]:
    def empty() -> Batch:
        return Batch(beside=Batch() if beside else None)

    batch = empty()
    for found in decoded:
        batch.n += 1
        if found.reason is not None:
            batch.reasons[found.photo.photo_id] = found.reason
        for part, pixels in ((batch, found.pixels), (batch.beside, found.beside)):
            if part is None:
                continue
            if found.reason is None and found.photo_id != found.photo.photo_id:
                part.read.append((found.photo.photo_id, found.photo_id))
            if pixels is not None:
                part.ids.append(found.photo_id)
                part._files.append(found.photo.file)
                part._pixels.append(pixels)
        full = max(len(batch.ids), len(batch.beside.ids) if batch.beside is not None else 0) == size
        if full or batch.n == 8 * size:  # the second: where none can be read, that shows
            yield batch
            batch = empty()
    if batch.n:
        yield batch


def _ahead(pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T], *, waiting: int) -> Iterator[R]:
    """Map in threads, in order, with at most `waiting` items begun before the one that is wanted."""
    begun: deque[Future[R]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) >= waiting:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:  # Ctrl-C or an error: don't do what nobody will ask for
        for future in begun:
            future.cancel()


def concatenated(batches: Sequence[Batch], dim: int) -> Batch:
    """Several batches as one."""
    whole = Batch(rows=np.concatenate([np.empty((0, dim), np.float32), *[b.rows for b in batches if b.ids]]))
    for batch in batches:
        whole.ids += batch.ids
        whole.read += batch.read
        whole.reasons |= batch.reasons
        whole.n += batch.n
    return whole

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
    """

    ids: list[str] = field(default_factory=list)
    rows: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32))
    read: list[tuple[str, str]] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, str] = field(default_factory=dict)
    n: int = 0
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
    """

    def __init__(self, backbone: Backbone, n_photos: int, batch_size: int | None = None, cores: int = 1) -> None:
        self.backbone, self.cores = backbone, cores
        self.run = engine.choose(backbone, n_photos, batch_size, cores)

    def __call__(
        self, photo_set: PhotoSet, photos: Iterable[Photo], known: Container[str] = (), seen: Seen | None = None
    ) -> Iterator[Batch]:
        """Embed photos, in their order.

        Args:
            photo_set: Where they are.
            photos: Those to embed.
            known: Ids of bytes that have features already: an address that gives them is only noted.
            seen: Told of each photo that was opened; called in several threads.

        Raises:
            FeaturesError: The network gives NaN or infinity.
        """
        work = _Photos(photo_set, self.backbone, known, seen)
        size = self.run.batch_size
        with (
            ThreadPoolExecutor(FETCHERS) as fetchers,
            ThreadPoolExecutor(self.cores) as decoders,
            ThreadPoolExecutor(self.run.workers) as networks,
        ):
            fetched = _ahead(fetchers, work.fetch, photos, waiting=2 * FETCHERS)
            decoded = _ahead(decoders, work.decode, fetched, waiting=2 * max(self.cores, size))
            for batch in _ahead(networks, self._forward, _batched(decoded, size), waiting=2 * self.run.workers):
                if not np.isfinite(batch.rows).all():
                    first = batch._files[int((~np.isfinite(batch.rows)).any(axis=1).argmax())]
                    fix = "try backbone.precision=float32, or check the weight file"
                    name = self.backbone.name
                    raise FeaturesError("The backbone gives NaN or infinity", where=first, why=name, fix=fix)
                batch.profiles = work.flaws
                yield batch

    def _forward(self, batch: Batch) -> Batch:
        if batch._pixels:
            batch.rows = self.run(torch.stack(batch._pixels))
            batch._pixels = []
        return batch


class _Photos:
    """What the threads do to one photo."""

    def __init__(
        self, photo_set: PhotoSet, backbone: Backbone, known: Container[str], seen: Seen | None = None
    ) -> None:
        self.photo_set, self.backbone, self.known, self.seen = photo_set, backbone, known, seen
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

    def decode(self, fetched: tuple[Photo, bytes | Path | PhotoError]) -> tuple[Photo, str, torch.Tensor | str | None]:
        """The photo, the id of its bytes, and its pixels; or why there are none; or None if it is known already."""
        photo, source = fetched
        photo_id = photo.photo_id
        try:
            if isinstance(source, PhotoError):
                raise source
            if isinstance(source, bytes):
                photo_id = hashlib.sha256(source).hexdigest()
                if photo.photo_id not in (photo_id, remote.address_id(str(self.photo_set.path(photo)))):
                    return photo, photo_id, "its bytes are not those of the manifest's photo_id"
            with self.lock:
                twice = photo_id in self.claimed
                self.claimed.add(photo_id)
            if twice or (photo_id != photo.photo_id and photo_id in self.known):
                return photo, photo_id, None
            image = open_image(source, shortest=self.backbone.shortest)
            if colours.FLAW in image.info:
                self.flaws[photo.file] = image.info[colours.FLAW]
            pixels = self.backbone.transform(image)
            if self.seen is not None:
                self.seen(photo_id, image)
            return photo, photo_id, pixels
        except PhotoError as error:
            return photo, photo_id, str(error.why or error.what)


def _batched(decoded: Iterable[tuple[Photo, str, torch.Tensor | str | None]], size: int) -> Iterator[Batch]:
    batch = Batch()
    for photo, photo_id, found in decoded:
        batch.n += 1
        if isinstance(found, str):
            batch.reasons[photo.photo_id] = found
        elif photo_id != photo.photo_id:
            batch.read.append((photo.photo_id, photo_id))
        if isinstance(found, torch.Tensor):
            batch.ids.append(photo_id)
            batch._files.append(photo.file)
            batch._pixels.append(found)
        if len(batch.ids) == size or batch.n == 8 * size:  # the second: where none can be read, that shows
            yield batch
            batch = Batch()
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

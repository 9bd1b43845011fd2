"""What the replica's sites show: cafés, their photos as bytes, and the truth about each photo."""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from cafecrawl.areas import AREAS, Area
from cafecrawl.replica.rooms import draw_cafe, draw_photo

Draw = Callable[[int, int], bytes]
"""(number of the café, view) -> the bytes of a JPEG."""
OPENVERSE, COMMONS = 10_000, 20_000
"""Where the café numbers of these sources begin: no café is on two of them."""


@dataclass(frozen=True, slots=True)
class ReplicaCafe:
    """A café as the replica's pages tell of it."""

    number: int
    area: Area

    @property
    def cafe_id(self) -> str:
        """Its Naver id."""
        return str(1_000_000_000 + self.number)

    @property
    def name(self) -> str:
        """Its name; every seventh is awkward on purpose."""
        if self.number % 7 == 3:
            return f"카페 ☕️ <{self.area.name}> & 친구들 {self.number}호점 " + "아주 긴 이름 " * 12
        return f"{self.area.name} 카페 {self.number}호점"

    @property
    def lat(self) -> float:
        """Degrees north."""
        return round(self.area.lat + (self.number % 17 - 8) * 1e-4, 7)

    @property
    def lon(self) -> float:
        """Degrees east."""
        return round(self.area.lon + (self.number % 13 - 6) * 1e-4, 7)


@dataclass(slots=True)
class Content:
    """The size of the replica, and its photos, drawn when they are first asked for.

    Attributes:
        seed: Seed of all cafés.
        n_cafes: Cafés an area has on Naver and in OpenStreetMap.
        n_photos: Interior photos a café has there.
        n_openverse: Photos that Openverse finds.
        n_commons: Photos that Commons finds.
        draw: Draws a photo; rooms by default.
    """

    seed: int = 0
    n_cafes: int = 8
    n_photos: int = 5
    n_openverse: int = 60
    n_commons: int = 40
    draw: Draw | None = None
    _cache: dict[tuple[int, int], bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cafes(self, area: Area) -> list[ReplicaCafe]:
        """The cafés of an area."""
        first = list(AREAS).index(area.key) * 100
        return [ReplicaCafe(first + i, area) for i in range(self.n_cafes)]

    def photo(self, number: int, view: int) -> bytes:
        """The bytes of a photo."""
        key = number, view
        with self._lock:
            if key not in self._cache:
                self._cache[key] = (self.draw or functools.partial(room_photo, self.seed))(number, view)
            return self._cache[key]

    def atmosphere(self, number: int) -> str:
        """The truth about a café."""
        return draw_cafe(self.seed, number).atmosphere


def room_photo(seed: int, number: int, view: int) -> bytes:
    """A drawn room as a JPEG; every fifth a little smaller, as photos come."""
    size = (448, 336) if (number + view) % 5 == 0 else (512, 384)
    out = io.BytesIO()
    draw_photo(draw_cafe(seed, number), view, size).save(out, "JPEG", quality=88)
    return out.getvalue()


def blob_photo(number: int, view: int, size: tuple[int, int] = (288, 256)) -> bytes:
    """A quickly drawn picture, for tests that ask nothing of its content."""
    rng = np.random.default_rng([number, view])
    small = Image.fromarray(rng.integers(0, 255, (9, 12, 3), dtype=np.uint8))
    out = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(out, "JPEG", quality=85)
    return out.getvalue()


def number_and_view(path: str) -> tuple[int, int]:
    """Which photo an image address is: `/…/<number>_<view>.jpg`."""
    number, view = path.rsplit("/", 1)[1].split(".")[0].split("_")[:2]
    return int(number), int(view)

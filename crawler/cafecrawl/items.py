"""What a parser yields: a café, and a photo of one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A café as a source lists it."""

    cafe_id: str
    cafe_name: str
    address: str | None = None
    area: str | None = None
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, slots=True)
class PhotoRef:
    """A photo to fetch; the names are those of cafemood's manifest."""

    cafe_id: str
    url: str
    rank: int
    source: str
    licence: str | None = None
    licence_url: str | None = None
    creator: str | None = None
    attribution: str | None = None

"""What a parser yields: cafés, photos to fetch, and where the list goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """A café as a source lists it; the names are those of cafemood's manifest."""

    cafe_id: str
    cafe_name: str | None = None
    address: str | None = None
    area: str | None = None
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, slots=True)
class PhotoRef:
    """A photo to fetch. `url` and `sha1` are the crawler's own; the rest are the manifest's names.

    `licence` is a name such as `CC BY-SA 4.0`; `source_url` the page where a person finds the photo.
    """

    cafe_id: str
    url: str
    source: str
    source_url: str | None = None
    licence: str | None = None
    licence_url: str | None = None
    creator: str | None = None
    attribution: str | None = None
    sha1: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, parsed.

    `next` holds what the spider needs to ask for the following page (JSON values only), or None at the
    end; `n_left_out` counts entries that are no photos or carry no licence.
    """

    places: tuple[Place, ...] = ()
    photos: tuple[PhotoRef, ...] = ()
    next: dict[str, Any] | None = None
    n_left_out: int = 0


@dataclass(slots=True)
class FetchedPhoto:
    """The served bytes of a photo, on their way through the pipelines; `row` is its row in the ledger."""

    row: int
    body: bytes
    url: str

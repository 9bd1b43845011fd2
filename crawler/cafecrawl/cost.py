"""The cost of a crawl, counted before anything is asked of anybody."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

PHOTO_BYTES = 300_000
"""What a photo weighs, about: 1,024 pixels on the longer side as JPEG."""


@dataclass(frozen=True)
class Cost:
    """What a crawl would ask for, at most.

    Attributes:
        lists: Requests for lists and pages.
        photos: Photos.
        list_delay: Seconds between two lists.
        photo_delay: Seconds between two photos.
        per_day: List requests that the source allows in 24 hours; None: no such limit.
    """

    lists: int
    photos: int
    list_delay: float = 1.0
    photo_delay: float = 1.0
    per_day: int | None = None

    @property
    def hours(self) -> float:
        """Hours of waiting alone, lists and photos one after the other."""
        return (self.lists * self.list_delay + self.photos * self.photo_delay) / 3600

    @property
    def days(self) -> int:
        """Days that a quota spreads it over; 1 without one."""
        return ceil(self.lists / self.per_day) if self.per_day else 1

    @property
    def bytes(self) -> int:
        """Bytes of the photos, about."""
        return self.photos * PHOTO_BYTES

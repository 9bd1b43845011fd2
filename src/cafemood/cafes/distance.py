"""Places on Earth, and how far cafés are from one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from cafemood.errors import CafemoodError, RunError
from cafemood.runs.run import Run

if TYPE_CHECKING:
    import pandas as pd

EARTH_KM = 6371.0088


def distances(
    table: pd.DataFrame, run: Run, near: tuple[float, float] | None, within_km: float | None
) -> np.ndarray | None:
    """Distances (c,) in kilometres of a table of cafés with `lat` and `lon` from a place; None where none is given.

    Raises:
        RunError: No café has coordinates.
        CafemoodError: `within_km` without a place.
    """
    if near is None:
        if within_km is not None:
            raise CafemoodError("--within needs a place", where="--within", fix="add --near LAT,LON")
        return None
    lat, lon = table["lat"].to_numpy(dtype=float), table["lon"].to_numpy(dtype=float)
    if np.isnan(lat).all():
        fix = "leave --near out, or run on a manifest with lat and lon"
        raise RunError("No café of this run has coordinates", where=run.folder, fix=fix)
    return haversine_km(near, lat, lon)


def haversine_km(place: tuple[float, float], lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Great-circle distances (c,) in kilometres; NaN where a coordinate is unknown."""
    a, b = np.radians(lat), np.radians(lon)
    lat0, lon0 = np.radians(place)
    h = np.sin((a - lat0) / 2) ** 2 + np.cos(a) * np.cos(lat0) * np.sin((b - lon0) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(h, 0, 1))))


def place(text: str) -> tuple[float, float]:
    """Read `37.54,127.05`: degrees north and east.

    Raises:
        CafemoodError: It is no place on Earth.
    """
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError:
        lat = lon = math.nan
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        fix = "give degrees north and east: --near 37.54,127.05"
        raise CafemoodError(f"{text!r} is not a place", where="--near", fix=fix)
    return lat, lon

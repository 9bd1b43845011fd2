"""Coordinates of a map: Mercator's projection, and streets from a GeoJSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from cafemood.core.reasons import reason_of
from cafemood.errors import CafemoodError

MAX_POINTS = 200_000
"""Points of streets at most: more make the page slow."""


def mercator(lat: np.ndarray, lon: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Web Mercator in kilometres at the equator (EPSG:3857 / 1000); NaN stays NaN."""
    radius = 6378.137
    lat = np.clip(np.asarray(lat, dtype=float), -85, 85)
    return radius * np.radians(np.asarray(lon, dtype=float)), radius * np.log(np.tan(np.pi / 4 + np.radians(lat) / 2))


def read_streets(path: Path) -> list[list[float]]:
    """The lines of a GeoJSON file in Mercator kilometres: x, y, x, y, … each.

    Raises:
        CafemoodError: It is missing, no GeoJSON, has no lines, or too many points.
    """
    fix = "give GeoJSON with LineString or MultiLineString features, in degrees"
    try:
        geojson = json.loads(Path(path).read_text(encoding="utf-8"))
        features = geojson["features"] if geojson.get("type") == "FeatureCollection" else [geojson]
        parts: list[Any] = []
        for feature in features:
            shape = feature.get("geometry", feature) or {}
            if shape.get("type") == "LineString":
                parts.append(shape["coordinates"])
            elif shape.get("type") in ("MultiLineString", "Polygon"):
                parts += shape["coordinates"]
        arrays = [np.asarray([point[:2] for point in part], dtype=float) for part in parts if len(part) > 1]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        why = reason_of(error, path, "it is no GeoJSON of lines")
        raise CafemoodError("The streets cannot be read", where=path, why=why, fix=fix) from None
    n = sum(len(array) for array in arrays)
    if not n or n > MAX_POINTS:
        why = f"it has {n:,} points, {MAX_POINTS:,} are the most" if n else "it has no lines"
        raise CafemoodError("The streets cannot be drawn", where=path, why=why, fix=fix)
    drawn = []
    for array in arrays:
        x, y = mercator(array[:, 1], array[:, 0])
        drawn.append([round(float(v), 4) for v in np.stack([x, y], axis=1).ravel()])
    return drawn

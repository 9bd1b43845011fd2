"""Atlas: every photo on a map that zooms, every café with its panel; one page, or a folder for many photos."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from cafemood.cafes import moods, similar
from cafemood.cafes.profiles import Cafes
from cafemood.core.atomic import writing
from cafemood.core.html import as_text, environment, for_script
from cafemood.report import atlas_words, editing, plane, sprites
from cafemood.report.mapping import mercator, read_streets
from cafemood.report.style import COLORS
from cafemood.runs import thumbnails
from cafemood.runs.run import Run

ONE_FILE_AT_MOST = 2_000
"""With more photos the atlas is a folder: `atlas/index.html` with its pictures beside it."""
N_NEAR = 8
"""Nearest other photos that the panel shows."""


def write_atlas(
    cafes: Cafes, *, folder: bool | None = None, streets: Path | None = None, map_kind: str = "auto"
) -> Path:
    """Write `atlas.html`, or `atlas/index.html` with its pictures; returns the page's path.

    Args:
        cafes: The cafés of a run.
        folder: True for the folder, False for one file, None by the number of photos.
        streets: A GeoJSON file whose lines are drawn below the cafés.
        map_kind: What places the photos on the map; see `plane.draw`.

    Raises:
        CafemoodError: The streets are no GeoJSON of lines, the map cannot be drawn, or a file cannot be written.
    """
    view = _Atlas(cafes, map_kind)
    apart = len(view.photos) > ONE_FILE_AT_MOST if folder is None else folder
    lines = read_streets(streets) if streets else []
    page = cafes.run.folder / ("atlas/index.html" if apart else "atlas.html")
    pictures = _Beside(page.parent) if apart else _Inside()
    if apart and (page.parent / "pictures").exists():
        shutil.rmtree(page.parent / "pictures")
    payload = view.payload(lines) | view.pictures(pictures) | view.originals(page.parent)
    payload |= atlas_words.of_page(cafes.run, view.shown, cafes.table["cafe_id"].tolist())
    made = environment("cafemood.report").get_template("atlas.html.j2")
    html = made.render(
        title=view.title,
        n_gone=view.n_gone,
        edited=view.run.card.edited,
        n_shown=None if len(view.shown) == len(view.run.photos) else len(view.shown),
        moods=view.moods,
        payload=for_script(payload),
    )
    with writing(page) as partial:
        partial.write_text(html, encoding="utf-8")
    return page


def wall(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A full grid that keeps neighbours together: sorted by x into columns, each column by y.

    Returns:
        Column and row of each photo (n,), rows counted upwards.
    """
    n = len(x)
    height = max(1, round(np.sqrt(n / 1.5)))
    by_x = np.argsort(x, kind="stable")
    column = np.empty(n, dtype=int)
    column[by_x] = np.arange(n) // height
    row = np.empty(n, dtype=int)
    order = np.lexsort((y, column))
    row[order] = np.arange(n) % height
    return column, row


class _Inside:
    """Pictures inside the page."""

    def add(self, name: str, data: bytes) -> str:
        return thumbnails.data_uri(data)

    def side(self, n: int) -> int | None:
        return 320 if n <= 500 else 224  # the page of 2,000 photos stays under 30 MB


class _Beside:
    """Pictures in a folder beside the page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, data: bytes) -> str:
        path = self.folder / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)  # the page that names them is written last
        return f"pictures/{name}"

    def side(self, n: int) -> int | None:
        return None


@dataclass
class _Atlas:
    """View of a run for its atlas."""

    cafes: Cafes
    map_kind: str = "auto"

    @property
    def run(self) -> Run:
        return self.cafes.run

    @cached_property
    def shown(self) -> np.ndarray:
        """Rows of the run's photos: all, or of many those that pages show, and each café's own."""
        signature = self.run.photos["photo_id"].isin(self.cafes.table["signature_photo_id"])
        return np.union1d(thumbnails.shown(self.run), np.flatnonzero(signature))

    @cached_property
    def photos(self) -> pd.DataFrame:
        return self.run.photos.iloc[self.shown].reset_index(drop=True)

    @cached_property
    def kept(self) -> list[bytes | None]:
        thumbnails.write(self.run, self.shown)  # they outlive the photos
        kept = thumbnails.kept(self.run, self.shown)
        return [kept[i] for i in self.shown]

    @property
    def n_gone(self) -> int:
        return sum(data is None for data in self.kept)

    @property
    def title(self) -> str:
        n, c = len(self.run.photos), len(self.cafes.table)
        return f"{n:,} photos" + (f", {c:,} cafés" if self.run.knows_cafes else "")

    @cached_property
    def moods(self) -> list[dict[str, Any]]:
        return [
            {
                "number": mood.number,
                "name": f"{mood.number} {mood.english}" if mood.english else f"mood {mood.number}",
                "korean": "" if mood.own_name else mood.korean,
                "color": COLORS[mood.cluster % len(COLORS)],
                "size": int((self.run.photos["cluster"] == mood.cluster).sum()),
            }
            for mood in moods.of_run(self.run)
        ]

    @cached_property
    def plane(self) -> plane.Plane:
        return plane.draw(self.run, self.shown, self.map_kind)

    @cached_property
    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        return wall(self.plane.x, self.plane.y)

    @cached_property
    def tiles(self) -> np.ndarray:
        """The photos in the order of the sheets: block by block over the wall."""
        column, row = self.grid
        edge = sprites.SHEET // sprites.SMALL
        return np.lexsort((row, column, row // edge, column // edge))

    def payload(self, streets: list[list[float]]) -> dict[str, Any]:
        """Data for the page's script: columns, an entry a photo, and one a café."""
        photos, table = self.photos, self.cafes.table
        row_of = {cafe_id: i for i, cafe_id in enumerate(table["cafe_id"])}
        photo_of = {photo_id: i for i, photo_id in enumerate(photos["photo_id"])}
        column, row = self.grid
        cx, cy = mercator(table["lat"].to_numpy(), table["lon"].to_numpy())
        k = self.cafes.k
        return {
            "file": photos["file"].tolist(),
            "credit": _credits(photos),
            "cafe": [row_of[str(c)] for c in photos["cafe_id"]],
            "mood": photos["cluster"].astype(int).tolist(),
            "probability": _rounded(photos["probability"], 2),
            "x": _rounded(self.plane.x, 4),
            "y": _rounded(self.plane.y, 4),
            "map": self.plane.words,
            "near": plane.neighbours(self.run.rows[self.shown], N_NEAR).tolist() if self.run.has_features else None,
            "looks": self.looks(),
            "tile": np.argsort(self.tiles).tolist(),
            "column": column.tolist(),
            "row": row.tolist(),
            "moods": self.moods,
            "cafes_known": bool(self.run.knows_cafes),
            "streets": streets,
            "edit": editing.payload(self.run, self.shown),
            "cafes": {
                "id": table["cafe_id"].tolist(),
                "name": [as_text(n) or str(i) for n, i in zip(table["cafe_name"], table["cafe_id"], strict=True)],
                "area": [as_text(area) for area in table["area"]],
                "x": _rounded(cx, 5),
                "y": _rounded(cy, 5),
                "lat": _rounded(table["lat"], 5),
                "lon": _rounded(table["lon"], 5),
                "n": table["n_photos"].tolist(),
                "signature": [photo_of[p] for p in table["signature_photo_id"]],
                "mood": (table["mood"].to_numpy(dtype=int) - 1).tolist(),
                "certainty": _rounded(table["certainty"], 2) if "certainty" in table else None,
                "share": np.round(self.cafes.shares(), 3).tolist(),
                "low": np.round(table[[f"low_{j + 1}" for j in range(k)]].to_numpy(), 3).tolist(),
                "high": np.round(table[[f"high_{j + 1}" for j in range(k)]].to_numpy(), 3).tolist(),
                "why": similar.reasons_of_similar(self.cafes),
                "similar": [[row_of[c] for c in json.loads(names)] for names in table["similar"]],
            },
        }

    def looks(self) -> list[dict[str, Any]]:
        """Looks by which photos can be coloured: the words at both ends, and where each photo lies, 0 to 100."""
        measured = moods.looks_of(self.run).iloc[self.shown]
        told: list[dict[str, Any]] = []
        for look, (low, high) in moods.LOOK_WORDS.items():
            values = measured[look].to_numpy(dtype=float)
            told += atlas_words.between(look, low[0] if low else f"not {high[0]}", high[0], values)
        return told + atlas_words.rated(self.run, self.shown) + atlas_words.scales(self.run, self.shown)

    def originals(self, folder: Path) -> dict[str, Any]:
        """The address of each photo's original as a link of a page in a folder, and the part that all share."""
        if not self.run.card.data.has_files:
            return {"originals": None}
        links = []
        for path in self.photos["path"]:
            place = self.run.where(path)
            links.append(place if isinstance(place, str) else quote(_from(folder, place)))
        shared = os.path.commonprefix(links)  # noqa: RUF071  (letter by letter is what is wanted)
        return {"originals": {"shared": shared, "rest": [link[len(shared) :] for link in links]}}

    def pictures(self, place: _Inside | _Beside) -> dict[str, Any]:
        """Sprite sheets and single pictures, where `place` puts them."""
        side = place.side(len(self.kept))
        pictures = []
        for i, data in enumerate(self.kept):
            if data is not None and side is not None:
                data = sprites.webp(thumbnails.decoded(data), side)
            pictures.append(place.add(f"{i}.webp", data) if data is not None else None)
        small = [sprites.square(self.kept[i]) for i in self.tiles]
        sheets = {}
        for name, edge in (("tiny", sprites.TINY), ("small", sprites.SMALL)):
            drawn = [place.add(f"{name}_{i}.webp", sheet) for i, sheet in enumerate(sprites.sheets(small, edge))]
            sheets[name] = {"side": edge, "across": sprites.SHEET // edge, "files": drawn}
        return {"pictures": pictures, "sheets": sheets}


def _from(folder: Path, photo: Path) -> bytes:
    """The path from a page's folder to a photo, with forward slashes; its bytes, which need not be UTF-8."""
    return os.fsencode(os.path.relpath(photo.absolute(), folder.resolve()).replace(os.sep, "/"))


def _credits(photos: pd.DataFrame) -> list[str]:
    pairs = zip(photos["attribution"], photos["licence"], strict=True)
    return [" · ".join(filter(None, (as_text(a), as_text(x)))) for a, x in pairs]


def _rounded(values: Any, digits: int) -> list[float | None]:
    return [round(float(v), digits) if np.isfinite(v) else None for v in np.asarray(values, dtype=float)]

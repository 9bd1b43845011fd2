"""Which photos seem to show no place: drawn things among drawn rooms, facades among rooms, and real interiors.

    python benchmarks/place.py drawn [--seeds 10]              (things among rooms; café ids; no labels are learnt)
    python benchmarks/place.py houses HOUSES [--seeds 10]      (places.csv: file, cafe_id, room; `frontal` is a facade)
    python benchmarks/place.py styles STYLES [--left-out DIR]  (labels.csv: file, style, room; all should be interiors)

`signs`: told by the picture alone, as a crawl does; `all`: by neighbours and distance too, as a run does. The limits of
the signs were set on the rooms of HOUSES (`cafemood.data.place_signs`). With `--left-out` the photos that `styles`
leaves out are copied into folders by their reason, to be looked at: many of the "interiors" are none.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "crawler")]

from drawn_things import KINDS, draw_thing  # noqa: E402

from cafecrawl.replica.rooms import draw_cafe, draw_photo  # noqa: E402
from cafemood.backbones import create_backbone  # noqa: E402
from cafemood.data.images import file_digest, open_image  # noqa: E402
from cafemood.data.photos import Photo, PhotoSet  # noqa: E402
from cafemood.data.place_signs import likely_none, measure  # noqa: E402
from cafemood.evaluation.place import Places, tell  # noqa: E402
from cafemood.features import embed  # noqa: E402

_CAFES, _ROOMS = 40, 4
_SHARES = (1.0, 0.3, 0.1, 0.0)
_BATCH = 32


def drawn(seeds: int) -> None:
    """Print the share told to show no place, by kind: cafés of four views of a room and one thing."""
    backbone = create_backbone("mobilenet_v2")
    found: dict[str, list[tuple[float, float]]] = {}
    for seed in range(seeds):
        images: list[Image.Image] = []
        kinds, cafes = [], []
        for number in range(_CAFES):
            cafe, kind = draw_cafe(100 + seed, number), KINDS[number % len(KINDS)]
            images += [draw_photo(cafe, view, (256, 192)) for view in range(_ROOMS)]
            images.append(draw_thing(1000 * (seed + 1) + number, kind))
            kinds += ["room"] * _ROOMS + [kind]
            cafes += [str(number)] * (_ROOMS + 1)
        batches = [images[start : start + _BATCH] for start in range(0, len(images), _BATCH)]
        rows = [backbone.embed(torch.stack([backbone.transform(image) for image in batch])) for batch in batches]
        signs = np.stack([measure(image).row() for image in images])
        both = _both(np.concatenate(rows), signs, cafes)
        for kind, shares in _by(np.array(kinds), both).items():
            found.setdefault(kind, []).append(shares)
    _print("drawn", found)


def houses(folder: Path, cache: Path, seeds: int) -> None:
    """Print the share of rooms and of facades told to show no place, with all, some and no facades among them."""
    rows, x, signs = _read(folder, "places.csv", cache)
    facade = np.array([row["room"] == "frontal" for row in rows])
    cafes = np.array([row["cafe_id"] for row in rows])
    for share in _SHARES:
        found: dict[str, list[tuple[float, float]]] = {}
        for seed in range(seeds if 0 < share < 1 else 1):
            kept = np.flatnonzero(~facade | (np.random.default_rng(seed).random(len(facade)) < share))
            names = np.where(facade[kept], "facade", "room")
            for kind, shares in _by(names, _both(x[kept], signs[kept], list(cafes[kept]))).items():
                found.setdefault(kind, []).append(shares)
        _print(f"houses, {share:.0%} of the facades", found)


def styles(folder: Path, cache: Path, left_out: Path | None) -> None:
    """Print the share of each style, and of all, told to show no place; copy them to be looked at."""
    rows, x, signs = _read(folder, "labels.csv", cache)
    told, both = tell(x, signs=signs), _both(x, signs, None)
    found = {name: [shares] for name, shares in _by(np.array([row["style"] for row in rows]), both).items()}
    _print("styles", found | {"all": [(float(both[0].mean()), float(both[1].mean()))]})
    print(Counter(reason for reason in told.reasons if reason).most_common())
    if left_out is not None:
        for row, reason in zip(rows, told.reasons, strict=True):
            if reason:
                to = left_out / reason.split(",")[0]
                to.mkdir(parents=True, exist_ok=True)
                shutil.copy(folder / row["file"], to / row["file"].replace("/", "_"))


def _both(x: np.ndarray, signs: np.ndarray, cafes: Sequence[str] | None) -> tuple[np.ndarray, np.ndarray]:
    """Whether each photo seems to show no place, by its signs alone and by all evidence."""
    places: Places = tell(x, signs=signs, cafes=cafes)
    return np.nan_to_num(likely_none(signs)).max(axis=1) > 0.5, places.none


def _by(names: np.ndarray, both: tuple[np.ndarray, np.ndarray]) -> dict[str, tuple[float, float]]:
    return {
        str(name): (float(both[0][names == name].mean()), float(both[1][names == name].mean()))
        for name in dict.fromkeys(names)
    }


def _print(title: str, found: dict[str, list[tuple[float, float]]]) -> None:
    print(f"\n| {title} | signs | all |\n|---|---|---|")
    for name, values in found.items():
        print(f"| {name} | " + " | ".join(_percent(column) for column in zip(*values, strict=True)) + " |")


def _percent(values: Sequence[float]) -> str:
    spread = f" ± {100 * np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{100 * np.mean(values):.1f}{spread} %"


def _read(folder: Path, table: str, cache: Path) -> tuple[list[dict[str, str]], np.ndarray, np.ndarray]:
    """The rows of a table, the features of their photos, and their signs."""
    with open(folder / table, encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    photos: dict[str, Photo] = {}
    for row in rows:
        row["photo_id"] = file_digest(folder / row["file"])
        photos.setdefault(row["photo_id"], Photo(row["photo_id"], row["file"], row.get("cafe_id", row["file"])))
    embedded = embed(
        PhotoSet("benchmark", folder, tuple(photos.values())), create_backbone("mobilenet_v2"), cache_dir=cache
    )
    where = {photo.photo_id: i for i, photo in enumerate(embedded.photos)}
    signs = np.stack([measure(open_image(folder / photo.file)).row() for photo in embedded.photos])
    order = [where[row["photo_id"]] for row in rows]
    return rows, np.asarray(embedded.X)[order], signs[order]


def main() -> None:
    """Parse the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path("data/cache"))
    parser.add_argument("--seeds", type=int, default=10)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("drawn")
    commands.add_parser("houses").add_argument("folder", type=Path)
    of_styles = commands.add_parser("styles")
    of_styles.add_argument("folder", type=Path)
    of_styles.add_argument("--left-out", type=Path)
    given = parser.parse_args()
    if given.command == "drawn":
        drawn(given.seeds)
    elif given.command == "houses":
        houses(given.folder, given.cache, given.seeds)
    else:
        styles(given.folder, given.cache, given.left_out)


if __name__ == "__main__":
    main()

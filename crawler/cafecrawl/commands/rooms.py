"""`scrapy rooms DIR`: drawn cafés in labelled sub-folders, their factors in a table; nothing is served or crawled."""

from __future__ import annotations

import argparse
import csv
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cafecrawl.errors import INTERRUPTED, ConfigError
from cafecrawl.folders import FolderCommand
from cafecrawl.replica.content import room_photo
from cafecrawl.replica.rooms import FACTORS, Cafe, draw_cafe
from cafemood.core.atomic import write_rows, writing
from cafemood.core.reasons import reason_of

TABLE = "rooms.csv"
COLUMNS = ("file", "cafe_id", "view", "seed", "atmosphere", "palette", *FACTORS)


class Command(FolderCommand):
    """Draw labelled rooms: DIR/<atmosphere>/cafe_<number>_<view>.jpg; an interrupted call goes on where it was."""

    def syntax(self) -> str:
        return "DIR [--cafes 40] [--views 5] [--seed 0]"

    def short_desc(self) -> str:
        return "Draw cafés of known atmosphere into labelled folders, as a benchmark"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--cafes", type=int, default=40, help="cafés, atmospheres in turn (default 40)")
        parser.add_argument("--views", type=int, default=5, help="photos a café (default 5)")
        parser.add_argument("--seed", type=int, default=0, help="another seed, other cafés (use another folder)")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        self._opts = opts
        super().run(args, opts)

    def act(self, args: list[str], arguments: dict[str, Any]) -> int:
        if len(args) != 1:
            raise ConfigError("Give one folder to draw into", fix="for example: scrapy rooms ../data/rooms")
        root = Path(args[0]).expanduser().resolve()
        n_cafes, n_views, seed = self._opts.cafes, self._opts.views, self._opts.seed
        for name, value, least in (("cafes", n_cafes, 1), ("views", n_views, 1), ("seed", seed, 0)):
            if value < least:
                raise ConfigError(f"--{name} {value} is no whole number from {least} up", where=f"--{name}")
        rooms = [(draw_cafe(seed, number), view) for number in range(n_cafes) for view in range(n_views)]
        try:
            _refuse_other_rooms(root, seed)
            write_rows(root / TABLE, COLUMNS, (_row(cafe, view) for cafe, view in rooms))
            missing = [room for room in rooms if not (root / _file(*room)).exists()]
            _draw_all(root, missing)
        except OSError as error:
            raise ConfigError("The rooms cannot be written", where=root, why=reason_of(error, root)) from None
        except KeyboardInterrupt:
            print("Stopped. What is drawn stays, and the same command draws the rest.", file=sys.stderr)
            return INTERRUPTED
        print(f"{len(rooms):,} photos of {n_cafes:,} drawn cafés ({len(missing):,} new): {root}")
        return 0


def _file(cafe: Cafe, view: int) -> str:
    return f"{cafe.atmosphere}/cafe_{cafe.number}_{view + 1}.jpg"


def _row(cafe: Cafe, view: int) -> list[object]:
    known = [_file(cafe, view), cafe.number, view + 1, cafe.seed, cafe.atmosphere, cafe.palette]
    return known + [cafe.factors[name] for name in FACTORS]


def _draw_all(root: Path, rooms: list[tuple[Cafe, int]]) -> None:
    """Draw on all cores, write here: each picture is whole or not there."""
    pool = ProcessPoolExecutor(min(os.cpu_count() or 1, 16), initializer=_leave_interrupts_to_the_parent)
    try:
        bodies = pool.map(_draw, rooms, chunksize=4)
        told = tqdm(rooms, unit="photo", desc="rooms", file=sys.stderr, disable=not sys.stderr.isatty())
        for (cafe, view), body in zip(told, bodies, strict=True):
            with writing(root / _file(cafe, view)) as partial:
                partial.write_bytes(body)
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _draw(room: tuple[Cafe, int]) -> bytes:
    cafe, view = room
    return room_photo(cafe.seed, cafe.number, view)


def _refuse_other_rooms(root: Path, seed: int) -> None:
    """Labels and pictures of two seeds must not mix.

    Raises:
        ConfigError: The folder holds rooms of another seed, or files that are no rooms.
    """
    if not root.exists() or not any(root.iterdir()):
        return
    try:
        with (root / TABLE).open(encoding="utf-8", newline="") as stream:
            seeds = {row["seed"] for row in csv.DictReader(stream)}
    except (FileNotFoundError, NotADirectoryError):
        why = f"it has other files and no {TABLE}"
    except (KeyError, UnicodeDecodeError):
        why = f"its {TABLE} is not one of these"
    else:
        if seeds <= {str(seed)}:
            return
        why = f"it holds rooms of seed {', '.join(sorted(seeds))}"
    raise ConfigError("The folder cannot take these rooms", where=root, why=why, fix="give an empty or a new folder")

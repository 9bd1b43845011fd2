"""From the ledger to what people use: the manifest, the attributions, a dataset card, the checksums."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from cafecrawl.duplicates import Twin, find_twins
from cafecrawl.errors import ConfigError
from cafecrawl.ledger import Ledger
from cafecrawl.licences import RESERVED, code_of
from cafecrawl.set_aside import kept as what_is_kept
from cafecrawl.set_aside import set_aside
from cafemood.core.atomic import discard_partials, write_rows, writing
from cafemood.data.photos import Photo

FILES = ("manifest.parquet", "manifest.jsonl", "ATTRIBUTION.md", "DATASET_CARD.md", "SHA256SUMS", "places.csv")
REJECTED = "rejected.csv"
SET_ASIDE = "set_aside.csv"
ASIDE = ("file", "cafe_id", "source", "place", "reason")
PLACES = ("cafe_id", "cafe_name", "address", "area", "lat", "lon", "source")
EXTRA = ("verified", "near_duplicate_of")
"""Columns beside cafemood's: how the bytes were verified, and the earlier photo (of another café) of the same view."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~])")
_JOINED = (
    "SELECT photos.*, places.cafe_name, places.address, places.area, places.lat, places.lon "
    "FROM photos LEFT JOIN places USING (cafe_id) WHERE photos.state = 'done' ORDER BY photos.id"
)


def write_if_changed(folder: Path, ledger: Ledger) -> bool:
    """Write all files, unless they are there and say what the ledger says."""
    state = _state(ledger)
    names = (*FILES, REJECTED, *([SET_ASIDE] if what_is_kept(ledger) == "place" else []))
    if ledger.fact("exported") == state and all((folder / name).is_file() for name in names):
        return False
    write(folder, ledger)
    return True


def write(folder: Path, ledger: Ledger) -> int:
    """Write all files, each whole or not at all; the same ledger gives the same bytes.

    Returns:
        The number of photos in the manifest.

    Raises:
        ConfigError: A file of that name is there that no crawl of this folder wrote.
    """
    _refuse_foreign(folder, ledger)
    state = _state(ledger)
    aside = set_aside(folder, ledger)
    every = ledger.rows(_JOINED)
    rows = [row for row in every if row["photo_id"] not in aside]
    twins = find_twins([r["photo_id"] for r in rows], [r["phash"] for r in rows], [r["cafe_id"] for r in rows])
    kept = [_row(r, twins.get(i), rows) for i, r in enumerate(rows) if not _left_out(twins.get(i))]
    ledger.fact("exported", ledger.fact("exported") or "begun")  # from here on these names are ours
    for name in (*FILES, REJECTED, SET_ASIDE):
        discard_partials(folder / name)
    _write_text(folder / FILES[1], "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept))
    _write_parquet(folder / FILES[0], folder / FILES[1])
    _write_text(folder / FILES[2], _attribution(kept))
    _write_text(folder / FILES[3], _card(kept, len(rows) - len(kept), len(every) - len(rows), ledger))
    _write_text(folder / FILES[4], "".join(f"{row['photo_id']}  {row['file']}\n" for row in kept))
    _write_table(folder / FILES[5], PLACES, ledger.places())
    _write_table(folder / REJECTED, ("url", "cafe_id", "source", "reason"), ledger.rejected())
    if what_is_kept(ledger) == "place":
        listed = [(row, aside[row["photo_id"]]) for row in every if row["photo_id"] in aside]
        cells = ([row["file"], row["cafe_id"], row["source"], why.place, why.reason] for row, why in listed)
        write_rows(folder / SET_ASIDE, ASIDE, cells)
    elif ledger.fact("keep"):  # else no file of this name is ours
        (folder / SET_ASIDE).unlink(missing_ok=True)
    ledger.fact("exported", state)
    return len(kept)


def _left_out(twin: Twin | None) -> bool:
    return twin is not None and (twin.kind == "same" or twin.same_cafe)


def _row(row: sqlite3.Row, twin: Twin | None, rows: Sequence[sqlite3.Row]) -> dict[str, Any]:
    columns = [f.name for f in fields(Photo) if f.name != "label"] + ["verified"]
    values = {name: row[name] for name in columns}
    values["source_url"] = row["source_url"] or row["url"]
    return values | {"near_duplicate_of": rows[twin.of]["photo_id"] if twin else None}


def _state(ledger: Ledger) -> str:
    digest = hashlib.sha256()
    facts = "id, photo_id, fetched_at, source_url, licence, licence_url, creator, attribution"
    for row in ledger.rows(f"SELECT {facts} FROM photos WHERE state = 'done' ORDER BY id"):  # noqa: S608
        digest.update(f"{tuple(row)}\n".encode())
    if what_is_kept(ledger) != "all":
        digest.update(what_is_kept(ledger).encode())
    n_places = ledger.rows("SELECT count(*) AS n FROM places")[0]["n"]
    digest.update(f"{n_places} places".encode())
    for row in ledger.rows("SELECT reason, count(*) AS n FROM photos WHERE state = 'rejected' GROUP BY reason"):
        digest.update(f"{tuple(row)}".encode())
    return digest.hexdigest()


def _refuse_foreign(folder: Path, ledger: Ledger) -> None:
    if ledger.fact("exported"):
        return
    for name in (*FILES, REJECTED, SET_ASIDE):
        if (folder / name).exists():
            raise ConfigError(
                "A file is in the way that no crawl of this folder wrote",
                where=folder / name,
                why="the crawl writes a file of this name; an older manifest is not written over",
                fix="move it to another folder, then run `scrapy export`; every photo is stored",
            )


def _write_parquet(path: Path, source: Path) -> None:
    """The JSON lines as Parquet, read by Arrow itself: its other ways would import pandas, a second and 60 MB."""
    import pyarrow as pa
    import pyarrow.json
    import pyarrow.parquet

    kinds = {"lat": pa.float64(), "lon": pa.float64(), "rank": pa.int64(), "width": pa.int64(), "height": pa.int64()}
    columns = [f.name for f in fields(Photo) if f.name != "label"] + list(EXTRA)
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in columns])
    if source.stat().st_size:
        parsing = pa.json.ParseOptions(explicit_schema=schema)
        reading = pa.json.ReadOptions(use_threads=False, block_size=16 * 2**20)
        table = pa.json.read_json(source, reading, parsing)
    else:
        table = schema.empty_table()
    with writing(path) as partial:
        pa.parquet.write_table(table, partial)


def _write_text(path: Path, text: str) -> None:
    with writing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[sqlite3.Row]) -> None:
    write_rows(path, columns, ([row[name] for name in columns] for row in rows))


def _safe(text: object) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(str(text).split()))


def _link(text: str, url: str | None) -> str:
    if not url or not re.match(r"https?://[^\s<>]+$", url):
        return _safe(text)
    return f"[{_safe(text)}](<{url}>)"


def _attribution(rows: list[dict[str, Any]]) -> str:
    lines = ["# Attributions", "", "Keep this file with the photos: their licences ask for it.", ""]
    for row in rows:
        licence = _link(row["licence"] or "no licence", row["licence_url"])
        lines.append(
            f"- `{row['file']}`: {_safe(row['attribution'])} · {licence} · {_link('source', row['source_url'])}"
        )
    return "\n".join(lines) + "\n"


def _card(rows: list[dict[str, Any]], n_left_out: int, n_aside: int, ledger: Ledger) -> str:
    licences = Counter(row["licence"] for row in rows)
    sources = Counter(row["source"] for row in rows)
    reasons = ledger.rows(
        "SELECT reason, count(*) AS n FROM photos WHERE state = 'rejected' GROUP BY reason ORDER BY n DESC"
    )
    reserved = sum(n for name, n in licences.items() if code_of(name) == RESERVED)
    lines = ["# Café photos", "", f"{len(rows):,} photos of {len({r['cafe_id'] for r in rows}):,} cafés.", ""]
    if reserved:
        lines += [f"**{reserved:,} photos carry no open licence: they must not be passed on.**", ""]
    for title, counts in (("Licences", licences), ("Sources", sources)):
        lines += [f"## {title}", "", "| | photos |", "|---|---|"]
        lines += [f"| {_safe(name)} | {n:,} |" for name, n in counts.most_common()] + [""]
    lines += ["## What is not in it", ""]
    lines += [f"- {n_left_out:,} repeat a photo that is in it (same bytes, or the same view of the same café)."]
    if n_aside:
        lines += [f"- {n_aside:,} seem to show no place: {SET_ASIDE} lists them, and they are in the folder."]
    lines += [f"- {row['n']:,} rejected: {_safe(row['reason'])}" for row in reasons]
    lines += [
        "",
        "## How it was made",
        "",
        "By cafecrawl (cafemood). Files are the bytes that were served; `SHA256SUMS` checks them, and",
        "`photo_id` is the SHA-256. Reviewers' names and texts were never stored. Credits: `ATTRIBUTION.md`.",
        "Café lists from OpenStreetMap are © OpenStreetMap contributors (ODbL).",
    ]
    return "\n".join(lines) + "\n"

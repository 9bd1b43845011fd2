"""Tables of photos: a crawl's manifest, checked against its files; a list of paths and addresses."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.request import url2pathname

from tqdm import tqdm

from cafemood.core import remote
from cafemood.core.names import existing, path_of, text_of
from cafemood.core.parquet import write_parquet
from cafemood.core.reasons import ZERO_BYTE
from cafemood.data.cells import COLUMNS, cast, label
from cafemood.data.finding import Finder
from cafemood.data.folders import cafe_of
from cafemood.data.given import photo_list
from cafemood.data.images import digest_or_reason
from cafemood.data.photos import TWIN, Photo, PhotoSet, Skipped, cafe_source, count_reasons, mapped
from cafemood.data.tables import read_table
from cafemood.errors import PhotoError

_SHA256 = re.compile(r"[0-9a-f]{64}")


def read_manifest(manifest: str | Path, *, labels: str | None = None, name: str = "crawled") -> PhotoSet:
    """Read a crawl's manifest (a list as `tables.read_table` takes it) and check every row against its file.

    Args:
        manifest: The table; its `file` entries are relative to its folder and must stay below it.
        labels: A column to take as ground truth for scoring, or None; a row may leave it empty.
        name: What to call the data set.

    Raises:
        PhotoError: The manifest is missing, damaged, lacks a column, or none of its photos can be used.
    """
    path = photo_list(manifest)
    table = read_table(path, COLUMNS | ({labels} if labels else set()))
    table.need(("photo_id", "file", "cafe_id", *([labels] if labels else [])))
    root = path.parent.resolve()
    finder = Finder(root)
    rows: list[Photo] = []
    skipped: list[Skipped] = []
    first_seen: dict[str, str] = {}
    for record in table.rows:
        flaw = cast(record)
        record["file"] = file = text_of(finder.find(record["file"])) if record["file"] else ""
        reason = flaw or _refuse_entry(root, record)
        digest = None if reason else digest_or_reason(root / path_of(file))
        if digest and digest[0] is None:
            reason = digest[1]
        elif digest and digest[0] != record["photo_id"]:
            reason = "its bytes are not those of the manifest's photo_id"
        elif digest and digest[0] in first_seen:
            reason = TWIN + first_seen[digest[0]]
        if reason:
            skipped.append(Skipped(file, reason, record.get("cafe_id")))
            continue
        first_seen[str(record["photo_id"])] = file
        values: dict[str, Any] = {key: record[key] for key in COLUMNS if key in record}
        values["label"] = label(record[labels]) if labels else None
        rows.append(Photo(**values))
    if not rows:
        why = count_reasons(skipped) or "it has no rows"
        raise PhotoError(
            "No usable photo in the manifest", where=path, why=why, fix="crawl again, or repair the folder"
        )
    return PhotoSet(name, root, tuple(rows), tuple(skipped), "manifest")


def read_listing(
    manifest: str | Path | None, *, root: str | None = None, labels: str | None = None, name: str = "manifest"
) -> PhotoSet:
    """Read a list of photos: paths, or addresses that fsspec opens, in a column `file`; more columns as they are known.

    Files are read for their digest. Addresses are not: their photos have the digest of the address without
    its signature for an id until they are embedded, unless the list has a column `photo_id` (SHA-256 of the bytes).
    What may be a secret in an address stays in `PhotoSet.addresses`.

    Args:
        manifest: The table: `.parquet`, `.csv`, `.tsv`, `.jsonl` or `.xlsx`.
        root: What relative paths start from: a folder or an address; None is the table's own folder.
        labels: A column to take as ground truth for scoring, or None; a row may leave it empty.
        name: What to call the data set.

    Returns:
        The photos in the list's order; bad and duplicate rows are in `skipped`, each with its reason.

    Raises:
        PhotoError: The table is missing, damaged, lacks a column or has no usable row; an address is of a kind
            that nothing here opens.
    """
    path = photo_list(manifest)
    table = read_table(path, COLUMNS | ({labels} if labels else set()))
    table.need(("file", *([labels] if labels else [])))
    records = list(table.rows)
    flaws = [cast(record) for record in records]
    base = root if root and remote.is_address(root) else existing(Path(root or path.parent).expanduser()).resolve()
    finder = Finder(base) if isinstance(base, Path) else None
    for record in records:
        if finder and record["file"] and not remote.is_address(record["file"]):
            record["file"] = text_of(finder.find(record["file"]))
    places = [_place(base, record["file"]) for record in records]
    remote.check_schemes(place.split("://")[0].lower() for place in places if isinstance(place, str))
    remote.name_hosts(place for place in places if isinstance(place, str))
    names = _Names()
    rows: list[Photo] = []
    skipped: list[Skipped] = []
    first_seen: dict[str, str] = {}
    for record, flaw, place, (digest, reason) in zip(records, flaws, places, _digests(places), strict=True):
        flaw = flaw or (remote.flaw(place) if isinstance(place, str) else "")
        if flaw:
            skipped.append(
                Skipped(remote.shown(place) if isinstance(place, str) else _local_name(record["file"]), flaw)
            )
            continue
        file = names.of(place) if isinstance(place, str) else _local_name(record["file"])
        given = record.get("photo_id")
        photo_id = str(given or digest or (remote.address_id(place) if isinstance(place, str) else ""))
        if given and not _SHA256.fullmatch(photo_id):
            reason = "its photo_id is no SHA-256"
        elif given and digest not in (None, given):
            reason = "its bytes are not those of the manifest's photo_id"
        elif not reason and photo_id in first_seen:
            reason = TWIN + first_seen[photo_id]
        if reason:
            skipped.append(Skipped(file, reason, record.get("cafe_id")))
            continue
        first_seen[photo_id] = file
        values: dict[str, Any] = {
            key: remote.shown(v) if remote.is_address(v) else v
            for key, v in record.items()
            if key in COLUMNS - {"file"}
        }
        values |= {"photo_id": photo_id, "file": file, "label": label(record[labels]) if labels else None}
        rows.append(Photo(**({"cafe_id": ""} | values)))
    if not rows:
        why = count_reasons(skipped) or "it has no rows"
        raise PhotoError("No usable photo in the manifest", where=path, why=why, fix="correct its column 'file'")
    rows, source, notes = _with_cafes(rows, known="cafe_id" in table.columns)
    remote.remember(names.whole())
    folder = base if isinstance(base, Path) else path.parent.resolve()
    return PhotoSet(name, folder, tuple(rows), tuple(skipped), source, notes, names.whole())


def write_manifest(path: str | Path, photos: Sequence[Photo]) -> None:
    """Write photo rows as `manifest.parquet`; the file appears whole or not at all."""
    import pandas as pd

    table = pd.DataFrame([asdict(p) for p in photos], columns=[f.name for f in fields(Photo)])
    write_parquet(Path(path), table)


def _place(base: str | Path, file: object) -> str | Path | None:
    """Where a photo of a list is: an address, a path, or nowhere."""
    if file in (None, ""):
        return None
    text = str(file)
    if text.lower().startswith("file://"):
        return path_of(_local_name(text))
    if remote.is_address(text):
        return text
    return f"{base.rstrip('/')}/{text}" if isinstance(base, str) else base / path_of(text)


def _local_name(file: object) -> str:
    text = str(file or "")
    is_url = text.lower().startswith("file://")
    return text_of(url2pathname("/" + text.split("://", 1)[1].partition("/")[2])) if is_url else text


def _digests(places: Sequence[str | Path | None]) -> Iterator[tuple[str | None, str]]:
    """Of each place its file's SHA-256 and why it has none; neither for an address, which is not opened yet."""

    def read(place: str | Path | None) -> tuple[str | None, str]:
        if place is None:
            return None, "the row lacks its file"
        return (None, "") if isinstance(place, str) else digest_or_reason(place)

    local = any(isinstance(place, Path) for place in places)
    few = 500 if local else 50_000
    bar = tqdm(total=len(places), desc="read", unit="photo", leave=False, disable=len(places) < few)
    with bar:
        for found in mapped(read, places) if local else map(read, places):
            bar.update()
            yield found


class _Names:
    """What addresses are called where they are shown and stored; no two addresses of a list get one name."""

    def __init__(self) -> None:
        self._names, self._taken = dict[str, str](), dict[str, int]()

    def of(self, address: str) -> str:
        if address not in self._names:
            name = remote.name_of(address)
            n = self._taken[name] = self._taken.get(name, 0) + 1
            self._names[address] = name if n == 1 else f"{name}#{n}"
        return self._names[address]

    def whole(self) -> dict[str, str]:
        """The address by its name, of those whose name is not all."""
        return {name: address for address, name in self._names.items() if name != address}


def _with_cafes(rows: list[Photo], *, known: bool) -> tuple[list[Photo], str, tuple[str, ...]]:
    """The café ids: the list's own; else from names and folders below the one that all photos share."""
    if known:
        alone = [p if p.cafe_id not in (None, "") else replace(p, cafe_id=p.photo_id[:12]) for p in rows]
        return [p if isinstance(p.cafe_id, str) else replace(p, cafe_id=str(p.cafe_id)) for p in alone], "manifest", ()
    files = [remote.shown(p.file) if remote.is_address(p.file) else p.file for p in rows]
    paths = [PurePosixPath(file.split("://")[-1].lstrip("/")) for file in files]
    shared = os.path.commonpath({path.parent.as_posix() for path in paths})
    found = [cafe_of(path.relative_to(shared), p.photo_id, folders=True) for p, path in zip(rows, paths, strict=True)]
    source, notes = cafe_source({source for _, source in found})
    return [replace(p, cafe_id=cafe_id) for p, (cafe_id, _) in zip(rows, found, strict=True)], source, notes


def _refuse_entry(root: Path, record: dict[str, Any]) -> str:
    if not record["file"] or not record["photo_id"] or record["cafe_id"] in (None, ""):
        return "the row lacks its file, photo_id or cafe_id"
    if "\0" in record["file"]:
        return ZERO_BYTE
    target = (root / path_of(record["file"])).resolve()
    if not target.is_relative_to(root):
        return "the path leads out of the manifest's folder"
    return "" if target.is_file() else "the file is missing"

"""Export of the moods for other programs: a folder a mood, tables, GeoJSON, a data set that FiftyOne reads.

An export is made beside its place and renamed into it: it is there whole, or not at all. Photos that have moved
or gone are left out and counted, or, where the run's thumbnail can stand for them, replaced by it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cafemood.cafes import moods
from cafemood.cafes.profiles import Cafes
from cafemood.core.atomic import write_csv, write_json
from cafemood.core.names import path_of
from cafemood.core.reasons import reason_of
from cafemood.errors import CafemoodError
from cafemood.report.dataset_export import write_dataset
from cafemood.runs import thumbnails

_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
"""Not allowed in file names on one system or another."""


@dataclass
class Exported:
    """Result of an export: what was written, and notes on it."""

    what: str
    notes: list[str] = field(default_factory=list)


def export(cafes: Cafes, kind: str, to: Path, *, copy: bool = False) -> Exported:
    """Export a run.

    Args:
        cafes: The cafés of the run.
        kind: `folders`, `csv`, `geojson`, `fiftyone` or `dataset`.
        to: A folder that is new or empty.
        copy: `folders` and `fiftyone`: copy the photos instead of linking to them.

    Raises:
        CafemoodError: The kind is unknown, the folder is taken, there is nothing to export, or the disk is full.
    """
    if kind not in KINDS:
        raise CafemoodError(f"Unknown kind of export {kind!r}", where="KIND", fix=f"use one of {', '.join(KINDS)}")
    to = Path(to).expanduser().resolve()  # `.` has no name beside which the export could be made
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        why = "it is a file" if not to.is_dir() else "it is not empty"
        raise CafemoodError("The folder for the export is taken", where=to, why=why, fix="give a new folder")
    partial = to.with_name(f".{to.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        done = KINDS[kind](cafes, partial, copy)
        if to.exists():
            to.rmdir()
        partial.rename(to)
    except OSError as error:
        fix = "free some space, correct the folder's rights, or export elsewhere"
        raise CafemoodError("The export could not be written", where=to, why=reason_of(error, to), fix=fix) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return done


def safe_name(text: str, most: int = 60) -> str:
    """A name that every file system takes: letters of any script stay."""
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", text)).strip(" .")
    while len(name.encode()) > 3 * most:  # file systems count bytes
        name = name[:-1]
    return name[:most].strip(" .") or "_"


def _folders(cafes: Cafes, folder: Path, copy: bool) -> Exported:
    named = moods.of_run(cafes.run)
    places = [f"{mood.number} {safe_name(mood.english)}" if mood.english else str(mood.number) for mood in named]
    for place in places:
        (folder / place).mkdir()
    notes, n = _Photos(cafes, copy).put(folder, lambda cluster: places[cluster])
    return Exported(f"{n} photos in {len(places)} folders", notes)


def _csv(cafes: Cafes, folder: Path, copy: bool) -> Exported:
    named = moods.of_run(cafes.run)
    photos = cafes.run.photos.drop(columns="path")
    photos.insert(3, "mood", photos["cluster"] + 1)
    photos.insert(4, "mood_name", [named[j].english for j in photos["cluster"]])
    table = cafes.table.assign(mood_name=[named[j - 1].english for j in cafes.table["mood"]])
    facts = [{"mood": m.number, "name": m.english, "korean": m.korean, "photos": m.size} for m in named]
    import pandas as pd

    # utf-8-sig: Excel takes Korean for another encoding without it
    for name, rows in (("photos", photos), ("cafes", table), ("moods", pd.DataFrame(facts))):
        write_csv(folder / f"{name}.csv", rows, encoding="utf-8-sig")
    return Exported(f"{len(photos)} photos, {len(table)} cafés")


def _geojson(cafes: Cafes, folder: Path, copy: bool) -> Exported:
    named = moods.of_run(cafes.run)
    features: list[dict[str, Any]] = []
    for record in cafes.table.to_dict("records"):
        if not np.isfinite(record["lat"]) or not np.isfinite(record["lon"]):
            continue
        properties = {
            str(key): None if value is None or value != value else value
            for key, value in record.items()
            if key not in ("lat", "lon", "similar", "similarity")
        }
        properties |= {"mood_name": named[record["mood"] - 1].english, "similar": json.loads(record["similar"])}
        point = {"type": "Point", "coordinates": [record["lon"], record["lat"]]}  # RFC 7946: east first
        features.append({"type": "Feature", "id": record["cafe_id"], "geometry": point, "properties": properties})
    if not features:
        fix = "export csv, or run on a manifest with lat and lon"
        raise CafemoodError("No café of this run has coordinates", where=cafes.run.folder, fix=fix)
    write_json(folder / "cafes.geojson", {"type": "FeatureCollection", "features": features})
    left = len(cafes.table) - len(features)
    notes = [f"{left} cafés have no coordinates and were left out."] if left else []
    return Exported(f"{len(features)} cafés", notes)


def _fiftyone(cafes: Cafes, folder: Path, copy: bool) -> Exported:
    """FiftyOneImageClassificationDataset: `data/`, and `labels.json` with the class of each file.

    https://docs.voxel51.com/user_guide/import_datasets.html (dataset type `FiftyOneImageClassificationDataset`).
    """
    named = moods.of_run(cafes.run)
    (folder / "data").mkdir()
    photos = _Photos(cafes, copy)
    notes, n = photos.put(folder / "data", lambda cluster: ".")
    clusters = cafes.run.photos["cluster"]
    labels = {stem: int(clusters[i]) for i, stem in photos.stems.items()}
    classes = [mood.title for mood in named]
    write_json(folder / "labels.json", {"classes": classes, "labels": labels})
    return Exported(f"{n} photos for FiftyOne (FiftyOneImageClassificationDataset)", notes)


def _dataset(cafes: Cafes, folder: Path, copy: bool) -> Exported:
    n, notes = write_dataset(cafes, folder)
    return Exported(f"{n} photos as a data set (Parquet, Hugging Face card, Croissant)", notes)


class _Photos:
    """Puts photos into an export: links, copies, or thumbnails of those that are gone."""

    def __init__(self, cafes: Cafes, copy: bool) -> None:
        self.run, self.copy = cafes.run, copy
        self.stems: dict[int, str] = {}

    def put(self, folder: Path, place: Callable[[int], str]) -> tuple[list[str], int]:
        """Put every photo at `place(cluster)` below `folder`; returns what to say, and how many are there."""
        photos = self.run.photos
        missing: list[int] = []
        for i, (path, cluster) in enumerate(zip(photos["path"], photos["cluster"], strict=True)):
            source = path_of(path)
            # the start of the id: files of one name from two folders stay apart
            stem = f"{photos['photo_id'][i][:8]}_{safe_name(Path(path).stem)}"
            if not source.is_file():
                missing.append(i)
                continue
            target = folder / place(int(cluster)) / f"{stem}{source.suffix.lower()}"
            if self.copy:
                shutil.copyfile(source, target)
            else:
                target.symlink_to(source.resolve())
            self.stems[i] = stem
        if not missing:
            return [], len(self.stems)
        kept = thumbnails.kept(self.run)
        for i in missing:
            data = kept[i]
            if data is not None:
                stem = f"{photos['photo_id'][i][:8]}_{safe_name(Path(photos['path'][i]).stem)}"
                (folder / place(int(photos["cluster"][i])) / f"{stem}.webp").write_bytes(data)
                self.stems[i] = stem
        n_kept = sum(kept[i] is not None for i in missing)
        where = f"{len(missing)} photos are not where they were ({photos['path'][missing[0]]}, …)"
        note = f"{where}: {n_kept} are exported as the run's thumbnails"
        left = len(missing) - n_kept
        return [note + (f", {left} are left out." if left else ".")], len(self.stems)


KINDS: dict[str, Callable[[Cafes, Path, bool], Exported]] = {
    "folders": _folders,
    "csv": _csv,
    "geojson": _geojson,
    "fiftyone": _fiftyone,
    "dataset": _dataset,
}

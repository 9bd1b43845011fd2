"""Every file below a folder: those that may be photos, and all that is left out, with the reason."""

from __future__ import annotations

import os
import re
from pathlib import Path

from cafemood.core.names import text_of
from cafemood.core.reasons import reason_of
from cafemood.data.photos import Skipped

_JUNK_FOLDERS = {
    "@eadir": "thumbnails of a Synology NAS",
    "@tmp": "temporary files of a NAS",
    "#recycle": "the recycle bin of a NAS",
    "@recycle": "the recycle bin of a NAS",
    "@recently-snapshot": "snapshots of a NAS",
    "#snapshot": "snapshots of a NAS",
    "@sharebin": "the recycle bin of a NAS",
    "$recycle.bin": "the recycle bin of Windows",
    "recycler": "the recycle bin of Windows",
    "system volume information": "a folder of Windows",
    "found.000": "lost pieces of files of Windows",
    "lost+found": "lost pieces of files of Linux",
    "__macosx": "what macOS adds to a zip",
    "network trash folder": "the recycle bin of macOS",
    "temporary items": "temporary files of macOS",
    "lightroom catalog previews.lrdata": "previews of Lightroom",
    "thumbnails.photolibrary": "thumbnails of Photos",
    "_gsdata_": "a folder of GoodSync",
    "digikam_thumbnails": "thumbnails of digiKam",
    "zbthumbnail": "thumbnails of ZoomBrowser",
}
_JUNK_ENDINGS = {
    ".lrdata": "previews of Lightroom",
    ".lrcat-data": "the catalogue of Lightroom",
    ".cocatalog": "the catalogue of Capture One",
    ".aplibrary": "the library of Aperture",
    ".photolibrary": "the library of iPhoto",
    ".migratedphotolibrary": "the library of iPhoto",
    ".dtbase2": "the library of DEVONthink",
}
_PHOTOS_LIBRARY = ".photoslibrary"
_ORIGINALS = frozenset(("originals", "masters"))
"""The folders of macOS's Photos that hold the photos themselves; all others of a library hold copies."""

_JUNK_FILES = re.compile(
    r"(thumbs(-\d+)?\.db|ehthumbs(_vista)?\.db|desktop\.ini|icon\r|zbthumbnail\.info)$", re.IGNORECASE
)


def junk_folder(name: str, parent: str = "") -> str:
    """What a folder is that holds no photos of its own; nothing if it may hold some.

    Args:
        name: Its name.
        parent: The name of the folder that it lies in.
    """
    low = name.lower()
    if low in _JUNK_FOLDERS:
        return _JUNK_FOLDERS[low]
    for ending, what in _JUNK_ENDINGS.items():
        if low.endswith(ending):
            return what
    if parent.lower().endswith(_PHOTOS_LIBRARY) and low not in _ORIGINALS:
        return "copies and data of Photos"
    return "a hidden folder" if name.startswith(".") else ""


def junk_file(name: str) -> str:
    """What a file is that is no photo by its name; nothing if its content decides."""
    if name.startswith("._"):
        return "what macOS keeps beside a file"
    if _JUNK_FILES.match(name):
        return "thumbnails or settings of a file manager"
    return "a hidden file" if name.startswith(".") else ""


def walk(root: Path) -> tuple[list[Path], list[Skipped]]:
    """Find the files below a folder, at any depth.

    Linked files and folders are followed. A folder is read once, under its own path where it has one below `root`;
    another way to it is left out, so that loops end.

    Args:
        root: The folder.

    Returns:
        The files whose content decides, and what is left out: a junk folder is one entry that counts its files.
    """
    files: list[Path] = []
    skipped: list[Skipped] = []
    read: set[tuple[int, int]] = set()
    folders, links = [root], list[Path]()
    while folders or links:
        folder = folders.pop() if folders else links.pop(0)
        name = text_of(folder.relative_to(root).as_posix())
        try:
            facts = folder.stat()
            key = (facts.st_dev, facts.st_ino)
            if key in read:
                skipped.append(Skipped(f"{name}/", "another way to a folder that is read already"))
                continue
            read.add(key)
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            skipped.append(Skipped(f"{name}/", f"the folder cannot be read: {reason_of(error, folder)}"))
            continue
        for entry in entries:
            path = folder / entry.name
            relative = text_of(path.relative_to(root).as_posix())
            if _is_folder(entry):
                if what := junk_folder(entry.name, folder.name):
                    skipped.append(Skipped(f"{relative}/", f"{what} ({_count(path)} files)"))
                else:
                    (links if entry.is_symlink() else folders).append(path)
            elif what := junk_file(entry.name):
                skipped.append(Skipped(relative, what))
            else:
                files.append(path)
        links.sort()
    return files, skipped


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _count(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))

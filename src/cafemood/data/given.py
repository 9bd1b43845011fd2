"""Files and folders that a user names, checked before anything is read: what is not there is told at once."""

from __future__ import annotations

from pathlib import Path

from cafemood.core.names import existing
from cafemood.errors import FeaturesError, PhotoError, WeightsError

DIGITS = "digits"
"""Instead of a path: scikit-learn's 1,797 digits of 8 x 8 pixels."""


def photo_folder(root: str | Path | None, labels: str | None = None) -> Path:
    """The folder of photos, as `data=folder` takes it.

    Raises:
        PhotoError: None is given, it is no folder, or `labels` is unknown.
    """
    if root is None:
        raise PhotoError("No photo folder given", where="data.root", fix="give a folder: data.root=DIR")
    folder = existing(Path(root).expanduser())
    if not folder.is_dir():
        why = "it is a file" if folder.exists() else "it does not exist"
        raise PhotoError("The photo folder cannot be read", where=folder, why=why, fix="give a folder: data.root=DIR")
    if labels not in (None, "subfolder"):
        fix = "use data.labels=subfolder, or leave it out"
        raise PhotoError(f"Unknown labels {labels!r}", where="data.labels", fix=fix)
    return folder.resolve()


def photo_list(manifest: str | Path | None) -> Path:
    """The list of photos, as `data=manifest` and `data=crawled` take it.

    Raises:
        PhotoError: None is given, or there is no such file.
    """
    if manifest is None:
        raise PhotoError("No manifest given", where="data.manifest", fix="give a table: data.manifest=FILE.parquet")
    path = existing(Path(manifest).expanduser())
    if not path.is_file():
        fix = "correct its path (a crawl writes the list manifest.parquet beside its photos)"
        raise PhotoError("The list does not exist", where=path, fix=fix)
    return path


def labelled_matrix(path: str | None) -> Path:
    """The file of `data=matrix`, or `digits`.

    Raises:
        FeaturesError: None is given, or there is no such file.
    """
    if path is None:
        fix = "give data.path=FILE.npz with arrays X (n, …) and Y (n,), or data.path=digits"
        raise FeaturesError("No labelled matrix given", where="data.path", fix=fix)
    if path == DIGITS:
        return Path(DIGITS)
    file = Path(path).expanduser()
    if not file.is_file():
        raise FeaturesError("The labelled matrix does not exist", where=file, fix="correct data.path")
    return file


def feature_matrix(path: str | None) -> Path:
    """The file of `backbone=precomputed`.

    Raises:
        FeaturesError: None is given, or there is no such file.
    """
    if path is None:
        raise FeaturesError("No feature matrix given", where="backbone.path", fix="give backbone.path=FILE.npz")
    file = Path(path).expanduser()
    if not file.is_file():
        raise FeaturesError("The feature matrix does not exist", where=file, fix="correct backbone.path")
    return file


def weight_file(path: str | Path) -> Path:
    """The user's own weights, `backbone.weights`.

    Raises:
        WeightsError: There is no such file.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise WeightsError("The weight file does not exist", where=file, fix="correct backbone.weights")
    return file

"""Weight files: find them, fetch them, check them, and read them without running what is inside."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path, PurePosixPath

import torch

from cafemood.errors import WeightsError
from cafemood.photos import file_digest
from cafemood.weights.fetch import OFFLINE, WeightFile, check, fetch
from cafemood.weights.keras import read_keras_vgg16
from cafemood.weights.states import read_state_dict, state_digest

__all__ = ["OFFLINE", "WeightFile", "file_digest", "find", "read_keras_vgg16", "read_state_dict", "state_digest"]


def find(source: WeightFile, given: str | Path | None = None) -> Path:
    """The weight file on this machine: the user's own, a package's, the cache's, or fetched.

    Args:
        source: Where the file comes from.
        given: A path the user named; taken as it is, its digest unchecked.

    Raises:
        WeightsError: The file is missing, cannot be fetched, or has changed.
    """
    if given is not None:
        path = Path(given).expanduser()
        if not path.is_file():
            raise WeightsError("The weight file does not exist", where=path, fix="correct backbone.weights")
        return path
    if source.package is not None and (packaged := _in_package(source)) is not None:
        return packaged
    path = Path(torch.hub.get_dir()) / "cafemood" / source.filename
    if not path.is_file():
        fetch(source, path)
    check(source, path)
    return path


def _in_package(source: WeightFile) -> Path | None:
    try:
        files = metadata.distribution(str(source.package)).files or []
    except metadata.PackageNotFoundError:
        return None
    wanted = PurePosixPath(str(source.resource))
    found = next((Path(str(f.locate())) for f in files if PurePosixPath(f) == wanted), None)
    if found is None or not found.is_file():
        return None
    if source.sha256 and not file_digest(found).startswith(source.sha256):
        why = "its digest is not the known one"
        raise WeightsError("The weight file has changed", where=found, why=why, fix=f"reinstall {source.package}")
    return found

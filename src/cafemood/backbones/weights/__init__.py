"""Weight files: find them, fetch them, check them, and read them without running what is inside."""

from __future__ import annotations

import shutil
import zlib
from importlib import metadata
from pathlib import Path, PurePosixPath

import torch

from cafemood.backbones.weights.caffe import CaffeLayer, read_caffemodel
from cafemood.backbones.weights.fetch import OFFLINE, WeightFile, check, fetch, is_recorded
from cafemood.backbones.weights.keras import read_keras
from cafemood.backbones.weights.states import read_state_dict, read_tensors, state_digest
from cafemood.core.atomic import writing
from cafemood.core.reasons import DAMAGED, Flaw, reason_of
from cafemood.data.given import weight_file
from cafemood.data.images import file_digest
from cafemood.errors import WeightsError

__all__ = [
    "OFFLINE",
    "CaffeLayer",
    "WeightFile",
    "check",
    "file_digest",
    "find",
    "is_recorded",
    "read_caffemodel",
    "read_keras",
    "read_state_dict",
    "read_tensors",
    "state_digest",
]

_MOST_UNPACKED = 2**31


def cached(source: WeightFile) -> Path:
    """Where the file is kept once it is fetched."""
    return Path(torch.hub.get_dir()) / "cafemood" / source.filename


def find(source: WeightFile, given: str | Path | None = None) -> Path:
    """The weight file on this machine: the user's own, a package's, the cache's, or fetched.

    Args:
        source: Where the file comes from.
        given: A path the user named; taken as it is, its digest unchecked.

    Raises:
        WeightsError: The file is missing, cannot be fetched, or has changed.
    """
    if given is not None:
        return weight_file(given)
    if source.package is not None and (packaged := _in_package(source)) is not None:
        return packaged
    path = cached(source)
    if not path.is_file():
        fetch(source, path)
    check(source, path)
    return path if source.member is None else _unpacked(path, source.member)


def _unpacked(archive: Path, member: str) -> Path:
    """One file of a `.tar.gz`, beside it; unpacked again if the archive is newer."""
    import tarfile

    path = archive.with_name(f"{archive.name.split('.')[0]}_{PurePosixPath(member).name}")
    if path.is_file() and path.stat().st_mtime >= archive.stat().st_mtime:
        return path
    try:
        with tarfile.open(archive, "r:gz") as tar:
            entry = next((e for e in tar if PurePosixPath(e.name).name == PurePosixPath(member).name), None)
            stream = tar.extractfile(entry) if entry is not None and entry.isfile() else None
            if entry is None or stream is None or entry.size > _MOST_UNPACKED:
                raise Flaw(f"it holds no file {member}")
            with writing(path) as partial, open(partial, "wb") as target:
                shutil.copyfileobj(stream, target, 2**20)
    except (tarfile.TarError, EOFError, OSError, Flaw, zlib.error) as error:
        why = reason_of(error, archive, DAMAGED)
        raise WeightsError(
            "The weight archive cannot be read", where=archive, why=why, fix="delete it and run again"
        ) from None
    return path


def _in_package(source: WeightFile) -> Path | None:
    try:
        files = metadata.distribution(str(source.package)).files or []
    except metadata.PackageNotFoundError:
        return None
    wanted = PurePosixPath(str(source.resource))
    path = next((Path(str(f.locate())) for f in files if PurePosixPath(f) == wanted), None)
    if path is None or not path.is_file():
        return None
    if source.sha256 and not file_digest(path).startswith(source.sha256):
        why = "its digest is not the known one"
        raise WeightsError("The weight file has changed", where=path, why=why, fix=f"reinstall {source.package}")
    return path

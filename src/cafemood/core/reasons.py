"""Why something failed, in our words: those of the interpreter and of libraries change with their versions."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import ssl
from collections.abc import Callable, Iterator

from cafemood.errors import CafemoodError

LONGEST = 200
"""Letters of another's text that are quoted."""

ZERO_BYTE = "its name holds a zero byte"
DAMAGED = "it is damaged or cut off"
NO_ANSWER = "no answer in time"
NO_CONNECTION_IN_TIME = "no connection could be made in time"
NO_CONNECTION = "no connection could be made"
BROKEN_OFF = "the connection broke off"
NO_SUCH_HOST = "the host's name cannot be found (is there a network?)"
UNTRUSTED = "the server's certificate cannot be trusted"
NO_ADDRESS = "it is no address"

_SYSTEM = {
    errno.ENOENT: "there is no such file or folder",
    errno.EACCES: "its rights do not allow it",
    errno.EPERM: "the system does not allow it",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the user's share of the disk is full",
    errno.EROFS: "the disk is read-only",
    errno.EIO: "the disk fails to read or to write",
    errno.EFBIG: "a file would be larger than the disk allows",
    errno.ENAMETOOLONG: "its name is too long",
    errno.EISDIR: "it is a folder, not a file",
    errno.ENOTDIR: "a file stands where a folder should be",
    errno.EEXIST: "it is there already",
    errno.ENOTEMPTY: "the folder is not empty",
    errno.ELOOP: "its links lead in a circle",
    errno.EXDEV: "it lies on another disk",
    errno.EBUSY: "another program uses it",
    errno.ESTALE: "the network drive has lost it",
    errno.EMFILE: "this program has too many files open",
    errno.ENFILE: "this machine has too many files open",
    errno.ENOMEM: "there is too little memory",
    errno.EADDRINUSE: "another program uses the port",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.ECONNREFUSED: "the connection is refused: nothing answers at that address",
    errno.ECONNRESET: BROKEN_OFF,
    errno.ECONNABORTED: BROKEN_OFF,
    errno.EPIPE: BROKEN_OFF,
    errno.ETIMEDOUT: NO_ANSWER,
    errno.EHOSTUNREACH: "the network does not lead to that host",
    errno.ENETUNREACH: "the network does not lead to that host",
    errno.ENETDOWN: "the network is down",
}

_OF_CLASS: dict[type[BaseException], int] = {
    FileNotFoundError: errno.ENOENT,
    PermissionError: errno.EACCES,
    IsADirectoryError: errno.EISDIR,
    NotADirectoryError: errno.ENOTDIR,
    FileExistsError: errno.EEXIST,
    ConnectionRefusedError: errno.ECONNREFUSED,
    ConnectionResetError: errno.ECONNRESET,
    ConnectionAbortedError: errno.ECONNABORTED,
    BrokenPipeError: errno.EPIPE,
    TimeoutError: errno.ETIMEDOUT,
}
"""Libraries raise these without a number."""

_LIBRARIES = {
    "PIL.UnidentifiedImageError": "not an image, or a kind Pillow does not know",
    "PIL.DecompressionBombError": "the image has too many pixels",
    "requests.ConnectTimeout": NO_CONNECTION_IN_TIME,
    "requests.Timeout": NO_ANSWER,
    "requests.TooManyRedirects": "it redirects for ever",
    "requests.SSLError": "",
    "requests.InvalidURL": NO_ADDRESS,
    "requests.MissingSchema": NO_ADDRESS,
    "requests.InvalidSchema": NO_ADDRESS,
    "requests.ChunkedEncodingError": BROKEN_OFF,
    "urllib3.ConnectTimeoutError": NO_CONNECTION_IN_TIME,
    "urllib3.NewConnectionError": "",  # a kind of ConnectTimeoutError, whatever the cause
    "urllib3.TimeoutError": NO_ANSWER,
    "urllib3.NameResolutionError": NO_SUCH_HOST,
    "urllib3.SSLError": "",
    "urllib3.ProtocolError": BROKEN_OFF,
    "urllib3.LocationValueError": NO_ADDRESS,
    "aiohttp.ConnectionTimeoutError": NO_CONNECTION_IN_TIME,
    "aiohttp.TooManyRedirects": "it redirects for ever",
    "aiohttp.ClientConnectorDNSError": NO_SUCH_HOST,
    "aiohttp.ClientSSLError": "",
    "aiohttp.ServerDisconnectedError": BROKEN_OFF,
    "aiohttp.ClientPayloadError": BROKEN_OFF,
    "aiohttp.InvalidURL": NO_ADDRESS,
    "huggingface_hub.LocalEntryNotFoundError": "",  # a kind of FileNotFoundError, where there is no network
    "scrapy.CannotResolveHostError": NO_SUCH_HOST,
    "scrapy.DownloadConnectionRefusedError": _SYSTEM[errno.ECONNREFUSED],
    "scrapy.DownloadTimeoutError": NO_ANSWER,
    "scrapy.ResponseDataLossError": BROKEN_OFF,
    "scrapy.DownloadFailedError": BROKEN_OFF,
    "scrapy.UnsupportedURLSchemeError": NO_ADDRESS,
}
"""By package and class: nothing is imported for a name. Where the words are empty, the cause has them."""

_CERTIFICATES = {
    9: "the server's certificate is not valid yet",
    10: "the server's certificate has expired",
    18: "the server's certificate is signed by nobody but itself",
    19: "the server's certificate is signed by nobody known here",
    20: "the server's certificate is signed by nobody known here",
    21: "the server's certificate is signed by nobody known here",
    62: "the server's certificate is another host's",
    64: "the server's certificate is another host's",
}
"""By X509_V_ERR_* (https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/)."""

_SQLITE = {
    sqlite3.SQLITE_BUSY: "another program has it locked",
    sqlite3.SQLITE_LOCKED: "another program has it locked",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_PERM: "its rights do not allow it",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: it is not there, or its rights do not allow it",
    sqlite3.SQLITE_IOERR: "the disk fails to read or to write",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database",
    sqlite3.SQLITE_NOMEM: "there is too little memory",
}
"""By the primary result code (https://sqlite.org/rescode.html)."""

_GENERAL = {
    "builtins.EOFError": DAMAGED,
    "zlib.error": DAMAGED,
    "struct.error": DAMAGED,
    "_struct.error": DAMAGED,
    "lzma.LZMAError": DAMAGED,
    "_lzma.LZMAError": DAMAGED,
    "gzip.BadGzipFile": DAMAGED,
    "zipfile.BadZipFile": DAMAGED,
    "tarfile.TarError": DAMAGED,
    "pickle.UnpicklingError": DAMAGED,
    "_pickle.UnpicklingError": DAMAGED,
    "safetensors.SafetensorError": DAMAGED,
    "safetensors_rust.SafetensorError": DAMAGED,
    "requests.SSLError": UNTRUSTED,
    "urllib3.SSLError": UNTRUSTED,
    "aiohttp.ClientSSLError": UNTRUSTED,
    "aiohttp.ClientConnectorCertificateError": UNTRUSTED,
    "requests.ConnectionError": NO_CONNECTION,
    "urllib3.NewConnectionError": NO_CONNECTION,
    "aiohttp.ClientConnectorError": NO_CONNECTION,
    "csv.Error": "it is no table in CSV",
    "_csv.Error": "it is no table in CSV",
    "builtins.IndexError": "a list in it is shorter than it should be",
    "builtins.TypeError": "a value in it is of another kind than it should be",
    "builtins.AttributeError": "a value in it is of another kind than it should be",
    "builtins.OSError": "the system gives no reason",
    "builtins.ValueError": "a value in it cannot be used",
}
"""What an error says of a file or an answer where the reader of it says nothing better."""


class Flaw(ValueError):
    """What is wrong with a value or a file, in our words, for whoever reads it to catch and hand on."""


def reason_of(
    error: BaseException,
    value: object = None,
    otherwise: str | None = None,
    *,
    tidy: Callable[[str], str] | None = None,
) -> str:
    """Why something failed: one line that no version of Python or of a library changes.

    Args:
        error: What was raised.
        value: The path or the text concerned, which may itself be the reason.
        otherwise: What to say where only a library knows more: words of ours, or a `quoted` text.
        tidy: Goes over what comes from outside, such as a key (it may hold what must not be shown).

    Returns:
        Our own errors' words as they are; of others a kind that is known for sure; else `otherwise`; else
        what such an error means in general.
    """
    if isinstance(error, CafemoodError):
        return _line(error.what if error.why is None else error.why)
    if isinstance(error, Flaw):
        return _line(error)
    if isinstance(error, ValueError) and _has_zero_byte(value):
        return ZERO_BYTE
    known = next((words for one in _causes(error) if (words := _known(one))), None)
    return known or otherwise or _in_general(error, tidy or str)


def quoted(
    error: BaseException, speaker: str | None = None, *, last: bool = False, tidy: Callable[[str], str] | None = None
) -> str:
    """A line of another's text, marked as such: it is information, and no version is bound to it.

    Args:
        error: What was raised.
        speaker: The library; None names the error's class.
        last: Its last line instead of its first.
        tidy: Goes over the line before it is cut to `LONGEST` letters.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return f"{speaker} says no more than {type(error).__name__}" if speaker else type(error).__name__
    line = lines[-1 if last else 0]
    return f'{speaker or type(error).__name__} says: "{(tidy or str)(line)[:LONGEST]}"'


def of_image(error: BaseException, source: object = None) -> str:
    """Why an image could not be decoded: each of Pillow's decoders raises kinds of its own for a damaged file."""
    return reason_of(error, source, "the image is damaged, cut off, or of a kind that Pillow cannot decode")


def _line(said: object) -> str:
    lines = str(said).splitlines()
    return lines[0] if lines else type(said).__name__


def _has_zero_byte(value: object) -> bool:
    named = os.fspath(value) if isinstance(value, os.PathLike) else value
    return "\0" in named if isinstance(named, str) else isinstance(named, bytes) and b"\0" in named


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it wraps: requests wraps urllib3's, and that the system's."""
    yield error
    named = (getattr(error, name, None) for name in ("reason", "os_error", "certificate_error"))
    for cause in (error.__cause__, *named, *error.args[:1]):
        if isinstance(cause, BaseException) and cause is not error:
            yield from _causes(cause)


def _known(error: BaseException) -> str | None:
    """The reason, where the kind of an error tells it for sure."""
    if isinstance(error, UnicodeDecodeError):
        return f"it is not {_encoding(error)}: byte 0x{error.object[error.start]:02X} at position {error.start}"
    if isinstance(error, UnicodeEncodeError):
        letter = f"U+{ord(error.object[error.start]):04X}"
        return f"{letter} at position {error.start} cannot be written as {_encoding(error)}"
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON: line {error.lineno}, column {error.colno}"
    if isinstance(error, RecursionError):
        return "its brackets are nested too deep"
    if isinstance(error, MemoryError):
        return _SYSTEM[errno.ENOMEM]
    if isinstance(error, ImportError) and error.name:
        missing = isinstance(error, ModuleNotFoundError)
        return f"the package {error.name.split('.')[0]} {'is not installed' if missing else 'cannot be loaded'}"
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATES.get(error.verify_code, UNTRUSTED)
    listed = next((_LIBRARIES[name] for name in _names(error) if name in _LIBRARIES), None)
    return _of_system(error) if listed is None and isinstance(error, OSError) else listed


def _of_system(error: OSError) -> str | None:
    if any(name == "socket.gaierror" for name in _names(error)):  # its numbers are of another table
        return NO_SUCH_HOST
    number = error.errno
    if isinstance(error, ssl.SSLError):
        return "no safe connection could be made"
    if not isinstance(number, int):
        number = next((code for kind, code in _OF_CLASS.items() if isinstance(error, kind)), 0)
    if not number:
        return None
    return _SYSTEM.get(number) or f"the system answers {errno.errorcode.get(number, f'error {number}')}"


def _of_sqlite(error: sqlite3.Error) -> str | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    return _SQLITE.get(code & 0xFF) or f"SQLite answers {getattr(error, 'sqlite_errorname', code)}"


def _in_general(error: BaseException, tidy: Callable[[str], str]) -> str:
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        return f"it has no {tidy(error.args[0])[:LONGEST]!r}"
    listed = next((_GENERAL[name] for name in _names(error) if name in _GENERAL), None)
    return listed or f"nobody foresaw this error ({type(error).__name__})"


def _names(error: BaseException) -> Iterator[str]:
    for kind in type(error).__mro__:
        yield f"{kind.__module__.split('.')[0]}.{kind.__name__}"


def _encoding(error: UnicodeDecodeError | UnicodeEncodeError) -> str:
    known = {"utf8": "UTF-8", "ascii": "ASCII", "latin1": "Latin-1", "iso88591": "Latin-1", "cp949": "CP949"}
    return known.get(error.encoding.lower().replace("-", "").replace("_", ""), error.encoding)

"""Photos behind an address (`https://`, `s3://`, `gs://` …): read whole, with bounds, and named without secrets."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote_plus, unquote_to_bytes, urlencode, urlsplit, urlunsplit

from cafemood.core import addresses
from cafemood.core.reasons import NO_ANSWER, quoted, reason_of
from cafemood.errors import PhotoError

MAX_BYTES = 200_000_000
"""A photo's file may be this long; what is longer is not read on."""

TRIES = 3
PAUSE_SECONDS = 0.5
"""Before the second try; twice as long before the third."""

CONNECT_SECONDS, STALL_SECONDS, TOTAL_SECONDS = 10.0, 20.0, 120.0

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+://")
_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://[^\s'\"<>)]+")
_HARMLESS = frozenset(
    (
        "id",
        "photo",
        "photo_id",
        "image",
        "file",
        "name",
        "n",
        "page",
        "w",
        "h",
        "width",
        "height",
        "size",
        "format",
        "v",
    )
)
"""Parameters of a query that are kept where an address is shown: any other may be a signature or a key."""

_SIGNED = ("x-amz-", "x-goog-", "x-oss-")
_SIGNATURE = frozenset(
    (
        "signature",
        "sig",
        "expires",
        "policy",
        "key-pair-id",
        "awsaccesskeyid",
        "googleaccessid",
        "ossaccesskeyid",
        "security-token",
        "access_token",
        "api_key",
        "apikey",
    )
)
_AZURE = frozenset(
    "sv ss srt sp se st spr sr sip si sdd skoid sktid skt ske sks skv saoid suoid scid ses".split()  # noqa: SIM905
)
"""Parameters of a shared access signature (learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas);
they are its own only where there is a `sig`."""

_KEY = frozenset(("key", "token"))
"""A credential, or what a site calls its photo: see `identity`."""

_PHOTO_NAME = re.compile(r"\.(jpe?g|png|webp|avif|gif|heic|heif)$", re.IGNORECASE)

_CLOUD = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}
_TALKATIVE = ("fsspec", "s3fs", "gcsfs", "aiohttp", "aiobotocore", "botocore")
"""With hydra.verbose=true these would log whole addresses and headers."""

_whole: dict[str, str] = {}


def is_address(file: object) -> bool:
    """Whether a photo's `file` is an address and not a path."""
    return _SCHEME.match(str(file)) is not None


def shown(address: str) -> str:
    """An address as it may be stored and shown: without user, password, fragment and unknown parameters."""
    if not _is_http(address):  # a key in a bucket may hold ? and #
        scheme, rest = address.split("://", 1)
        host, slash, path = rest.partition("/")
        return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
    try:
        parts = urlsplit(address)
    except ValueError:  # it is none (see `flaw`); its secrets are left out by its signs alone
        scheme, rest = re.split(r"[?#]", address, maxsplit=1)[0].split("://", 1)
        return f"{scheme}://{rest.rpartition('@')[2]}"
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name.lower() in _HARMLESS]
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, urlencode(kept), ""))


def flaw(address: str) -> str:
    """Why an address can never work; nothing if it may."""
    return addresses.flaw(address) if _is_http(address) else ""


def identity(address: str) -> str:
    """An address without what changes when it is signed anew: which photo it is. It may hold secrets: never store it.

    Every parameter of the query counts but those of signatures and credentials. `key` and `token` are credentials
    only beside another name for the photo: another parameter, or a path that ends in a photo's name. A user without
    a password counts where it is no credential (`abfs://container@account/…`).
    """
    if not _is_http(address):
        user, at, _ = address.split("://", 1)[1].partition("/")[0].rpartition("@")
        return shown(address) + (at + user if ":" not in user else "")
    parts = urlsplit(address)
    query = [_decoded(part) for part in parts.query.split("&") if part]
    signed = {name for name, _ in query if name in _SIGNATURE or name.startswith(_SIGNED)}
    signed |= _AZURE if "sig" in signed else set()
    rest = [(name, part) for name, part in query if name not in signed]
    named = _PHOTO_NAME.search(parts.path) or any(name not in _KEY for name, _ in rest)
    kept = [part for name, part in rest if not (named and name in _KEY) or _PHOTO_NAME.search(part)]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "&".join(kept), ""))


def _decoded(parameter: str) -> tuple[str, str]:
    """A parameter's name in lower case, and all of it in one spelling, whatever bytes it stands for."""
    name, equals, value = (unquote_to_bytes(word) for word in parameter.replace("+", " ").partition("="))
    return name.decode(errors="replace").lower(), quote_plus(name) + equals.decode() + quote_plus(value)


def address_id(address: str) -> str:
    """What stands for a photo's id until its bytes are known: SHA-256 of its `identity`, as 64 hex digits."""
    # "address" without a version was the hash of the shown name, which photos could share: caches hold such ids
    return hashlib.sha256(f"address 2 {identity(address)}".encode()).hexdigest()


def name_of(address: str) -> str:
    """What a photo's address is called where it is stored: as shown, and part of its id where that leaves out more
    than signatures and credentials."""
    name, own = shown(address), address_id(address)
    return name if address_id(name) == own else f"{name}#{own[:12]}"


_SHORTENED = re.compile(r"#[0-9a-f]{12}$")
"""How `name_of` ends where the name alone would fetch another photo."""


def _is_http(address: str) -> bool:
    return address.split("://", 1)[0].lower() in ("http", "https")


def remember(whole: Mapping[str, str]) -> None:
    """Keep whole addresses by the names they are shown under, for as long as this process lives."""
    _whole.update({address: address for address in whole.values()})
    _whole.update(whole)


def name_hosts(places: Iterable[str]) -> None:
    """Let photos come from these addresses' hosts, private ones too: a list names them. No redirect leads elsewhere
    in a private network."""
    from cafemood.core import guarded_http

    for host in {addresses.host_of(place) for place in places if _is_http(place)}:
        guarded_http.name_host(host)


def check_schemes(schemes: Iterable[str]) -> None:
    """Refuse addresses that nothing installed here can open.

    Raises:
        PhotoError: A package is missing, or there is no such kind of address.
    """
    from fsspec import get_filesystem_class

    for scheme in sorted(set(schemes)):
        where = f"{scheme}://"
        try:
            get_filesystem_class(scheme)
        except ImportError as error:
            why = f"the package {_CLOUD[scheme]} is not installed" if scheme in _CLOUD else quoted(error, "fsspec")
            fix = "pip install 'cafemood[cloud]'" if scheme in _CLOUD else "install the package that fsspec names"
            raise PhotoError("Photos in this kind of store cannot be opened", where=where, why=why, fix=fix) from None
        except ValueError:
            fix = "use https://, s3://, gs://, or another that fsspec opens"
            raise PhotoError("Unknown kind of address", where=where, fix=fix) from None


def fetch(address: str) -> bytes:
    """Read the whole file behind an address.

    What may pass (no connection, a stall, a server that is busy) is tried `TRIES` times.

    Raises:
        PhotoError: It is not there, not allowed, too long, or does not come.
    """
    if address not in _whole and _SHORTENED.search(address) and _is_http(address):
        why = "what tells it from others in its address may be a secret, and was not stored"
        raise PhotoError("A photo cannot be fetched again", where=address, why=why)
    address = _whole.get(address, address)
    name_hosts([address])
    for tried in range(1, TRIES + 1):
        try:
            return _read(address)
        except PhotoError:
            raise
        except Exception as error:  # each of fsspec's file systems raises kinds of its own
            why, passing = _diagnosed(error)
        if not passing:
            break
        if tried < TRIES:
            time.sleep(PAUSE_SECONDS * 2 ** (tried - 1))
    why += f" ({TRIES} tries)" if passing else ""
    raise PhotoError("A photo cannot be read", where=shown(address), why=why)


def _read(address: str) -> bytes:
    from fsspec.core import url_to_fs

    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.INFO)
    if _is_http(address):
        from aiohttp import ClientTimeout

        from cafemood.core import guarded_http

        limits = ClientTimeout(total=TOTAL_SECONDS, sock_connect=CONNECT_SECONDS, sock_read=STALL_SECONDS)
        options = {"timeout": limits, "trust_env": True}
        store, path = url_to_fs(address, client_kwargs=options, get_client=guarded_http.session)
        chunks, length = [], 0
        with store.open(path, "rb", block_size=0, size=1) as stream:  # a stream: one request, no HEAD before it
            while length <= MAX_BYTES and (chunk := stream.read(1 << 20)):
                chunks.append(chunk)
                length += len(chunk)
        data = b"".join(chunks)
    else:
        store, path = url_to_fs(address)
        data = store.cat_file(path, start=0, end=MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise PhotoError("A photo is too large", where=shown(address), why=f"its file has over {MAX_BYTES:,} bytes")
    return data


def _diagnosed(error: Exception) -> tuple[str, bool]:
    """Why a file did not come, without the secrets of its address, and whether that may pass."""
    from cafemood.core.guarded_http import PrivateTarget

    status: Any = getattr(error, "status", None)
    if isinstance(error, PrivateTarget):
        return str(error), False
    if isinstance(error, FileNotFoundError):
        return "it is not there", False
    if isinstance(error, PermissionError) or status in (401, 403):
        return "its store does not allow it", False
    if type(status) is int and status >= 300:
        words = str(getattr(error, "message", "")).strip()
        return f"the server answers {status}{' ' + words if words else ''}", status in (408, 425, 429) or status >= 500
    if isinstance(error, TimeoutError):
        return NO_ANSWER, True
    if type(error).__name__ == "TooManyRedirects":  # aiohttp's; its words hold the address and no reason
        return "it redirects for ever", False
    library = type(error).__module__.partition(".")[0]
    broken_off = library == "aiohttp" and not isinstance(error, ValueError)  # a bad address
    speaker = library if library in _TALKATIVE else None
    why = reason_of(error, otherwise=quoted(error, speaker, tidy=without_secrets))
    return why, isinstance(error, OSError) or broken_off


def without_secrets(text: str) -> str:
    """A text with every address in it as it may be shown."""
    return _IN_TEXT.sub(lambda found: shown(found[0]), text)

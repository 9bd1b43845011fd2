"""The arguments of a crawl (`-a NAME=VALUE`), checked before anything is asked of anybody."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cafecrawl.areas import Area, read_areas
from cafecrawl.errors import ConfigError, NotAllowed
from cafecrawl.licences import KNOWN, OPEN
from cafecrawl.set_aside import read_keep
from cafemood.core.reasons import reason_of

PHOTOS = Path(__file__).resolve().parents[2] / "data" / "photos"
VERSION = "0.1"
_CONTACT = re.compile(r"^([^@\s()<>]+@[^@\s()<>]+\.[^@\s()<>]+|https?://[^\s()<>]+\.[^\s()<>]+)$")


@dataclass(frozen=True, slots=True)
class Permission:
    """A source's written permission: where it is kept, and the SHA-256 of the file."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Options:
    """What a crawl was asked for; `site` replaces the source's address (the replica)."""

    contact: str
    folder: Path
    limit: int | None = None
    site: str | None = None
    areas: tuple[Area, ...] = ()
    licences: tuple[str, ...] = OPEN
    permission: Permission | None = None
    repair: bool = False
    keep: str | None = None
    own: dict[str, str] = field(default_factory=dict)

    @property
    def agent(self) -> str:
        """The User-Agent: who crawls, with what, and how to reach them."""
        return f"cafecrawl/{VERSION} (cafemood; +{self.contact})"

    def number(self, name: str, default: int) -> int:
        """A spider's own argument that is a whole number above 0.

        Raises:
            ConfigError: It is not.
        """
        return _number(name, self.own[name]) if name in self.own else default


COMMON = {
    "contact": "your e-mail or web address; sites see it (required)",
    "folder": "where the photos go (default: data/photos beside crawler/)",
    "limit": "photos to keep of this source at most",
    "site": "another address for the source, such as the replica's",
    "area": "areas of Seoul, by key or Korean name, or all",
    "licences": f"licences to keep (default {','.join(OPEN)}; also {', '.join(KNOWN[len(OPEN) :])})",
    "keep": "place: set photos aside that seem to show no place (menus, close-ups); all (default) takes them back",
    "repair": "yes: fetch photos that were stored once and wait to be fetched again, read no list",
    "permission": "file with the source's written permission",
}


def read_options(arguments: Mapping[str, Any], own: Mapping[str, str]) -> Options:
    """Check the arguments of a crawl.

    Args:
        arguments: What `-a` gave.
        own: The spider's own arguments, with their help.

    Raises:
        ConfigError: `contact` is missing, or an argument is unknown or cannot be used.
        NotAllowed: The file of the permission cannot be read, or is empty.
    """
    known = {**COMMON, **own}
    for name in arguments:
        if name not in known:
            listed = "\n".join(f"           {key}= {text}" for key, text in known.items())
            raise ConfigError(f"Unknown argument {name!r}", where=f"-a {name}=…", fix=f"use one of\n{listed}")
    contact = str(arguments.get("contact") or "").strip()
    if not _CONTACT.match(contact):
        raise ConfigError(
            "No contact given" if not contact else f"{contact!r} is no e-mail or web address",
            where="-a contact=…",
            why="a site's operator must be able to reach whoever crawls it; it goes into the User-Agent",
            fix="give your own: -a contact=you@example.org",
        )
    return Options(
        contact,
        Path(arguments.get("folder") or PHOTOS).expanduser().resolve(),
        _number("limit", arguments["limit"]) if arguments.get("limit") else None,
        _site(arguments.get("site")),
        read_areas(arguments.get("area")),
        _licences(arguments.get("licences")),
        _permission(arguments.get("permission")),
        str(arguments.get("repair", "")).lower() in ("yes", "true", "1"),
        read_keep(arguments.get("keep")),
        {name: str(value) for name, value in arguments.items() if name in own},
    )


def _number(name: str, value: object) -> int:
    text = str(value)
    if not text.isdigit() or int(text) < 1:
        raise ConfigError(f"{name}={text} is no whole number above 0", where=f"-a {name}=…")
    return int(text)


def _site(value: str | None) -> str | None:
    if not value:
        return None
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError(f"{value!r} is no address", where="-a site=…", fix="give one such as http://127.0.0.1:8900")
    return value.rstrip("/")


def _licences(value: str | None) -> tuple[str, ...]:
    if not value:
        return OPEN
    codes = tuple(code.strip().lower() for code in value.split(","))
    for code in codes:
        if code not in KNOWN:
            raise ConfigError(f"Unknown licence {code!r}", where="-a licences=…", fix=f"use some of {', '.join(KNOWN)}")
    return codes


def _permission(value: str | None) -> Permission | None:
    if not value:
        return None
    path = Path(value).expanduser().resolve()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotAllowed("The permission cannot be read", where=path, why=reason_of(error, path)) from None
    if not content.strip():
        raise NotAllowed("The permission is empty", where=path, fix="name the file that holds the written permission")
    return Permission(path, hashlib.sha256(content).hexdigest())

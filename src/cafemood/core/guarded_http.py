"""HTTP sessions that connect to no private address unless the list of photos names its host."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import aiohttp
from aiohttp.abc import AbstractResolver

from cafemood.core.addresses import is_private, literal_ip, unnamed

_named: set[str] = set()


class PrivateTarget(Exception):
    """A redirect leads to a private address whose host the list does not name; the text says where to."""


def name_host(host: str) -> None:
    """Let connections go to a host, wherever it is: a list names it."""
    _named.add(host.lower().rstrip("."))


async def session(**options: Any) -> aiohttp.ClientSession:
    """A session whose every connection is checked, redirected ones too."""
    return aiohttp.ClientSession(connector=_Connector(resolver=_Resolver()), **options)


class _Connector(aiohttp.TCPConnector):
    """Checks hosts that are written as IP addresses, of which no resolver is asked."""

    async def connect(self, req: Any, *args: Any, **kwargs: Any) -> Any:
        host = (req.url.host or "").lower().rstrip(".")
        ip = "127.0.0.1" if host == "localhost" or host.endswith(".localhost") else literal_ip(host)
        if ip is not None:  # also where a proxy would connect to it
            _check(host, ip)
        return await super().connect(req, *args, **kwargs)


class _Resolver(AbstractResolver):
    """Checks what a name resolves to: the connection takes these addresses and no others."""

    def __init__(self) -> None:
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[Any]:
        found = await self._resolver.resolve(host, port, family)
        if host.lower().rstrip(".") not in _proxies():
            for one in found:
                _check(host, one["host"])
        return found

    async def close(self) -> None:
        await self._resolver.close()


def _proxies() -> set[str]:
    return {
        urlsplit(address if "://" in address else f"//{address}").hostname or "" for address in getproxies().values()
    }


def _check(host: str, ip: str) -> None:
    if is_private(ip) and host.lower().rstrip(".") not in _named:
        raise PrivateTarget(unnamed(host, ip))

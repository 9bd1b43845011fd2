"""Addresses that can never work, and private ones that no list names: nothing is asked of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

from scrapy.http import Request, Response
from scrapy.utils.defer import deferred_to_future

from cafecrawl.middlewares.base import Middleware
from cafecrawl.refusals import BadAddress, PrivateTarget
from cafemood.core.addresses import flaw, host_of, is_private, is_web, literal_ip, unnamed


class TargetsMiddleware(Middleware):
    """Refuse what a request, or a redirect, must not go to.

    Stands before all others, robots.txt's too. A name is resolved here, and Scrapy's cache of names has the
    connection take the same address; should it have taken another one all the same, its answer is not used.
    """

    async def process_request(self, request: Request) -> None:
        if why := flaw(request.url):
            raise BadAddress(why)
        host = host_of(request.url)
        ip = literal_ip(host) or await _resolved(urlsplit(request.url).hostname or "")
        if ip is not None:
            self._check(host, ip)

    def process_response(self, request: Request, response: Response) -> Response:
        if response.ip_address is not None:
            self._check(host_of(request.url), str(response.ip_address))
        return response

    def _check(self, host: str, ip: str) -> None:
        if is_private(ip) and not self.spider.names_host(host):
            raise PrivateTarget(unnamed(host, ip))


class RedirectsMiddleware(Middleware):
    """Refuse a redirect to an address that can never work, at which Scrapy's own middleware would stumble.

    Stands next to that one, on the side of the network.
    """

    def process_response(self, request: Request, response: Response) -> Response:
        place = response.headers.get("Location")
        if 300 <= response.status < 400 and place is not None:
            try:
                target = urljoin(request.url, place.decode("utf-8", "replace"))
            except ValueError:
                target = "http://["
            if why := flaw(target) if is_web(target) else "":
                raise BadAddress(f"it redirects where nothing can be: {why}")
        return response


async def _resolved(host: str) -> str | None:
    """The address that the connection will go to; None where there is none, which the downloader will tell."""
    from twisted.internet import reactor

    try:
        resolved: Any = reactor.resolve(host.encode("idna").decode())  # type: ignore[attr-defined, arg-type]
        return await deferred_to_future(resolved)
    except (OSError, UnicodeError):
        return None

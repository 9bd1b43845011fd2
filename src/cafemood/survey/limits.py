"""What one visitor of a survey's server may take: time, the length of a body, starts from one address."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi.responses import JSONResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from cafemood.errors import SurveyError
from cafemood.survey.store import Refused

log = logging.getLogger(__name__)

LARGEST_BODY = 4096
"""Bytes; an answer has about a hundred."""

HEADER_SECONDS = 20.0
"""From a connection, or the end of an answer on it, to the last header of the next request."""

BODY_SECONDS = 15.0
ANSWER_SECONDS = 60.0
"""For an answer to be made and taken."""

STARTS = 300
"""People who may begin within an hour from one address: a lecture hall shares one, and a script makes more."""

HOUR = 3600.0
_MOST_ADDRESSES = 100_000

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Limits:
    """ASGI middleware that answers 413 to a body above `LARGEST_BODY`, whatever its headers claim, and 408 to a slow
    one; an answer that is not taken in time is cut off."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Read the body up to the bound, then hand the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(scope, receive)
        except TimeoutError:
            body = Refused(408, "the body did not come in time")
        if isinstance(body, Refused):  # nobody may hear it, but no answer at all is an error to Starlette
            refused = JSONResponse({"error": body.reason}, body.status, {"Connection": "close"})
            await refused(dict(scope), receive, send)
            return
        handed = False

        async def replay() -> Message:
            nonlocal handed
            if handed:
                return await receive()
            handed = True
            return {"type": "http.request", "body": body, "more_body": False}

        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self.app(scope, replay, send)
        except TimeoutError:
            log.warning("An answer was not taken within %.0f s, and was cut off", ANSWER_SECONDS)


async def _body(scope: Message, receive: Receive) -> bytes | Refused:
    """The body of a request, or why it is not read."""
    too_large = Refused(413, "the body is too large")
    claimed = next((value for name, value in scope.get("headers", ()) if name.lower() == b"content-length"), b"")
    if claimed.isdigit() and int(claimed[:20]) > LARGEST_BODY:
        return too_large
    body, more = b"", scope["method"] not in ("GET", "HEAD")
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return Refused(400, "the body was cut off")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST_BODY:
            return too_large
    return body


class Deadlines(H11Protocol):
    """HTTP/1.1 that closes a connection on which no whole request head comes in time."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._wait()

    def _wait(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(HEADER_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing():
            self.transport.close()


class Starts:
    """Counts who begins, by address, in memory alone; nothing of it is stored or logged.

    Args:
        most: Starts from one address (of IPv6: one /64) within an hour; 0: any number.
    """

    def __init__(self, most: int = STARTS) -> None:
        self.most = most
        self._begun: dict[str, deque[float]] = {}
        self._told = -HOUR

    def admit(self, address: str | None) -> None:
        """Count a start.

        Raises:
            Refused: There were too many from this address (429).
        """
        if not self.most:
            return
        now, network = time.monotonic(), network_of(address or "")
        if len(self._begun) >= _MOST_ADDRESSES:
            self._begun = {name: at for name, at in self._begun.items() if at[-1] > now - HOUR}
        begun = self._begun.setdefault(network, deque(maxlen=self.most))
        if len(begun) == self.most and (left := begun[0] + HOUR - now) > 0:
            if now - self._told >= HOUR:
                self._told = now
                log.warning(
                    "Over %d people have begun from one address within an hour; more are asked to wait. Behind a "
                    "proxy, give its address: --proxy. For more people behind one address: --starts",
                    self.most,
                )
            reason = f"too many people have begun from this network; try again in {left / 60:.0f} minutes"
            raise Refused(429, reason, retry_after=int(left) + 1)
        begun.append(now)


def network_of(address: str) -> str:
    """What counts as one address: of IPv6 the /64, which one visitor has whole."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def checked_proxies(addresses: list[str]) -> list[str]:
    """Addresses, or networks, of proxies whose X-Forwarded-For is believed.

    Raises:
        SurveyError: One is neither.
    """
    for address in addresses:
        try:
            ipaddress.ip_network(address)
        except ValueError:
            fix = "give an IP address such as 127.0.0.1, or a network such as 10.0.0.0/8"
            raise SurveyError(f"{address!r} is no address of a proxy", where="--proxy", fix=fix) from None
    return addresses

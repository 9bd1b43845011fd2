"""What can go wrong with a site, as a script: a rule says where, at which hit of a path, and which fault."""

from __future__ import annotations

import asyncio
import io
import re
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiohttp import web
from PIL import Image

Serve = Callable[[], "web.StreamResponse"]
CAPTCHA = "<html><title>ncaptcha</title><body>자동입력 방지 captcha</body></html>"
NEW_LAYOUT = "<html><body><main data-design='2027'>새로운 디자인</main></body></html>"


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule: on `host`, for paths that match `path`, at the hits `nth` of a path (1 is the first; none: always).

    Kinds: `429` `500` `503` `401` `403` `404` (with `retry_after` seconds if given), `truncated`, `empty`,
    `html`, `wrong_type`, `bomb`, `huge`, `duplicate`, `near`, `redirects`, `loop`, `stall`, `reset`, `noai`,
    `captcha`, `layout`, `maxlag`, `slow` (the photo, `value` seconds late), `disallow` (for `/robots.txt`).
    """

    host: str
    path: str
    kind: str
    nth: tuple[int, ...] = ()
    retry_after: float | None = None
    value: str = ""


@dataclass(slots=True)
class Script:
    """The rules, and how often each path was asked for."""

    rules: Sequence[Fault] = ()
    hits: Counter[tuple[str, str]] = field(default_factory=Counter)

    def match(self, host: str, path: str) -> Fault | None:
        """Count a hit, and find the first rule that applies to it."""
        self.hits[host, path] += 1
        n = self.hits[host, path]
        for rule in self.rules:
            if rule.host in (host, "*") and re.search(rule.path, path) and (not rule.nth or n in rule.nth):
                return rule
        return None


async def answer(fault: Fault, request: web.Request, body: Callable[[], bytes]) -> web.StreamResponse:
    """Answer a request in the way of a fault; `body` gives the photo that would have been served."""
    headers = {"Retry-After": f"{fault.retry_after:g}"} if fault.retry_after is not None else {}
    if fault.kind.isdigit():
        return web.Response(status=int(fault.kind), headers=headers, text=f"fault {fault.kind}")
    if fault.kind == "stall":
        await asyncio.sleep(float(fault.value or 3600))
        return web.Response(status=504)
    if fault.kind == "slow":
        await asyncio.sleep(float(fault.value))
        return web.Response(body=body(), content_type="image/jpeg")
    if fault.kind == "reset":
        return await _reset(request, body())
    if fault.kind == "huge":
        return await _huge(request)
    if fault.kind in ("redirects", "loop"):
        left = int(request.query.get("hop", fault.value or 3))
        to = request.rel_url.update_query(hop=str(left - 1)) if left and fault.kind == "redirects" else request.rel_url
        if fault.kind == "redirects" and not left:
            return web.Response(body=body(), content_type="image/jpeg")
        raise web.HTTPFound(to)
    if fault.kind == "truncated":
        whole = body()
        return web.Response(body=whole[: len(whole) * 2 // 3], content_type="image/jpeg")
    simple: dict[str, Callable[[], web.Response]] = {
        "empty": lambda: web.Response(body=b"", content_type="image/jpeg"),
        "html": lambda: web.Response(body=b"<!DOCTYPE html><html>not found</html>", content_type="image/jpeg"),
        "duplicate": lambda: web.Response(body=body(), content_type="image/jpeg"),
        "wrong_type": lambda: web.Response(body=body(), content_type="text/plain"),
        "bomb": lambda: web.Response(body=png_bomb(), content_type="image/png"),
        "near": lambda: web.Response(body=reencoded(body()), content_type="image/jpeg"),
        "noai": lambda: web.Response(
            body=body(), content_type="image/jpeg", headers={"X-Robots-Tag": "noai, noimageai"}
        ),
        "captcha": lambda: web.Response(text=CAPTCHA, content_type="text/html"),
        "layout": lambda: web.Response(text=NEW_LAYOUT, content_type="text/html"),
        "disallow": lambda: web.Response(text="User-agent: *\nDisallow: /\nAllow: /$\n"),
        "maxlag": lambda: web.json_response(
            {"error": {"code": "maxlag", "info": "Waiting for a database server: 6 seconds lagged"}}, headers=headers
        ),
    }
    return simple[fault.kind]()


async def _reset(request: web.Request, body: bytes) -> web.StreamResponse:
    """Promise the whole photo, send half of it, and cut the line."""
    response = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": "image/jpeg"})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.abort()
    return response


async def _huge(request: web.Request) -> web.StreamResponse:
    """Announce 2 GB and begin to send them."""
    response = web.StreamResponse(headers={"Content-Length": str(2 * 2**30), "Content-Type": "image/jpeg"})
    await response.prepare(request)
    try:
        for _ in range(2048):
            await response.write(bytes(2**20))
    except (ConnectionError, OSError):
        pass
    return response


def png_bomb(side: int = 20_000) -> bytes:
    """A PNG of 20,000 x 20,000 pixels in a few kilobytes."""
    rows = zlib.compressobj(9)
    data = b"".join(rows.compress(bytes(side + 1)) for _ in range(200)) + rows.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + name + d + struct.pack(">I", zlib.crc32(name + d)) for name, d in chunks
    )


def reencoded(body: bytes) -> bytes:
    """The same picture a little smaller and brighter: other bytes, the same view."""
    with Image.open(io.BytesIO(body)) as image:
        out = io.BytesIO()
        smaller = image.resize((image.width * 9 // 10, image.height * 9 // 10))
        smaller.point(lambda v: min(255, v + 6)).save(out, "JPEG", quality=70)
        return out.getvalue()

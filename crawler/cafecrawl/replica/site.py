"""The replica's server: every host of the real sites has a port of its own on loopback, and one access log."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web

from cafecrawl.replica import pages
from cafecrawl.replica.content import Content, number_and_view
from cafecrawl.replica.faults import Fault, Script, answer

HOSTS = ("naver", "openverse", "commons", "overpass", "naver_images", "flickr", "upload")
IMAGE_HOSTS = ("naver_images", "flickr", "upload")
ADDRESS = "127.0.0.1"


@dataclass(slots=True)
class Hit:
    """A line of the access log; `in_flight` counts the host's open requests, this one included."""

    host: str
    method: str
    path: str
    query: str
    agent: str
    started: float
    in_flight: int
    ended: float = 0.0
    status: int = 0


@dataclass(slots=True)
class Replica:
    """The sites; `log` is what was asked of them, `urls` where they are once started."""

    content: Content = field(default_factory=Content)
    faults: Sequence[Fault] = ()
    generation: str = "B"
    per_day: int = 200
    urls: dict[str, str] = field(default_factory=dict)
    log: list[Hit] = field(default_factory=list)
    _open: Counter[str] = field(default_factory=Counter)
    _runners: list[web.AppRunner] = field(default_factory=list)
    _script: Script = field(default_factory=Script)

    async def start(self, port: int = 0) -> None:
        """Open the ports: `port`, `port + 1`, …, or any free ones for 0."""
        self._script = Script(self.faults)
        for i, host in reversed(list(enumerate(HOSTS))):  # images first: pages carry their addresses
            runner = web.AppRunner(self._app(host), access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, ADDRESS, port + i if port else 0)
            await site.start()
            self._runners.append(runner)
            self.urls[host] = f"http://{ADDRESS}:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close the ports."""
        for runner in self._runners:
            await runner.cleanup()

    def hits(self, host: str | None = None, *, robots: bool = False) -> list[Hit]:
        """The access log of a host or of all, without robots.txt unless asked."""
        return [h for h in self.log if host in (None, h.host) and (robots or h.path != "/robots.txt")]

    def photo_hits(self) -> list[Hit]:
        """The requests for photos."""
        return [h for h in self.hits() if h.host in IMAGE_HOSTS]

    def truth(self, url: str) -> str:
        """The atmosphere of the café that an image address belongs to."""
        return self.content.atmosphere(number_and_view(url)[0])

    def _app(self, host: str) -> web.Application:
        app = web.Application(middlewares=[self._logged(host)], client_max_size=2**20)
        app.router.add_get("/robots.txt", _robots)
        if host == "naver":
            naver = pages.NaverPages(self.content, self.urls["naver_images"], self.generation)
            app.router.add_get("/search2/search.naver", _page(naver.search))
            app.router.add_get("/search2/searchMore.naver", _page(naver.search_more))
            app.router.add_get(r"/{kind:place|restaurant|cafe}/{cafe:\d+}/photo", _page(naver.photo_page))
            app.router.add_post("/graphql", naver.graphql)
        elif host == "openverse":
            openverse = pages.OpenversePages(self.content, self.urls["flickr"], self.per_day)
            app.router.add_get("/v1/images", _moved)
            app.router.add_get("/v1/images/", _page(openverse.images))
        elif host == "commons":
            app.router.add_get("/w/api.php", _page(pages.CommonsPages(self.content, self.urls["upload"]).api))
        elif host == "overpass":
            app.router.add_post("/api/interpreter", self._overpass)
        else:
            app.router.add_get(r"/{path:.*}", self._image)
        return app

    def _logged(self, host: str) -> Callable[..., Awaitable[web.StreamResponse]]:
        @web.middleware
        async def middleware(request: web.Request, handler: Callable) -> web.StreamResponse:
            self._open[host] += 1
            agent = request.headers.get("User-Agent", "")
            query = request.query_string
            hit = Hit(host, request.method, request.path, query, agent, time.time(), self._open[host])
            self.log.append(hit)
            try:
                fault = self._script.match(host, request.path)
                if fault:
                    response = await answer(fault, request, lambda: self._body(fault, request.path))
                else:
                    response = await handler(request)
                hit.status = response.status
                return response
            except web.HTTPException as redirect:
                hit.status = redirect.status
                raise
            finally:
                hit.ended = time.time()
                self._open[host] -= 1

        return middleware

    def _body(self, fault: Fault, path: str) -> bytes:
        return self.content.photo(*number_and_view(fault.value if fault.value.startswith("/") else path))

    async def _image(self, request: web.Request) -> web.Response:
        try:
            number, view = number_and_view(request.path)
        except (ValueError, IndexError):
            raise web.HTTPNotFound from None
        body = await asyncio.to_thread(self.content.photo, number, view)
        return web.Response(body=body, content_type="image/jpeg")

    async def _overpass(self, request: web.Request) -> web.Response:
        return pages.overpass(self.content, str((await request.post()).get("data", "")))


async def _robots(request: web.Request) -> web.Response:
    return web.Response(text="User-agent: *\nDisallow: /private/\n")


async def _moved(request: web.Request) -> web.Response:
    raise web.HTTPMovedPermanently(request.rel_url.with_path("/v1/images/").with_query(request.query))


def _page(handler: Callable[[web.Request], web.Response]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        return await asyncio.to_thread(handler, request)

    return handle


@contextmanager
def running(replica: Replica, port: int = 0) -> Iterator[Replica]:
    """The replica in a thread of its own, for as long as the block lasts."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(replica.start(port), loop).result(30)
        yield replica
    finally:
        asyncio.run_coroutine_threadsafe(replica.stop(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()

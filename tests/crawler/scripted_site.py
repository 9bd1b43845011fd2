"""A site on loopback that answers as a test says, for what the replica's faults do not have."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from crawler_helpers import picture

from cafecrawl.ledger import Ledger


@dataclass
class Asked:
    """A request that came: its path and when."""

    path: str
    at: float


class ScriptedSite:
    """Answers every path but robots.txt (404) with `answer(request)`: a response, or an awaitable of one."""

    def __init__(self, answer: Callable, robots: Callable | None = None) -> None:
        self.answer, self.robots = answer, robots
        self.asked: list[Asked] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._start())

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order, without robots.txt."""
        return [asked.path for asked in self.asked if asked.path != "/robots.txt"]

    def table(self, path: Path, *rows: str) -> Path:
        """A CSV of `PATH,LICENCE` rows of this site, with an attribution each."""
        lines = [f"{self.url}{row},somebody" for row in rows]
        path.write_text("\n".join(["url,licence,attribution", *lines]) + "\n")
        return path

    def slot(self, concurrency: int = 1, delay: float = 0) -> str:
        """The setting DOWNLOAD_SLOTS that gives this site a slot of its own."""
        return f'{{"{self.host}": {{"concurrency": {concurrency}, "delay": {delay}}}}}'

    def stop(self) -> None:
        """Close the port."""
        self._run(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        self.url = f"http://{self.host}"

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(Asked(request.path, time.time()))
        if request.path == "/robots.txt":
            return self.robots(request) if self.robots else web.Response(status=404)
        answer = self.answer(request)
        return await answer if asyncio.iscoroutine(answer) else answer


def jpeg(request: web.Request) -> web.Response:
    """The picture whose number is the path's, `/7.jpg`."""
    return web.Response(body=picture(int(request.path[1:].split(".")[0])), content_type="image/jpeg")


def json_of(value: object) -> web.Response:
    """An answer in JSON."""
    return web.json_response(value)


def rows_of(folder: Path, query: str) -> list[tuple]:
    """What a folder's ledger says."""
    ledger = Ledger(folder / ".crawl" / "ledger.sqlite", readonly=True)
    found = [tuple(row) for row in ledger.rows(query)]
    ledger.close()
    return found


def between(site) -> list[float]:
    """Seconds between a site's requests."""
    at = [asked.at for asked in site.asked]
    return [later - earlier for earlier, later in itertools.pairwise(at)]

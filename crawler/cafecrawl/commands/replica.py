"""`scrapy replica`: the sources' sites on loopback, to try the crawler without a network."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

from cafecrawl.errors import INTERRUPTED, ConfigError
from cafecrawl.folders import FolderCommand
from cafecrawl.replica.content import Content
from cafecrawl.replica.faults import Fault
from cafecrawl.replica.site import HOSTS, Replica
from cafecrawl.spider import PhotoSpider
from cafecrawl.spiderlist import spider_classes
from cafemood.core.reasons import reason_of


class Command(FolderCommand):
    """Serve drawn cafés as Naver, Openverse, Commons and Overpass would; stops with Ctrl-C."""

    def syntax(self) -> str:
        return "[--port 8900] [--cafes 8] [--photos 5] [--seed 0] [--faults FILE.json]"

    def short_desc(self) -> str:
        return "Serve the sources' sites on loopback, with drawn cafés"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--port", type=int, default=8900, help="the first of seven ports (default 8900)")
        parser.add_argument("--cafes", type=int, default=8, help="cafés an area (default 8)")
        parser.add_argument("--photos", type=int, default=5, help="interiors a café (default 5)")
        parser.add_argument("--seed", type=int, default=0, help="another seed, other cafés")
        parser.add_argument("--faults", help="a JSON list of {host, path, kind, nth, retry_after}")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        self._opts = opts
        super().run(args, opts)

    def act(self, args: list[str], arguments: dict[str, Any]) -> int:
        opts = self._opts
        content = Content(opts.seed, opts.cafes, opts.photos)
        try:
            asyncio.run(serve(Replica(content, _faults(opts.faults)), opts.port, spider_classes(self.settings)))
        except KeyboardInterrupt:
            print("Stopped.")
            return INTERRUPTED
        except OSError as error:
            raise ConfigError(
                "The replica cannot open its ports",
                where=f"{opts.port} to {opts.port + len(HOSTS) - 1}",
                why=reason_of(error),
                fix="give another first port: --port",
            ) from None
        return 0


async def serve(replica: Replica, port: int, spiders: dict[str, type[PhotoSpider]]) -> None:
    """Serve until interrupted, and say where."""
    await replica.start(port)
    try:
        for name, spider in spiders.items():
            if spider.replica_host:
                site = replica.urls[spider.replica_host]
                print(f"scrapy crawl {name} -a site={site} -a contact=you@example.org -a folder=…", flush=True)
        await asyncio.Event().wait()
    finally:
        await replica.stop()


def _faults(path: str | None) -> list[Fault]:
    if path is None:
        return []
    try:
        with open(path, encoding="utf-8") as stream:
            rules: list[dict[str, Any]] = json.load(stream)
        return [Fault(**rule | {"nth": tuple(rule.get("nth", ()))}) for rule in rules]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        why = reason_of(error, path, "it is no list of {host, path, kind, nth, retry_after}")
        raise ConfigError("The fault script cannot be read", where=path, why=why) from None

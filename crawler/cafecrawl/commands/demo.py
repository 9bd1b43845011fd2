"""`scrapy demo`: start the replica, crawl it with the real spiders, and write the truth beside the manifest."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

from cafecrawl.errors import ConfigError
from cafecrawl.export import FILES
from cafecrawl.folders import FolderCommand, folder_of
from cafecrawl.ledger import Ledger
from cafecrawl.options import PHOTOS
from cafecrawl.replica.content import Content
from cafecrawl.replica.site import HOSTS, Replica, running
from cafecrawl.spiderlist import spider_classes
from cafecrawl.store import STATE
from cafemood.core.reasons import reason_of

PORT = 8910
CONTENT: dict[str, Any] = {"n_cafes": 10, "n_photos": 5, "n_openverse": 40, "n_commons": 20}
FAST = ("-s", "DOWNLOAD_DELAY=0", "-s", "AUTOTHROTTLE_ENABLED=0")
"""The sites are this machine's own: nobody needs the pauses."""
LABELLED = "labelled.parquet"


class Command(FolderCommand):
    """Crawl drawn cafés on loopback; `labelled.parquet` is the manifest with the column `atmosphere`."""

    def syntax(self) -> str:
        return "[-a folder=DIR] [--port 8910] [--seed 0]"

    def short_desc(self) -> str:
        return "Crawl the replica on loopback, with the truth for scoring"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--port", type=int, default=PORT, help=f"the first of seven ports (default {PORT})")
        parser.add_argument("--seed", type=int, default=0, help="another seed, other cafés (use another folder)")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        self._opts = opts
        super().run(args, opts)

    def act(self, args: list[str], arguments: dict[str, Any]) -> int:
        folder = folder_of(arguments) if "folder" in arguments else PHOTOS / "replica"
        replica = Replica(Content(seed=self._opts.seed, **CONTENT))
        try:
            with running(replica, self._opts.port):
                for name, spider in spider_classes(self.settings).items():
                    if spider.replica_host is None:
                        continue
                    code = crawl(name, folder, replica.urls[spider.replica_host], spider.demo_arguments)
                    if code:
                        return code
        except OSError as error:
            ports = f"{self._opts.port} to {self._opts.port + len(HOSTS) - 1}"
            fix = "give another first port: --port"
            why = reason_of(error)
            raise ConfigError("The replica cannot open its ports", where=ports, why=why, fix=fix) from None
        n = write_labels(folder, replica)
        print(f"{n:,} photos with their atmosphere: {folder / LABELLED}")
        return 0


def crawl(spider: str, folder: Path, site: str, arguments: dict[str, str]) -> int:
    """Run a real crawl of a site of the replica; returns its exit code."""
    given = {"site": site, "folder": folder, "contact": "demo@cafemood.example"} | arguments
    words = [word for name, value in given.items() for word in ("-a", f"{name}={value}")]
    return subprocess.run([sys.executable, "-m", "scrapy", "crawl", spider, *words, *FAST], check=False).returncode


def write_labels(folder: Path, replica: Replica) -> int:
    """Write the manifest once more with the truth as a column, for scoring only.

    Returns:
        The number of photos.
    """
    import pyarrow.parquet as pq

    from cafemood.core.atomic import writing

    ledger = Ledger(folder / STATE / "ledger.sqlite", readonly=True)
    truth = {
        row["file"]: replica.truth(row["url"]) for row in ledger.rows("SELECT file, url FROM photos WHERE file NOTNULL")
    }
    ledger.close()
    table = pq.read_table(folder / FILES[0])
    labels = [truth[file] for file in table.column("file").to_pylist()]
    with writing(folder / LABELLED) as partial:
        pq.write_table(table.append_column("atmosphere", [labels]), partial)
    return len(labels)

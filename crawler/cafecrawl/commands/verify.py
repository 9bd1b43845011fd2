"""`scrapy verify [--repair]`: compare every stored photo with the ledger, and fetch exactly what is damaged."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

from scrapy.commands import BaseRunSpiderCommand
from tqdm import tqdm

from cafecrawl import export
from cafecrawl.folders import folder_of
from cafecrawl.ledger import Ledger
from cafecrawl.store import STATE, Store
from cafemood.data.images import file_digest
from cafemood.errors import CafemoodError

KILLED = 128
"""What a shell adds to the signal that ended a command."""


class Command(BaseRunSpiderCommand):
    """Check the folder; with --repair, fetch again what is missing or damaged, and nothing else."""

    requires_project = True

    def syntax(self) -> str:
        return "[-a folder=DIR] [--repair -a contact=…]"

    def short_desc(self) -> str:
        return "Check every stored photo; with --repair, fetch damaged ones again"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--repair", action="store_true", help="fetch what is missing or damaged")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        try:
            damaged = check(folder_of(opts.spargs), forget=opts.repair)
        except CafemoodError as error:
            print(error, file=sys.stderr)
            self.exitcode = getattr(error, "exit_code", 2)
            return
        if damaged and opts.repair:
            self._fetch(sorted(damaged), opts.spargs, opts.set)
        elif damaged:
            print("To fetch them again: scrapy verify --repair -a contact=…", file=sys.stderr)
            self.exitcode = 1

    def _fetch(self, sources: list[str], arguments: dict[str, Any], settings: list[str]) -> None:
        """One crawl after another: they share the folder, and a folder has one crawl at a time."""
        words = [word for name, value in arguments.items() for word in ("-a", f"{name}={value}")]
        words += [word for setting in settings for word in ("-s", setting)]
        for source in sources:
            command = [sys.executable, "-m", "scrapy", "crawl", source, *words, "-a", "repair=yes"]
            code = subprocess.run(command, check=False).returncode
            self.exitcode = max(self.exitcode, code if code >= 0 else KILLED - code)


def check(folder: Path, *, forget: bool) -> dict[str, int]:
    """Compare files with the ledger.

    With `forget`, damaged ones wait to be fetched again, with all their tries, and those that waited and are
    whole again (put back from a copy, say) are in the manifest again.

    Returns:
        Damaged or missing photos by source.
    """
    Ledger(folder / STATE / "ledger.sqlite", readonly=True).close()
    store = Store(folder)
    damaged: dict[str, int] = {}
    try:
        store.recover()
        rows = store.ledger.rows(
            "SELECT id, source, state, file, n_bytes, photo_id FROM photos "
            "WHERE state = 'done' OR (state = 'pending' AND file NOTNULL) ORDER BY id"  # those a repair did not get
        )
        waiting, whole = [], []
        for row in tqdm(rows, unit="photo", desc="verify", file=sys.stderr, disable=not sys.stderr.isatty()):
            path = folder / row["file"]
            if path.is_file() and path.stat().st_size == row["n_bytes"] and file_digest(path) == row["photo_id"]:
                if row["state"] == "pending":
                    whole.append({"id": row["id"], "tries": 0})
                continue
            print(f"{'damaged' if path.exists() else 'missing'}: {row['file']}")
            damaged[row["source"]] = damaged.get(row["source"], 0) + 1
            if row["state"] == "done":
                waiting.append({"id": row["id"], "tries": 0})
        n_damaged = sum(damaged.values())
        print(f"{len(rows) - n_damaged:,} photos are as they were served, {n_damaged:,} are not.")
        if forget:
            store.ledger.set_photos("pending", waiting)
            store.ledger.set_photos("done", whole)
            if whole:
                export.write_if_changed(folder, store.ledger)
    finally:
        store.close()
    return damaged

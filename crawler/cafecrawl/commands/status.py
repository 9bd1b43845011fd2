"""`scrapy status`: what a photo folder holds and what it waits for."""

from __future__ import annotations

import time
from typing import Any

from cafecrawl.folders import FolderCommand, folder_of
from cafecrawl.ledger import Ledger
from cafecrawl.store import STATE


class Command(FolderCommand):
    """Tell the state of a photo folder, also while a crawl works in it."""

    def syntax(self) -> str:
        return "[-a folder=DIR]"

    def short_desc(self) -> str:
        return "Tell what a photo folder holds and what it waits for"

    def act(self, args: list[str], arguments: dict[str, Any]) -> int:
        folder = folder_of(arguments)
        ledger = Ledger(folder / STATE / "ledger.sqlite", readonly=True)
        try:
            print(f"{folder}")
            sources = [r["source"] for r in ledger.rows("SELECT DISTINCT source FROM runs ORDER BY source")]
            heads = f"{'stored':>8} {'waiting':>8} {'rejected':>9} {'lists open':>11} {'cafés':>7} {'asked/24 h':>11}"
            print(f"  {'source':<10} {heads}")
            for source in sources:
                n = ledger.counts(source)
                print(
                    f"  {source:<10} {n['done']:>8,} {n['pending'] + n['storing']:>8,} {n['rejected']:>9,} "
                    f"{ledger.n_open_lists(source):>11,} {ledger.n_places(source):>7,} "
                    f"{ledger.used_today(source, time.time())[0]:>11,}"
                )
            for row in ledger.rows(
                "SELECT reason, count(*) AS n FROM photos WHERE state = 'rejected' "
                "GROUP BY reason ORDER BY n DESC LIMIT 10"
            ):
                print(f"  rejected {row['n']:>6,}: {row['reason']}")
            for row in ledger.rows("SELECT * FROM runs ORDER BY id DESC LIMIT 1"):
                said = str(row["message"]).splitlines()[0]
                end = f"ended with {row['exit_code']}: {said}" if row["ended_at"] else "still running, or died"
                print(f"  last crawl: {row['source']}, started {row['started_at']}, {end}")
        finally:
            ledger.close()
        return 0

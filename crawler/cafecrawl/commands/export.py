"""`scrapy export`: write the manifest and its companions from the ledger again."""

from __future__ import annotations

from typing import Any

from cafecrawl import export
from cafecrawl.folders import FolderCommand, folder_of
from cafecrawl.ledger import Ledger
from cafecrawl.set_aside import read_keep, remember
from cafecrawl.store import STATE, Store


class Command(FolderCommand):
    """Write manifest.parquet, manifest.jsonl, ATTRIBUTION.md, DATASET_CARD.md and SHA256SUMS."""

    def syntax(self) -> str:
        return "[-a folder=DIR] [-a keep=all|place]"

    def short_desc(self) -> str:
        return "Write the manifest, attributions, dataset card and checksums"

    def act(self, args: list[str], arguments: dict[str, Any]) -> int:
        folder, keep = folder_of(arguments), read_keep(arguments.get("keep"))
        Ledger(folder / STATE / "ledger.sqlite", readonly=True).close()
        store = Store(folder)
        try:
            store.recover()
            remember(store.ledger, keep)
            n = export.write(folder, store.ledger)
        finally:
            store.close()
        print(f"{n:,} photos: {folder / export.FILES[0]}")
        if (aside := folder / export.SET_ASIDE).exists():
            print(f"Photos that seem to show no place are set aside: {aside}")
        return 0

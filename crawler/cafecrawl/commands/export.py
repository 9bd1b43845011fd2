"""`scrapy export`: write the manifest and its companions from the ledger again."""

from __future__ import annotations

from typing import Any

from cafecrawl import export
from cafecrawl.folders import FolderCommand, folder_of
from cafecrawl.ledger import Ledger
from cafecrawl.store import STATE, Store


class Command(FolderCommand):
    """Write manifest.parquet, manifest.jsonl, ATTRIBUTION.md, DATASET_CARD.md and SHA256SUMS."""

    def syntax(self) -> str:
        return "[-a folder=DIR]"

    def short_desc(self) -> str:
        return "Write the manifest, attributions, dataset card and checksums"

    def act(self, args: list[str], arguments: dict[str, Any]) -> int:
        folder = folder_of(arguments)
        Ledger(folder / STATE / "ledger.sqlite", readonly=True).close()
        store = Store(folder)
        try:
            store.recover()
            n = export.write(folder, store.ledger)
        finally:
            store.close()
        print(f"{n:,} photos: {folder / export.FILES[0]}")
        return 0

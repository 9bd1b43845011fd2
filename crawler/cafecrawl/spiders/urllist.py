"""Photos from a table of addresses (CSV or Parquet): `url` and `licence`, and whatever else is known."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from scrapy.http import Request, Response

from cafecrawl.errors import ConfigError
from cafecrawl.items import Page, PhotoRef, Place
from cafecrawl.ledger import Listing
from cafecrawl.licences import credit, read_licence
from cafecrawl.spider import PhotoSpider

ROWS = 1000
"""Rows a transaction."""


class UrlListSpider(PhotoSpider):
    """`scrapy crawl urllist -a contact=… -a file=photos.csv`."""

    name = "urllist"
    own: ClassVar = {
        "file": "CSV or Parquet with columns url, licence; also cafe_id, cafe_name, area, creator, title, source_url"
    }

    def prepare(self) -> None:
        """Check that the table can be read."""
        if self.options.repair:
            return
        given = self.options.own.get("file")
        if not given:
            raise ConfigError(
                "No table given", where="-a file=…", fix="give a CSV or Parquet with the columns url, licence"
            )
        self.table = Path(given).expanduser().resolve()
        if not self.table.is_file() or self.table.suffix.lower() not in (".csv", ".parquet"):
            why = "it is neither .csv nor .parquet" if self.table.is_file() else "it does not exist"
            raise ConfigError("The table cannot be read", where=self.table, why=why)
        first = next(self._rows(), None)
        if first is not None and not {"url", "licence"} <= set(first):
            missing = ", ".join(sorted({"url", "licence"} - set(first)))
            raise ConfigError(
                f"The table has no column {missing}", where=self.table, why=f"it has {', '.join(map(str, first))}"
            )

    def lists(self) -> Iterable[tuple[str, dict[str, Any]]]:
        """None over the network: the table is stored at once, a thousand rows a transaction."""
        with self.table.open("rb") as stream:
            key = f"urllist {hashlib.file_digest(stream, 'sha256').hexdigest()}"
        self.ledger.add_lists(self.name, [(key, {})])
        listing = self.ledger.next_list(self.name)
        if listing is not None and listing.key == key:
            photos: list[PhotoRef] = []
            places: list[Place] = []
            for row in self._rows():
                place, photo = _read(row)
                places.append(place)
                photos.append(photo)
                if len(photos) == ROWS:
                    self.ledger.add_page(self.name, listing, Page(tuple(places), tuple(photos), next={}))
                    photos, places = [], []
            self.ledger.add_page(self.name, listing, Page(tuple(places), tuple(photos)))
        return ()

    def list_request(self, listing: Listing) -> Request:
        """There is none."""
        raise ConfigError(
            "An earlier table of this folder was not read to its end",
            where=listing.key,
            fix="run the crawl with that table again, or use another folder",
        )

    def parse_list(self, listing: Listing, response: Response) -> tuple[Page, Iterable[tuple[str, dict[str, Any]]]]:
        """There is none."""
        raise NotImplementedError

    def _rows(self) -> Iterator[dict[str, Any]]:
        try:
            if self.table.suffix.lower() == ".csv":
                with self.table.open(encoding="utf-8-sig", newline="") as stream:
                    yield from csv.DictReader(stream)
            else:
                import pyarrow.parquet as pq

                for batch in pq.ParquetFile(self.table).iter_batches(ROWS):
                    yield from batch.to_pylist()
        except (OSError, ValueError, csv.Error) as error:
            raise ConfigError("The table cannot be read", where=self.table, why=str(error).splitlines()[0]) from None


def _read(row: dict[str, Any]) -> tuple[Place, PhotoRef]:
    url = str(row.get("url") or "").strip()
    cafe_id = str(row.get("cafe_id") or "") or f"url:{hashlib.sha256(url.encode()).hexdigest()[:12]}"
    licence = read_licence(row.get("licence"), None, row.get("licence_url"))
    creator = row.get("creator") or None
    photo = PhotoRef(
        cafe_id,
        url,
        "urllist",
        row.get("source_url") or None,
        licence.name if licence else row.get("licence") or None,
        licence.url if licence else None,
        creator,
        row.get("attribution") or (credit(row.get("title"), creator, licence) if licence else None),
    )
    return Place(cafe_id, row.get("cafe_name") or None, row.get("address") or None, row.get("area") or None), photo

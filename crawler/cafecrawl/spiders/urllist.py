"""Photos from a table of addresses (CSV or Parquet): `url` and `licence`, and whatever else is known.

Given again with other rows, a table corrects source_url, licence, licence_url, creator and attribution of the
photos that are known, stored ones too; a stored photo whose new licence is not accepted is removed.
"""

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
from cafemood.core.reasons import reason_of

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
        for row in self._rows():  # to its end, so that a table enters the ledger whole or not at all
            if missing := {"url", "licence"} - set(row):
                raise ConfigError(
                    f"The table has no column {', '.join(sorted(missing))}",
                    where=self.table,
                    why=f"it has {', '.join(map(str, row))}",
                )

    def lists(self) -> Iterable[tuple[str, dict[str, Any]]]:
        """None over the network: the table is stored at once, a thousand rows a transaction."""
        with self.table.open("rb") as stream:
            key = f"urllist {hashlib.file_digest(stream, 'sha256').hexdigest()}"
        self.ledger.add_lists(self.name, [(key, {})])
        if self.ledger.fact("table") != key:  # an earlier table that is given again corrects the later one
            self.ledger.reopen(key)
            self.ledger.fact("table", key)
        listing = self.ledger.open_list(key)
        if listing is not None:
            photos: list[PhotoRef] = []
            places: list[Place] = []
            for row in self._rows():
                place, photo = _read(row)
                places.append(place)
                photos.append(photo)
                if len(photos) == ROWS:
                    self._add(listing, Page(tuple(places), tuple(photos), next={}))
                    photos, places = [], []
            self._add(listing, Page(tuple(places), tuple(photos)))
        return ()

    def _add(self, listing: Listing, page: Page) -> None:
        self.ledger.add_page(self.name, listing, page, accepts=self.accepts)

    def _next_list(self) -> None:
        """None over the network; an earlier table that a crawl died over goes on when it is given again."""

    def list_request(self, listing: Listing) -> Request:
        """There is none."""
        raise NotImplementedError

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
            known = not isinstance(error, UnicodeDecodeError)  # its position counts from the last piece that was read
            why = reason_of(error, self.table, "it is damaged, or no such table") if known else "it is not UTF-8"
            raise ConfigError("The table cannot be read", where=self.table, why=why) from None


def _read(row: dict[str, Any]) -> tuple[Place, PhotoRef]:
    given = {name: _text(value) for name, value in row.items()}
    url = given.get("url") or ""
    cafe_id = given.get("cafe_id") or f"url:{hashlib.sha256(url.encode()).hexdigest()[:12]}"
    licence = read_licence(given.get("licence"), None, given.get("licence_url"))
    creator = given.get("creator")
    photo = PhotoRef(
        cafe_id,
        url,
        "urllist",
        given.get("source_url"),
        licence.name if licence else given.get("licence"),
        licence.url if licence else None,
        creator,
        given.get("attribution") or (credit(given.get("title"), creator, licence) if licence else None),
    )
    return Place(cafe_id, given.get("cafe_name"), given.get("address"), given.get("area")), photo


def _text(value: object) -> str | None:
    """A cell as text; None for an empty one, which Parquet may write as NaN."""
    return None if value is None or value != value else str(value).strip() or None

"""Photos from a table of addresses (CSV, Excel or Parquet): `url` and `licence`, and whatever else is known.

Given again with other rows, a table corrects source_url, licence, licence_url, creator and attribution of the
photos that are known, stored ones too; a stored photo whose new licence is not accepted is removed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from scrapy.http import Request, Response

from cafecrawl.cost import Cost
from cafecrawl.errors import ConfigError
from cafecrawl.items import Page, PhotoRef, Place
from cafecrawl.ledger import Listing
from cafecrawl.licences import credit, read_licence
from cafecrawl.options import Options
from cafecrawl.spider import PhotoSpider
from cafemood.data import cells, tables
from cafemood.errors import PhotoError

COLUMNS = (
    "url", "licence", "licence_url", "cafe_id", "cafe_name", "address", "area", "creator", "attribution", "title",
    "source_url",
)  # fmt: skip
"""What a table may tell of a photo."""

ROWS = 1000
"""Rows a transaction."""


class UrlListSpider(PhotoSpider):
    """`scrapy crawl urllist -a contact=… -a file=photos.csv`."""

    name = "urllist"
    own: ClassVar = {
        "file": "a table with columns url, licence; also cafe_id, cafe_name, area, creator, title, source_url"
    }

    def prepare(self) -> None:
        """Check that the table can be read."""
        if self.options.repair:
            return
        self.table = read_table(self.options)

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
            for row in read_rows(self.table):
                place, photo = _read(row)
                places.append(place)
                photos.append(photo)
                if len(photos) == ROWS:
                    self._add(listing, Page(tuple(places), tuple(photos), next={}))
                    photos, places = [], []
            self._add(listing, Page(tuple(places), tuple(photos)))
        return ()

    def names_host(self, host: str) -> bool:
        """Whether a row of a table names a host."""
        return super().names_host(host) or self.ledger.names_host(self.name, host)

    @classmethod
    def cost(cls, options: Options) -> Cost:
        """A request a row of the table."""
        n_photos = sum(1 for _ in read_rows(read_table(options)))
        return Cost(0, min(options.limit or n_photos, n_photos))

    def _add(self, listing: Listing, page: Page) -> None:
        self.ledger.add_page(self.name, listing, page, accepts=self.accepts)

    def next_list_request(self) -> None:
        """None over the network; an earlier table that a crawl died over goes on when it is given again."""

    def list_request(self, listing: Listing) -> Request:
        """There is none."""
        raise NotImplementedError

    def parse_list(self, listing: Listing, response: Response) -> tuple[Page, Iterable[tuple[str, dict[str, Any]]]]:
        """There is none."""
        raise NotImplementedError


def read_table(options: Options) -> Path:
    """The table that `file=…` names, read once to its end, so that it enters the ledger whole or not at all.

    Raises:
        ConfigError: None is given, it cannot be read, or it lacks a column.
    """
    argument = options.own.get("file")
    if not argument:
        raise ConfigError(
            "No table given", where="-a file=…", fix="give a CSV or Parquet with the columns url, licence"
        )
    path = Path(argument).expanduser().resolve()
    for _ in read_rows(path):
        pass
    return path


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a table.

    Raises:
        ConfigError: It cannot be read, or lacks a column.
    """
    try:
        table = tables.read_table(path, COLUMNS)
        table.need(("url", "licence"))
        yield from table.rows
    except PhotoError as error:
        raise ConfigError(error.what, where=error.where, why=error.why, fix=error.fix) from None


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
    """A cell as text; None for an empty one."""
    return None if value is None else cells.text(value).strip() or None

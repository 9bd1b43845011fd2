"""The backbones' weight files: which are here, fetching them early, checking them again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cafemood.backbones import weights
from cafemood.backbones.cards import Card
from cafemood.backbones.text_cards import all_cards
from cafemood.errors import CafemoodError, WeightsError

_WIDE = 160
"""Columns of a terminal from which the table has all that is known."""


def chosen(names: Sequence[str]) -> list[str]:
    """The backbones named, `all` being each of `all_cards`.

    Raises:
        WeightsError: One is not in the table.
    """
    cards = all_cards()
    if list(names) == ["all"]:
        return list(cards)
    for name in names:
        if name not in cards:
            fix = f"name one of {', '.join(cards)}, or all (timm fetches its own weights)"
            raise WeightsError(f"No backbone {name!r} has a weight file", where="cafemood weights", fix=fix)
    return list(names)


def here(card: Card) -> Path | None:
    """Where a backbone's file lies on this machine, fetched or in a package; None if it is not here."""
    if card.offline:
        try:
            return weights.find(card.source)
        except WeightsError:
            return None
    paths = [weights.cached(file) for file in card.files]
    return paths[0] if all(path.is_file() for path in paths) else None


def print_table(console: Console | None = None) -> None:
    """Print every backbone with its size, licence, presence and digest; where it is wide enough also the source."""
    console, cards = console or Console(), all_cards()
    wide = console.width >= _WIDE
    console.print(Text(f"Weight files, kept in {weights.cached(cards['resnet50'].source).parent}"), soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("backbone", "features", "MB", "here", "digest", "licence", *(["source"] if wide else [])):
        right = heading in ("features", "MB")
        table.add_column(heading, justify="right" if right else "left", no_wrap=not wide, overflow="fold")
    for name, card in cards.items():
        path = here(card)
        lies = "no" if path is None else "in a package" if card.offline else "fetched"
        source = card.source.package or str(card.source.url).split("/")[2]
        licence = card.licence.removeprefix("weights: ")
        cells = [name, f"{card.dim}-d", str(card.megabytes), lies, _digest(card)]
        table.add_row(*cells, *([licence, source] if wide else [re.split(r"[(;]", licence)[0].strip()]))
    console.print(table)
    names = ", ".join(name for name, card in cards.items() if card.offline)
    console.print(f"Without network: {names}, precomputed. Fetch early: cafemood weights fetch NAME …")
    if not wide:
        console.print(f"With sources and whole licences: COLUMNS={_WIDE} cafemood weights list")


def _digest(card: Card) -> str:
    if card.source.sha256:
        return "published"
    if card.offline:
        return "the package's"
    return "recorded" if weights.is_recorded(weights.cached(card.source)) else "when fetched"


def fetch(names: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Fetch files that are not here; yields each backbone with its files, one after the other.

    Raises:
        WeightsError: A name is unknown, or a file cannot be had.
    """
    for name in chosen(names):
        for file in all_cards()[name].files:
            yield name, weights.find(file)


def check(names: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    """Read files again and compare their digests; yields each backbone, what was found, and whether it is good.

    Args:
        names: Backbones; none means all whose file is here.
    """
    cards = all_cards()
    for name in chosen(names) or [name for name, card in cards.items() if here(card) is not None]:
        card, path = cards[name], here(cards[name])
        if path is None:
            yield name, "not here", False
            continue
        for file in card.files:
            path = path if card.offline else weights.cached(file)
            try:
                digest = weights.file_digest(path) if card.offline else weights.check(file, path, thorough=True)
            except CafemoodError as error:
                yield name, str(error), False
            else:
                yield name, f"{path}, SHA-256 {digest}", True

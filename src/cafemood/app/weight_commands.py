"""`cafemood weights …`: list, fetch and check the weight files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from cafemood.app.output import say


def list_weights() -> None:
    """Every backbone: size, licence, whether its weights are here, whether their digest is known."""
    from cafemood.backbones import inventory

    inventory.print_table()


def fetch(names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Backbones, or `all`.")]) -> None:
    """Fetch weight files before they are needed; a cut download goes on where it was."""
    from cafemood.backbones import inventory

    for name, path in inventory.fetch(names):
        say(f"{name}: {path}")


def check(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME…]", help="Backbones; without, all that are here.")
    ] = None,
) -> None:
    """Read the weight files that are here again, and compare them with their digests."""
    from cafemood.backbones import inventory

    failed = False
    for name, verdict, good in inventory.check(names or []):
        failed |= not good
        say(f"{name}: {verdict}", err=not good)
    if failed:
        raise typer.Exit(1)


COMMANDS: dict[str, Callable[..., None]] = {
    "list": list_weights,
    "fetch": fetch,
    "check": check,
}

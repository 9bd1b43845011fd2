"""What a command says on the terminal: names of files and cafés are a stranger's, and steer nothing."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from cafemood.core.names import json_line, plain
from cafemood.errors import CafemoodError

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it: 128 + SIGINT."""


def say(text: str, *, err: bool = False) -> None:
    """Print text on standard output, or on standard error, without what steers a terminal."""
    typer.echo(plain(text), err=err)


def say_json(value: dict[str, Any]) -> None:
    """Print a JSON object on one line; what steers a terminal is escaped in it, so that nothing is lost."""
    typer.echo(json_line(json.dumps(value, ensure_ascii=False)))


def say_error(error: CafemoodError) -> None:
    """Print a user's mistake on standard error; on a terminal its lines are broken between words."""
    text = f"ERROR {plain(str(error))}"
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        text = "\n".join(_broken(line, width) for line in text.splitlines())
    typer.echo(text, err=True)


def _broken(line: str, width: int) -> str:
    """A line in pieces that fit; what has no spaces, such as a path, stays whole."""
    indent = " " * 9 if line.startswith("  ") else " " * 2
    pieces = textwrap.wrap(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
    )
    return "\n".join(pieces)


def close_bars() -> None:
    """End progress bars that an interruption has left open: they would be drawn once more below the last words."""
    tqdm = getattr(sys.modules.get("tqdm.std"), "tqdm", None)
    for bar in list(getattr(tqdm, "_instances", ())):
        bar.close()


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Say on the terminal what is being done, as long as it takes: for what has no progress bar of its own."""
    if not sys.stderr.isatty():
        yield
        return
    print(f"{what} …", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)

"""What a command says on the terminal: names of files and cafés are a stranger's, and steer nothing."""

from __future__ import annotations

import json
from typing import Any

import typer

from cafemood.core.names import json_line, plain


def say(text: str, *, err: bool = False) -> None:
    """Print text on standard output, or on standard error, without what steers a terminal."""
    typer.echo(plain(text), err=err)


def say_json(value: dict[str, Any]) -> None:
    """Print a JSON object on one line; what steers a terminal is escaped in it, so that nothing is lost."""
    typer.echo(json_line(json.dumps(value, ensure_ascii=False)))

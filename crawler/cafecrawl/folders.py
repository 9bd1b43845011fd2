"""What the commands on a photo folder share (Scrapy takes every class in `commands/` for a command)."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.utils.conf import arglist_to_dict

from cafecrawl.errors import INTERRUPTED
from cafecrawl.options import PHOTOS
from cafemood.core.names import plain
from cafemood.errors import CafemoodError


class FolderCommand(ScrapyCommand):
    """A command on a photo folder, with `-a NAME=VALUE` arguments as `crawl` has them; no crawl is started."""

    requires_project = True
    requires_crawler_process = False

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument(
            "-a",
            dest="spargs",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="an argument, such as folder=DIR",
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        try:
            arguments = arglist_to_dict(opts.spargs)
        except ValueError:
            raise UsageError("Invalid -a value, use -a NAME=VALUE", print_help=False) from None
        try:
            self.exitcode = self.act(args, arguments)
        except CafemoodError as error:
            print(error, file=sys.stderr)
            self.exitcode = getattr(error, "exit_code", 2)
        except KeyboardInterrupt:
            print("\nStopped.", file=sys.stderr)
            self.exitcode = INTERRUPTED
        if self.exitcode == INTERRUPTED:
            print(goes_on(), file=sys.stderr)

    def act(self, args: list[str], arguments: dict[str, Any]) -> int:
        """Do it, and return the exit code."""
        raise NotImplementedError


def folder_of(arguments: dict[str, Any]) -> Path:
    """The photo folder that the arguments name."""
    return Path(arguments.get("folder") or PHOTOS).expanduser().resolve()


def goes_on() -> str:
    """The command as it was typed: after Ctrl-C it goes on."""
    return f"To go on: {plain(shlex.join(['scrapy', *sys.argv[1:]]))}"

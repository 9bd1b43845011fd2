"""`cafemood …`: every verb that starts from a finished run, and the weight files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from cafemood import __version__
from cafemood.errors import CafemoodError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Look at and use finished runs. A run is made by: python train.py --help",
)

weights_app = typer.Typer(no_args_is_help=True, help="List, fetch and check the backbones' weight files.")
app.add_typer(weights_app, name="weights")

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, such as outputs/runs/…")]


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Look at and use finished runs. A run is made by: python train.py --help."""
    if show:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def assign(
    run: RunFolder,
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO…", help="New photos.")],
    nearest: Annotated[int, typer.Option(help="How many of the run's photos to name beside each.", min=0)] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of text.")] = False,
) -> None:
    """Say which mood new photos belong to, and which of the run's photos are nearest."""
    from cafemood import assigning, runs

    failed = False
    for answer in assigning.assign_photos(runs.load(run), photos, n_nearest=nearest):
        failed |= answer.error is not None
        if as_json:
            typer.echo(json.dumps(answer.facts(), ensure_ascii=False))
        else:
            typer.echo(str(answer), err=answer.error is not None)
    if failed:
        raise typer.Exit(1)


@app.command()
def report(run: RunFolder) -> None:
    """Write report.html and the figures of a run again."""
    from cafemood import runs
    from cafemood.report import write_report

    typer.echo(f"Report: {write_report(runs.load(run))}")


@app.command()
def show(run: RunFolder) -> None:
    """Print the verdict and the scores of a run."""
    from cafemood import runs, summary

    summary.print_summary(runs.load(run))


@weights_app.command("list")
def list_weights() -> None:
    """Every backbone: size, licence, whether its weights are here, whether their digest is known."""
    from cafemood import inventory

    inventory.print_table()


@weights_app.command()
def fetch(names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Backbones, or `all`.")]) -> None:
    """Fetch weight files before they are needed; a cut download goes on where it was."""
    from cafemood import inventory

    for name, path in inventory.fetch(names):
        typer.echo(f"{name}: {path}")


@weights_app.command()
def check(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME…]", help="Backbones; without, all that are here.")
    ] = None,
) -> None:
    """Read the weight files that are here again, and compare them with their digests."""
    from cafemood import inventory

    failed = False
    for name, verdict, good in inventory.check(names or []):
        failed |= not good
        typer.echo(f"{name}: {verdict}", err=not good)
    if failed:
        raise typer.Exit(1)


def main() -> None:
    """Run the command; a user's mistake ends with one message and exit code 1."""
    try:
        app()
    except CafemoodError as error:
        sys.exit(f"ERROR {error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped.")

"""The command that carries out what was edited in a page: `cafemood apply`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cafemood.app.opening import Open, RunName, given_path, open_page, run_of
from cafemood.app.output import doing, say


def apply(
    run: RunName,
    edits: Annotated[
        Path, typer.Argument(parser=given_path, metavar="EDITS", help="The file that report.html or atlas.html gave.")
    ],
    into: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the new run, or a path; else the time and RUN's name.")
    ] = None,
    show_page: Open = False,
) -> None:
    """Make a new run with the moods as edited in a page, scored again; RUN stays as it is."""
    from cafemood import runs
    from cafemood.cafes import editing
    from cafemood.errors import RunError
    from cafemood.report import terminal as summary
    from cafemood.report.finish import finish

    opened = run_of(run)
    folder = editing.folder_for(opened, into)
    if (folder / "run.json").exists():
        raise RunError("There is a run of that name already", where=folder, fix="give another name: --into NAME")
    with doing("scoring the edited moods"):
        edited = editing.apply(opened, edits, folder, quiet=False)
    with doing("drawing the report"):
        page = finish(edited)
    summary.print_summary(runs.load(folder))
    say(f"Report: {page}")
    open_page(page, show_page)


COMMANDS: dict[str, Callable[..., None]] = {"apply": apply}

"""What stands on a command line for a run or a path, and pages that are opened in the browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cafemood.app import quiet
from cafemood.app.output import say
from cafemood.core.names import shown

if TYPE_CHECKING:
    from cafemood.runs.run import Run


def given_path(text: str | Path) -> Path:
    """A path of the command line with its `~`, which the shell leaves in `--to=~/moods`."""
    return Path(text).expanduser()


_RUN = "A run: its folder, the beginning of its name, or `latest`."
RunName = Annotated[str, typer.Argument(metavar="RUN", help=_RUN)]
Where = Annotated[
    list[str] | None,
    typer.Option(metavar="CONDITION", help="Only cafés with, say, 'light>50' or 'scale_cozy>=3.5'; may be repeated."),
]
Open = Annotated[bool, typer.Option("--open", help="Show the page in the browser.")]


def folder_of(word: str, *, sweeps: bool = False) -> Path:
    """The folder that a word for a run, or for a sweep too, means; what was not written out is said.

    Raises:
        RunError: None, or more than one, is meant.
    """
    from cafemood.runs import listing

    folder = listing.find(word, sweeps=sweeps)
    if folder.name != Path(word).name and not Path(word).expanduser().exists():
        say(f"Run: {shown(folder)}", err=True)
    return folder


def run_of(word: str) -> Run:
    """The finished run that a word means.

    Raises:
        RunError: None, or more than one, is meant, or it did not finish.
    """
    folder = folder_of(word)
    from cafemood import runs

    quiet.count_cores()
    return runs.load(folder)


def survey_of(word: str) -> Path:
    """The folder of a survey: as given, or `survey` in the run that the word means."""
    given = Path(word).expanduser()
    if given.is_dir() and not (given / "run.json").is_file():
        return given
    folder = folder_of(word)
    return folder / "survey" if (folder / "run.json").is_file() else folder


def below_here(path: Path) -> Path:
    """A path as the user would write it: from the working folder, if it lies in there."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def open_page(page: Path, wanted: bool = True) -> None:
    """Show a page in the browser, if it is wanted; where there is none, say so."""
    if wanted and not webbrowser.open(page.resolve().as_uri()):
        say(f"No browser could be started: open {page} yourself.", err=True)

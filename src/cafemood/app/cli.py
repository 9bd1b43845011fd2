"""`cafemood …`: train, every command that starts from a finished run, the weight files and the survey."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from cafemood import __version__
from cafemood.app import run_commands, survey_commands, taste_commands, weight_commands, word_commands
from cafemood.app.output import INTERRUPTED, say, say_error
from cafemood.core.names import guard_logs
from cafemood.errors import CafemoodError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Group photos by atmosphere, and look at and use finished runs.",
)
weights_app = typer.Typer(no_args_is_help=True, help="List, fetch and check the backbones' weight files.")
survey_app = typer.Typer(no_args_is_help=True, help="Ask people: build a survey of a run, serve it, score the answers.")

_SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""The words after `train` and `demo` are Hydra's, `--help` and `-m` among them."""


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Group photos by atmosphere, and look at and use finished runs."""
    if show:
        typer.echo(__version__)
        raise typer.Exit


@app.command(context_settings=_SETTINGS)
def train(context: typer.Context) -> None:
    """Make a run: cafemood train data=folder data.root=DIR k=4 (every setting: cafemood train --help)."""
    from cafemood.app import train

    sys.exit(train.main(context.args, program="cafemood"))


@app.command(context_settings=_SETTINGS)
def demo(context: typer.Context) -> None:
    """Make a run of 39 real interiors (needs the demo extra); takes the settings of train too."""
    from cafemood.app import early, train

    early.check_demo()
    chosen = any(word.startswith(("experiment=", "system=")) for word in context.args)
    words = context.args if chosen else ["experiment=few_photos", *context.args]
    sys.exit(train.main(words, program="cafemood"))


def _stoppable(command: Callable[..., None]) -> Callable[..., None]:
    """The command, which Ctrl-C ends with the exit code that shells have for it, and with how to go on."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> None:
        try:
            command(*args, **options)
        except KeyboardInterrupt:
            say(f"\nStopped. To go on: {shlex.join(['cafemood', *sys.argv[1:]])}", err=True)
            raise typer.Exit(INTERRUPTED) from None

    return run


for _app, _module in (
    (app, run_commands),
    (app, taste_commands),
    (app, word_commands),
    (weights_app, weight_commands),
    (survey_app, survey_commands),
):
    for _name, _command in _module.COMMANDS.items():
        _app.command(_name)(_stoppable(_command))
app.add_typer(weights_app, name="weights")
app.add_typer(survey_app, name="survey")


def main() -> None:
    """Run the command; a user's mistake ends with one message and exit code 1."""
    guard_logs()
    try:
        app()
    except CafemoodError as error:
        say_error(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)

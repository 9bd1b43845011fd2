"""What a person may do next with a run that has just been made."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from cafemood.app.opening import below_here
from cafemood.core.names import shown
from cafemood.runs.listing import LATEST, OUTPUTS


def next_steps(run: Path, *, more: str = "") -> list[str]:
    """Commands that go on from a run, with what each does, for the terminal.

    Args:
        run: Its folder, the newest of its kind.
        more: A command for one's own photos, if the run is of the demo's.
    """
    cafemood = program()
    below = run.resolve().parent == (OUTPUTS / "runs").resolve()
    name = LATEST if below else shlex.quote(shown(below_here(run)))
    steps = [
        (f'{cafemood} name {name} 1 "my name"', "call mood 1 what you like"),
        (f"{cafemood} atlas {name} --open", "wander through all photos"),
        (f"{cafemood} show {name}", "every figure behind the verdict"),
    ]
    lines = ["Next:", *(f"  {command}  # {what}" for command, what in steps)]
    return [*lines, f"  {more}  # your own photos"] if more else lines


def program() -> str:
    """How `cafemood` is called here: by its name, by the path beside this Python, or as a module."""
    beside = Path(sys.executable).parent / "cafemood"
    if found := shutil.which("cafemood"):
        return "cafemood" if os.path.samefile(found, beside) or not beside.exists() else _typed(beside)
    return _typed(beside) if beside.exists() else f"{_typed(Path(sys.executable))} -m cafemood"


def _typed(path: Path) -> str:
    return shlex.quote(str(below_here(path)))

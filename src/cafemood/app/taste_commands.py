"""`cafemood taste`: the page that learns what someone likes, and the ranking of answers it saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cafemood.app.opening import Open, RunName, Where, given_path, open_page, run_of
from cafemood.app.output import doing, say, say_json
from cafemood.core.names import shown
from cafemood.errors import CafemoodError


def taste(
    run: RunName,
    answers: Annotated[
        Path | None,
        typer.Option(parser=given_path, metavar="FILE", help="Answers that the page saved: rank the cafés by them."),
    ] = None,
    near: Annotated[str | None, typer.Option(metavar="LAT,LON", help="Tell distances: 37.54,127.05.")] = None,
    where: Where = None,
    limit: Annotated[int, typer.Option("-n", help="Cafés to name.", min=1)] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of text.")] = False,
    photos: Annotated[int, typer.Option(help="Photos a question on the page.", min=2, max=4)] = 4,
    folder: Annotated[
        bool | None, typer.Option("--folder/--one-file", help="Photos beside the page, or inside it; by their number.")
    ] = None,
    show_page: Open = False,
) -> None:
    """Write the page that finds someone's cafés in ten taps; with --answers, rank them here."""
    from cafemood.cafes import distance, places, profiles
    from cafemood.taste import answers as answering
    from cafemood.taste import page, ranking, space

    if answers is None and (near or where or as_json):
        fix = "add --answers FILE, which the page saves"
        raise CafemoodError("There are no answers to rank by", where="cafemood taste", fix=fix)
    place = distance.place(near) if near else None
    opened = run_of(run)
    with doing("placing the cafés"):
        made = space.of_run(profiles.load(opened))
        places.keep(opened)
    if answers is not None:
        found = ranking.rank(made, answering.read(answers, made), n=max(limit, 10), near=place, conditions=where or ())
        for ranked in found[:limit]:
            say_json(ranked.facts()) if as_json else say(shown(ranked))
        if not found:
            say("No café fits.", err=True)
        elif ranking.sureness(found, len(made.places)) < ranking.A_GUESS:
            say("Still a guess: the taps say little of a taste, or contradict each other.", err=True)
        return
    with doing("drawing the page"):
        written, gone = page.write_page(made, folder=folder, size=photos)
    if gone:
        say(f"{gone} cafés have no photo that can be read: the page ranks them and does not ask about them.", err=True)
    say(f"Taste: {written}")
    open_page(written, show_page)


COMMANDS: dict[str, Callable[..., None]] = {"taste": taste}

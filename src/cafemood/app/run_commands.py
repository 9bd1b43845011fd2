"""The commands that start from a finished run: `cafemood assign`, `name`, `cafes`, `similar`, …"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cafemood.app import edit_commands
from cafemood.app.opening import Open, RunName, Where, folder_of, given_path, open_page, run_of
from cafemood.app.output import doing, say, say_json
from cafemood.core.names import path_of, shown
from cafemood.errors import CafemoodError
from cafemood.runs.listing import OUTPUTS


def assign(
    run: RunName,
    photos: Annotated[
        list[Path], typer.Argument(parser=given_path, metavar="PHOTO…", help="New photos, or folders of cafés.")
    ],
    nearest: Annotated[int, typer.Option(help="How many of the run's photos to name beside each.", min=0)] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of text.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Add them to the run's cafés (nothing is trained).")] = False,
) -> None:
    """Say which mood new photos and cafés belong to, and which photos are unlike anything seen."""
    from cafemood import runs
    from cafemood.cafes import assigning, new_cafes
    from cafemood.data.photos import named_as_photo, skipped_lines

    opened = run_of(run)
    photo_set = assigning.find(photos)
    answers = []
    if as_json:
        for skipped in photo_set.skipped:
            say_json(assigning.Answer(skipped.file, error=skipped.reason).facts())
    else:
        for line in skipped_lines(photo_set.skipped, where="--json has a line for each"):
            say(line, err=True)
    for answer in assigning.assign_photos(opened, [path_of(p.file) for p in photo_set.photos], n_nearest=nearest):
        answers.append(answer)
        if as_json:
            say_json(answer.facts())
        else:
            say(str(answer), err=answer.error is not None)
    if photo_set.cafe_source == "folder" and not as_json:
        for line in new_cafes.lines(opened, photo_set.photos, answers):
            say(line)
    if keep:
        from cafemood.report.finish import update

        n = assigning.keep(opened, photo_set.photos, answers)
        update(runs.load(opened.folder))
        say(f"{n} photos added to {opened.folder / 'cafes.parquet'}", err=as_json)
    if any(answer.error is not None for answer in answers) or any(named_as_photo(s) for s in photo_set.skipped):
        raise typer.Exit(1)


def name(
    run: RunName,
    mood: Annotated[int | None, typer.Argument(metavar="[MOOD]", help="Its number, from 1; without, list all.")] = None,
    words: Annotated[str | None, typer.Argument(metavar="[NAME]", help='Its name: "dark wood".')] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Go back to the words that cafemood finds.")] = False,
    show_page: Open = False,
) -> None:
    """Name a mood, for every page and table from then on; without arguments, say what the moods are called."""
    from cafemood import runs
    from cafemood.cafes import moods
    from cafemood.report.older import mark_older
    from cafemood.report.report import write_report

    opened = run_of(run)
    if mood is None:
        for known in moods.of_run(opened):
            shown = f"{known.english} / {known.korean}" if known.english != known.korean else known.english
            why = "your name" if known.own_name else ", ".join(f"{w.english} x {w.lift:.1f}" for w in known.words)
            say(f"mood {known.number}: {shown or '(nothing sets it apart)'}  [{known.size} photos; {why}]")
        return
    if (words is None) != forget:
        raise CafemoodError(
            "A name is missing" if words is None else "--forget takes no name",
            where="cafemood name RUN MOOD NAME",
            fix=f'cafemood name {run} {mood} "dark wood", or --forget alone',
        )
    moods.give_name(opened, mood, words)
    named = runs.load(opened.folder)
    page = write_report(named)
    for older, command in mark_older(named):
        say(f"{older} has the older names, and says so: {command} makes it again", err=True)
    say(f"Report: {page}")
    open_page(page, show_page)


def cafes(
    run: RunName,
    limit: Annotated[int, typer.Option(help="Cafés to show.", min=1)] = 20,
    where: Where = None,
) -> None:
    """Profile every café: its moods with intervals, spread, signature photo, most similar cafés."""
    from cafemood.cafes import profiles, terminal
    from cafemood.cafes import where as conditions

    opened = run_of(run)
    if not opened.knows_cafes:
        say("No café ids are known: every photo counts as its own café.", err=True)
    with doing("profiling the cafés"):
        profiled = profiles.build(opened)
    kept = conditions.fitting(profiled, where or ())
    terminal.print_table(profiled, limit, kept=kept)
    if not kept.any():
        say("No café fits.", err=True)
    say(f"Cafés: {opened.folder / 'cafes.parquet'} and .csv")


def similar(
    run: RunName,
    cafe: Annotated[str | None, typer.Option(metavar="ID", help="A café's id or name.")] = None,
    photo: Annotated[
        list[Path] | None, typer.Option(parser=given_path, metavar="FILE", help="A photo; may be repeated.")
    ] = None,
    like: Annotated[str | None, typer.Option(metavar="ID,ID", help="Cafés that you like.")] = None,
    unlike: Annotated[str | None, typer.Option(metavar="ID,ID", help="And cafés that you do not.")] = None,
    near: Annotated[str | None, typer.Option(metavar="LAT,LON", help="Tell distances: 37.54,127.05.")] = None,
    within: Annotated[float | None, typer.Option(metavar="KM", help="With --near: only so far away.", min=0)] = None,
    where: Where = None,
    limit: Annotated[int, typer.Option("-n", help="Cafés to name.", min=1)] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of text.")] = False,
) -> None:
    """Rank the cafés most like a café, a photo, or several cafés, and say why."""
    from cafemood.cafes import distance, places, profiles
    from cafemood.cafes import similar as searching

    asked = [option for option, given in (("--cafe", cafe), ("--photo", photo), ("--like", like)) if given]
    if len(asked) != 1 or (unlike and asked != ["--like"]):
        why = f"you gave {' and '.join(asked)}" if asked else "nothing to compare with was given"
        fix = "give one of --cafe ID, --photo FILE, or --like ID,ID [--unlike ID,ID]"
        raise CafemoodError("The question is not clear", where="cafemood similar", why=why, fix=fix)
    place = distance.place(near) if near else None
    profiled = profiles.load(run_of(run))
    if photo:
        query = searching.like_photos(profiled, photo)
    else:
        wanted = [cafe] if cafe else names(like)
        query = searching.like_cafes(profiled, wanted, names(unlike))
    matches = searching.rank(profiled, query, n=limit, near=place, within_km=within, where=where or ())
    places.keep(profiled.run)
    for match in matches:
        say_json(match.facts()) if as_json else say(shown(match))
    if not matches:
        say("No café fits.", err=True)


def atlas(
    run: RunName,
    folder: Annotated[
        bool | None,
        typer.Option("--folder/--one-file", help="Pictures beside the page, or inside it; by the number of photos."),
    ] = None,
    streets: Annotated[
        Path | None, typer.Option(parser=given_path, metavar="FILE", help="GeoJSON lines to draw below the cafés.")
    ] = None,
    kind: Annotated[
        str, typer.Option("--map", metavar="KIND", help="umap, pca, or auto: umap where it is installed.")
    ] = "auto",
    show_page: Open = False,
) -> None:
    """Write the atlas: a page to wander through all photos and cafés; it needs no network."""
    from cafemood.cafes import profiles
    from cafemood.report import atlas as atlases

    opened = run_of(run)
    with doing("drawing the atlas (a first map by UMAP takes longest; --map pca is at hand)"):
        page = atlases.write_atlas(profiles.load(opened), folder=folder, streets=streets, map_kind=kind)
    say(f"Atlas: {page}")
    open_page(page, show_page)


def export(
    run: RunName,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="folders, csv, geojson, fiftyone or dataset.")],
    to: Annotated[Path, typer.Option("--to", parser=given_path, metavar="DIR", help="A new or empty folder.")],
    copy: Annotated[bool, typer.Option("--copy", help="Copy the photos; without, folders hold links.")] = False,
) -> None:
    """Take the moods elsewhere: a folder a mood, tables, a map, or a data set that FiftyOne reads."""
    from cafemood.cafes import profiles
    from cafemood.report import export as exporting

    opened = run_of(run)
    with doing("exporting"):
        done = exporting.export(profiles.load(opened), kind, to, copy=copy)
    for line in done.notes:
        say(line, err=True)
    say(f"{done.what}: {to}")


def report(run: RunName, show_page: Open = False) -> None:
    """Write report.html and the figures of a run again, and what an older run's folder lacks."""
    from cafemood.report.finish import finish

    opened = run_of(run)
    with doing("drawing the report"):
        page = finish(opened)
    say(f"Report: {page}")
    open_page(page, show_page)


def show(run: RunName) -> None:
    """Print the verdict and the scores of a run."""
    from cafemood.report import terminal as summary

    summary.print_summary(run_of(run))


def compare(
    folders: Annotated[
        list[str],
        typer.Argument(metavar="SWEEP…", help="Sweeps or runs: folders, beginnings of names, or `latest` (sweep)."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(parser=given_path, help="Where the table and the page go; default: the first folder."),
    ] = None,
    show_page: Open = False,
) -> None:
    """Set many runs side by side: one table, one page, and which run is best supported without labels."""
    found = [folder_of(word, sweeps=True) for word in folders]
    from cafemood.report import compare as comparing
    from cafemood.report import comparison
    from cafemood.report import terminal as summary

    with doing("comparing"):
        compared = comparison.compare_runs(found)
        page = comparing.write(compared, out or found[0])
    summary.print_comparison(compared)
    say(f"Comparison: {page}")
    open_page(page, show_page)


def list_runs(
    folder: Annotated[Path, typer.Argument(parser=given_path, metavar="[DIR]", help="Where they lie.")] = OUTPUTS,
    limit: Annotated[int, typer.Option("-n", help="Runs to show; 0: all.", min=0)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of a table.")] = False,
) -> None:
    """List the runs, the newest first; the names in the table can stand wherever RUN does."""
    from cafemood.report import run_table
    from cafemood.runs import listing

    found = listing.below(folder)
    some = found[:limit] if limit else found
    if as_json:
        for run in some:
            say_json(run.to_json())
        return
    if found:
        run_table.print_runs(some, listing.short_names(some, found))
    if len(found) > len(some):
        say(f"… and {len(found) - len(some)} older runs: -n 0 shows all", err=True)
    if not found:
        say(f"No run is in {folder} yet: cafemood train data=folder data.root=DIR k=4", err=True)


def names(text: str | None) -> list[str]:
    """The parts of a list that is given as `a,b`."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


COMMANDS: dict[str, Callable[..., None]] = {
    "runs": list_runs,
    "assign": assign,
    "name": name,
    **edit_commands.COMMANDS,
    "cafes": cafes,
    "similar": similar,
    "atlas": atlas,
    "export": export,
    "report": report,
    "show": show,
    "compare": compare,
}

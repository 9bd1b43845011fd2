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
survey_app = typer.Typer(no_args_is_help=True, help="Ask people: build a survey of a run, serve it, score the answers.")
app.add_typer(survey_app, name="survey")

SurveyFolder = Annotated[Path, typer.Argument(metavar="DIR", help="A survey's folder, such as RUN/survey.")]
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
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO…", help="New photos, or folders of cafés.")],
    nearest: Annotated[int, typer.Option(help="How many of the run's photos to name beside each.", min=0)] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of text.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Add them to the run's cafés (nothing is trained).")] = False,
) -> None:
    """Say which mood new photos and cafés belong to, and which photos are unlike anything seen."""
    from cafemood import runs
    from cafemood.cafes import assigning

    opened = runs.load(run)
    found = assigning.find(photos)
    answers = []
    for skipped in found.skipped:
        typer.echo(f"{skipped.file}: skipped, {skipped.reason}", err=True)
    for answer in assigning.assign_photos(opened, [Path(p.file) for p in found.photos], n_nearest=nearest):
        answers.append(answer)
        if as_json:
            typer.echo(json.dumps(answer.facts(), ensure_ascii=False))
        else:
            typer.echo(str(answer), err=answer.error is not None)
    if found.cafe_source == "folder" and not as_json:
        for line in assigning.cafe_lines(opened, found.photos, answers):
            typer.echo(line)
    if keep:
        from cafemood.cafes import profiles as cafes

        n = assigning.keep(opened, found.photos, answers)
        cafes.build(runs.load(run))
        typer.echo(f"{n} photos added to {run / 'cafes.parquet'}", err=as_json)
    if any(answer.error is not None for answer in answers):
        raise typer.Exit(1)


@app.command()
def name(
    run: RunFolder,
    mood: Annotated[int | None, typer.Argument(metavar="[MOOD]", help="Its number, from 1; without, list all.")] = None,
    words: Annotated[str | None, typer.Argument(metavar="[NAME]", help='Its name: "dark wood".')] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Go back to the words that cafemood finds.")] = False,
) -> None:
    """Name a mood, for every page and table from then on; without arguments, say what the moods are called."""
    from cafemood import runs
    from cafemood.cafes import moods
    from cafemood.report.report import write_report

    opened = runs.load(run)
    if mood is None:
        for known in moods.of_run(opened):
            found = f"{known.english} / {known.korean}" if known.english != known.korean else known.english
            why = "your name" if known.own_name else ", ".join(f"{w.english} x {w.lift:.1f}" for w in known.words)
            typer.echo(f"mood {known.number}: {found or '(nothing sets it apart)'}  [{known.size} photos; {why}]")
        return
    if (words is None) != forget:
        raise CafemoodError(
            "A name is missing" if words is None else "--forget takes no name",
            where="cafemood name RUN MOOD NAME",
            fix=f'cafemood name {run} {mood} "dark wood", or --forget alone',
        )
    moods.give_name(opened, mood, words)
    typer.echo(f"Report: {write_report(runs.load(run))}")


@app.command()
def cafes(
    run: RunFolder,
    limit: Annotated[int, typer.Option(help="Cafés to show.", min=1)] = 20,
) -> None:
    """Profile every café: its moods with intervals, spread, signature photo, most similar cafés."""
    from cafemood import runs
    from cafemood.cafes import profiles

    opened = runs.load(run)
    if not opened.knows_cafes:
        typer.echo("No café ids are known: every photo counts as its own café.", err=True)
    found = profiles.build(opened)
    profiles.print_table(found, limit)
    typer.echo(f"Cafés: {run / 'cafes.parquet'} and .csv")


@app.command()
def similar(
    run: RunFolder,
    cafe: Annotated[str | None, typer.Option(metavar="ID", help="A café's id or name.")] = None,
    photo: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="A photo; may be repeated.")] = None,
    like: Annotated[str | None, typer.Option(metavar="ID,ID", help="Cafés that you like.")] = None,
    unlike: Annotated[str | None, typer.Option(metavar="ID,ID", help="And cafés that you do not.")] = None,
    near: Annotated[str | None, typer.Option(metavar="LAT,LON", help="Tell distances: 37.54,127.05.")] = None,
    within: Annotated[float | None, typer.Option(metavar="KM", help="With --near: only so far away.", min=0)] = None,
    limit: Annotated[int, typer.Option("-n", help="Cafés to name.", min=1)] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of text.")] = False,
) -> None:
    """Rank the cafés most like a café, a photo, or several cafés, and say why."""
    from cafemood import runs
    from cafemood.cafes import profiles
    from cafemood.cafes import similar as searching

    asked = [option for option, given in (("--cafe", cafe), ("--photo", photo), ("--like", like)) if given]
    if len(asked) != 1 or (unlike and asked != ["--like"]):
        why = f"you gave {' and '.join(asked)}" if asked else "nothing to compare with was given"
        fix = "give one of --cafe ID, --photo FILE, or --like ID,ID [--unlike ID,ID]"
        raise CafemoodError("The question is not clear", where="cafemood similar", why=why, fix=fix)
    place = searching.place(near) if near else None
    found = profiles.load(runs.load(run))
    if photo:
        query = searching.like_photos(found, photo)
    else:
        wanted = [cafe] if cafe else _names(like)
        query = searching.like_cafes(found, wanted, _names(unlike))
    matches = searching.rank(found, query, n=limit, near=place, within_km=within)
    for match in matches:
        typer.echo(json.dumps(match.facts(), ensure_ascii=False) if as_json else _plain(str(match)))
    if not matches:
        typer.echo("No café fits.", err=True)


@app.command()
def atlas(
    run: RunFolder,
    folder: Annotated[
        bool | None,
        typer.Option("--folder/--one-file", help="Pictures beside the page, or inside it; by the number of photos."),
    ] = None,
    streets: Annotated[Path | None, typer.Option(metavar="FILE", help="GeoJSON lines to draw below the cafés.")] = None,
) -> None:
    """Write the atlas: a page to wander through all photos and cafés; it needs no network."""
    from cafemood import runs
    from cafemood.cafes import profiles
    from cafemood.report import atlas as atlases

    page = atlases.write_atlas(profiles.load(runs.load(run)), folder=folder, streets=streets)
    typer.echo(f"Atlas: {page}")


@app.command()
def export(
    run: RunFolder,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="folders, csv, geojson or fiftyone.")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="A new or empty folder.")],
    copy: Annotated[bool, typer.Option("--copy", help="Copy the photos; without, folders hold links.")] = False,
) -> None:
    """Take the moods elsewhere: a folder a mood, tables, a map, or a data set that FiftyOne reads."""
    from cafemood import runs
    from cafemood.cafes import profiles
    from cafemood.report import export as exporting

    done = exporting.export(profiles.load(runs.load(run)), kind, to, copy=copy)
    for line in done.notes:
        typer.echo(line, err=True)
    typer.echo(f"{done.what}: {to}")


@app.command()
def report(run: RunFolder) -> None:
    """Write report.html and the figures of a run again."""
    from cafemood import runs
    from cafemood.report.report import write_report

    typer.echo(f"Report: {write_report(runs.load(run))}")


@app.command()
def show(run: RunFolder) -> None:
    """Print the verdict and the scores of a run."""
    from cafemood import runs
    from cafemood.report import terminal as summary

    summary.print_summary(runs.load(run))


@app.command()
def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="SWEEP…", help="Sweeps or run folders, any number.")],
    out: Annotated[
        Path | None, typer.Option(help="Where the table and the page go; default: the first folder.")
    ] = None,
) -> None:
    """Set many runs side by side: one table, one page, and which run is best supported without labels."""
    from cafemood.report import compare as comparing
    from cafemood.report import terminal as summary

    found = comparing.find(folders)
    page = comparing.write(found, out or folders[0].expanduser())
    summary.print_comparison(found)
    typer.echo(f"Comparison: {page}")


@weights_app.command("list")
def list_weights() -> None:
    """Every backbone: size, licence, whether its weights are here, whether their digest is known."""
    from cafemood.backbones import inventory

    inventory.print_table()


@weights_app.command()
def fetch(names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Backbones, or `all`.")]) -> None:
    """Fetch weight files before they are needed; a cut download goes on where it was."""
    from cafemood.backbones import inventory

    for name, path in inventory.fetch(names):
        typer.echo(f"{name}: {path}")


@weights_app.command()
def check(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME…]", help="Backbones; without, all that are here.")
    ] = None,
) -> None:
    """Read the weight files that are here again, and compare them with their digests."""
    from cafemood.backbones import inventory

    failed = False
    for name, verdict, good in inventory.check(names or []):
        failed |= not good
        typer.echo(f"{name}: {verdict}", err=not good)
    if failed:
        raise typer.Exit(1)


@survey_app.command("build")
def build_survey(
    run: RunFolder,
    out: Annotated[Path | None, typer.Option(help="The survey's folder; default: RUN/survey.")] = None,
    size: Annotated[int, typer.Option(help="Photos in a group (3 to 6), each of another café.")] = 4,
    groups: Annotated[int | None, typer.Option(help="Groups a cluster; default: 3, fewer if it gets too long.")] = None,
    intruders: Annotated[int, typer.Option(help="Intruder questions a cluster.")] = 2,
    triplets: Annotated[int, typer.Option(help="Odd-one-out questions a person; 0 leaves them out.")] = 12,
    scale: Annotated[int, typer.Option(help="Steps of the rating: 5 or 7.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the draw of photos and orders.")] = 0,
    title: Annotated[str, typer.Option(help="Shown to people instead of the built-in title.")] = "",
) -> None:
    """Draw groups of photos and write the survey: one HTML file, and a folder to serve."""
    from cafemood import runs
    from cafemood.survey.build import build
    from cafemood.survey.design import Design

    design = Design(size, groups, intruders, triplets, scale, seed, title)
    built = build(runs.load(run), out or run.expanduser() / "survey", design)
    used, n = built.facts["design"], len(built.plans[0])
    typer.echo(
        f"{n} questions a person, about {built.facts['minutes']:.0f} minutes: {used['groups']} groups of "
        f"{used['size']} a cluster, two controls, {used['intruders']} intruders a cluster, "
        f"{used['triplets']} triplets; {len(built.facts['photos'])} photos."
    )
    if built.facts["left_out"]:
        typer.echo(f"{built.facts['left_out']} photos are gone, changed or unreadable, and were left out.", err=True)
    if built.facts["not_shown"]:
        typer.echo(f"{built.facts['not_shown']} photos that no page shows were not drawn from (README).", err=True)
    typer.echo(f"Survey: {built.folder / 'survey.html'}  (to serve: cafemood survey serve {built.folder})")


@survey_app.command("serve")
def serve_survey(
    folder: SurveyFolder,
    host: Annotated[str, typer.Option(help="Address; 0.0.0.0 lets phones in your network in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.", min=0, max=65535)] = 8000,
    name: Annotated[list[str] | None, typer.Option(help="Host name of a proxy in front; may be repeated.")] = None,
) -> None:
    """Serve a survey until Ctrl-C; every answer is on disk before the phone hears that it is saved."""
    from cafemood.survey import study

    opened = study.load(folder)
    try:
        from cafemood.survey.serve import serve
    except ImportError as error:
        raise _survey_extra(error) from None
    serve(opened, host, port, name or [], typer.echo)


@survey_app.command("score")
def score_survey(
    folder: SurveyFolder,
    run: Annotated[Path | None, typer.Option(help="Where its run is now, if it has moved.")] = None,
    others: Annotated[
        list[Path] | None, typer.Option("--with", metavar="RUN", help="Another run: its backbone on the same triplets.")
    ] = None,
) -> None:
    """Score the answers so far: table, tests, agreement, figure, CSV and codebook; the run's report shows them."""
    from cafemood import runs
    from cafemood.report.report import write_report
    from cafemood.survey import answers, score, study, terminal

    opened = study.load(folder)
    own, missing = score.run_of(opened, run)
    try:
        gathered = answers.gather(opened)
        found = score.score(opened, gathered, own, [runs.load(other) for other in others or []])
    except ImportError as error:
        raise _survey_extra(error) from None
    paths = score.write(opened, gathered, own, found)
    terminal.print_score(found)
    if missing:
        typer.echo(missing, err=True)
    typer.echo("Result: " + ", ".join(str(path) for path in paths))
    if own is not None:
        typer.echo(f"Report: {write_report(own)}")


@survey_app.command("simulate")
def simulate_survey(
    people: Annotated[str, typer.Option(metavar="N,N", help="Numbers of people to try.")] = "12,20,30,52,80,120",
    effect: Annotated[float, typer.Option(help="Steps by which one cluster is rated above the control.")] = 0.4,
    clusters: Annotated[int, typer.Option(help="Clusters tested.")] = 4,
    groups: Annotated[int, typer.Option(help="Groups a cluster.")] = 3,
    scale: Annotated[int, typer.Option(help="Steps of the rating: 5 or 7.")] = 5,
    spread: Annotated[float, typer.Option(help="How far people's opinions differ (sd, in steps).")] = 0.5,
    studies: Annotated[int, typer.Option(help="Studies simulated for each number.")] = 300,
    seed: Annotated[int, typer.Option(help="Of the simulation.")] = 0,
) -> None:
    """Say how many people a study needs: how often an effect is found, and how often one is claimed from noise."""
    from cafemood.survey import simulate, terminal

    numbers = [int(word) for word in _names(people) if word.isdecimal()]
    if len(numbers) != len(_names(people)):
        raise CafemoodError(f"--people is {people!r}", where="cafemood survey simulate", fix="give numbers: 20,52,100")
    setting = simulate.Setting(effect, clusters, groups, scale, spread)
    try:
        rows = simulate.power(setting, numbers, studies, seed)
    except ImportError as error:
        raise _survey_extra(error) from None
    terminal.print_power(rows)
    enough = simulate.people_for(rows)
    typer.echo(
        f"{enough} people find {effect:g} steps in at least 80 % of studies."
        if enough
        else f"None of these numbers finds {effect:g} steps in 80 % of studies: ask more people, or more --groups."
    )


def _survey_extra(error: ImportError) -> CafemoodError:
    from cafemood.core.reasons import reason_of

    fix, why = "pip install 'cafemood[survey]'", reason_of(error)
    return CafemoodError("This needs the survey extra", where="cafemood survey", why=why, fix=fix)


def _names(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _plain(text: str) -> str:
    from cafemood.core.html import plain

    return plain(text)


def main() -> None:
    """Run the command; a user's mistake ends with one message and exit code 1."""
    try:
        app()
    except CafemoodError as error:
        sys.exit(f"ERROR {error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped.")

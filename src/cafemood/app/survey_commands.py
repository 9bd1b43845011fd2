"""`cafemood survey …`: build a survey of a run, serve it, score the answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cafemood.app.opening import Open, RunName, folder_of, given_path, open_page, run_of, survey_of
from cafemood.app.output import say
from cafemood.app.run_commands import names
from cafemood.errors import CafemoodError

SurveyFolder = Annotated[str, typer.Argument(metavar="DIR", help="A survey's folder, or its RUN for RUN/survey.")]


def build_survey(
    run: RunName,
    out: Annotated[
        Path | None, typer.Option(parser=given_path, help="The survey's folder; default: RUN/survey.")
    ] = None,
    size: Annotated[int, typer.Option(help="Photos in a group (3 to 6), each of another café.")] = 4,
    groups: Annotated[int | None, typer.Option(help="Groups a cluster; default: 3, fewer if it gets too long.")] = None,
    intruders: Annotated[int, typer.Option(help="Intruder questions a cluster.")] = 2,
    triplets: Annotated[int, typer.Option(help="Odd-one-out questions a person; 0 leaves them out.")] = 12,
    scale: Annotated[int, typer.Option(help="Steps of the rating: 5 or 7.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the draw of photos and orders.")] = 0,
    title: Annotated[str, typer.Option(help="Shown to people instead of the built-in title.")] = "",
    pool: Annotated[
        int, typer.Option(help="Photos, each of another café, that triplets and ratings are about (6 to 400).")
    ] = 40,
    ratings: Annotated[int, typer.Option(help="Ratings of single photos a person; 0 leaves them out.")] = 0,
    scales: Annotated[
        str, typer.Option(metavar="NAME,…", help="What is rated; default: coherence,fascination,hominess.")
    ] = "",
    show_page: Open = False,
) -> None:
    """Draw groups of photos and write the survey: one HTML file, and a folder to serve."""
    from cafemood.survey.build import build
    from cafemood.survey.design import Design

    opened = run_of(run)
    design = Design(size, groups, intruders, triplets, scale, seed, title, pool, ratings, tuple(names(scales)))
    built = build(opened, out or opened.folder / "survey", design)
    used, n = built.facts["design"], len(built.plans[0])
    say(
        f"{n} questions a person, about {built.facts['minutes']:.0f} minutes: {used['groups']} groups of "
        f"{used['size']} a cluster, two controls, {used['intruders']} intruders a cluster, "
        f"{used['triplets']} triplets, {used['ratings']} ratings; {len(built.facts['photos'])} photos."
    )
    if built.facts["left_out"]:
        say(f"{built.facts['left_out']} photos are gone, changed or unreadable, and were left out.", err=True)
    if built.facts["not_shown"]:
        say(f"{built.facts['not_shown']} photos that no page shows were not drawn from (docs/survey.md).", err=True)
    say(f"Survey: {built.folder / 'survey.html'}  (to serve: cafemood survey serve {built.folder})")
    open_page(built.folder / "survey.html", show_page)


def serve_survey(
    folder: SurveyFolder,
    host: Annotated[str, typer.Option(help="Address; 0.0.0.0 lets phones in your network in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.", min=0, max=65535)] = 8000,
    name: Annotated[list[str] | None, typer.Option(help="Host name of a proxy in front; may be repeated.")] = None,
    proxy: Annotated[
        list[str] | None, typer.Option(help="Address of a proxy whose X-Forwarded-For is believed; may be repeated.")
    ] = None,
    starts: Annotated[
        int, typer.Option(help="People who may begin in an hour from one address; 0: any number.", min=0)
    ] = 300,
    code: Annotated[str, typer.Option(help="Completion code of a panel, for who answers everything.")] = "",
    return_url: Annotated[str, typer.Option(help="The panel's address for the end; {code} in it is replaced.")] = "",
    panel_parameter: Annotated[
        str,
        typer.Option(help="Of the page's address: the panel's id of a person; kept in panel.csv, not with answers."),
    ] = "PROLIFIC_PID",
    screen: Annotated[str, typer.Option(help="Asked first; who says no does not take part, and nothing is kept.")] = "",
) -> None:
    """Serve a survey until Ctrl-C; every answer is on disk before the phone hears that it is saved."""
    from cafemood.survey import study
    from cafemood.survey.panel import Panel

    opened = study.load(survey_of(folder))
    panel = Panel(code, return_url, panel_parameter, screen).checked()
    try:
        from cafemood.survey.serve import serve
    except ImportError as error:
        raise _survey_extra(error) from None
    serve(opened, host, port, name or [], say, starts=starts, proxies=proxy or [], panel=panel)


def score_survey(
    folder: SurveyFolder,
    run: Annotated[str | None, typer.Option(metavar="RUN", help="Where its run is now, if it has moved.")] = None,
    others: Annotated[
        list[str] | None, typer.Option("--with", metavar="RUN", help="Another run: its backbone on the same triplets.")
    ] = None,
    show_page: Open = False,
) -> None:
    """Score the answers so far: table, tests, agreement, figure, CSV and codebook; the run's report shows them."""
    from cafemood.report.report import write_report
    from cafemood.survey import answers, score, study, terminal

    opened = study.load(survey_of(folder))
    scored_run, missing = score.run_of(opened, None if run is None else folder_of(run))
    try:
        gathered = answers.gather(opened)
        scored = score.score(opened, gathered, scored_run, [run_of(other) for other in others or []])
    except ImportError as error:
        raise _survey_extra(error) from None
    paths = score.write(opened, gathered, scored_run, scored)
    terminal.print_score(scored)
    if missing:
        say(missing, err=True)
    say("Result: " + ", ".join(str(path) for path in paths))
    if scored_run is not None:
        page = write_report(scored_run)
        say(f"Report: {page}")
        open_page(page, show_page)


def learn_survey(
    folder: SurveyFolder,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="Where its run is now; or another of its photos, to rate these.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what is held out.")] = 0,
) -> None:
    """Learn from the answers: a map of the features for `reduce=people`, and the rated scales of every photo."""
    from cafemood.survey import answers, learning, score, study, terminal

    opened = study.load(survey_of(folder))
    learnt_from, missing = score.run_of(opened, None if run is None else folder_of(run), same_moods=False)
    if learnt_from is None:
        raise CafemoodError("The survey's run is needed", where=folder, why=missing, fix="give it with --run")
    learnt = learning.learn(opened, answers.gather(opened), learnt_from, seed=seed)
    terminal.print_findings(learnt.findings)
    say("Learnt: " + ", ".join(str(path) for path in learnt.paths))
    if learnt.has_map:
        say(f"Moods from it: python train.py … reduce=people reduce.answers={opened.folder}")


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

    numbers = [int(word) for word in names(people) if word.isdecimal()]
    if len(numbers) != len(names(people)):
        raise CafemoodError(f"--people is {people!r}", where="cafemood survey simulate", fix="give numbers: 20,52,100")
    setting = simulate.Setting(effect, clusters, groups, scale, spread)
    try:
        rows = simulate.power(setting, numbers, studies, seed)
    except ImportError as error:
        raise _survey_extra(error) from None
    terminal.print_power(rows)
    enough = simulate.people_for(rows)
    say(
        f"{enough} people find {effect:g} steps in at least 80 % of studies."
        if enough
        else f"None of these numbers finds {effect:g} steps in 80 % of studies: ask more people, or more --groups."
    )


def _survey_extra(error: ImportError) -> CafemoodError:
    from cafemood.core.reasons import reason_of

    fix, why = "pip install 'cafemood[survey]'", reason_of(error)
    return CafemoodError("This needs the survey extra", where="cafemood survey", why=why, fix=fix)


COMMANDS: dict[str, Callable[..., None]] = {
    "build": build_survey,
    "serve": serve_survey,
    "score": score_survey,
    "learn": learn_survey,
    "simulate": simulate_survey,
}

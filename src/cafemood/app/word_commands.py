"""`cafemood words` and `cafemood search`: text features of a run, and photos and cafés that a text fits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cafemood.app.opening import RunName, given_path, run_of
from cafemood.app.output import doing, say, say_json
from cafemood.core.names import shown
from cafemood.errors import CafemoodError

CACHE = Path("data/cache")
CacheDir = Annotated[Path, typer.Option("--cache-dir", parser=given_path, metavar="DIR", help="The feature cache.")]


def words(
    run: RunName,
    backbone: Annotated[str, typer.Option(metavar="NAME", help="A backbone that knows words.")] = "siglip2_vit_b16",
    weights: Annotated[Path | None, typer.Option(parser=given_path, metavar="FILE", help="Your own weights.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --weights: open_clip's configuration, or a JSON file.")
    ] = None,
    tokenizer: Annotated[
        Path | None, typer.Option(parser=given_path, metavar="FILE", help="Your own tokenizer.json.")
    ] = None,
    cache_dir: CacheDir = CACHE,
) -> None:
    """Add text features to a run, without another clustering: for search, and for names of moods in words."""
    from cafemood import runs
    from cafemood.backbones.text_cards import TEXT_CARDS
    from cafemood.cafes import moods, word_tables
    from cafemood.data.photos import skipped_lines
    from cafemood.report import finish
    from cafemood.report.report import write_report
    from cafemood.words import adding

    opened = run_of(run)
    options = adding.options_of(backbone, weights, model, tokenizer)
    with doing("loading the network"):
        features, n_embedded, skipped = adding.add(opened, options, cache_dir)
    for line in skipped_lines(skipped, where="they are not searched"):
        say(line, err=True)
    licence = TEXT_CARDS[features.name].licence
    moods.forget_words(opened)
    opened = runs.load(opened.folder)
    with doing("naming the moods"):
        finish.update(opened, cafes=opened.knows_cafes and opened.has_features)
        page = write_report(runs.load(opened.folder))
    say(f"Text features of {len(features.rows):,} photos ({n_embedded:,} embedded now), {features.name} ({licence})")
    for mood in moods.of_run(opened):
        say(f"mood {mood.number}: {mood.english or '(nothing sets it apart)'}")
    table, n_no_place = word_tables.write(opened)
    say(f"Words: {table}" + (f" ({n_no_place:,} photos seem to show no place)" if n_no_place else ""))
    told = [guess.scale.name.replace("_", " ") for guess in features.ambiance if guess.tells]
    if told:
        say(f"Ambiance guessed from words, nobody was asked: {', '.join(told)} (report, cafes.csv)")
    say(f"Report: {page}")


def search(
    run: RunName,
    text: Annotated[list[str], typer.Argument(metavar="TEXT…", help='What to look for: "dark wood", 조용한 카페.')],
    without: Annotated[
        list[str] | None, typer.Option("--not", metavar="TEXT", help="What must not be; may be repeated.")
    ] = None,
    near: Annotated[str | None, typer.Option(metavar="LAT,LON", help="Tell distances: 37.54,127.05.")] = None,
    within: Annotated[float | None, typer.Option(metavar="KM", help="With --near: only so far away.", min=0)] = None,
    limit: Annotated[int, typer.Option("-n", help="Cafés, and photos, to name.", min=1)] = 10,
    every: Annotated[bool, typer.Option("--all", help="Rank what does not fit, too.")] = False,
    rate: Annotated[
        float, typer.Option(help="How often unrelated words may be said to fit.", min=0.001, max=0.5)
    ] = 0.01,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of text.")] = False,
    cache_dir: CacheDir = CACHE,
) -> None:
    """Find cafés and photos by words; says so when none fits."""
    from cafemood.cafes import distance, searching

    place = distance.place(near) if near else None
    if within is not None and place is None:
        raise CafemoodError("--within needs a place", where="--within", fix="add --near LAT,LON")
    opened = run_of(run)
    with doing("searching"):
        answer = searching.search(
            opened,
            " ".join(text),
            without or [],
            n=limit,
            near=place,
            within_km=within,
            rate=rate,
            every=every,
            cache_dir=cache_dir,
        )
    if as_json:
        for facts in (answer.facts(), *(cafe.facts() for cafe in answer.cafes), *(p.facts() for p in answer.photos)):
            say_json(facts)
        return
    for note in answer.notes:
        say(note, err=True)
    say(shown(str(answer)))
    for heading, lines in (
        ("Cafés", [(str(cafe), cafe.fits) for cafe in answer.cafes]),
        ("Photos", [(str(photo), photo.fits) for photo in answer.photos]),
    ):
        if lines:
            say(f"{heading}:")
        for line, fits in lines:
            say(shown(line) if fits else f"{shown(line)}  (does not fit)")


COMMANDS: dict[str, Callable[..., None]] = {"words": words, "search": search}

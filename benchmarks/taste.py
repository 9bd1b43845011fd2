"""Ten taps to a café: how many of the ten best cafés a simulated person likes, after 5, 10 and 20 taps.

    python benchmarks/taste.py styles STYLES [--output stages]   (a folder with labels.csv: file, style, room)
    python benchmarks/taste.py drawn ROOMS                       (scrapy rooms ROOMS --cafes 200 --views 4 --seed 0)
    python benchmarks/taste.py page                              (taps on the page of 1,000 cafés; CHROMIUM=/path)

Simulated cafés: each style's photos are shuffled by a seed and cut into tens. A draw is such a set of cafés (of drawn
rooms: 160 of the 200) with some people, of each of whom the taste is known. A person sees four photos and taps one of
those liked best, at random among equals; 15 % of the taps are wrong: another photo. Compared, on the same people:

- chosen: the questions that the page asks; random: four cafés at random, and the same model
- chance stated: what the page says of the ten, on average: to be among the best fifth, which one style of five is
- not yet shown: of the ranking only what no question has shown
- one liked: the cosine with a café that the random questions showed and that the person truly likes best
- all tapped: the cosine with the mean of every café tapped in the random questions
- most popular: chance, as nobody's taste is known

Seeds from 0 are reported; the engine was tuned on seeds from 100, and on styles alone. In `same` the space is learnt
from the ids of the cafés that are ranked, as `cafemood taste` does; in `other`, from one half of the cafés, and the
other half is ranked.

With `--liked` nobody taps: `cafemood similar --like ID,… --unlike ID,…` of some cafés that the person likes best and of
some that they do not, drawn at random, against the cosine with the mean of the liked ones less half that of the others
(expanded by its nearest cafés), which ranked before. The cafés named are left out of the ten.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from cafes import made_run
from mood import read, simulate

from cafemood.cafes import looks, preference, profiles, similar
from cafemood.cafes.places import Places, places_of, with_looks
from cafemood.clustering import CafeReduction
from cafemood.core import chunks
from cafemood.runs import compact, thumbnails
from cafemood.runs.pictures import PictureCache
from cafemood.taste import page, questions
from cafemood.taste import space as taste_space

MARKS, SIZE, WRONG = (5, 10, 20), 4, 0.15
NAMED = ((1, 0), (2, 0), (3, 0), (5, 0), (2, 2))
"""Cafés that are liked, and that are not."""
Person = tuple[str, np.ndarray]
"""What is liked, and how much of each café (c,); the best cafés are those of the largest."""


@dataclass
class World:
    """The cafés of a draw: their places, the vectors of `similar`, and the people."""

    places: Places
    vectors: np.ndarray
    people: list[Person]


def world(rows: np.ndarray, of: np.ndarray, people: list[Person], space: CafeReduction | None = None) -> World:
    """Places and vectors of cafés, by the product's own functions."""
    vectors, _, _ = profiles.cafe_vectors(rows, chunks.group_means(rows, of), of)
    return World(places_of(rows, of, space), vectors, people)


def tap(utility: np.ndarray, rng: np.random.Generator) -> int:
    """Which of the photos shown is tapped: one of the best, or by mistake another."""
    best = int(rng.choice(np.flatnonzero(utility == utility.max())))
    others = [i for i in range(len(utility)) if i != best]
    return int(rng.choice(others)) if rng.random() < WRONG else best


def precision(order: np.ndarray, utility: np.ndarray) -> float:
    """Share of the first ten that are liked best."""
    return float((utility[order[:10]] == utility.max()).mean())


def session(drawn: World, utility: np.ndarray, seed: int, chosen: bool) -> dict[str, list[float]]:
    """Twenty taps: the precision of each ranking, at each of `MARKS`."""
    places, rng = drawn.places, np.random.default_rng(seed)
    n, width = places.features.shape
    taste, choices = preference.fit([], width), []
    seen: list[int] = []
    tapped: list[int] = []
    found: dict[str, list[float]] = {}
    for number in range(1, MARKS[-1] + 1):
        if chosen:
            asked = questions.next_question(places.features, places.evidence, taste, seen, seed=seed + number)
        else:
            free = np.setdiff1d(np.arange(n), seen)
            asked = rng.choice(free if len(free) >= SIZE else n, SIZE, replace=False).tolist()
        answer = tap(utility[asked], rng)
        choices.append(preference.Choice(places.evidence[asked], answer))
        seen, tapped = [*seen, *asked], [*tapped, asked[answer]]
        taste = preference.fit(choices, width)
        if number not in MARKS:
            continue
        order = np.argsort(-taste.utilities(places.features), kind="stable")
        found.setdefault("chosen" if chosen else "random", []).append(precision(order, utility))
        if chosen:
            stated = preference.chances(places.features, taste)[order[:10]].mean()
            found.setdefault("chosen, chance stated", []).append(float(stated))
        unseen = order[~np.isin(order, seen)]
        found.setdefault(f"{'chosen' if chosen else 'random'}, not yet shown", []).append(precision(unseen, utility))
        if not chosen:
            liked = seen[int(utility[seen].argmax())]
            for name, query in (
                ("one liked", drawn.vectors[liked]),
                ("all tapped", drawn.vectors[tapped].mean(axis=0)),
            ):
                score = similar.scores(drawn.vectors, query / np.linalg.norm(query))
                found.setdefault(name, []).append(precision(np.argsort(-score, kind="stable"), utility))
    return found


def liked_and_not(drawn: World, utility: np.ndarray, rng: np.random.Generator) -> dict[str, list[float]]:
    """The precision of likes and dislikes by the model and by the cosine, for each of `NAMED`."""
    features, vectors = drawn.places.features, drawn.vectors
    best, others = (rng.permutation(np.flatnonzero(of)) for of in (utility == utility.max(), utility < utility.max()))
    found: dict[str, list[float]] = {"model": [], "cosine": []}
    for n_liked, n_not in NAMED:
        named = [*best[:n_liked], *others[:n_not]]
        given = [preference.Choice.of_one(features[cafe], i < n_liked) for i, cafe in enumerate(named)]
        vector = vectors[best[:n_liked]].mean(axis=0)
        if n_not:
            vector = vector - similar.UNLIKE_WEIGHT * vectors[others[:n_not]].mean(axis=0)
        for name, score in (
            ("model", preference.fit(given, features.shape[1]).utilities(features)),
            ("cosine", similar.scores(vectors, vector / np.linalg.norm(vector))),
        ):
            order = np.argsort(-score, kind="stable")
            found[name].append(precision(order[~np.isin(order, named)], utility))
    return found


def table_of_likes(drawn: Iterator[World], title: str) -> None:
    """Print the mean over draws with its standard error, and the model's lead."""
    kinds: dict[str, list[dict[str, np.ndarray]]] = {}
    for number, made in enumerate(drawn):
        of_kind: dict[str, list[dict[str, list[float]]]] = {}
        for who, (kind, utility) in enumerate(made.people):
            rng = np.random.default_rng(10_000 * number + who)
            of_kind.setdefault(kind, []).append(liked_and_not(made, utility, rng))
        for kind, people in of_kind.items():
            means = {name: np.mean([person[name] for person in people], axis=0) for name in people[0]}
            kinds.setdefault(kind, []).append(means | {"model less cosine": means["model"] - means["cosine"]})
    print(f"\n{title}\n\n| taste | by | " + " | ".join(f"{a} liked, {b} not" if b else f"{a} liked" for a, b in NAMED))
    print("|---|---" + "|---" * len(NAMED) + "|")
    for kind, draws in kinds.items():
        for name in draws[0]:
            print(f"| {kind} | {name} | " + " | ".join(_mean_se(np.array([d[name] for d in draws]))) + " |", flush=True)


def table(drawn: Iterator[World], title: str) -> None:
    """Print the mean over draws with its standard error, of each kind of person."""
    kinds: dict[str, list[dict[str, np.ndarray]]] = {}
    for number, made in enumerate(drawn):
        of_kind: dict[str, list[dict[str, list[float]]]] = {}
        for who, (kind, utility) in enumerate(made.people):
            seed = 10_000 * number + 100 * who
            one = session(made, utility, seed, True) | session(made, utility, seed, False)
            one["most popular"] = [float((utility == utility.max()).mean())] * len(MARKS)
            of_kind.setdefault(kind, []).append(one)
        for kind, people in of_kind.items():
            means = {name: np.mean([person[name] for person in people], axis=0) for name in people[0]}
            kinds.setdefault(kind, []).append(means)
    print(f"\n{title}\n\n| taste | by | 5 taps | 10 taps | 20 taps |\n|---|---|---|---|---|")
    for kind, draws in kinds.items():
        for name in draws[0]:
            print(f"| {kind} | {name} | " + " | ".join(_mean_se(np.array([d[name] for d in draws]))) + " |")
        ahead = np.array([draw["chosen"] - draw["random"] for draw in draws])
        print(f"| {kind} | chosen less random | " + " | ".join(_mean_se(ahead)) + " |", flush=True)


def _mean_se(values: np.ndarray) -> list[str]:
    errors = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return [f"{mean:.3f} ± {error:.3f}" for mean, error in zip(values.mean(axis=0), errors, strict=True)]


def styles_worlds(rows: np.ndarray, styles: np.ndarray, seeds: range, other: bool) -> Iterator[World]:
    """Simulated cafés; people who like one style, and people who like two."""
    for seed in seeds:
        cafes = simulate(styles, 10, seed)
        teach = np.zeros(len(rows), bool)
        if other:
            order = np.random.default_rng(seed).permutation(cafes.max() + 1)
            teach = np.isin(cafes, order[: len(order) // 2])
        used = (cafes >= 0) & ~teach
        of = np.unique(cafes[used], return_inverse=True)[1]
        style = styles[used][np.unique(of, return_index=True)[1]]
        names = np.unique(style)
        rng = np.random.default_rng(seed)
        pairs = list(combinations(names, 2))
        people = [("one style", (style == name).astype(float)) for name in names]
        people += [("two styles", np.isin(style, pairs[i]).astype(float)) for i in rng.permutation(len(pairs))[:3]]
        space = CafeReduction().fit(rows[teach], [str(cafe) for cafe in cafes[teach]]) if other else None
        yield world(rows[used], of, people, space)


def rows_of(folder: Path, table_: str, output: str, cache: Path) -> tuple[list[dict[str, str]], np.ndarray]:
    """The rows of a table, and of each photo what a run keeps: the compact features, and its looks."""
    records, spaces = read(folder, table_, cache, (output,))
    facts = {"name": "mobilenet_v2", "output": output, "dim": spaces[output].shape[1]}
    rows = compact.compress(spaces[output], [str(i) for i in range(len(records))], facts)["rows"]
    ids = [record["photo_id"] for record in records]
    paths = [folder / record["file"] for record in records]
    pictures = PictureCache(cache)
    seen = thumbnails.make_thumbnails(paths, [thumbnails.kept_side(len(paths))] * len(paths), (), ids, pictures)
    measured = looks.measure_all(seen, pictures)[list(looks.LOOKS)].to_numpy(dtype=float)
    return records, with_looks(rows, measured)


def drawn_factors(rows: list[dict[str, str]]) -> dict[str, Callable[[dict[str, str]], bool]]:
    """Three factors of drawn cafés with two sides each, by the rows of rooms.csv."""
    from cafecrawl.replica.rooms import draw_cafe, furnish

    warm: dict[str, bool] = {}
    for row in rows:
        if row["cafe_id"] not in warm:
            red, _, blue = furnish(draw_cafe(int(row["seed"]), int(row["cafe_id"]))).ambient
            warm[row["cafe_id"]] = blue / red < 0.75  # the two warmer of four tints of the lamps
    return {
        "light": lambda row: row["light"] in ("daylight", "globes"),
        "warmth": lambda row: warm[row["cafe_id"]],
        "clutter": lambda row: row["clutter"] in ("books", "plants", "pipes"),
    }


def drawn_worlds(
    table_: list[dict[str, str]], rows: np.ndarray, factors: dict[str, Callable[[dict[str, str]], bool]], seeds: range
) -> Iterator[World]:
    """160 of the drawn cafés; people who like an atmosphere, and people who like two factors at once."""
    ids = np.array([int(row["cafe_id"]) for row in table_])
    first = {int(row["cafe_id"]): row for row in reversed(table_)}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        kept = np.sort(rng.permutation(np.unique(ids))[:160])
        used = np.isin(ids, kept)
        of = np.unique(ids[used], return_inverse=True)[1]
        truth = [first[int(cafe)] for cafe in kept]
        atmosphere = np.array([row["atmosphere"] for row in truth])
        people: list[Person] = [("one atmosphere", (atmosphere == a).astype(float)) for a in np.unique(atmosphere)]
        sides = {name: np.array([side(row) for row in truth]) for name, side in factors.items()}
        for one, two in combinations(sides, 2):
            wanted = rng.integers(2, size=2).astype(bool)
            liked = (sides[one] == wanted[0]).astype(float) + (sides[two] == wanted[1])
            people.append((f"{one} and {two}", liked))
        yield world(rows[used], of, people)


def time_page(n_cafes: int, n_taps: int) -> None:
    """Time taps on the page of made-up cafés of two photos each, in Chromium at 390 px.

    `busy` is the processor time of the page's thread, with the next question and its drawing, whatever else the machine
    does; the other is the clock's, to the next frame.
    """
    from PIL import Image
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as base:
        run = made_run(2 * n_cafes, Path(base), 2)
        for i in range(2 * n_cafes):
            Image.fromarray(rng.integers(0, 255, (24, 32, 3), np.uint8)).resize((480, 360)).save(f"{base}/{i}.jpg")
        written, _ = page.write_page(taste_space.of_run(profiles.load(run)))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=flags)
            opened = browser.new_page(viewport={"width": 390, "height": 844})
            opened.goto(written.as_uri())
            opened.locator(".primary").first.click()
            session = opened.context.new_cdp_session(opened)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})

            def busy() -> float:
                found = session.send("Performance.getMetrics")["metrics"]
                return 1000 * next(entry["value"] for entry in found if entry["name"] == "TaskDuration")

            took = []
            while len(took) < n_taps:
                if not opened.locator(".pick").count():
                    opened.locator(".share .primary").click()
                before = busy()
                waited = opened.evaluate(
                    """() => new Promise((done) => {
                      const start = performance.now();
                      document.querySelector(".pick").click();
                      requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
                    })"""
                )
                took.append((busy() - before, waited))
            browser.close()
    for name, values in zip(("busy", "until it is drawn"), np.array(took).T, strict=True):
        said = f"mean {values.mean():.0f} ms, 95 % {np.quantile(values, 0.95):.0f} ms, most {values.max():.0f} ms"
        print(f"{n_cafes:,} cafés, {n_taps} taps, {name}: {said}")


def main() -> None:
    """Parse the command line and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("styles", "drawn", "page"))
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--cache", type=Path, default=Path("data/cache"))
    parser.add_argument("--output", choices=("features", "stages"), default="features")
    parser.add_argument("--draws", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--liked", action="store_true", help="cafés that are liked and not, instead of taps")
    parser.add_argument("--cafes", choices=("same", "other"), default="same")
    given = parser.parse_args()
    show = table_of_likes if given.liked else table
    warnings.simplefilter("ignore")
    seeds = range(given.seed, given.seed + given.draws)
    title = f"{given.what}, {given.output}, learnt from the {given.cafes} cafés, {given.draws} draws"
    if given.what == "page":
        time_page(1_000, 60)
    elif given.folder is None:
        parser.error("give a folder")
    elif given.what == "styles":
        records, rows = rows_of(given.folder, "labels.csv", given.output, given.cache)
        styles = np.array([record["style"] for record in records])
        show(styles_worlds(rows, styles, seeds, given.cafes == "other"), title)
    else:
        records, rows = rows_of(given.folder, "rooms.csv", given.output, given.cache)
        show(drawn_worlds(records, rows, drawn_factors(records), seeds), title)


if __name__ == "__main__":
    main()

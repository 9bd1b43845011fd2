"""From a finished run to a survey folder: groups of photos drawn by seed, questions, balanced orders, the page."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cafemood import moods, thumbnails
from cafemood.atomic import writing
from cafemood.errors import SurveyError
from cafemood.photos import file_digest
from cafemood.runs import Run
from cafemood.survey import page, study
from cafemood.survey.orders import order_block, williams_square
from cafemood.survey.study import MIXED, RANDOM, Question, Step, Study

SECONDS = {"alike": 9, "intruder": 12, "odd": 7, "check": 6}
"""What a screen is taken to last when the length is planned; `score` tells what it lasted."""
INTRODUCTION = 60
LONGEST = 600
"""Seconds: people get careless in longer ones."""
SIDE = 640
N_PLANS = 60
POOL = 40
"""Photos that the triplets are made of: few, so that each is met often."""
CANDIDATES = 400
"""Control groups drawn to choose the one whose brightness is nearest to a cluster group's."""


@dataclass(frozen=True)
class Design:
    """What the user may set.

    Args:
        size: Photos in a group; an intruder is found by chance one time in `size`.
        groups: Groups of a cluster, and of each control; None: 3, or 2 where 3 take too long.
        intruders: Intruder questions a cluster.
        triplets: Triplets a person.
        scale: Steps of the rating.
        seed: Of every draw.
        title: Shown to people instead of ours.
    """

    size: int = 4
    groups: int | None = None
    intruders: int = 2
    triplets: int = 12
    scale: int = 5
    seed: int = 0
    title: str = ""


class _Infeasible(Exception):
    """A cluster has too few cafés: (cluster, cafés it has, cafés needed)."""


def build(run: Run, folder: Path, design: Design | None = None) -> Study:
    """Draw a survey and write its folder: `survey.json`, `photos/`, `survey.html`.

    Raises:
        SurveyError: The folder holds a survey, a setting is impossible, or a cluster has too few cafés.
    """
    design = _checked(design or Design(), run.facts["k"])
    if (folder / study.STUDY_FILE).exists():
        fix = "give another folder (--out), or move this one away with its answers"
        raise SurveyError("This folder already holds a survey", where=folder, fix=fix)
    table = run.assignments.reset_index(drop=True)
    table = table.assign(light=moods.looks_of(run)["light"].to_numpy()[: len(table)])
    table["path"] = [run.photos_root / file for file in table["file"]]
    usable = np.array([Path(path).is_file() for path in table["path"]]) & table["light"].notna().to_numpy()
    while True:  # a photo that turns out unreadable is left out, and everything is drawn again
        drawn = _draw(run, table[usable], design, gone=len(table) - int(usable.sum()))
        rows = sorted({row for _, chosen in drawn.groups for row in chosen})
        made = thumbnails.make_thumbnails([table["path"][i] for i in rows], [SIDE] * len(rows))
        same = [file_digest(table["path"][i]) == table["photo_id"][i] for i in rows]
        bad = [i for i, data, own in zip(rows, made, same, strict=True) if data is None or not own]
        if not bad:
            break
        usable[bad] = False
    names = {i: _name(design.seed, table["photo_id"][i]) for i in rows}
    photos: dict[str, Any] = {}
    for i, data in zip(rows, made, strict=True):
        assert data is not None
        with writing(folder / "photos" / names[i]) as partial:
            partial.write_bytes(data)
        photos[names[i]] = {
            "photo_id": table["photo_id"][i],
            "cafe_id": str(table["cafe_id"][i]),
            "cluster": int(table["cluster"][i]),
            "light": round(float(table["light"][i]), 4),
            "digest": hashlib.sha256(data).hexdigest(),
        }
    questions = [replace_photos(q, names, chosen) for q, chosen in drawn.groups]
    plans = _plans(questions, photos, drawn.design, run.facts["k"])
    facts = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": {"folder": str(run.folder.resolve()), "name": run.folder.name, "digest": run.facts["data"]["digest"]},
        "k": int(run.facts["k"]),
        "design": asdict(drawn.design),
        "photos": photos,
        "minutes": round(seconds(questions, plans[0]) / 60, 1),
        "left_out": int((~usable).sum()),
        "brightness": drawn.brightness,
    }
    built = study.write(folder, facts, questions, plans)
    with writing(folder / "survey.html") as partial:
        partial.write_text(page.whole(built), encoding="utf-8")
    return built


def replace_photos(question: Question, names: dict[int, str], rows: Sequence[int]) -> Question:
    """A question with the names of its photos, and of the right one, in place of their rows."""
    answer = question.answer
    if question.kind == "intruder":
        answer = names[int(answer or 0)]
    return replace(question, photos=tuple(names[i] for i in rows), answer=answer)


def seconds(questions: Sequence[Question], plan: Sequence[Step]) -> float:
    """How long a person is taken to need."""
    kinds = {question.id: question.kind for question in questions}
    return INTRODUCTION + sum(SECONDS[kinds[name]] for name, _ in plan)


def _checked(design: Design, k: int) -> Design:
    ranges = {
        "size": (3, 6), "groups": (1, 6), "intruders": (0, 4), "triplets": (0, 40), "seed": (0, 2**31),
    }  # fmt: skip
    for name, (low, high) in ranges.items():
        value = getattr(design, name)
        if value is not None and not low <= value <= high:
            raise SurveyError(f"--{name} is {value}", where="cafemood survey build", fix=f"give {low} to {high}")
    if design.scale not in (5, 7):
        raise SurveyError(f"--scale is {design.scale}", where="cafemood survey build", fix="give 5 or 7")
    if len(design.title) > 120:
        raise SurveyError("The title is too long", where="--title", fix="120 characters at most")
    if k < 2:
        why = "with one cluster there is no control to set it against"
        raise SurveyError("A survey needs two clusters", where="k", why=why, fix="run again with k=2 or more")
    if design.groups is not None:
        expected = _expected_seconds(design, k)
        if expected > LONGEST:
            why = f"a person would need about {expected / 60:.0f} minutes, and people get careless after ten"
            fix = "lower --groups, --intruders or --triplets"
            raise SurveyError("The survey is too long", where="cafemood survey build", why=why, fix=fix)
        return design
    for groups, intruders in ((3, design.intruders), (2, design.intruders), (2, 1), (1, 1), (1, 0)):
        tried = replace(design, groups=groups, intruders=min(intruders, design.intruders))
        if _expected_seconds(tried, k) <= LONGEST:
            return tried
    why = f"{k} clusters and {design.triplets} triplets take a person more than ten minutes"
    raise SurveyError("The survey is too long", where="cafemood survey build", why=why, fix="lower --triplets")


def _expected_seconds(design: Design, k: int) -> float:
    alike = (k + 2) * (design.groups or 1) + 2
    odd = design.triplets + _n_repeats(design.triplets)
    return (
        INTRODUCTION
        + alike * SECONDS["alike"]
        + SECONDS["check"]
        + k * design.intruders * SECONDS["intruder"]
        + odd * SECONDS["odd"]
    )


def _n_repeats(n_triplets: int) -> int:
    return max(2, math.ceil(n_triplets / 10)) if n_triplets >= 4 else 0


@dataclass(frozen=True)
class _Drawn:
    design: Design
    groups: list[tuple[Question, tuple[int, ...]]]
    brightness: dict[str, Any]


class _Deck:
    """Photos by cluster and café; photos and cafés that were drawn less often come first."""

    def __init__(self, table: pd.DataFrame, rng: np.random.Generator) -> None:
        self.table, self.rng = table, rng
        self.cafe = dict(zip(table.index, table["cafe_id"].astype(str), strict=True))
        self.used: Counter[Any] = Counter()

    def rows(self, cluster: int | None = None) -> np.ndarray:
        own = self.table if cluster is None else self.table[self.table["cluster"] == cluster]
        return own.index.to_numpy()

    def n_cafes(self, cluster: int) -> int:
        return len({self.cafe[i] for i in self.rows(cluster)})

    def central(self, cluster: int, size: int) -> np.ndarray:
        """The photos nearest to the group's mean: a third of its cafés, at least `size + 1`, one photo each."""
        own = self.table[self.table["cluster"] == cluster].sort_values("distance", kind="stable")
        best = own.drop_duplicates("cafe_id").index.to_numpy()
        return best[: max(size + 1, math.ceil(len(best) / 3))]

    def draw(self, rows: np.ndarray, size: int, apart: Sequence[int] = ()) -> tuple[int, ...] | None:
        """`size` photos of different cafés, none of them a café of `apart`; None if there are too few."""
        taken = {self.cafe[i] for i in apart}
        chance = self.rng.random(len(rows))
        order = sorted(
            range(len(rows)),
            key=lambda i: (self.used[self.cafe[rows[i]]], self.used[int(rows[i])], chance[i]),
        )
        chosen: list[int] = []
        for i in order:
            if len(chosen) < size and self.cafe[rows[i]] not in taken:
                chosen.append(int(rows[i]))
                taken.add(self.cafe[rows[i]])
        return tuple(chosen) if len(chosen) == size else None

    def take(self, chosen: Sequence[int]) -> None:
        self.used.update(int(i) for i in chosen)
        self.used.update(self.cafe[i] for i in chosen)


def _draw(run: Run, table: pd.DataFrame, design: Design, gone: int) -> _Drawn:
    k, size = int(run.facts["k"]), design.size
    rng = np.random.default_rng(design.seed)
    deck = _Deck(table, rng)
    for j in range(k):
        if deck.n_cafes(j) < size + (1 if (design.groups or 1) > 1 else 0):
            raise _too_few(j, deck.n_cafes(j), design, gone)
    groups: list[tuple[Question, tuple[int, ...]]] = []
    for j in range(k):
        seen: set[frozenset[int]] = set()
        for g in range(design.groups or 1):
            stratum = "central" if g == 0 and (design.groups or 1) > 1 else "random"
            source = deck.central(j, size) if stratum == "central" else deck.rows(j)
            chosen = _new_group(deck, source, size, seen)
            if chosen is None:
                raise _too_few(j, deck.n_cafes(j), design, gone)
            deck.take(chosen)
            groups.append((_question(design, "alike", f"cluster {j + 1}", g, stratum=stratum), chosen))
    own = [chosen for _, chosen in groups]
    matched: dict[str, Any] = {"cluster": _light(table, own)}
    for condition, draw in ((MIXED, _mixed), (RANDOM, _random)):
        controls = _matched(deck, partial(draw, deck, k, size), own, design.groups or 1)
        if len(controls) < (design.groups or 1):
            smallest = min(range(k), key=deck.n_cafes)
            raise _too_few(smallest, deck.n_cafes(smallest), design, gone)
        groups += [(_question(design, "alike", condition, g), c) for g, c in enumerate(controls)]
        matched[condition] = _light(table, controls)
    check = deck.draw(deck.rows(), size)
    if check is None:
        raise SurveyError("There are too few cafés", where=run.folder, fix="lower --size")
    groups.append((_question(design, "check", "check", 0, answer=int(rng.integers(2, design.scale))), check))
    groups += _intruders(run, deck, design)
    groups += _triplets(deck, design)
    return _Drawn(design, groups, matched)


def _new_group(deck: _Deck, rows: np.ndarray, size: int, seen: set[frozenset[int]]) -> tuple[int, ...] | None:
    for attempt in range(50):
        # after the least used photos come all: a small cluster has to show some twice
        chosen = deck.draw(rows if attempt < 5 else deck.rng.permutation(rows)[: max(size, len(rows) - 1)], size)
        if chosen is not None and frozenset(chosen) not in seen:
            seen.add(frozenset(chosen))
            return chosen
    return None


def _mixed(deck: _Deck, k: int, size: int) -> tuple[int, ...] | None:
    """One photo of each cluster; with fewer clusters than places each comes as often as the others or once more."""
    clusters = [int(j) for _ in range(-(-size // k)) for j in deck.rng.permutation(k)][:size]
    chosen: list[int] = []
    for j in clusters:
        free = [i for i in deck.rng.permutation(deck.rows(j)) if deck.cafe[i] not in {deck.cafe[c] for c in chosen}]
        if not free:
            return None
        chosen.append(int(free[0]))
    return tuple(chosen)


def _random(deck: _Deck, k: int, size: int) -> tuple[int, ...] | None:
    """Photos of different cafés, clusters as frequent as they are."""
    chosen: list[int] = []
    for i in deck.rng.permutation(deck.rows()):
        if len(chosen) < size and deck.cafe[i] not in {deck.cafe[c] for c in chosen}:
            chosen.append(int(i))
    return tuple(chosen) if len(chosen) == size else None


def _matched(
    deck: _Deck, draw: Callable[[], tuple[int, ...] | None], like: Sequence[tuple[int, ...]], n: int
) -> list[tuple[int, ...]]:
    """`n` groups whose brightness (mean, and spread within the group) is nearest to that of groups in `like`."""
    drawn = {frozenset(group): group for _ in range(CANDIDATES) if (group := draw()) is not None}
    candidates = list(drawn.values())
    found: list[tuple[int, ...]] = []
    targets = [like[i] for i in np.linspace(0, len(like) - 1, n).round().astype(int)]
    for target in targets:
        if not candidates:
            break
        distance = [math.dist(_mean_sd(deck.table, c), _mean_sd(deck.table, target)) for c in candidates]
        found.append(candidates.pop(int(np.argmin(distance))))
        deck.take(found[-1])
    return found


def _mean_sd(table: pd.DataFrame, rows: Sequence[int]) -> tuple[float, float]:
    light = table.loc[list(rows), "light"].to_numpy()
    return float(light.mean()), float(light.std())


def _light(table: pd.DataFrame, groups: Sequence[tuple[int, ...]]) -> dict[str, float]:
    """Mean brightness of groups and mean spread within them: what the match came to."""
    each = np.array([_mean_sd(table, group) for group in groups])
    return {"mean": round(float(each[:, 0].mean()), 4), "spread": round(float(each[:, 1].mean()), 4)}


def _intruders(run: Run, deck: _Deck, design: Design) -> list[tuple[Question, tuple[int, ...]]]:
    """`size - 1` photos of a cluster and one of another: of the nearest by its centre (near) or the farthest."""
    centers = run.model[0]["centers"]
    found = []
    for j in range(len(centers)):
        others = sorted((o for o in range(len(centers)) if o != j), key=lambda o: math.dist(centers[j], centers[o]))
        for g in range(design.intruders):
            near = g % 2 == 0
            other = others[0] if near else others[-1]
            hosts = deck.draw(deck.rows(j), design.size - 1)
            guest = deck.draw(deck.rows(other), 1, apart=hosts or ())
            if hosts is None or guest is None:
                raise _too_few(j if hosts is None else other, deck.n_cafes(j if hosts is None else other), design, 0)
            deck.take([*hosts, *guest])
            stratum = "only" if len(others) == 1 else "near" if near else "far"
            question = _question(design, "intruder", f"cluster {j + 1}", g, answer=guest[0], stratum=stratum)
            found.append((question, (*hosts, *guest)))
    return found


def _triplets(deck: _Deck, design: Design) -> list[tuple[Question, tuple[int, ...]]]:
    """Random triplets of a pool of photos, each photo about as often; ten times as many as a person sees."""
    if not design.triplets:
        return []
    pool = deck.draw(deck.rng.permutation(deck.rows()), min(POOL, len(set(deck.cafe.values()))))
    if pool is None or len(pool) < 6:
        fix = "give --triplets 0, or more photos"
        raise SurveyError("There are too few cafés for triplets", where="--triplets", fix=fix)
    wanted = min(10 * design.triplets, math.comb(len(pool), 3))
    chosen: dict[frozenset[int], tuple[int, ...]] = {}
    while len(chosen) < wanted:
        shuffled = [int(i) for i in deck.rng.permutation(pool)]
        for at in range(0, len(shuffled) - 2, 3):
            if len(chosen) < wanted:
                chosen.setdefault(frozenset(shuffled[at : at + 3]), tuple(shuffled[at : at + 3]))
    return [(_question(design, "odd", "pool", g), rows) for g, rows in enumerate(chosen.values())]


def _question(design: Design, kind: str, condition: str, index: int, **more: Any) -> Question:
    """Its id tells a respondent nothing."""
    word = hashlib.sha256(f"{design.seed} {kind} {condition} {index}".encode()).hexdigest()[:10]
    return Question(f"q{word}", kind, condition, (), **more)


def _name(seed: int, photo_id: str) -> str:
    return hashlib.sha256(f"{seed} {photo_id}".encode()).hexdigest()[:16] + ".webp"


def _too_few(cluster: int, n_cafes: int, design: Design, gone: int) -> SurveyError:
    needed = design.size + (1 if (design.groups or 1) > 1 else 0)
    lost = f" ({gone} photos of the run are gone or have changed)" if gone else ""
    why = f"it has {n_cafes} café{'' if n_cafes == 1 else 's'}{lost}; groups of {design.size} photos, one a café, need "
    fix = f"lower --size to {n_cafes - 1}" if n_cafes >= 4 else "choose a run with fewer clusters (k), or more photos"
    return SurveyError(f"Cluster {cluster + 1} has too few cafés", where="--size", why=f"{why}{needed}", fix=fix)


def _plans(questions: list[Question], photos: dict[str, Any], design: Design, k: int) -> list[list[Step]]:
    """Orders of the screens; `questions` gets the repeats that they hold.

    The rating's conditions follow a Williams square, each round of groups another row of it, so that each
    condition comes equally often at each place and after each other one. Intruders and triplets follow in
    random order. Photos stand at random places. No café comes in two screens running.
    """
    by_condition: dict[str, list[Question]] = {}
    for question in questions:
        if question.kind == "alike":
            by_condition.setdefault(question.condition, []).append(question)
    conditions = list(by_condition)
    check = next(q for q in questions if q.kind == "check")
    intruders = [q for q in questions if q.kind == "intruder"]
    triplets = [q for q in questions if q.kind == "odd"]
    square = williams_square(len(conditions))
    groups = design.groups or 1
    repeats: dict[str, Question] = {}

    def again(question: Question) -> Question:
        name = "q" + hashlib.sha256(f"again {question.id}".encode()).hexdigest()[:10]
        return repeats.setdefault(name, replace(question, id=name, repeat_of=question.id))

    plans = []
    for p in range(N_PLANS):
        rng = np.random.default_rng([design.seed, p])
        alike = []
        for turn in range(groups):
            row = square[(p + turn * (len(square) // 2 + 1)) % len(square)]
            alike += [by_condition[conditions[c]][(turn + p // len(square)) % groups] for c in row]
        first = alike[: max(2, len(alike) // 2)]
        alike += [again(first[int(i)]) for i in rng.choice(len(first), 2, replace=False)]
        alike.insert(len(alike) // 2, check)
        mixed_up = [intruders[int(i)] for i in rng.permutation(len(intruders))]
        own = [triplets[(p * design.triplets + i) % len(triplets)] for i in range(design.triplets if triplets else 0)]
        own += [again(question) for question in own[: _n_repeats(len(own))]]
        ordered: list[Question] = []
        for block in (alike, mixed_up, own):
            ordered += order_block(block, lambda q: {photos[n]["cafe_id"] for n in q.photos}, ordered[-1:], rng)
        plans.append([(q.id, tuple(str(n) for n in rng.permutation(q.photos))) for q in ordered])
    questions += repeats.values()
    return plans

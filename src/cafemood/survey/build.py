"""From a finished run to a survey folder: groups of photos, questions, balanced orders, the page."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cafemood.cafes import moods
from cafemood.core.atomic import writing
from cafemood.core.names import text_of
from cafemood.data.images import file_digest
from cafemood.errors import SurveyError
from cafemood.runs import thumbnails
from cafemood.runs.run import Run
from cafemood.survey import page, study
from cafemood.survey.design import Design
from cafemood.survey.draw import Drawn, draw
from cafemood.survey.kinds.base import Turn
from cafemood.survey.kinds.registry import KINDS
from cafemood.survey.length import checked, seconds
from cafemood.survey.orders import order_block
from cafemood.survey.question import Question, Step
from cafemood.survey.study import Study

SIDE = 640
N_PLANS = 60
ATTEMPTS = 30
"""Draws that are tried until the questions can be put in orders where no café comes twice running."""


def build(run: Run, folder: Path, design: Design | None = None) -> Study:
    """Draw a survey and write its folder: `survey.json`, `photos/`, `survey.html`.

    Raises:
        SurveyError: The folder holds a survey, a setting is impossible, or a cluster has too few cafés.
    """
    design = checked(design or Design(), run.card.k)
    if (folder / study.STUDY_FILE).exists():
        fix = "give another folder (--out), or move this one away with its answers"
        raise SurveyError("This folder already holds a survey", where=folder, fix=fix)
    table = run.assignments.reset_index(drop=True)
    table = table.assign(light=moods.looks_of(run)["light"].to_numpy()[: len(table)])
    table["path"] = pd.Series([run.where(file) for file in table["file"]], dtype=object)
    seen = table["light"].notna().to_numpy()
    not_shown = ~seen & ~np.isin(table.index, thumbnails.shown(run))  # of very many photos: nobody looked at them
    usable = np.array([Path(path).is_file() for path in table["path"]]) & seen
    while True:  # a photo that turns out unreadable is left out, and everything is drawn again
        drawn, names, questions, plans = _arrange(run, table[usable], design, int((~usable & ~not_shown).sum()))
        rows = sorted(names)
        made = thumbnails.make_thumbnails([table["path"][i] for i in rows], [SIDE] * len(rows))
        same = [file_digest(table["path"][i]) == table["photo_id"][i] for i in rows]
        bad = [i for i, data, own in zip(rows, made, same, strict=True) if data is None or not own]
        if not bad:
            break
        usable[bad] = False
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
    facts = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": {
            "folder": text_of(run.folder.resolve()),
            "name": text_of(run.folder.name),
            "digest": run.card.data.digest,
        },
        "k": run.card.k,
        "design": asdict(drawn.design),
        "photos": photos,
        "minutes": round(seconds(questions, plans[0]) / 60, 1),
        "left_out": int((~usable & ~not_shown).sum()),
        "not_shown": int(not_shown.sum()),
        **drawn.notes,
    }
    built = study.make(folder, facts, questions, plans)
    with writing(folder / "survey.html") as partial:
        partial.write_text(page.whole(built), encoding="utf-8")
    study.write(built)
    return built


def _arrange(
    run: Run, table: pd.DataFrame, design: Design, gone: int
) -> tuple[Drawn, dict[int, str], list[Question], list[list[Step]]]:
    """Draw until the questions can be ordered; the photos' names by row, the questions, and the orders."""
    for attempt in range(ATTEMPTS):
        drawn = draw(run, table, design, gone, attempt)
        rows = sorted({row for _, chosen in drawn.groups for row in chosen})
        names = {i: _name(design.seed, table["photo_id"][i]) for i in rows}
        cafes = {names[i]: str(table["cafe_id"][i]) for i in rows}
        questions = [KINDS[q.kind].with_names(q, names, chosen) for q, chosen in drawn.groups]
        try:
            return drawn, names, questions, _plans(questions, cafes, drawn.design)
        except SurveyError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _name(seed: int, photo_id: str) -> str:
    return hashlib.sha256(f"{seed} {photo_id}".encode()).hexdigest()[:16] + ".webp"


def _plans(questions: list[Question], cafes: Mapping[str, str], design: Design) -> list[list[Step]]:
    """Orders of the screens, the kinds one after the other; `questions` gets the repeats that they hold.

    Photos stand at random places. No café comes in two screens running.
    """
    by_kind = {name: [question for question in questions if question.kind == name] for name in KINDS}
    repeats: dict[str, Question] = {}

    def shown(question: Question) -> set[str]:
        return {cafes[name] for name in question.photos}

    def again(question: Question) -> Question:
        name = "q" + hashlib.sha256(f"again {question.id}".encode()).hexdigest()[:10]
        return repeats.setdefault(name, replace(question, id=name, repeat_of=question.id))

    plans = []
    for p in range(N_PLANS):
        rng = np.random.default_rng([design.seed, p])
        turn = Turn(p, design, rng, again)
        parts = {name: kind.blocks(by_kind[name], turn) for name, kind in KINDS.items() if kind.within is None}
        for name, kind in KINDS.items():
            if kind.within is not None:
                parts[kind.within] = [kind.insert(by_kind[name], block) for block in parts[kind.within]]
        ordered: list[Question] = []
        for blocks in parts.values():
            ordered += _first_that_fits(blocks, shown, ordered[-1:], rng)
        plans.append([(q.id, tuple(str(n) for n in rng.permutation(q.photos))) for q in ordered])
    questions += repeats.values()
    return plans


def _first_that_fits(
    blocks: Iterable[list[Question]],
    cafes: Callable[[Question], set[str]],
    before: Sequence[Question],
    rng: np.random.Generator,
) -> list[Question]:
    """The first of some blocks that can be ordered, in order.

    Raises:
        SurveyError: None can; see `order_block`.
    """
    last: SurveyError | None = None
    for block in blocks:
        try:
            return order_block(block, cafes, before, rng)
        except SurveyError as error:
            last = error
    assert last is not None
    raise last

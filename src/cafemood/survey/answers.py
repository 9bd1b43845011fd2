"""Answers from the database and from downloaded files, checked and laid out: one row an answer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from cafemood.core.atomic import write_csv, writing
from cafemood.core.reasons import Flaw, reason_of
from cafemood.errors import SurveyError
from cafemood.survey.kinds.registry import KINDS
from cafemood.survey.store import TABLE, read_people
from cafemood.survey.study import DAY, GENDERS, LANGUAGES, Study

ANSWER_FOLDER = "answers"
LARGEST_FILE = 1_000_000

CODEBOOK = {
    "person": "number of the person in this table; no name, contact or address was ever stored",
    "delivery": "`server` (cafemood survey serve) or `file` (downloaded from survey.html)",
    "gender": "`woman`, `man`, `other`, or `unsaid`, as the person said",
    "language": "`ko` or `en`, in which the person began",
    "started": "when the person began, UTC, to the minute",
    "finished": "whether the person reached the end: answered or skipped every question",
    "passed_check": "whether the attention check was answered as asked; empty if it was not reached or skipped",
    "plan": "which of the built orders the person got, from 0",
    "position": "place of the question in that order, from 1",
    "question": "the question's id, as in survey.json",
    "kind": "; ".join(f"`{kind.name}`: {kind.about}" for kind in KINDS.values()),
    "condition": "`cluster j` as the report counts; `mixed`: one photo of each cluster; `random`: any photos; `pool`",
    "stratum": "`central` or `random` draw of a group; `near`, `far` or `only` cluster that an intruder is from",
    "repeat_of": "the question that this one asks again; empty for first askings",
    "photos": "the photos in the order shown, by the names of survey.json",
    "answer": "rating, number pressed, or name of the photo chosen; empty: skipped",
    "place": "place of the photo chosen, from 1; empty for ratings",
    "correct": "whether intruder or attention check was answered right; empty where nothing is right",
    "seconds": "time on the screen, coming back included",
}


@dataclass(frozen=True)
class Gathered:
    """The table (columns: `CODEBOOK`), and what was left out."""

    table: pd.DataFrame
    skipped: list[dict[str, str]] = field(default_factory=list)

    @property
    def people(self) -> pd.DataFrame:
        """One row a person."""
        columns = ["person", "delivery", "gender", "language", "finished", "passed_check"]
        return self.table[columns].drop_duplicates("person").set_index("person")

    @property
    def counted(self) -> pd.DataFrame:
        """The rows of people who did not fail the attention check."""
        return self.table[self.table["passed_check"] != False]  # noqa: E712  (None is not a failure)


def gather(study: Study) -> Gathered:
    """Everybody's answers to a survey.

    Raises:
        SurveyError: The database is damaged or another survey's, or nobody has answered.
    """
    people = [person | {"delivery": "server"} for person in read_people(study)]
    files, skipped = _read_files(study)
    people += files
    rows = [row for n, person in enumerate((p for p in people if p["answers"]), 1) for row in _rows(study, person, n)]
    if not rows:
        left = f"; {len(skipped)} files were left out: {skipped[0]['reason']}" if skipped else ""
        fix = f"serve it (cafemood survey serve {study.folder}), or put answer files into {ANSWER_FOLDER}/"
        raise SurveyError("Nobody has answered yet", where=study.folder, why=f"no answers were found{left}", fix=fix)
    table = pd.DataFrame(rows, columns=list(CODEBOOK))
    # as given: of ratings alone pandas would make floats, and NaN of skips
    table["answer"] = pd.Series([row["answer"] for row in rows], dtype=object)
    return Gathered(table, skipped)


def write_table(study: Study, gathered: Gathered) -> Path:
    """Write `answers.csv` and `codebook.md`."""
    path = study.folder / TABLE
    write_csv(path, gathered.table)
    lines = [f"- `{column}`: {meaning}" for column, meaning in CODEBOOK.items()]
    design = ", ".join(f"{name} {value}" for name, value in study.facts["design"].items() if value != "")
    text = f"# answers.csv\n\nSurvey {study.id}; {design}. One row an answer.\n\n" + "\n".join(lines) + "\n"
    with writing(study.folder / "codebook.md") as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def _read_files(study: Study) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    found: dict[str, dict[str, Any]] = {}
    skipped = []
    folder = study.folder / ANSWER_FOLDER
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        try:
            person = _checked(study, path)
        except (OSError, ValueError, RecursionError) as error:
            skipped.append({"file": path.name, "reason": reason_of(error, path)})
            continue
        before = found.get(person["person"])
        if before is not None:
            skipped.append({"file": path.name, "reason": "the same person's answers came twice; the fuller counts"})
        if before is None or len(person["answers"]) > len(before["answers"]):
            found[person["person"]] = person
    return list(found.values()), skipped


def _checked(study: Study, path: Path) -> dict[str, Any]:
    if path.stat().st_size > LARGEST_FILE:
        raise Flaw("it is too large for an answer file")
    try:
        person = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise Flaw("it is no answer file") from None
    if not isinstance(person, dict) or "survey" not in person:
        raise Flaw("it is no answer file")
    if person["survey"] != study.id:
        raise Flaw("it answers another survey")
    plan, answers = person.get("plan"), person.get("answers")
    good = (
        isinstance(person.get("person"), str)
        and re.fullmatch(r"[0-9a-f]{32}", person["person"])
        and plan in range(len(study.plans))
        and person.get("gender") in GENDERS
        and person.get("language") in LANGUAGES
    )
    if not good or not isinstance(plan, int) or not isinstance(answers, dict):
        raise Flaw("it was changed: a field is not what the page writes")
    asked = {name for name, _ in study.plan(plan)}
    for question, given in answers.items():
        reason = "there is no such question" if question not in asked else None
        if reason is None:
            well = isinstance(given, dict) and {"value", "seconds"} <= set(given)
            reason = study.refusal(question, given["value"]) if well else "an answer is not what the page writes"
        if reason is None:
            taken = given["seconds"]
            number = isinstance(taken, int | float) and not isinstance(taken, bool)
            reason = None if number and 0 <= taken <= DAY else "a time is impossible"
        if reason:
            raise Flaw(f"it was changed: {reason}")
    started = person.get("started")
    clock = isinstance(started, str) and re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d", started)
    return {
        "person": person["person"], "delivery": "file", "plan": plan, "gender": person["gender"],
        "language": person["language"], "started": str(started)[:16] + "+00:00" if clock else None,
        "finished": person.get("finished") is True, "answers": answers,
    }  # fmt: skip


def _rows(study: Study, person: dict[str, Any], number: int) -> list[dict[str, Any]]:
    answers = person["answers"]
    steps = study.plan(person["plan"])
    check = next((name for name, _ in steps if KINDS[study.questions[name].kind].is_check), "")
    pressed = answers.get(check, {}).get("value")
    passed = None if pressed is None else pressed == study.questions[check].answer
    finished = person["finished"] and all(name in answers for name, _ in steps)  # a server also hears of who stops
    rows = []
    for position, (name, photos) in enumerate(steps, 1):
        if name not in answers or study.refusal(name, answers[name]["value"]):
            continue
        question, value = study.questions[name], answers[name]["value"]
        rows.append(
            {
                "person": number,
                "delivery": person["delivery"],
                "gender": person["gender"],
                "language": person["language"],
                "started": person["started"],
                "finished": finished,
                "passed_check": passed,
                "plan": person["plan"] % len(study.plans),
                "position": position,
                "question": name,
                "kind": question.kind,
                "condition": question.condition,
                "stratum": question.stratum,
                "repeat_of": question.repeat_of,
                "photos": " ".join(photos),
                "answer": value,
                "place": photos.index(value) + 1 if isinstance(value, str) else None,
                "correct": None if value is None or question.answer is None else value == question.answer,
                "seconds": answers[name]["seconds"],
            }
        )
    return rows

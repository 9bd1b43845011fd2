"""A built survey: its questions, the orders in which people meet them, and what counts as an answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cafemood.core.atomic import write_json
from cafemood.core.reasons import Flaw, reason_of
from cafemood.errors import SurveyError
from cafemood.survey.kinds.registry import KINDS
from cafemood.survey.question import Question, Step

if TYPE_CHECKING:
    from cafemood.runs.run import Run

SCHEMA_VERSION = 1
STUDY_FILE = "survey.json"
GENDERS = ("woman", "man", "other", "unsaid")
LANGUAGES = ("ko", "en")
DAY = 86_400.0


@dataclass(frozen=True)
class Study:
    """A survey folder, read."""

    folder: Path
    facts: dict[str, Any]

    @property
    def id(self) -> str:
        """The same design on the same photos has the same id; answers carry it."""
        return str(self.facts["id"])

    def rows_in(self, run: Run) -> dict[str, int]:
        """Row of each of its photos, by name, among the run's photos; without those that the run lacks."""
        row_of = {photo_id: i for i, photo_id in enumerate(run.photos["photo_id"])}
        photos = self.facts["photos"].items()
        return {name: row_of[about["photo_id"]] for name, about in photos if about["photo_id"] in row_of}

    @property
    def scale(self) -> int:
        """Steps of the rating: 5 or 7."""
        return int(self.facts["design"]["scale"])

    @property
    def clusters(self) -> list[str]:
        """The conditions that are clusters, in order."""
        return [f"cluster {j + 1}" for j in range(self.facts["k"])]

    @cached_property
    def questions(self) -> dict[str, Question]:
        """Every question by its id."""
        questions = [Question(**{**q, "photos": tuple(q["photos"])}) for q in self.facts["questions"]]
        for question in questions:
            if question.kind not in KINDS:
                raise Flaw(f"there is no kind of question {question.kind!r} here")
        return {question.id: question for question in questions}

    @cached_property
    def plans(self) -> list[list[Step]]:
        """The orders that people get in turn."""
        return [[(name, tuple(photos)) for name, photos in plan] for plan in self.facts["plans"]]

    def plan(self, number: int) -> list[Step]:
        """The screens of the person with this number, from 0."""
        return self.plans[number % len(self.plans)]

    def steps(self, number: int) -> list[dict[str, Any]]:
        """The same for a page: nothing in it tells which answer is right, or where the photos are from."""
        steps: list[dict[str, Any]] = []
        for name, photos in self.plan(number):
            question = self.questions[name]
            steps.append({"id": name, "photos": photos, **KINDS[question.kind].step(question)})
        return steps

    def refusal(self, question: str, value: Any) -> str | None:
        """Why this is no answer to this question; None if it is one. `None` as value means: skipped."""
        asked = self.questions.get(question)
        if asked is None:
            return "there is no such question"
        return None if value is None else KINDS[asked.kind].refusal(asked, value, self.scale)


def fingerprint(facts: Mapping[str, Any]) -> str:
    """The identity of a design: SHA-256 over what people see and what is right, 16 digits of it."""
    parts = {key: facts[key] for key in ("k", "design", "photos", "questions", "plans")}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def make(folder: Path, facts: dict[str, Any], questions: list[Question], plans: list[list[Step]]) -> Study:
    """A study with its id; nothing is written."""
    facts = {"schema_version": SCHEMA_VERSION} | facts | {"questions": [asdict(q) for q in questions], "plans": plans}
    facts = json.loads(json.dumps(facts))
    facts["id"] = fingerprint(facts)
    return Study(folder, facts)


def write(study: Study) -> None:
    """Write `survey.json`, the last file of a build: a folder without it is no survey."""
    write_json(study.folder / STUDY_FILE, study.facts)


def load(folder: str | Path) -> Study:
    """Open a survey folder.

    Raises:
        SurveyError: It is none, it is damaged or was edited, or a newer cafemood wrote it.
    """
    folder = Path(folder).expanduser()
    path = folder / STUDY_FILE
    if not path.is_file():
        why = "it has no survey.json" if folder.is_dir() else "it does not exist"
        raise SurveyError("This is not a survey", where=folder, why=why, fix="make one: cafemood survey build RUN")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        version = facts["schema_version"]
        if version <= SCHEMA_VERSION and fingerprint(facts) != facts["id"]:
            raise Flaw("its content is not what was built (was it edited?)")
        study = Study(folder, facts)
        _ = study.questions, study.plans
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = reason_of(error, path)
        raise SurveyError("The survey cannot be read", where=path, why=why, fix="build it again") from None
    if version > SCHEMA_VERSION:
        raise SurveyError("A newer cafemood built this survey", where=folder, fix="update cafemood")
    return study


def read_photos(study: Study) -> dict[str, bytes]:
    """The built photos by name, each exactly as it was built.

    Raises:
        SurveyError: One is missing, is a link, or has changed.
    """
    found = {}
    for name, about in study.facts["photos"].items():
        path = study.folder / "photos" / name
        if Path(name).name != name or path.is_symlink() or not path.is_file():
            fix = "build the survey again, elsewhere or after moving its answers"
            raise SurveyError("A photo of the survey is gone", where=path, fix=fix)
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != about["digest"]:
            raise SurveyError("A photo of the survey has changed since the build", where=path, fix="build it again")
        found[name] = data
    return found

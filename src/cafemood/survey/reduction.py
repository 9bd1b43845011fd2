"""The space that people taught, as a reduction: `reduce=people reduce.answers=DIR`."""

from __future__ import annotations

import logging
from pathlib import Path

from cafemood.clustering.stored_reduction import StoredReduction
from cafemood.core.checked import read_tensors
from cafemood.core.reasons import Flaw, reason_of
from cafemood.errors import SurveyError
from cafemood.survey import answers as answers_of
from cafemood.survey import learning, study
from cafemood.survey.people_map import MAP_FILE
from cafemood.survey.score import run_of

log = logging.getLogger(__name__)


def people_reduction(answers: str) -> StoredReduction:
    """The reduction that `reduce=people` names: learnt now where `cafemood survey learn` has not been called.

    Args:
        answers: A survey's folder, with answers.

    Raises:
        SurveyError: It is none, nobody has answered, there are too few answers, its run is gone, or the map is of
            another survey or damaged.
    """
    opened = study.load(answers)
    path = opened.folder / MAP_FILE
    if not path.exists():
        run, missing = run_of(opened)
        if run is None:
            fix = f"cafemood survey learn {opened.folder} --run RUN"
            raise SurveyError(
                "What people teach cannot be learnt", where=f"reduce.answers={answers}", why=missing, fix=fix
            )
        for finding in learning.learn(opened, answers_of.gather(opened), run).findings:
            log.warning("%s", finding.text)
        if not path.exists():
            why = "it has too few answers to questions that ask for one of several photos"
            fix = "build a survey with --triplets 12 and more"
            raise SurveyError("There is no map to take", where=f"reduce.answers={answers}", why=why, fix=fix)
    return read(opened.folder, opened.id, str(answers))


def read(folder: Path, survey_id: str, given: str) -> StoredReduction:
    """The map of a survey's folder.

    Raises:
        SurveyError: It is damaged, or of another survey.
    """
    path, fix = folder / MAP_FILE, f"cafemood survey learn {folder}"
    try:
        tensors, about = read_tensors(path)
        fingerprint, survey = about["fingerprint"], about["survey"]
        if not {"pca.mean", "pca.components", "rows.unit"} <= tensors.keys():
            raise Flaw("it lacks a part")
    except Exception as error:
        raise SurveyError("The map cannot be read", where=path, why=reason_of(error, path), fix=fix) from None
    if survey != survey_id:
        raise SurveyError("The map is of another survey", where=path, why="survey.json has changed", fix=fix)
    return StoredReduction(tensors, f"reduce.answers={given}", fingerprint, "people")

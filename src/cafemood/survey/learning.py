"""All that a survey teaches, learnt and kept: the map of `reduce=people`, and the rated scales of every photo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cafemood.cafes import profiles, scales
from cafemood.core.atomic import write_json
from cafemood.errors import SurveyError
from cafemood.evaluation.findings import Finding
from cafemood.runs.run import Run
from cafemood.survey import people_map, raters, scale_models
from cafemood.survey.answers import Gathered
from cafemood.survey.kinds.ambiance import Ambiance
from cafemood.survey.statistics import Found
from cafemood.survey.study import Study

FIGURES_FILE = "people.json"


@dataclass(frozen=True)
class Learnt:
    """What was learnt.

    Attributes:
        figures: As `people.json` holds them: `map`, `scales`.
        findings: In words.
        paths: The files that were written.
        has_map: Whether there is a map for `reduce=people`.
    """

    figures: Found
    findings: list[Finding]
    paths: list[Path]
    has_map: bool


def learn(study: Study, gathered: Gathered, run: Run, *, seed: int = 0) -> Learnt:
    """Learn what the answers teach, and write it: into the survey's folder, and predicted scales into the run's.

    Args:
        study: The survey.
        gathered: Its answers.
        run: The run that it was built from.
        seed: Of what is held out.

    Raises:
        SurveyError: No answer counts, or there are too few to learn anything from.
        RunError: The run keeps no features.
    """
    counted = gathered.counted
    rated = bool((counted["kind"] == Ambiance.name).any())
    figures: Found = {"survey": study.id, "map": None, "scales": []}
    findings: list[Finding] = []
    paths = [study.folder / FIGURES_FILE]
    try:
        tensors, figures["map"] = people_map.learn(study, counted, run, seed=seed)
        findings += people_map.findings(figures["map"])
        paths.append(people_map.write(study, run, tensors))
    except SurveyError as error:
        if not rated:
            raise
        findings.append(Finding("no-people-map", "info", f"No map was learnt: {error.why}."))
    if rated:
        table, figures["scales"] = scale_models.predict(study, counted, run, seed=seed)
        findings += scale_models.findings(figures["scales"])
        if len(table.columns) > 1:
            scales.write(run, table)
            paths.append(run.folder / scales.SCALES_FILE)
        else:  # earlier answers may have said more
            (run.folder / scales.SCALES_FILE).unlink(missing_ok=True)
        scales.write(run, raters.means(study, counted), scales.RATED_FILE)
        profiles.build(run)
    write_json(paths[0], figures | {"findings": [finding.to_json() for finding in findings]})
    return Learnt(figures, findings, paths, figures["map"] is not None)

"""The human study of a finished run: build its pages, serve them, score the answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULT_FILE = "survey_result.json"


def result(run_folder: Path) -> dict[str, Any] | None:
    """What people said about a run, as `survey score` left it there; None if nobody was asked.

    `agreement` holds alpha and ICC, `clusters` one entry a cluster (mean, interval, test against the mixed
    control, intruders found), `follows` the correlation of each machine score with people, `people` counts.

    Raises:
        SurveyError: The file is damaged.
    """
    from cafemood.core.reasons import reason_of
    from cafemood.errors import SurveyError

    path = run_folder / RESULT_FILE
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {**found, "clusters": found["clusters"], "people": found["people"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        fix = "run `cafemood survey score` again, or delete it"
        why = reason_of(error, path)
        raise SurveyError("The survey's result cannot be read", where=path, why=why, fix=fix) from None

"""Several runs that were shown to people: what they said of each, and which machine score they follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cafemood import survey
from cafemood.runs.run import Run
from cafemood.survey.statistics import follows

FEWEST_RUNS = 5
"""Fewer runs allow no p below 0.05, whatever people say: the least is 2 / n!, of four 0.083."""


def across(runs: Sequence[Run], names: Sequence[str], choices: Sequence[float | None]) -> dict[str, Any] | None:
    """What people said of the runs that have a survey's result; None where none has.

    Args:
        runs: The runs.
        names: What they are called.
        choices: The label-free score of each.

    Returns:
        `rows`: for each run `run`, `people`, `lift` (mean over its clusters of the rating above the mixed
        control, in steps), `intruders` (share found), `chance`, `choice` and `silhouette`;
        `follows`: Spearman of both scores with `lift`, exact permutation p; `text`: the same in words.

    Raises:
        SurveyError: A result is damaged.
    """
    rows = []
    for run, name, choice in zip(runs, names, choices, strict=True):
        found = survey.result(run.folder)
        if found is None:
            continue
        lifts = [entry["versus_mixed"]["difference"] for entry in found["clusters"]]
        known = [lift for lift in lifts if lift is not None]
        rows.append(
            {
                "run": name,
                "people": found["people"]["counted"],
                "lift": sum(known) / len(known) if known else None,
                "intruders": found["intruders"]["all"]["share"],
                "chance": found["intruders"]["chance"],
                "choice": choice,
                "silhouette": run.scores["scores"].get("silhouette@features"),
            }
        )
    if not rows:
        return None
    people = [row["lift"] for row in rows]
    scores = {"choice": "our score", "silhouette": "silhouette@features"}
    each = [{"name": said, **follows([row[key] for row in rows], people)} for key, said in scores.items()]
    return {"rows": rows, "follows": each, "text": _words(len(rows), each)}


def _words(n: int, each: Sequence[dict[str, Any]]) -> str:
    runs = "1 run was" if n == 1 else f"{n} runs were"
    known = [score for score in each if score["rho"] is not None]
    if n < FEWEST_RUNS or not known:
        return f"{runs} shown to people: too few to tell which score people follow ({FEWEST_RUNS} needed)."
    figures = "; ".join(f"{s['name']}: Spearman {s['rho']:.2f}, p = {s['p']:.3f}" for s in known).replace("-0", "−0")
    led = [score["name"] for score in known if score["rho"] > 0 and score["p"] < 0.05]
    return f"{runs} shown to people. They follow {' and '.join(led) if led else 'neither score'} ({figures})."

"""Simulated people: how many a study needs, how often noise passes for a result, and answers with known tastes."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from tqdm import tqdm

from cafemood.errors import SurveyError
from cafemood.survey import statistics
from cafemood.survey.kinds.registry import KINDS
from cafemood.survey.question import MIXED, RANDOM
from cafemood.survey.study import Study

ORIGINAL = {
    "man": {"cluster 1": 3.65, "cluster 2": 3.11, "cluster 3": 3.61, "cluster 4": 2.65, MIXED: 2.36},
    "woman": {"cluster 1": 3.43, "cluster 2": 3.22, "cluster 3": 3.45, "cluster 4": 2.52, MIXED: 2.28},
    "all": {"cluster 1": 3.52, "cluster 2": 3.18, "cluster 3": 3.51, "cluster 4": 2.58, MIXED: 2.31},
}
"""Mean ratings of the 2021 study: 52 people, 1 to 5."""
ORIGINAL_MEN, ORIGINAL_WOMEN = 21, 31
"""How many of the 52 were men is not on record; these weigh the table's men and women into its `all`."""


@dataclass(frozen=True)
class Setting:
    """A study to simulate.

    Args:
        effect: Steps of the scale by which the one coherent cluster is rated above the control.
        clusters: Clusters tested; all but one are no more coherent than the control.
        groups: Groups of photos a condition, each rated once by everybody.
        scale: Steps of the rating.
        spread: Standard deviation of a person's own opinion of a condition around everybody's, in steps.
    """

    effect: float = 0.4
    clusters: int = 4
    groups: int = 3
    scale: int = 5
    spread: float = 0.5


def power(setting: Setting, people: Sequence[int], n_studies: int, seed: int = 0, *, quiet: bool = False) -> list[Any]:
    """For each number of people: share of studies that find the coherent cluster, and that claim another one.

    Ratings are binomial around a person's opinion, so a step is about one standard deviation; opinions are
    normal around everybody's. Tested as `score` tests: Wilcoxon signed-rank, one-sided, Holm, 5 %.

    Raises:
        SurveyError: A setting is impossible.
    """
    ranges = {"effect": (0, 2), "clusters": (2, 20), "groups": (1, 6), "spread": (0, 2)}
    for name, (low, high) in ranges.items():
        if not low <= getattr(setting, name) <= high:
            fix = f"give {low} to {high}"
            raise SurveyError(f"--{name} is {getattr(setting, name)}", where="cafemood survey simulate", fix=fix)
    if setting.scale not in (5, 7):
        raise SurveyError(f"--scale is {setting.scale}", where="cafemood survey simulate", fix="give 5 or 7")
    if not people or min(people) < 3 or max(people) > 2000 or not 10 <= n_studies <= 100_000:
        fix = "give --people numbers from 3 to 2000, such as 20,52,100, and --studies from 10 to 100000"
        raise SurveyError("This cannot be simulated", where="cafemood survey simulate", fix=fix)
    rng = np.random.default_rng(seed)
    rows = []
    gc.freeze()  # statsmodels collects garbage after each correction: let it look at the new objects only
    try:
        with tqdm(total=len(people) * n_studies, desc="studies", unit="study", leave=False, disable=quiet) as bar:
            for n in people:
                found = wrong = 0
                for _ in range(n_studies):
                    contrasts = _contrasts(setting, n, rng)
                    adjusted = statistics.holm([statistics.signed_rank(row) for row in contrasts])
                    claimed = [p is not None and p < 0.05 for p in adjusted]
                    found += claimed[0]
                    wrong += any(claimed[1:])
                    bar.update()
                rows.append({"people": n, "power": found / n_studies, "false": wrong / n_studies})
    finally:
        gc.unfreeze()
    return rows


def _contrasts(setting: Setting, n: int, rng: np.random.Generator) -> np.ndarray:
    """Per-person differences from the control (clusters, people); the first cluster is the coherent one."""
    centre = (setting.scale + 1) / 2 - 0.5 * setting.effect
    means = np.full((setting.clusters + 1, n), centre)
    means[0] += setting.effect
    means += rng.normal(0, setting.spread, means.shape)
    share = np.clip((means - 1) / (setting.scale - 1), 0, 1)
    drawn = rng.binomial(setting.scale - 1, share[..., None], (*means.shape, setting.groups)).mean(axis=-1)
    return np.asarray(drawn[:-1] - drawn[-1])


def clickers(study: Study, n: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """People who press anything, except for the attention check, which they pass."""
    return [_person(study, i, "unsaid", lambda question, plan: _anything(study, question, rng)) for i in range(n)]


def people_with_tastes(
    study: Study, means: Mapping[str, Mapping[str, float]], counts: Mapping[str, int], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """People whose ratings have known means, as answer files hold them.

    Ratings of a condition are binomial with its mean, drawn in equal strata over people and groups: the sample
    mean is off by rounding alone, so what a score gets wrong is the score's fault. Where a photo is right it is
    found six times in ten; else any is chosen.

    Args:
        study: The survey.
        means: By gender, the mean rating of each condition; `random` is as `mixed` where it is left out.
        counts: People by gender.
        rng: Draws.
    """
    steps = study.scale - 1
    found: list[dict[str, Any]] = []
    groups = int(study.facts["design"]["groups"])
    order = rng.permutation([gender for gender, n in counts.items() for _ in range(n)])
    ratings: dict[tuple[str, str], list[int]] = {}
    for gender, n in counts.items():
        for condition in [*study.clusters, MIXED, RANDOM]:
            mean = means[gender].get(condition, means[gender][MIXED])
            total = n * groups
            strata = (rng.permutation(total) + rng.random(total)) / max(total, 1)
            drawn = stats.binom.ppf(strata, steps, (mean - 1) / steps)
            ratings[gender, condition] = (np.clip(drawn, 0, steps).astype(int) + 1).tolist()

    for number, gender in enumerate(str(g) for g in order):
        first: dict[str, Any] = {}

        def choose(name: str, _: int, gender: str = gender, first: dict[str, Any] = first) -> Any:
            question = study.questions[name]
            if question.repeat_of in first:
                return first[question.repeat_of]
            kind = KINDS[question.kind]
            right = question.answer is not None and not kind.is_check
            if (gender, question.condition) in ratings and kind.input == "scale" and question.repeat_of is None:
                value: Any = ratings[gender, question.condition].pop()
            elif right and rng.random() < 0.6:
                value = question.answer
            else:
                value = _anything(study, name, rng)
            first[name] = value
            return value

        found.append(_person(study, number, gender, choose))
    return found


def _anything(study: Study, name: str, rng: np.random.Generator) -> Any:
    question = study.questions[name]
    return KINDS[question.kind].simulated(question, study.scale, rng)


def _person(study: Study, number: int, gender: str, choose: Any) -> dict[str, Any]:
    plan = number % len(study.plans)
    answers = {name: {"value": choose(name, plan), "seconds": 5.0, "revision": 1} for name, _ in study.plan(plan)}
    return {
        "survey": study.id, "person": f"{number:032x}", "plan": plan, "gender": gender, "language": "ko",
        "started": "2021-06-01T09:00", "finished": True, "answers": answers,
    }  # fmt: skip


def people_for(rows: Sequence[Mapping[str, float]], wanted: float = 0.8) -> int | None:
    """The fewest people of a power curve that find the cluster this often; None if none does."""
    enough = [int(row["people"]) for row in rows if row["power"] >= wanted]
    return min(enough) if enough else None

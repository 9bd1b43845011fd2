"""Ratings: how alike in mood do some photos feel? Groups of a cluster against controls as bright as they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cafemood.evaluation.findings import Finding
from cafemood.survey import agreement, statistics
from cafemood.survey.deck import Deck, too_few
from cafemood.survey.design import Design
from cafemood.survey.kinds.base import Drawing, Found, Group, QuestionKind, Scoring, Turn
from cafemood.survey.orders import williams_square
from cafemood.survey.question import MIXED, RANDOM, Question
from cafemood.survey.wording import cluster_numbers, cluster_words

CANDIDATES = 400
"""Control groups drawn to choose the one whose brightness is nearest to a cluster group's."""
GROUPS = {"men": ("man",), "women": ("woman",), "all": None}
LABELS = {MIXED: "each cluster", RANDOM: "random photos"}


class Alike(QuestionKind):
    """A rating from 1 (not at all alike) to `scale`."""

    name = "alike"
    order = 1
    about = "rating"
    seconds = 9
    input = "scale"
    asked_again = True
    words: ClassVar[dict[str, dict[str, str]]] = {
        "ko": {
            "ask": "이 카페들은 분위기가 서로 비슷하게 느껴지나요?",
            "intro_title": "분위기가 얼마나 비슷한가요?",
            "intro": (
                "카페 사진 {m}장이 한 번에 나와요. 함께 보았을 때 분위기가 서로 "
                "얼마나 비슷한지 1점에서 {scale}점 사이로 골라 주세요."
            ),
        },
        "en": {
            "ask": "Do these cafés feel alike in mood?",
            "intro_title": "How alike do they feel?",
            "intro": (
                "You will see {m} photos of cafés at a time. Taken together, "
                "how alike are they in mood? Choose from 1 to {scale}."
            ),
        },
    }

    def n_screens(self, design: Design, k: int) -> int:
        """A rating of each group of each cluster and of both controls; two are asked again."""
        return (k + 2) * (design.groups or 1) + 2

    def draw(self, drawing: Drawing) -> list[Group]:
        """Groups of each cluster, the first of its central photos; then controls as bright as they are."""
        deck, design, k = drawing.deck, drawing.design, drawing.k
        size, n_groups = design.size, design.groups or 1
        groups: list[Group] = []
        for j in range(k):
            seen: set[frozenset[int]] = set()
            for g in range(n_groups):
                stratum = "central" if g == 0 and n_groups > 1 else "random"
                source = deck.central(j, size) if stratum == "central" else deck.rows(j)
                chosen = _new_group(deck, source, size, seen)
                if chosen is None:
                    raise too_few(j, deck.n_cafes(j), design, drawing.gone)
                deck.take(chosen)
                groups.append((self.question(design, f"cluster {j + 1}", g, stratum=stratum), chosen))
        of_clusters = [chosen for _, chosen in groups]
        brightness: dict[str, Any] = {"cluster": _light(deck, of_clusters)}
        for condition, draw in ((MIXED, _mixed), (RANDOM, _random)):
            controls = _matched(deck, partial(draw, deck, k, size), of_clusters, n_groups)
            if len(controls) < n_groups:
                smallest = min(range(k), key=deck.n_cafes)
                raise too_few(smallest, deck.n_cafes(smallest), design, drawing.gone)
            groups += [(self.question(design, condition, g), c) for g, c in enumerate(controls)]
            brightness[condition] = _light(deck, controls)
        drawing.notes["brightness"] = brightness
        return groups

    def blocks(self, questions: Sequence[Question], turn: Turn) -> list[list[Question]]:
        """The conditions follow a Williams square, each round of groups another row of it.

        So each condition comes equally often at each place and after each other one. Two of the first half are
        asked again at the end.
        """
        by_condition: dict[str, list[Question]] = {}
        for question in questions:
            by_condition.setdefault(question.condition, []).append(question)
        conditions, n_groups, p = list(by_condition), turn.design.groups or 1, turn.number
        square = williams_square(len(conditions))
        block = []
        for round_ in range(n_groups):
            row = square[(p + round_ * (len(square) // 2 + 1)) % len(square)]
            block += [by_condition[conditions[c]][(round_ + p // len(square)) % n_groups] for c in row]
        early = block[: max(2, len(block) // 2)]
        return [block + [turn.again(early[int(i)]) for i in turn.rng.choice(len(early), 2, replace=False)]]

    def score(self, scoring: Scoring) -> Found:
        """Mean ratings, each cluster against the controls, agreement."""
        answers, clusters = scoring.of(self), list(scoring.clusters)
        n_boot, seed, scale = scoring.n_boot, scoring.seed, int(scoring.design["scale"])
        means = statistics.per_person(answers)
        gender = scoring.answers.drop_duplicates("person").set_index("person")["gender"]
        conditions = [*clusters, MIXED, RANDOM]
        mixed = statistics.against_control(means, clusters, MIXED, n_boot, seed)
        random = statistics.against_control(means, clusters, RANDOM, n_boot, seed)
        genders = statistics.by_gender(means, gender, clusters, MIXED)
        return {
            "conditions": [_condition(answers, means, gender, c, scale, n_boot, seed) for c in conditions],
            "clusters": [
                {
                    "cluster": j,
                    **statistics.mean_interval(_column(means, cluster), n_boot, seed),
                    "versus_mixed": mixed[j],
                    "versus_random": random[j],
                    "gender": genders[j],
                }
                for j, cluster in enumerate(clusters)
            ],
            "friedman": statistics.overall(means, conditions),
            "model": statistics.ordinal_model(answers, [*clusters, RANDOM], MIXED),
            "agreement": agreement.agreement(answers, n_boot // 4, seed),
        }

    def retest(self, pairs: Sequence[tuple[Any, Any]]) -> Found:
        """By how many steps a rating changes."""
        return {"mean_change": float(np.mean([abs(a - b) for a, b in pairs])) if pairs else None}

    def findings(self, found: Found) -> list[Finding]:
        """Which clusters are coherent, how far people agree, and whether men and women differ."""
        return [_coherence(found["clusters"]), _agreement(found["agreement"]), *_gender(found["clusters"])]


def _new_group(deck: Deck, rows: np.ndarray, size: int, seen: set[frozenset[int]]) -> tuple[int, ...] | None:
    for attempt in range(50):
        # after the least used photos come all: a small cluster has to show some twice
        chosen = deck.draw(rows if attempt < 5 else deck.rng.permutation(rows)[: max(size, len(rows) - 1)], size)
        if chosen is not None and frozenset(chosen) not in seen:
            seen.add(frozenset(chosen))
            return chosen
    return None


def _mixed(deck: Deck, k: int, size: int) -> tuple[int, ...] | None:
    """One photo of each cluster; with fewer clusters than places each comes as often as the others or once more."""
    clusters = [int(j) for _ in range(-(-size // k)) for j in deck.rng.permutation(k)][:size]
    chosen: list[int] = []
    for j in clusters:
        free = [i for i in deck.rng.permutation(deck.rows(j)) if deck.cafe[i] not in {deck.cafe[c] for c in chosen}]
        if not free:
            return None
        chosen.append(int(free[0]))
    return tuple(chosen)


def _random(deck: Deck, k: int, size: int) -> tuple[int, ...] | None:
    """Photos of different cafés, clusters as frequent as they are."""
    chosen: list[int] = []
    for i in deck.rng.permutation(deck.rows()):
        if len(chosen) < size and deck.cafe[i] not in {deck.cafe[c] for c in chosen}:
            chosen.append(int(i))
    return tuple(chosen) if len(chosen) == size else None


def _matched(
    deck: Deck, draw: Callable[[], tuple[int, ...] | None], like: Sequence[tuple[int, ...]], n: int
) -> list[tuple[int, ...]]:
    """`n` groups whose brightness (mean, and spread within the group) is nearest to that of groups in `like`."""
    drawn = {frozenset(group): group for _ in range(CANDIDATES) if (group := draw()) is not None}
    candidates = list(drawn.values())
    controls: list[tuple[int, ...]] = []
    targets = [like[i] for i in np.linspace(0, len(like) - 1, n).round().astype(int)]
    for target in targets:
        if not candidates:
            break
        distance = [math.dist(deck.mean_sd(c), deck.mean_sd(target)) for c in candidates]
        controls.append(candidates.pop(int(np.argmin(distance))))
        deck.take(controls[-1])
    return controls


def _light(deck: Deck, groups: Sequence[tuple[int, ...]]) -> dict[str, float]:
    """Mean brightness of groups and mean spread within them: what the match came to."""
    values = np.array([deck.mean_sd(group) for group in groups])
    return {"mean": round(float(values[:, 0].mean()), 4), "spread": round(float(values[:, 1].mean()), 4)}


def _condition(
    answers: pd.DataFrame, means: pd.DataFrame, gender: pd.Series, condition: str, scale: int, n_boot: int, seed: int
) -> Found:
    found: Found = {"condition": condition, "label": LABELS.get(condition, condition)}
    rows = answers[answers["repeat_of"].isna() & (answers["condition"] == condition)].dropna(subset="answer")
    for name, wanted in GROUPS.items():
        of = means.index if wanted is None else means.index[gender.reindex(means.index).isin(wanted)]
        ratings = rows[rows["person"].isin(of)]["answer"].astype(int)
        counts = [int((ratings == step).sum()) for step in range(1, scale + 1)]
        interval = statistics.mean_interval(_column(means.loc[of], condition), n_boot, seed)
        found[name] = interval | {"counts": counts}
    return found


def _column(means: pd.DataFrame, condition: str) -> np.ndarray:
    return means[condition].to_numpy(float) if condition in means else np.empty(0)


def _coherence(clusters: Sequence[Found]) -> Finding:
    tested = [c for c in clusters if c["versus_mixed"]["p_holm"] is not None]
    alike = [c for c in tested if c["versus_mixed"]["p_holm"] < 0.05]
    figures = {"tested": cluster_numbers(tested), "alike": cluster_numbers(alike)}
    if not tested:
        text = "Nobody rated both a cluster and the control: no word on coherence."
        return Finding("coherence-not-tested", "info", text, figures)
    if not alike:
        return Finding(
            "no-cluster-coherent", "bad", "People feel no cluster to be more alike than the mixed control.", figures
        )
    rest = cluster_words([c for c in tested if c not in alike])
    which = f"{cluster_words(alike)} to be" if rest else "every cluster to be"
    text = f"People feel {which} more alike than the mixed control"
    text += f", and not {rest}" if rest else ""
    text += " (Wilcoxon, Holm, 5\u00a0%)."
    if rest:
        return Finding("some-clusters-coherent", "info", text, figures)
    return Finding("every-cluster-coherent", "good", text, figures)


def _agreement(agreed: Found) -> Finding:
    alpha = agreed["alpha"]
    if alpha is None:
        return Finding("agreement-unknown", "info", f"Agreement: {agreed['why_not']}.")
    spread = "" if agreed["low"] is None else f" ({agreed['low']:.2f} to {agreed['high']:.2f})"
    figures = {"alpha": alpha, "low": agreed["low"], "high": agreed["high"]}
    if alpha >= 0.2:
        code, word = (
            ("people-agree", "largely agree") if alpha >= 0.667 else ("people-agree-somewhat", "agree somewhat")
        )
    else:
        code, word = "people-disagree", "hardly agree"
    text = f"People {word} with each other: Krippendorff's alpha (ordinal) {alpha:.2f}{spread}."
    return Finding(code, "info" if alpha >= 0.2 else "warn", text, figures)


def _gender(clusters: Sequence[Found]) -> list[Finding]:
    tested = [c for c in clusters if c["gender"]["p_holm"] is not None]
    if not tested:
        return []
    apart = [c for c in tested if c["gender"]["p_holm"] < 0.05]
    same = [
        c for c in tested if c["gender"]["p_equivalent_holm"] is not None and c["gender"]["p_equivalent_holm"] < 0.05
    ]
    if apart:
        text = f"Men and women differ on {cluster_words(apart)}."
        return [Finding("genders-differ", "info", text, {"clusters": cluster_numbers(apart)})]
    within = f"within ±\u00a0{statistics.EQUIVALENT} of a step"
    text = "No difference between men and women was found"
    figures = {"clusters": cluster_numbers(same), "within": statistics.EQUIVALENT}
    if same:
        return [Finding("genders-alike", "info", f"{text}; {within} they are alike on {cluster_words(same)}.", figures)]
    if all(c["gender"]["p_equivalent_holm"] is None for c in tested):
        text += "; their ratings do not vary, and without spread nothing can be said on how alike they are."
        return [Finding("genders-without-spread", "info", text, figures)]
    return [Finding("genders-undecided", "info", f"{text}, nor can they be called alike {within}.", figures)]

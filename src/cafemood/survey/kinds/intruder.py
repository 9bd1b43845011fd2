"""Intruders: which photo comes from another cluster? Found by chance one time in `size`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from cafemood.evaluation.findings import Finding
from cafemood.survey import statistics
from cafemood.survey.deck import too_few
from cafemood.survey.design import Design
from cafemood.survey.kinds.base import Drawing, Found, Group, QuestionKind, Scoring
from cafemood.survey.question import Question
from cafemood.survey.wording import cluster_numbers, cluster_words, p_value, percent


class Intruder(QuestionKind):
    """Photos of one cluster, and one of another."""

    name = "intruder"
    order = 3
    about = "a photo is chosen: which is from elsewhere?"
    seconds = 12
    column = "intruder, p"
    words: ClassVar[dict[str, dict[str, str]]] = {
        "ko": {
            "ask": "한 곳만 다른 분위기의 무리에서 왔어요. 어느 카페일까요?",
            "intro_title": "다른 하나를 찾아보세요",
            "intro": "사진 {m}장 가운데 한 장은 분위기가 다른 무리에서 왔어요. 그 사진을 눌러 주세요.",
        },
        "en": {
            "ask": "One of these comes from a group with another mood. Which?",
            "intro_title": "Find the one from elsewhere",
            "intro": "Of {m} photos, one comes from a group with another mood. Tap that photo.",
        },
    }

    def n_screens(self, design: Design, k: int) -> int:
        """So many a cluster as were set."""
        return k * design.intruders

    def draw(self, drawing: Drawing) -> list[Group]:
        """`size - 1` photos of a cluster and one of another: of the nearest by its centre (near) or the farthest."""
        deck, design = drawing.deck, drawing.design
        centers = drawing.run.model[0]["centers"]
        groups: list[Group] = []
        for j in range(len(centers)):
            others = sorted((o for o in range(len(centers)) if o != j), key=lambda o: math.dist(centers[j], centers[o]))
            for g in range(design.intruders):
                near = g % 2 == 0
                other = others[0] if near else others[-1]
                hosts = deck.draw(deck.rows(j), design.size - 1)
                guest = deck.draw(deck.rows(other), 1, apart=hosts or ())
                if hosts is None or guest is None:
                    lacking = j if hosts is None else other
                    raise too_few(lacking, deck.n_cafes(lacking), design, 0)
                deck.take([*hosts, *guest])
                stratum = "only" if len(others) == 1 else "near" if near else "far"
                question = self.question(design, f"cluster {j + 1}", g, answer=guest[0], stratum=stratum)
                groups.append((question, (*hosts, *guest)))
        return groups

    def with_names(self, question: Question, names: Mapping[int, str], rows: tuple[int, ...]) -> Question:
        """The right answer is a photo, so it gets its name too."""
        return replace(super().with_names(question, names, rows), answer=names[int(question.answer or 0)])

    def score(self, scoring: Scoring) -> Found:
        """How often the intruder was found, of all and of each cluster."""
        found = statistics.intruders(scoring.of(self), scoring.clusters, int(scoring.design["size"]))
        of_all = {name: found[name] for name in ("chance", "strata", "all")}
        return {"intruders": of_all, "clusters": [{"intruder": entry} for entry in found["clusters"]]}

    def cell(self, cluster: Found) -> str:
        """Share found, and its p."""
        found = cluster["intruder"]
        return "–" if found["share"] is None else f"{found['share']:.0%}, {p_value(found['p_holm'])}"

    def findings(self, found: Found) -> list[Finding]:
        """In which clusters the intruder was found more often than by chance."""
        every, chance, clusters = found["intruders"]["all"], found["intruders"]["chance"], found["clusters"]
        if not every["n"]:
            return []
        asked = [c for c in clusters if c["intruder"]["n"]]
        above = [c for c in asked if c["intruder"]["p_holm"] < 0.05]
        text = (
            f"Intruders were found {percent(every['share'])} of the time (chance {percent(chance)}); above chance in "
        )
        text += f"{cluster_words(above) if len(above) < len(asked) else 'every cluster'}." if above else "no cluster."
        figures = {"share": every["share"], "chance": chance, "above_chance": cluster_numbers(above)}
        code = "intruders-found" if above else "intruders-not-found"
        return [Finding(code, "good" if above else "warn", text, figures)]

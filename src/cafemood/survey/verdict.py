"""Verdict on a survey: from its result to findings in words."""

from __future__ import annotations

from collections.abc import Sequence

from cafemood.evaluation.findings import Finding
from cafemood.survey.kinds.registry import KINDS
from cafemood.survey.statistics import Found

FEW = 20
"""With fewer people than this the page says so."""


def verdict(result: Found) -> list[Finding]:
    """State in words what the result means, in the order of the questions."""
    people = result["people"]
    findings = []
    if people["counted"] < FEW:
        text = f"{people['counted']} people are few: wide intervals, and only large effects are found."
        findings.append(Finding("few-people", "warn", text, {"n_people": people["counted"]}))
    for kind in KINDS.values():
        findings += kind.findings(result)
    findings += _follows(result["follows"])
    return findings


def _follows(follows: Sequence[Found]) -> list[Finding]:
    scores = [f for f in follows if f["rho"] is not None]
    if not scores:
        return []
    words = "; ".join(f"{f['name']}: Spearman {f['rho']:.2f}, p = {f['p']:.3f}" for f in scores).replace("-0", "−0")
    figures = {"scores": [{key: f[key] for key in ("name", "rho", "p")} for f in scores], "n_clusters": scores[0]["n"]}
    if scores[0]["least_p"] > 0.05:
        text = f"{scores[0]['n']} clusters are too few to tell which machine score people follow ({words})."
        return [Finding("too-few-clusters-to-follow", "info", text, figures)]
    led = [f["name"] for f in scores if f["p"] < 0.05 and f["rho"] > 0]
    text = f"People follow {' and '.join(led) if led else 'neither score'} ({words})."
    return [Finding("people-follow-a-score" if led else "people-follow-no-score", "info", text, figures)]

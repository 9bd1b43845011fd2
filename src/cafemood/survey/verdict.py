"""Verdict on a survey: from its result to findings in words."""

from __future__ import annotations

from collections.abc import Sequence

from cafemood.evaluation.findings import Finding
from cafemood.survey import statistics
from cafemood.survey.statistics import Found

FEW = 20
"""With fewer people than this the page says so."""


def verdict(result: Found) -> list[Finding]:
    """State in words what the result means, in the order of the questions."""
    people, clusters = result["people"], result["clusters"]
    findings = []
    if people["counted"] < FEW:
        text = f"{people['counted']} people are few: wide intervals, and only large effects are found."
        findings.append(Finding("few-people", "warn", text, {"n_people": people["counted"]}))
    findings.append(_coherence(clusters))
    findings += _intruders(result["intruders"]["all"], result["intruders"]["chance"], clusters)
    findings.append(_agreement(result["agreement"]))
    findings += _gender(clusters)
    findings += _follows(result["follows"])
    return findings


def _coherence(clusters: Sequence[Found]) -> Finding:
    tested = [c for c in clusters if c["versus_mixed"]["p_holm"] is not None]
    alike = [c for c in tested if c["versus_mixed"]["p_holm"] < 0.05]
    figures = {"tested": _numbers(tested), "alike": _numbers(alike)}
    if not tested:
        text = "Nobody rated both a cluster and the control: no word on coherence."
        return Finding("coherence-not-tested", "info", text, figures)
    if not alike:
        return Finding(
            "no-cluster-coherent", "bad", "People feel no cluster to be more alike than the mixed control.", figures
        )
    rest = _clusters([c for c in tested if c not in alike])
    which = f"{_clusters(alike)} to be" if rest else "every cluster to be"
    text = f"People feel {which} more alike than the mixed control"
    text += f", and not {rest}" if rest else ""
    text += " (Wilcoxon, Holm, 5\u00a0%)."
    if rest:
        return Finding("some-clusters-coherent", "info", text, figures)
    return Finding("every-cluster-coherent", "good", text, figures)


def _intruders(every: Found, chance: float, clusters: Sequence[Found]) -> list[Finding]:
    if not every["n"]:
        return []
    asked = [c for c in clusters if c["intruder"]["n"]]
    above = [c for c in asked if c["intruder"]["p_holm"] < 0.05]
    text = f"Intruders were found {_percent(every['share'])} of the time (chance {_percent(chance)}); above chance in "
    text += f"{_clusters(above) if len(above) < len(asked) else 'every cluster'}." if above else "no cluster."
    figures = {"share": every["share"], "chance": chance, "above_chance": _numbers(above)}
    code = "intruders-found" if above else "intruders-not-found"
    return [Finding(code, "good" if above else "warn", text, figures)]


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
        text = f"Men and women differ on {_clusters(apart)}."
        return [Finding("genders-differ", "info", text, {"clusters": _numbers(apart)})]
    within = f"within ±\u00a0{statistics.EQUIVALENT} of a step"
    text = "No difference between men and women was found"
    figures = {"clusters": _numbers(same), "within": statistics.EQUIVALENT}
    if same:
        return [Finding("genders-alike", "info", f"{text}; {within} they are alike on {_clusters(same)}.", figures)]
    if all(c["gender"]["p_equivalent_holm"] is None for c in tested):
        text += "; their ratings do not vary, and without spread nothing can be said on how alike they are."
        return [Finding("genders-without-spread", "info", text, figures)]
    return [Finding("genders-undecided", "info", f"{text}, nor can they be called alike {within}.", figures)]


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


def _numbers(clusters: Sequence[Found]) -> list[int]:
    return [int(entry["cluster"]) for entry in clusters]


def _clusters(entries: Sequence[Found]) -> str:
    words = [str(entry["cluster"] + 1) for entry in entries]
    if len(words) < 2:
        return "".join(f"cluster\u00a0{word}" for word in words)
    return f"clusters {', '.join(words[:-1])} and\u00a0{words[-1]}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\u00a0%"

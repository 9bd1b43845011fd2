"""What a survey says, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from cafemood.survey import statistics
from cafemood.survey.statistics import Found

FEW = 20
"""With fewer people than this the page says so."""


def verdict(found: Found) -> list[dict[str, str]]:
    """What the result means, in words."""
    said = []
    people, clusters = found["people"], found["clusters"]
    if people["counted"] < FEW:
        text = f"{people['counted']} people are few: wide intervals, and only large effects are found."
        said.append(_say("warn", text))
    tested = [c for c in clusters if c["versus_mixed"]["p_holm"] is not None]
    alike = [c for c in tested if c["versus_mixed"]["p_holm"] < 0.05]
    if not tested:
        said.append(_say("info", "Nobody rated both a cluster and the control: no word on coherence."))
    elif alike:
        rest = _clusters([c for c in tested if c not in alike])
        which = f"{_clusters(alike)} to be" if rest else "every cluster to be"
        text = f"People feel {which} more alike than the mixed control"
        text += f", and not {rest}" if rest else ""
        said.append(_say("good" if not rest else "info", f"{text} (Wilcoxon, Holm, 5\u00a0%)."))
    else:
        said.append(_say("bad", "People feel no cluster to be more alike than the mixed control."))
    said += _intruder_sentence(found["intruders"]["all"], found["intruders"]["chance"], clusters)
    agreed = found["agreement"]
    if agreed["alpha"] is None:
        said.append(_say("info", f"Agreement: {agreed['why_not']}."))
    else:
        spread = "" if agreed["low"] is None else f" ({agreed['low']:.2f} to {agreed['high']:.2f})"
        word = (
            "largely agree"
            if agreed["alpha"] >= 0.667
            else "agree somewhat"
            if agreed["alpha"] >= 0.2
            else "hardly agree"
        )
        text = f"People {word} with each other: Krippendorff's alpha (ordinal) {agreed['alpha']:.2f}{spread}."
        said.append(_say("info" if agreed["alpha"] >= 0.2 else "warn", text))
    said += _gender_sentence(clusters)
    said += _follow_sentences(found["follows"])
    return said


def _intruder_sentence(all_: Found, chance: float, clusters: Sequence[Found]) -> list[dict[str, str]]:
    if not all_["n"]:
        return []
    asked = [c for c in clusters if c["intruder"]["n"]]
    good = [c for c in asked if c["intruder"]["p_holm"] < 0.05]
    text = f"Intruders were found {_percent(all_['share'])} of the time (chance {_percent(chance)}); above chance in "
    text += f"{_clusters(good) if len(good) < len(asked) else 'every cluster'}." if good else "no cluster."
    return [_say("good" if good else "warn", text)]


def _gender_sentence(clusters: Sequence[Found]) -> list[dict[str, str]]:
    tested = [c for c in clusters if c["gender"]["p_holm"] is not None]
    if not tested:
        return []
    apart = [c for c in tested if c["gender"]["p_holm"] < 0.05]
    same = [
        c for c in tested if c["gender"]["p_equivalent_holm"] is not None and c["gender"]["p_equivalent_holm"] < 0.05
    ]
    if apart:
        return [_say("info", f"Men and women differ on {_clusters(apart)}.")]
    within = f"within ±\u00a0{statistics.EQUIVALENT} of a step"
    text = "No difference between men and women was found"
    if same:
        text += f"; {within} they are alike on {_clusters(same)}."
    elif all(c["gender"]["p_equivalent_holm"] is None for c in tested):
        text += "; their ratings do not vary, and without spread nothing can be said on how alike they are."
    else:
        text += f", nor can they be called alike {within}."
    return [_say("info", text)]


def _follow_sentences(follows: Sequence[Found]) -> list[dict[str, str]]:
    known = [f for f in follows if f["rho"] is not None]
    if not known:
        return []
    figures_ = "; ".join(f"{f['name']}: Spearman {f['rho']:.2f}, p = {f['p']:.3f}" for f in known).replace("-0", "−0")
    if known[0]["least_p"] > 0.05:
        n = known[0]["n"]
        return [_say("info", f"{n} clusters are too few to tell which machine score people follow ({figures_}).")]
    led = [f["name"] for f in known if f["p"] < 0.05 and f["rho"] > 0]
    return [_say("info", f"People follow {' and '.join(led) if led else 'neither score'} ({figures_}).")]


def _clusters(entries: Sequence[Found]) -> str:
    words = [str(entry["cluster"] + 1) for entry in entries]
    if len(words) < 2:
        return "".join(f"cluster\u00a0{word}" for word in words)
    return f"clusters {', '.join(words[:-1])} and\u00a0{words[-1]}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\u00a0%"


def _say(level: str, text: str) -> dict[str, str]:
    return {"level": level, "text": text}

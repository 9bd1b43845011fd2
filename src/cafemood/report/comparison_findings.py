"""Findings of a comparison: the best supported run and why, what silhouette would pick, and what is in doubt."""

from __future__ import annotations

from cafemood.evaluation.findings import Finding, gravest_first
from cafemood.report.comparison import Comparison, is_noise, own_silhouette

_NAMED_AT_MOST = 6
"""Runs that are no better than noise are named up to this many."""


def findings(comparison: Comparison) -> list[Finding]:
    """State in words what the comparison shows, the gravest first."""
    statements = [
        *_choice(comparison),
        *_evidence(comparison),
        *_noise(comparison),
        *_photos(comparison),
        *_survey(comparison),
        *_unfinished(comparison),
    ]
    return gravest_first(statements)


def _choice(comparison: Comparison) -> list[Finding]:
    if len(comparison.runs) == 1:
        text = "There is one finished run only: nothing to choose from."
        return [Finding("one-run", "warn", text)]
    if comparison.best is None:
        return []
    return [_best_supported(comparison, comparison.best), *_silhouettes_pick(comparison, comparison.best)]


def _best_supported(comparison: Comparison, best: int) -> Finding:
    choice = comparison.choices[best]
    name = comparison.names[best]
    terms = {
        "agreement": (choice.agreement, "other backbones agree with it"),
        "cafes": (choice.cafe_information, "photos of one café fall together"),
        "persistence": (choice.stability_across_k, "it lasts over k"),
    }
    reasons = ", ".join(f"{words} ({value:.2f})" for value, words in terms.values() if value is not None)
    noise = is_noise(comparison.runs[best])
    text = f"Best supported: {name}: {reasons}."
    if noise:
        text += " But its groups are no better than noise: being first among these runs makes it no finding."
    rank, n_runs = comparison.rank_on_other_half(), len(comparison.runs)
    if rank is None:
        text += " Chosen and reported on the same photos."
    else:
        units = "photos" if comparison.cafes is None else "cafés"
        text += f" The run chosen on one half of the {units} is number {rank} of {n_runs} on the other half."
    figures = {"run": name, "is_noise": noise, "rank_on_other_half": rank, "n_runs": n_runs}
    figures |= {term: value for term, (value, _) in terms.items()}
    return Finding("best-supported", "warn" if noise else "good", text, figures)


def _silhouettes_pick(comparison: Comparison, best: int) -> list[Finding]:
    pick = comparison.silhouettes_pick
    if pick is None:
        return []
    value, name = own_silhouette(comparison.runs[pick]), comparison.names[pick]
    if pick == best:
        text = f"The highest silhouette in its own space ({value:.2f}) picks the same run."
        return [Finding("silhouette-agrees", "info", text, {"run": name, "value": value, "rank": 1})]
    scores = [choice.score or 0.0 for choice in comparison.choices]
    rank = 1 + sum(score > scores[pick] for score in scores)
    text = (
        f"The highest silhouette in its own space ({value:.2f}) would have picked {name}, which is "
        f"number {rank} of {len(comparison.runs)} here. Silhouettes of different spaces and k do not follow the truth."
    )
    return [Finding("silhouette-differs", "info", text, {"run": name, "value": value, "rank": rank})]


def _evidence(comparison: Comparison) -> list[Finding]:
    """Evidence that is missing: other families of backbones, cafés, other k."""
    families = {candidate.family for candidate in comparison.candidates}
    if len(comparison.runs) == 1:
        return []
    if comparison.best is None:
        text = "Nothing to choose by: one family of backbones, one k, and no cafés. Add a k, or a second backbone."
        return [Finding("nothing-to-choose-by", "warn", text)]
    if len(families) > 1:
        return []
    (family,) = families
    rest = "persistence over k alone" if comparison.cafes is None else "the cafés and persistence over k"
    text = (
        f"All runs use one family of backbones ({family}): agreement across backbones cannot be "
        f"measured, and the choice rests on {rest}. Add a second backbone for a stronger one."
    )
    figures = {"family": family, "cafes_known": comparison.cafes is not None}
    return [Finding("one-family", "warn", text, figures)]


def _noise(comparison: Comparison) -> list[Finding]:
    names = [name for name, run in zip(comparison.names, comparison.runs, strict=True) if is_noise(run)]
    figures = {"runs": names, "n_runs": len(comparison.runs)}
    if not names:
        return []
    if len(names) == len(comparison.runs):
        return [Finding("all-runs-noise", "bad", "All runs are no better than noise.", figures)]
    listed = "; ".join(names[:_NAMED_AT_MOST]) + (" …" if len(names) > _NAMED_AT_MOST else "")
    text = f"{len(names)} of {len(comparison.runs)} runs are no better than noise: {listed}."
    return [Finding("some-runs-noise", "warn", text, figures)]


def _photos(comparison: Comparison) -> list[Finding]:
    n_common = len(comparison.photo_ids)
    if {len(run.assignments) for run in comparison.runs} == {n_common}:
        return []
    text = f"The runs differ in their photos: compared on the {n_common} that all of them share."
    return [Finding("photos-differ", "warn", text, {"n_common": n_common})]


def _survey(comparison: Comparison) -> list[Finding]:
    asked = comparison.asked
    if asked is None:
        return []
    return [Finding("people-asked", "info", asked["text"], {"n_runs": len(asked["rows"]), "follows": asked["follows"]})]


def _unfinished(comparison: Comparison) -> list[Finding]:
    n = len(comparison.unfinished)
    if not n:
        return []
    jobs = "1 job" if n == 1 else f"{n} jobs"
    return [Finding("jobs-without-result", "warn", f"{jobs} left no result; the table says why.", {"n_jobs": n})]

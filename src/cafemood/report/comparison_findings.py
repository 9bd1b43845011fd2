"""Findings of a comparison: the best supported run and why, what silhouette would pick, and what is in doubt."""

from __future__ import annotations

import numpy as np

from cafemood.core.names import shown, text_of
from cafemood.evaluation.findings import Finding, gravest_first
from cafemood.evaluation.headline import Headline
from cafemood.report.comparison import Comparison, is_noise, own_silhouette

_NAMED_AT_MOST = 6
"""Runs that are no better than noise are named up to this many."""
_SURE = 0.8
"""A run that is first in this share of the resamples is taken as chosen."""


def findings(comparison: Comparison) -> list[Finding]:
    """State in words what the comparison shows, the gravest first."""
    statements = [
        *_choice(comparison),
        *_evidence(comparison),
        *_no_mixture(comparison),
        *_noise(comparison),
        *_photos(comparison),
        *_survey(comparison),
        *_unfinished(comparison),
        *_same(comparison),
    ]
    return gravest_first(statements)


def headline(comparison: Comparison) -> Headline:
    """Which run to take, in at most three short sentences."""
    noise = [is_noise(run) for run in comparison.runs]
    if all(noise):
        return Headline("noise", "bad", (_NONE, _TRY_OTHERS))
    if len(comparison.runs) == 1:
        return Headline("one-run", "warn", (_ONE,))
    if comparison.best is None:
        return Headline("unknown", "warn", (_OPEN, _ADD_EVIDENCE))
    name, choice = comparison.names[comparison.best], comparison.choices[comparison.best]
    if noise[comparison.best]:
        scores = [-1.0 if is_one else (c.score or 0.0) for c, is_one in zip(comparison.choices, noise, strict=True)]
        real = comparison.names[int(np.argmax(scores))]
        start = (
            f"Of those that are better than noise, {real} has most for it.",
            f"노이즈보다 뚜렷한 것 가운데서는 {real}입니다.",
        )
        return Headline("first-is-noise", "warn", (_FIRST_IS_NOISE, start, _TRY_OTHERS))
    supports = [
        (english, korean)
        for value, english, korean in (
            (choice.agreement, "other backbones find much the same groups", "다른 backbone도 비슷한 그룹을 찾습니다"),
            (choice.cafe_information, "photos of one café fall together", "한 카페의 사진이 함께 묶입니다"),
            (choice.stability_across_k, "its groups last over other k", "k가 달라도 그룹이 이어집니다"),
        )
        if value is not None and value >= _MUCH
    ]
    witnesses = [value for value in (choice.agreement, choice.cafe_information) if value is not None]
    weak = bool(witnesses) and max(witnesses) < _LITTLE
    sentences = [(f"Take {name}.", f"{name}을(를) 쓰세요.")]
    if weak:
        alone = (
            f"{name} is first, but hardly anything bears it out.",
            f"{name}이(가) 가장 낫지만, 뒷받침하는 것이 거의 없습니다.",
        )
        sentences = [alone]
    if supports:
        english = "; ".join(part for part, _ in supports)
        sentences.append((f"{english[0].upper()}{english[1:]}.", " ".join(f"{part}." for _, part in supports)))
    if any(noise):
        n = sum(noise)
        are = "is" if n == 1 else "are"
        sentences.append(
            (f"{n} of {len(noise)} runs {are} no better than noise.", f"{n}개 실행은 노이즈와 다르지 않습니다.")
        )
    return Headline("choice-weak" if weak else "choice", "warn" if weak else "good", tuple(sentences))


_MUCH = 0.2
"""Of agreement, cafés and persistence, from 0 to 1: what is worth a word."""
_LITTLE = 0.1
"""Of the same: less than this is hardly any."""
_NONE = ("None of them: no run is better than noise.", "어느 것도 아닙니다: 모두 노이즈와 다르지 않습니다.")
_FIRST_IS_NOISE = (
    "None for sure: the run that has most for it is no better than noise.",
    "확실한 것은 없습니다: 가장 나은 실행이 노이즈와 다르지 않습니다.",
)
_TRY_OTHERS = ("Try more photos, another k or another backbone.", "사진을 늘리거나 k나 backbone을 바꾸어 보세요.")
_ONE = ("There is one finished run: nothing to choose from.", "끝난 실행이 하나뿐이라 고를 것이 없습니다.")
_OPEN = ("Open: nothing tells these runs apart.", "알 수 없습니다: 이 실행들을 가릴 근거가 없습니다.")
_ADD_EVIDENCE = ("Add another k, or a second backbone.", "k나 backbone을 하나 더 추가해 보세요.")


def _same(comparison: Comparison) -> list[Finding]:
    if not comparison.same:
        return []
    name_of = dict(zip((run.folder for run in comparison.runs), comparison.names, strict=True))
    pairs = [(shown(text_of(again.folder.name)), name_of[first.folder]) for first, again in comparison.same]
    words = "; ".join(f"{again} is {name}" for again, name in pairs[:_NAMED_AT_MOST])
    words += f"; and {len(pairs) - _NAMED_AT_MOST} more" if len(pairs) > _NAMED_AT_MOST else ""
    text = f"Listed once, as settings and groups are the same: {words}."
    return [Finding("identical-runs", "info", text, {"n_runs": len(pairs)})]


def _choice(comparison: Comparison) -> list[Finding]:
    if len(comparison.runs) == 1:
        text = "There is one finished run only: nothing to choose from."
        return [Finding("one-run", "warn", text)]
    if comparison.best is None:
        return []
    best = comparison.best
    return [
        _best_supported(comparison, best),
        *_two_truths(comparison, best),
        *_next_run(comparison, best),
        *_silhouettes_pick(comparison, best),
    ]


def _best_supported(comparison: Comparison, best: int) -> Finding:
    choice = comparison.choices[best]
    name = comparison.names[best]
    terms = {
        "agreement": (choice.agreement, "other backbones agree with it"),
        "cafes": (choice.cafe_information, "photos of one café fall together"),
        "persistence": (choice.stability_across_k, "it lasts over k"),
    }
    reasons = ", ".join(
        f"{words if value >= _LITTLE else f'hardly: {words}'} ({value:.2f})"
        for value, words in terms.values()
        if value is not None
    )
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
    share = None if comparison.sureness is None else float(comparison.sureness.shares[best])
    if share is not None and comparison.sureness is not None:
        text += f" It is first in {share:.0%} of the resamples of the {comparison.sureness.unit}s."
    figures = {"run": name, "is_noise": noise, "rank_on_other_half": rank, "n_runs": n_runs, "share": share}
    figures |= {term: value for term, (value, _) in terms.items()}
    return Finding("best-supported", "warn" if noise else "good", text, figures)


def _two_truths(comparison: Comparison, best: int) -> list[Finding]:
    """Runs of two other backbones that agree with each other on something else than the best run."""
    if comparison.sureness is None or comparison.sureness.second is None:
        return []
    i, j = comparison.sureness.second
    agreed, with_best = (float(comparison.agreement[i, k]) for k in (j, best))
    text = (
        f"The photos can be grouped by more than one thing: {comparison.names[i]} and {comparison.names[j]} agree with "
        f"each other ({agreed:.2f}), and less with the best supported run ({with_best:.2f}). Look at both before you "
        f"take one."
    )
    if comparison.cafes is None:
        text += " Café ids would tell which of them stays the same within a café."
    figures = {"runs": [comparison.names[i], comparison.names[j]], "agreement": agreed, "with_best": with_best}
    return [Finding("two-truths", "warn", text, figures)]


def _next_run(comparison: Comparison, best: int) -> list[Finding]:
    """The one more run that would tell most, where the choice is not sure."""
    sure = comparison.sureness
    if sure is None or sure.shares[best] >= _SURE:
        return []
    k, ks = comparison.candidates[best].k, sorted({candidate.k for candidate in comparison.candidates})
    families = {candidate.family for candidate in comparison.candidates}
    if len(families) < 3:
        kind, what = "backbone", f"another backbone than {' and '.join(sorted(families))}"
    elif k in (ks[0], ks[-1]) and len(ks) > 1 and k > 2:
        more = k == ks[-1]
        kind = "k"
        what = f"k={k + 1 if more else k - 1}, as the best run has the {'most' if more else 'fewest'} groups of all"
    elif comparison.cafes is None:
        kind, what = "cafes", "the same runs with café ids"
    else:
        kind, what = "cafes", f"the same runs with more than these {len(set(comparison.cafes))} cafés"
    rivals = int((sure.shares > 0).sum())
    text = f"{rivals} runs come first in some resample of the {sure.unit}s. What would tell most: {what}."
    return [Finding("next-run", "info", text, {"kind": kind, "n_rivals": rivals})]


def _silhouettes_pick(comparison: Comparison, best: int) -> list[Finding]:
    pick = comparison.silhouettes_pick
    if pick is None:
        return []
    value, name = own_silhouette(comparison.runs[pick]), comparison.names[pick]
    space = comparison.measured_in[pick]["clustering"]
    said = f"The highest silhouette, of each run in the space that it was clustered in, is {value:.2f} (in {space})"
    if pick == best:
        text = f"{said}: it picks the same run."
        return [Finding("silhouette-agrees", "info", text, {"run": name, "value": value, "rank": 1})]
    scores = [choice.score or 0.0 for choice in comparison.choices]
    rank = 1 + sum(score > scores[pick] for score in scores)
    text = (
        f"{said}: it would have picked {name}, which is number {rank} of {len(comparison.runs)} here. Silhouettes of "
        f"different spaces and k do not follow the truth."
    )
    return [Finding("silhouette-differs", "info", text, {"run": name, "value": value, "rank": rank})]


def _evidence(comparison: Comparison) -> list[Finding]:
    """Evidence that is missing: other families of backbones, cafés, other k."""
    families = {candidate.family for candidate in comparison.candidates}
    if len(comparison.runs) == 1:
        return []
    if comparison.best is None:
        text = "Nothing to choose by: one family of backbones, one k, and no café ids. Add a k, or a second backbone."
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


_MIXTURES = ("gmm", "consensus")


def _no_mixture(comparison: Comparison) -> list[Finding]:
    """The methods that group photos best on the mean (docs/dec.md), where no run has tried one."""
    runs = comparison.runs
    tried = any(run.card.method.name in _MIXTURES for run in runs)
    if len(runs) == 1 or tried or all(map(is_noise, runs)):
        return []
    text = (
        "No run here takes a Gaussian mixture on UMAP. On three labelled sets of pictures it groups better than "
        "k-means, by four points of accuracy on the mean: add method=gmm, or method=consensus, which depends less on "
        "the seed."
    )
    return [Finding("no-mixture", "info", text)]


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

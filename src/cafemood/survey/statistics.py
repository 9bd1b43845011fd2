"""The tests: ratings against controls, agreement, intruders, triplets, and whether a machine's score follows people."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

Found = dict[str, Any]

CONFIDENCE = 0.95
EQUIVALENT = 0.5
"""Men and women count as alike if their contrasts differ by less than this: half a step of the scale."""
FEWEST_UNITS = 10
"""Fewer rated groups than this allow no word on agreement."""
EXACT = 100
"""Differences that Wilcoxon's test takes exactly."""
FEWEST_PEOPLE = 5
"""Smaller groups of people are not tested against each other."""
MOST_ODDS = 1e6
"""Larger odds are no estimate: the ratings do not overlap, and the odds grow for as long as they are fitted."""
LEAST_ERROR = 1e-6
"""A smaller standard error of log-odds is rounding: no two people differ in what they say of the condition."""


def alike(values: np.ndarray) -> bool:
    """Whether no two values differ: such values have no spread, and what a test divides by is zero.

    A test of whether something differs has p = 1 then, and libraries say NaN; what measures by the spread says nothing.
    """
    return len(np.unique(values)) < 2


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p-values; None stays None and does not count."""
    from statsmodels.stats.multitest import multipletests

    known = [p for p in p_values if p is not None]
    adjusted = iter(multipletests(known, method="holm")[1].tolist() if known else [])
    return [None if p is None else float(next(adjusted)) for p in p_values]


def per_person(ratings: pd.DataFrame) -> pd.DataFrame:
    """Each person's mean rating of each condition (people, conditions); repeats do not count."""
    first = ratings[(ratings["kind"] == "alike") & ratings["repeat_of"].isna() & ratings["answer"].notna()]
    values = first.assign(answer=first["answer"].astype(float))
    return values.pivot_table(index="person", columns="condition", values="answer", aggfunc="mean")


def mean_interval(values: np.ndarray, n_boot: int, seed: int) -> Found:
    """Mean of per-person values (n,) with a percentile bootstrap interval over people."""
    values = values[np.isfinite(values)]
    found: Found = {"n": len(values), "mean": _number(values.mean() if len(values) else math.nan)}
    return found | _interval(lambda x, axis: np.mean(x, axis=axis), values, n_boot, seed)


def rank_biserial(differences: np.ndarray, axis: int = -1) -> np.ndarray:
    """Matched-pairs rank-biserial correlation: favourable minus unfavourable share of the rank sum.

    Zeros are dropped before ranking (Kerby 2014, Comprehensive Psychology 3), and NaN with them.
    """
    moved = np.nan_to_num(np.moveaxis(np.asarray(differences, dtype=float), axis, -1))
    sizes = np.where(moved == 0, np.inf, np.abs(moved))  # zeros rank last, and then weigh nothing
    ranks = np.where(moved == 0, 0.0, stats.rankdata(sizes, axis=-1))
    total = ranks.sum(axis=-1)
    return np.divide((ranks * np.sign(moved)).sum(axis=-1), total, out=np.zeros_like(total), where=total > 0)


def against_control(means: pd.DataFrame, clusters: Sequence[str], control: str, n_boot: int, seed: int) -> list[Found]:
    """Is each cluster more coherent than a control? Wilcoxon signed-rank, one-sided, Holm over the clusters.

    Args:
        means: Per-person means, from `per_person`.
        clusters: Conditions to test.
        control: The condition to test against.
        n_boot: Bootstrap samples for the intervals; 0 leaves them out.
        seed: Of the bootstrap.
    """
    found: list[Found] = []
    for cluster in clusters:
        differences = contrast(means, cluster, control).dropna().to_numpy()
        entry: Found = {"n": len(differences), "difference": None, "effect": None, "p": None}
        if len(differences):
            effect = float(rank_biserial(differences))
            entry |= {"difference": float(differences.mean()), "effect": effect, "p": signed_rank(differences)}
        entry |= _interval(lambda x, axis: np.mean(x, axis=axis), differences, n_boot, seed)
        around = _interval(rank_biserial, differences, n_boot, seed)
        entry |= {"effect_low": around["low"], "effect_high": around["high"]}
        found.append(entry)
    for entry, p in zip(found, holm([entry["p"] for entry in found]), strict=True):
        entry["p_holm"] = p
    return found


def contrast(means: pd.DataFrame, cluster: str, control: str) -> pd.Series:
    """Cluster minus control for each person, to nine digits: equal differences of means are ties, to the last bit."""
    if cluster not in means or control not in means:
        return pd.Series(np.nan, index=means.index)
    return (means[cluster] - means[control]).round(9)


def overall(means: pd.DataFrame, conditions: Sequence[str]) -> Found | None:
    """Friedman's test over all conditions, among people who rated each; None with fewer than three of them."""
    complete = means.reindex(columns=list(conditions)).dropna()
    if len(complete) < 3 or len(conditions) < 3:
        return None
    found: Found = {"n": len(complete), "chi2": 0.0, "df": len(conditions) - 1, "p": 1.0}
    if all(alike(row) for row in complete.to_numpy()):  # nobody rates one condition above another
        return found
    test = stats.friedmanchisquare(*complete.to_numpy().T)
    return found | {"chi2": float(test.statistic), "p": float(test.pvalue)}


def ordinal_model(ratings: pd.DataFrame, clusters: Sequence[str], reference: str) -> Found:
    """Proportional odds of a higher rating than the control's: `OrdinalGEE`, people as groups, robust errors."""
    from statsmodels.genmod.cov_struct import Independence
    from statsmodels.genmod.generalized_estimating_equations import OrdinalGEE

    rows = ratings[(ratings["kind"] == "alike") & ratings["answer"].notna()]
    rows = rows[rows["condition"].isin([*clusters, reference])].sort_values("person")
    present = [c for c in clusters if (rows["condition"] == c).any()]
    if not present or not (rows["condition"] == reference).any():
        return {"why_not": "nobody rated a cluster" if not present else "nobody rated the control"}
    if rows["person"].nunique() < FEWEST_PEOPLE:
        return {"why_not": f"fewer than {FEWEST_PEOPLE} people"}
    answers = rows["answer"].astype(int).to_numpy()
    if alike(answers):
        return {"why_not": "everybody gave the same rating"}
    design = np.column_stack([(rows["condition"] == c).to_numpy(float) for c in present])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = OrdinalGEE(answers, design, groups=rows["person"].to_numpy(), cov_struct=Independence())
            fit = model.fit()
            cuts = len(fit.params) - len(present)
            errors = np.asarray(fit.bse)[cuts:]
            picks = np.eye(len(fit.params))[cuts:]
            test = fit.wald_test(picks, scalar=True)
            bounds = np.asarray(fit.conf_int())[cuts:]
            odds = np.exp(np.column_stack([fit.params[cuts:], bounds]))
    except (ValueError, np.linalg.LinAlgError):
        return {"why_not": "the answers do not determine the odds"}
    if not fit.converged or not np.isfinite(odds[:, 0]).all():
        return {"why_not": "it did not converge"}
    apart = [c for c, (one, _, _) in zip(present, odds, strict=True) if not 1 / MOST_ODDS < one < MOST_ODDS]
    if apart:
        why = f"ratings of {', '.join(apart)} and of the control hardly overlap, so that no odds are large enough"
        return {"why_not": f"{why} (complete separation)"}
    same = [c for c, error in zip(present, errors, strict=True) if not error >= LEAST_ERROR]  # or NaN
    if same:
        return {"why_not": f"people do not differ in how they set {', '.join(same)} beside the control: no spread"}
    if not np.isfinite(odds).all():
        return {"why_not": "it did not converge"}
    each = {
        c: dict(zip(("odds", "low", "high"), map(float, row), strict=True))
        for c, row in zip(present, odds, strict=True)
    }
    return {"n": int(rows["person"].nunique()), "chi2": float(test.statistic), "p": float(test.pvalue), "odds": each}


def by_gender(means: pd.DataFrame, gender: pd.Series, clusters: Sequence[str], control: str) -> list[Found]:
    """Do men and women differ in their contrasts? Mann-Whitney with Holm, and two one-sided tests of equivalence.

    Where neither men's contrasts vary nor women's, there is no spread for the tests of equivalence: their p is None.
    """
    from statsmodels.stats.weightstats import ttost_ind

    found: list[Found] = []
    for cluster in clusters:
        each = contrast(means, cluster, control).dropna()
        men, women = (each[gender.reindex(each.index) == g].to_numpy() for g in ("man", "woman"))
        entry: Found = {"men": len(men), "women": len(women), "difference": None, "p": None, "p_equivalent": None}
        if min(len(men), len(women)) >= FEWEST_PEOPLE:
            entry["difference"] = float(men.mean() - women.mean())
            same = alike(np.concatenate([men, women]))
            entry["p"] = 1.0 if same else float(stats.mannwhitneyu(men, women).pvalue)
            if not (alike(men) and alike(women)):
                entry["p_equivalent"] = float(ttost_ind(men, women, -EQUIVALENT, EQUIVALENT, usevar="unequal")[0])
        found.append(entry)
    adjusted = holm([e["p"] for e in found]), holm([e["p_equivalent"] for e in found])
    for entry, p, q in zip(found, *adjusted, strict=True):
        entry |= {"p_holm": p, "p_equivalent_holm": q}
    return found


def intruders(answers: pd.DataFrame, clusters: Sequence[str], size: int) -> Found:
    """How often the intruder was found, against 1/size: exact binomial, one-sided, Holm over the clusters."""
    rows = answers[(answers["kind"] == "intruder") & answers["correct"].notna()]
    each = [_share(rows[rows["condition"] == cluster], 1 / size) for cluster in clusters]
    for entry, p in zip(each, holm([entry["p"] for entry in each]), strict=True):
        entry["p_holm"] = p
    strata = {str(s): _share(part, 1 / size) for s, part in rows.groupby("stratum")}
    return {"chance": 1 / size, "clusters": each, "strata": strata, "all": _share(rows, 1 / size)}


def _share(rows: pd.DataFrame, chance: float) -> Found:
    n, right = len(rows), int(rows["correct"].astype(bool).sum())
    if not n:
        return {"n": 0, "right": 0, "share": None, "low": None, "high": None, "p": None}
    p = stats.binomtest(right, n, chance, alternative="greater").pvalue
    return {"n": n, "right": right, "share": right / n, **_wilson(right, n), "p": float(p)}


def _wilson(right: int, n: int) -> Found:
    interval = stats.binomtest(right, n).proportion_ci(CONFIDENCE, method="wilson")
    return {"low": float(interval.low), "high": float(interval.high)}


def follows(machine: Sequence[float | None], people: Sequence[float | None]) -> Found:
    """Spearman of a machine's score of each cluster with people's mean; two-sided permutation p, exact to k = 8."""
    pairs = [(m, h) for m, h in zip(machine, people, strict=True) if m is not None and h is not None]
    pairs = [(m, h) for m, h in pairs if math.isfinite(m) and math.isfinite(h)]
    pairs = [(round(m, 9), round(h, 9)) for m, h in pairs]  # as in `contrast`: equal to the last bit
    n = len(pairs)
    found: Found = {"n": n, "rho": None, "p": None, "least_p": 2 / math.factorial(n) if n > 1 else 1.0}
    x, y = (np.array(side) for side in zip(*pairs, strict=True)) if pairs else (np.array([]), np.array([]))
    if n < 3 or alike(x) or alike(y):
        return found
    a, b = stats.rankdata(x), stats.rankdata(y)
    test = stats.permutation_test(
        (a,),
        lambda ranks: float(np.corrcoef(ranks, b)[0, 1]),
        permutation_type="pairings",
        n_resamples=np.inf if n <= 8 else 9999,
        rng=np.random.default_rng(0),
    )
    return found | {"rho": float(test.statistic), "p": float(test.pvalue)}


def signed_rank(differences: np.ndarray) -> float:
    """One-sided p of Wilcoxon's signed-rank test that differences (n,) lie above zero; 1 if all are zero.

    Zeros and NaN are dropped. Up to `EXACT` differences the distribution is exact, ties included: all sign patterns of
    the midranks, counted by adding one rank at a time (SciPy does this by permutation, a thousand times slower,
    and approximates from 14 on).
    """
    moved = np.round(np.asarray(differences, dtype=float), 9)  # means of ratings: equal ones may differ in the last bit
    moved = moved[(moved != 0) & ~np.isnan(moved)]
    if not len(moved):
        return 1.0
    if len(moved) > EXACT:
        return float(stats.wilcoxon(moved, alternative="greater", method="asymptotic").pvalue)
    ranks = np.rint(2 * stats.rankdata(np.abs(moved))).astype(int)  # midranks doubled are whole
    patterns = np.zeros(ranks.sum() + 1)
    patterns[0] = 1
    for rank in ranks:
        patterns[rank:] = patterns[rank:] + patterns[:-rank]
    return float(patterns[ranks[moved > 0].sum() :].sum() / patterns.sum())


def _interval(statistic: Any, values: np.ndarray, n_boot: int, seed: int) -> Found:
    """A percentile bootstrap interval; none of fewer than three values, or without two samples to span it."""
    if len(values) < 3 or n_boot < 2:
        return {"low": None, "high": None}
    rng = np.random.default_rng(seed)
    found = stats.bootstrap((values,), statistic, n_resamples=n_boot, method="percentile", vectorized=True, rng=rng)
    interval = found.confidence_interval
    return {"low": float(interval.low), "high": float(interval.high)}


def _tails() -> tuple[float, float]:
    return (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def reliability(groups: Sequence[np.ndarray]) -> Found:
    """How far mean ratings can be relied on: intraclass correlations of the one-way model (Shrout and Fleiss 1979,
    "Intraclass correlations", Psychological Bulletin 86, ICC(1,1) and ICC(1,k)), with unequal numbers of raters.

    Args:
        groups: Ratings of each photo.

    Returns:
        `icc`: of one rating; `reliability`: of a photo's mean, what no prediction of it can exceed as R², on average
        over photos. None where no photo was rated twice, or no two ratings differ.
    """
    n = np.array([len(group) for group in groups], dtype=float)
    values = np.concatenate(groups) if len(groups) else np.empty(0)
    within_freedom = n.sum() - len(n)
    if len(n) < 2 or within_freedom < 1 or alike(values):
        return {"icc": None, "reliability": None}
    means = np.array([group.mean() for group in groups])
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in groups) / within_freedom
    between = float((n * (means - values.mean()) ** 2).sum()) / (len(n) - 1)
    typical = (n.sum() - (n**2).sum() / n.sum()) / (len(n) - 1)
    of_photos = max((between - within) / typical, 0.0)  # the variance of what photos are rated by everybody
    return {
        "icc": of_photos / (of_photos + within),
        "reliability": float(np.mean(of_photos / (of_photos + within / n))),
    }

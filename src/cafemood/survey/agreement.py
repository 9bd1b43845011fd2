"""How far people agree: with each other, and with themselves."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd

from cafemood.survey.statistics import FEWEST_UNITS, Found, _number, _tails, alike


def agreement(ratings: pd.DataFrame, n_boot: int, seed: int) -> Found:
    """Krippendorff's alpha (ordinal), its bootstrap interval over the groups rated, and the ICC of complete people.

    Groups that one person rated do not count: there is nobody to agree with.
    People are not resampled: whoever is drawn twice agrees with himself, which lifts alpha.
    """
    import krippendorff

    first = ratings[(ratings["kind"] == "alike") & ratings["repeat_of"].isna() & ratings["answer"].notna()]
    values = first.assign(answer=first["answer"].astype(float))
    matrix = values.pivot_table(index="person", columns="question", values="answer")
    matrix = matrix.loc[:, matrix.notna().sum() >= 2]
    units = matrix.shape[1]
    found: Found = {"units": units, "people": len(matrix), "alpha": None, "low": None, "high": None, "icc": None}
    if units < FEWEST_UNITS:
        return found | {"why_not": f"{units} rated groups are too few for a word on agreement ({FEWEST_UNITS} needed)"}
    data = matrix.to_numpy()
    if alike(data[np.isfinite(data)]):
        return found | {"why_not": "everybody gave the same rating everywhere"}

    def alpha(rows: np.ndarray) -> float:
        if alike(rows[np.isfinite(rows)]):  # a resample
            return math.nan
        return float(krippendorff.alpha(reliability_data=rows, level_of_measurement="ordinal"))

    found["alpha"] = alpha(data)
    rng = np.random.default_rng(seed)
    n = data.shape[1]
    drawn = [alpha(data[:, rng.integers(n, size=n)]) for _ in range(min(n_boot, 1000))]
    if drawn and np.isfinite(drawn).any():
        found["low"], found["high"] = (float(v) for v in np.nanquantile(drawn, _tails()))
    return found | {"icc": _icc(matrix.dropna())}


def _icc(complete: pd.DataFrame) -> Found | None:
    if len(complete) < 3 or alike(complete.to_numpy()):
        return None
    import pingouin

    long = complete.melt(ignore_index=False, value_name="answer").reset_index()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = pingouin.intraclass_corr(long, targets="question", raters="person", ratings="answer").set_index("Type")
    found: Found = {"people": len(complete)}
    for name, row in (("one", "ICC(A,1)"), ("all", "ICC(A,k)")):
        icc, (low, high) = table["ICC"][row], table["CI95"][row]
        found[name] = {"icc": _number(icc), "low": _number(low), "high": _number(high)}
    return found

"""The tests behind a score, against numbers worked out by hand and against other libraries."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cafemood.survey import agreement, statistics, triplets
from cafemood.survey.question import MIXED
from cafemood.survey.retest import retest

CLUSTERS = ["cluster 1", "cluster 2"]


def ratings(rows):
    """(person, question, condition, answer) of alike questions, first askings."""
    table = pd.DataFrame(rows, columns=["person", "question", "condition", "answer"])
    return table.assign(kind="alike", repeat_of=None)


def test_holm_by_hand():
    # sorted: 0.01 x 3, max(0.03, 0.03 x 2), max(0.06, 0.04 x 1)
    assert statistics.holm([0.04, None, 0.01, 0.03]) == pytest.approx([0.06, None, 0.03, 0.06], nan_ok=True)
    assert statistics.holm([None]) == [None]


def test_means_are_per_person_and_repeats_do_not_count():
    table = ratings([(1, "a", "cluster 1", 5), (1, "b", "cluster 1", 2), (2, "a", "cluster 1", 4)])
    again = table.iloc[:1].assign(repeat_of="a", question="r", answer=1)
    means = statistics.per_person(pd.concat([table, again]))
    assert means["cluster 1"].tolist() == [3.5, 4.0]


def test_rank_biserial_by_hand():
    # |d| = 1, 2, 3, 4 have the ranks 1 to 4; negative is the one of rank 2: (8 - 2) / 10; the zero weighs nothing
    assert statistics.rank_biserial(np.array([1, -2, 3, 4, 0.0])) == pytest.approx(0.6)
    assert statistics.rank_biserial(np.zeros(3)) == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=20))
def test_rank_biserial_is_antisymmetric_and_bounded(values):
    d = np.array(values, float)
    found = statistics.rank_biserial(d)
    assert -1 <= found <= 1
    assert statistics.rank_biserial(-d) == pytest.approx(-found)


def test_equal_contrasts_are_ties_to_the_last_bit():
    """4/3 - 1, 5/3 - 4/3, 2 - 5/3 and 8/3 - 7/3 are all a third, but as floats they are four numbers."""
    low = np.array([3, 4, 5, 7] * 4) / 3
    means = pd.DataFrame({"cluster 1": (np.array([3, 4, 5, 7] * 4) + 1) / 3, MIXED: low})
    assert (means["cluster 1"] - means[MIXED]).nunique() > 1
    gender = pd.Series(["man", "man", "woman", "woman"] * 4)
    (found,) = statistics.by_gender(means, gender, CLUSTERS[:1], MIXED)
    assert found["p"] == 1
    means.loc[:1] = means.loc[:1, ["cluster 1", MIXED]].to_numpy()[:, ::-1]  # two of sixteen equal ranks turn
    (found,) = statistics.against_control(means, CLUSTERS[:1], MIXED, 0, 0)
    assert found["effect"] == pytest.approx(12 / 16)


def test_against_control_is_scipys_wilcoxon_with_holm():
    rng = np.random.default_rng(0)
    means = pd.DataFrame({"cluster 1": rng.normal(1, 1, 30), "cluster 2": rng.normal(0, 1, 30), MIXED: 0.0})
    found = statistics.against_control(means, CLUSTERS, MIXED, 500, 0)
    own = [stats.wilcoxon(means[c], alternative="greater").pvalue for c in CLUSTERS]
    assert [f["p"] for f in found] == pytest.approx(own)
    assert [f["p_holm"] for f in found] == pytest.approx(statistics.holm(own))
    for f, c in zip(found, CLUSTERS, strict=True):
        assert f["difference"] == pytest.approx(means[c].mean())
        assert f["low"] < f["difference"] < f["high"]
        half = 1.96 * means[c].std() / np.sqrt(30)
        assert f["high"] - f["low"] == pytest.approx(2 * half, rel=0.15)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_the_exact_signed_rank_test_is_scipys_permutation_test(values):
    d = np.array(values, float) / 3
    expected = 1.0 if not d.any() else 0.5 if d.max() > 0 else 1.0
    if np.count_nonzero(d) > 1:
        method = stats.PermutationMethod(n_resamples=np.inf)
        expected = stats.wilcoxon(d[d != 0], alternative="greater", method=method).pvalue
    assert statistics.signed_rank(d) == pytest.approx(expected)


def test_the_exact_signed_rank_test_by_hand_and_without_ties():
    # ranks 1, 2, 3, all positive: one of eight patterns; with the 1 negative: 5 or more in two of eight
    assert statistics.signed_rank(np.array([1.0, 2, 3])) == 1 / 8
    assert statistics.signed_rank(np.array([-1.0, 2, 3])) == 2 / 8
    d = np.random.default_rng(5).normal(0.2, 1, 40)
    assert statistics.signed_rank(d) == pytest.approx(stats.wilcoxon(d, alternative="greater", method="exact").pvalue)
    many = np.random.default_rng(6).normal(0.1, 1, 100)
    rough = stats.wilcoxon(many, alternative="greater", method="asymptotic").pvalue
    assert statistics.signed_rank(many) == pytest.approx(rough, rel=0.02)


def test_a_condition_that_nobody_rated_has_no_p():
    means = pd.DataFrame({"cluster 1": [3.0, 4.0, 5.0], MIXED: [2.0, 2.0, 2.0]})
    found = statistics.against_control(means, CLUSTERS, MIXED, 100, 0)
    assert found[1]["p"] is found[1]["p_holm"] is None
    assert found[0]["p_holm"] == found[0]["p"] == pytest.approx(1 / 8)


def test_friedman_is_scipys_and_survives_equal_ratings():
    rng = np.random.default_rng(1)
    means = pd.DataFrame(rng.normal(size=(12, 3)), columns=[*CLUSTERS, MIXED])
    expected = stats.friedmanchisquare(*means.to_numpy().T)
    found = statistics.overall(means, [*CLUSTERS, MIXED])
    assert (found["chi2"], found["p"]) == pytest.approx(tuple(expected))
    assert statistics.overall(means * 0, [*CLUSTERS, MIXED])["p"] == 1
    assert statistics.overall(means.iloc[:2], [*CLUSTERS, MIXED]) is None


def many(n=40, seed=0, lift=1.0):
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(n):
        for condition, mean in (("cluster 1", 2.5 + lift), ("cluster 2", 2.5), (MIXED, 2.5)):
            for g in range(3):
                rows.append((person, f"{condition} {g}", condition, int(np.clip(round(rng.normal(mean, 1)), 1, 5))))
    return ratings(rows)


def test_the_ordinal_model_finds_the_raised_cluster():
    found = statistics.ordinal_model(many(), CLUSTERS, MIXED)
    assert found["p"] < 0.001
    assert found["odds"]["cluster 1"]["low"] > 1.5
    assert found["odds"]["cluster 2"]["low"] < 1 < found["odds"]["cluster 2"]["high"]
    assert "why_not" in statistics.ordinal_model(many(n=2), CLUSTERS, MIXED)
    assert "why_not" in statistics.ordinal_model(many().assign(answer=3), CLUSTERS, MIXED)


def test_an_ordinal_model_that_cannot_be_says_why():
    told = lambda table: statistics.ordinal_model(table, CLUSTERS, MIXED)["why_not"]  # noqa: E731
    table = many()
    assert told(table[table["condition"] != MIXED]) == "nobody rated the control"
    assert told(table[table["condition"] == MIXED]) == "nobody rated a cluster"
    assert told(many(n=3)) == "fewer than 5 people"
    apart = table.assign(answer=table["condition"].map({"cluster 1": 5, "cluster 2": 4, MIXED: 1}))
    assert "complete separation" in told(apart)
    assert "cluster 1, cluster 2" in told(apart)


def test_men_and_women_are_compared_on_their_contrasts():
    rng = np.random.default_rng(2)
    gender = pd.Series(["man"] * 30 + ["woman"] * 30)
    means = pd.DataFrame({MIXED: 0.0, "cluster 1": rng.normal(0, 0.3, 60), "cluster 2": rng.normal(0, 0.3, 60)})
    means.loc[:29, "cluster 2"] += 1
    first, second = statistics.by_gender(means, gender, CLUSTERS, MIXED)
    assert second["difference"] == pytest.approx(1, abs=0.25)
    assert second["p_holm"] < 0.001 < 0.05 < first["p_holm"]
    assert first["p_equivalent_holm"] < 0.05 < second["p_equivalent_holm"]
    men, women = means["cluster 2"][:30], means["cluster 2"][30:]
    assert second["p"] == pytest.approx(stats.mannwhitneyu(men, women).pvalue)
    few = statistics.by_gender(means.iloc[28:33], gender.iloc[28:33], CLUSTERS, MIXED)
    assert few[0]["p"] is None


def test_agreement_is_ordinal_and_silent_below_ten_units():
    perfect = ratings([(p, f"q{u}", "cluster 1", 1 + u % 5) for p in range(4) for u in range(12)])
    found = agreement.agreement(perfect, 50, 0)
    assert found["alpha"] == pytest.approx(1)
    assert found["icc"]["one"]["icc"] == pytest.approx(1)
    rng = np.random.default_rng(3)
    noise = ratings([(p, f"q{u}", "cluster 1", int(rng.integers(1, 6))) for p in range(20) for u in range(12)])
    found = agreement.agreement(noise, 100, 0)
    assert abs(found["alpha"]) < 0.1
    assert found["low"] < found["alpha"] < found["high"]
    few = agreement.agreement(perfect[perfect["question"] < "q2"], 50, 0)
    assert few["alpha"] is None
    assert "too few" in few["why_not"]
    assert "same rating" in agreement.agreement(perfect.assign(answer=3), 50, 0)["why_not"]


def test_ordinal_alpha_by_hand():
    """Two raters, units (1,1), (2,2), (3,3), (1,2): Krippendorff's ordinal metric from the margins 3, 3, 2."""
    import krippendorff

    # delta^2 between ranks g and h is (sum of margins from g to h - (n_g + n_h) / 2)^2
    margins = np.array([3, 3, 2])
    d12, d23, d13 = (3 + 3 - 3) ** 2, (3 + 2 - 2.5) ** 2, (3 + 3 + 2 - 2.5) ** 2
    observed = 2 * d12 / 8
    expected = 2 * (3 * 3 * d12 + 3 * 2 * d23 + 3 * 2 * d13) / (8 * 7)
    data = np.array([[1, 2, 3, 1], [1, 2, 3, 2.0]])
    assert krippendorff.alpha(data, level_of_measurement="ordinal") == pytest.approx(1 - observed / expected)
    assert margins.sum() == 8


def test_intruders_are_binomial():
    rows = [("intruder", "cluster 1", "near", i < 15) for i in range(20)]
    rows += [("intruder", "cluster 2", "far", i < 5) for i in range(20)]
    table = pd.DataFrame(rows, columns=["kind", "condition", "stratum", "correct"])
    found = statistics.intruders(table, [*CLUSTERS, "cluster 3"], 4)
    first, second, third = found["clusters"]
    assert first["p"] == pytest.approx(stats.binomtest(15, 20, 0.25, alternative="greater").pvalue)
    assert (first["share"], second["share"], third["n"]) == (0.75, 0.25, 0)
    assert first["p_holm"] < 0.001 < second["p_holm"]
    assert found["strata"]["far"]["right"] == 5


def test_the_odd_one_is_not_of_the_nearest_pair():
    assert triplets.odd_one_out(np.array([[0.0, 0], [5, 5], [0, 1]])) == 1


def test_triplets_are_paired_between_spaces():
    rng = np.random.default_rng(4)
    names = [f"p{i}" for i in range(12)]
    good = {n: np.array([i % 2, rng.normal(0, 0.01)]) for i, n in enumerate(names)}
    bad = {n: rng.normal(size=2) for n in names}
    rows = []
    for t in range(60):
        shown = [names[i] for i in rng.choice(12, 3, replace=False)]
        rows.append(
            (
                t,
                f"t{t}",
                "odd",
                None,
                " ".join(shown),
                shown[triplets.odd_one_out(np.stack([good[p] for p in shown]))],
            )
        )
    table = pd.DataFrame(rows, columns=["person", "question", "kind", "repeat_of", "photos", "answer"])
    found = triplets.triplets(table, {"good": good, "bad": bad}, 300, 0)
    first, second = found["spaces"]
    assert first["accuracy"] == 1
    assert second["accuracy"] < 0.6
    assert found["differences"][0]["low"] > 0.2
    assert triplets.triplets(table, {}, 300, 0)["spaces"] == []


def test_retest_counts_the_same_answer_given_again():
    columns = ["person", "question", "kind", "repeat_of", "answer"]
    rows = [
        (1, "a", "alike", None, 4),
        (1, "r", "alike", "a", 2),
        (1, "o", "odd", None, "x"),
        (1, "s", "odd", "o", "x"),
    ]
    found = retest(pd.DataFrame(rows, columns=columns))
    assert (found["alike"]["same"], found["alike"]["mean_change"], found["odd"]["same"]) == (0, 2, 1)


def test_follows_is_exact_for_few_clusters():
    found = statistics.follows([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4])
    assert found["rho"] == pytest.approx(1)
    assert found["p"] == pytest.approx(2 / 24)
    assert found["least_p"] == pytest.approx(2 / 24)
    assert statistics.follows([1, None, 2], [1, 2, 3])["rho"] is None
    assert statistics.follows([1, 1, 1], [1, 2, 3])["rho"] is None


# at the edges: nothing may warn, and nothing may be NaN
edge = pytest.mark.filterwarnings("error")


@edge
def test_two_values_differ_or_nothing_does():
    assert statistics.alike(np.array([]))
    assert statistics.alike(np.array([0.1] * 7))
    assert not statistics.alike(np.array([0.1, 0.1, 0.2]))


@edge
@pytest.mark.parametrize("same", [0.0, 0.1, 1.0])
def test_men_and_women_who_are_all_alike_do_not_differ(same):
    means = pd.DataFrame({"cluster 1": [same] * 14, MIXED: 0.0})
    (found,) = statistics.by_gender(means, pd.Series(["man", "woman"] * 7), CLUSTERS[:1], MIXED)
    assert (found["difference"], found["p"], found["p_holm"]) == (0, 1, 1)
    assert found["p_equivalent"] is found["p_equivalent_holm"] is None


@edge
def test_men_and_women_without_spread_can_still_differ():
    """All five men lie below all five women: U = 0 against 12.5, and the tied ranks have the variance 25 / 12 * 10."""
    gender = pd.Series(["man"] * 5 + ["woman"] * 5)
    means = pd.DataFrame({"cluster 1": [0.0] * 5 + [1.0] * 5, MIXED: 0.0})
    (found,) = statistics.by_gender(means, gender, CLUSTERS[:1], MIXED)
    # variance 25 / 12 * (11 - 2 * (5**3 - 5) / 90) = 17.36; z with continuity correction = (12.5 - 0.5) / 4.167
    assert found["p"] == pytest.approx(2 * stats.norm.sf(12 / np.sqrt(25 / 12 * (11 - 240 / 90))))
    assert found["p_equivalent"] is None
    means.loc[9, "cluster 1"] = 2.0
    (found,) = statistics.by_gender(means, gender, CLUSTERS[:1], MIXED)
    # Welch: 1.2 apart, and only women vary: by 0.2 with 4 degrees of freedom
    assert found["p_equivalent"] == pytest.approx(stats.t.cdf((1.2 - 0.5) / 0.2, 4))


@edge
def test_nobody_to_compare():
    nobody = pd.DataFrame({"cluster 1": [np.nan] * 12, MIXED: 1.0})
    for means in (nobody, nobody.iloc[:0]):
        (men_and_women,) = statistics.by_gender(means, pd.Series(["man", "woman"] * 6), CLUSTERS[:1], MIXED)
        (control,) = statistics.against_control(means, CLUSTERS[:1], MIXED, 100, 0)
        assert men_and_women["p"] is control["p"] is control["low"] is control["effect_low"] is None
        assert statistics.overall(means, ["cluster 1", MIXED, "random"]) is None
    assert statistics.by_gender(nobody, pd.Series(dtype=object), [], MIXED) == []
    assert statistics.mean_interval(np.full(4, np.nan), 100, 0) == {"n": 0, "mean": None, "low": None, "high": None}


@edge
@pytest.mark.parametrize(("n", "p"), [(1, 1 / 2), (2, 1 / 4), (3, 1 / 8)])
def test_few_people_who_all_say_the_same(n, p):
    means = pd.DataFrame({"cluster 1": [1.0] * n, MIXED: 0.0})
    (found,) = statistics.against_control(means, CLUSTERS[:1], MIXED, 100, 0)
    assert (found["difference"], found["effect"], found["p"]) == (1, 1, p)
    ends = [found[end] for end in ("low", "high", "effect_low", "effect_high")]
    assert ends == ([1.0] * 4 if n == 3 else [None] * 4)


@edge
def test_one_bootstrap_sample_spans_no_interval():
    assert statistics.mean_interval(np.array([1.0, 2, 3]), 1, 0) == {"n": 3, "mean": 2.0, "low": None, "high": None}


@edge
def test_what_is_missing_weighs_nothing_in_a_signed_rank():
    missing = np.array([np.nan, 1.0, -2, np.nan])
    assert statistics.rank_biserial(missing) == pytest.approx(-1 / 3)  # ranks 1 and 2
    assert statistics.signed_rank(missing) == 3 / 4  # of four patterns only the one with both negative lies below
    assert statistics.signed_rank(np.array([np.nan])) == 1
    assert statistics.signed_rank(np.zeros(150)) == 1


@edge
def test_friedman_where_nobody_rates_one_above_another():
    means = pd.DataFrame({name: [1.0, 2.0, 5.0, 4.0] for name in (*CLUSTERS, MIXED)})
    assert statistics.overall(means, [*CLUSTERS, MIXED]) == {"n": 4, "chi2": 0, "df": 2, "p": 1}
    means.loc[0, "cluster 1"] += 1  # one person has the ranks 3, 1.5, 1.5: 12 * 1.5 / 48, corrected for 3 * 24 + 6 ties
    found = statistics.overall(means, [*CLUSTERS, MIXED])
    assert found["chi2"] == pytest.approx((12 / (4 * 3 * 4) * (9**2 + 7.5**2 + 7.5**2) - 3 * 4 * 4) / (1 - 78 / 96))


@edge
@pytest.mark.parametrize(
    "rating",
    [lambda p, condition, g: (2, 3, 5)[g] - (condition == MIXED), lambda p, condition, g: 1 + (p + g) % 5],
    ids=["every person gives the same", "every condition gets the same"],
)
def test_an_ordinal_model_of_people_without_spread_has_no_errors_and_says_so(rating):
    conditions = (*CLUSTERS, MIXED)
    rows = [(p, f"{c} {g}", c, rating(p, c, g)) for p in range(10) for c in conditions for g in range(3)]
    assert "no spread" in statistics.ordinal_model(ratings(rows), CLUSTERS, MIXED)["why_not"]


@edge
def test_what_one_person_rated_is_no_matter_of_agreement():
    """All agree on every group that several rated; that somebody alone gave another rating changes nothing."""
    rows = [(p, f"q{u}", "cluster 1", 3) for p in range(3) for u in range(12)] + [(0, "alone", "cluster 1", 5)]
    found = agreement.agreement(ratings(rows), 50, 0)
    assert (found["units"], found["alpha"], found["icc"]) == (12, None, None)
    assert found["why_not"] == "everybody gave the same rating everywhere"
    rows[0] = (0, "q0", "cluster 1", 4)
    found = agreement.agreement(ratings(rows), 50, 0)
    # one of 36 ratings differs: observed 2 * 2 / (36 * 2), expected 2 * 1 * 35 / (36 * 35), both times one distance
    assert found["alpha"] == pytest.approx(1 - (4 / 72) / (70 / 1260), abs=1e-12)
    assert np.isfinite([found["low"], found["high"]]).all()
    one = agreement.agreement(ratings([(1, f"q{u}", "cluster 1", u % 5) for u in range(12)]), 50, 0)
    assert one["why_not"].startswith("0 rated groups")


@edge
def test_people_who_rated_everything_alike_have_no_icc():
    """Krippendorff's alpha has the fourth person's ratings to go by; the ICC has not: he left one out."""
    rows = [(p, f"q{u}", "cluster 1", 3) for p in range(3) for u in range(12)]
    rows += [(3, f"q{u}", "cluster 1", 1 + u % 5) for u in range(11)]
    found = agreement.agreement(ratings(rows), 50, 0)
    assert found["alpha"] is not None
    assert found["icc"] is None


@edge
def test_shares_of_none_and_of_all():
    columns = ["kind", "condition", "stratum", "correct"]
    none = statistics.intruders(pd.DataFrame([], columns=columns), CLUSTERS, 4)
    assert none["all"] == {"n": 0, "right": 0, "share": None, "low": None, "high": None, "p": None}
    table = pd.DataFrame([("intruder", "cluster 1", "near", True)] * 3, columns=columns)
    all_ = statistics.intruders(table, CLUSTERS, 4)["all"]
    # Wilson of 3 in 3: n / (n + z^2) to 1
    assert (all_["p"], all_["low"]) == pytest.approx((1 / 64, 3 / (3 + stats.norm.ppf(0.975) ** 2)))
    assert all_["high"] == 1


@edge
def test_scores_that_differ_in_the_last_bit_are_tied():
    assert statistics.follows([0.1 + 0.2, 0.3, 0.3], [1, 2, 3])["rho"] is None
    assert statistics.follows([], [])["p"] is None
    found = statistics.follows([0.1 + 0.2, 0.3, 1, float("nan")], [2, 2, 4, 5])
    assert (found["n"], found["rho"], found["p"]) == (3, pytest.approx(1), pytest.approx(2 / 3))

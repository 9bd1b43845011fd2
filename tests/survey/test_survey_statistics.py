"""The tests behind a score, against numbers worked out by hand and against other libraries."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cafemood.survey import statistics
from cafemood.survey.study import MIXED

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
    found = statistics.agreement(perfect, 50, 0)
    assert found["alpha"] == pytest.approx(1)
    assert found["icc"]["one"]["icc"] == pytest.approx(1)
    rng = np.random.default_rng(3)
    noise = ratings([(p, f"q{u}", "cluster 1", int(rng.integers(1, 6))) for p in range(20) for u in range(12)])
    found = statistics.agreement(noise, 100, 0)
    assert abs(found["alpha"]) < 0.1
    assert found["low"] < found["alpha"] < found["high"]
    few = statistics.agreement(perfect[perfect["question"] < "q2"], 50, 0)
    assert few["alpha"] is None
    assert "too few" in few["why_not"]
    assert "same rating" in statistics.agreement(perfect.assign(answer=3), 50, 0)["why_not"]


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
    assert statistics.odd_one_out(np.array([[0.0, 0], [5, 5], [0, 1]])) == 1


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
                shown[statistics.odd_one_out(np.stack([good[p] for p in shown]))],
            )
        )
    table = pd.DataFrame(rows, columns=["person", "question", "kind", "repeat_of", "photos", "answer"])
    found = statistics.triplets(table, {"good": good, "bad": bad}, 300, 0)
    first, second = found["spaces"]
    assert first["accuracy"] == 1
    assert second["accuracy"] < 0.6
    assert found["differences"][0]["low"] > 0.2
    assert statistics.triplets(table, {}, 300, 0)["spaces"] == []


def test_retest_counts_the_same_answer_given_again():
    columns = ["person", "question", "kind", "repeat_of", "answer"]
    rows = [
        (1, "a", "alike", None, 4),
        (1, "r", "alike", "a", 2),
        (1, "o", "odd", None, "x"),
        (1, "s", "odd", "o", "x"),
    ]
    found = statistics.retest(pd.DataFrame(rows, columns=columns))
    assert (found["alike"]["same"], found["alike"]["mean_change"], found["odd"]["same"]) == (0, 2, 1)


def test_follows_is_exact_for_few_clusters():
    found = statistics.follows([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4])
    assert found["rho"] == pytest.approx(1)
    assert found["p"] == pytest.approx(2 / 24)
    assert found["least_p"] == pytest.approx(2 / 24)
    assert statistics.follows([1, None, 2], [1, 2, 3])["rho"] is None
    assert statistics.follows([1, 1, 1], [1, 2, 3])["rho"] is None

"""Each finding of a survey's verdict under its condition, and their wording."""

import pytest
from made_findings import golden, written

from cafemood.survey.verdict import verdict


def result(
    *, people=24, p=(0.01, 0.02), odd=(0.01, 0.2), alpha=0.5, gender=None, alike=None, follows=(), n_odd=40, low=0.4
):
    """A survey's result with two clusters; `p`, `odd`, `gender` and `alike` are p values of each."""
    clusters = [
        {
            "cluster": j,
            "versus_mixed": {"p_holm": p[j]},
            "intruder": {"n": n_odd, "p_holm": odd[j]},
            "gender": {
                "p_holm": None if gender is None else gender[j],
                "p_equivalent_holm": None if alike is None else alike[j],
            },
        }
        for j in range(2)
    ]
    high = None if low is None else 0.6
    return {
        "people": {"counted": people},
        "clusters": clusters,
        "intruders": {"all": {"n": 2 * n_odd, "share": 0.5}, "chance": 0.25},
        "agreement": {"alpha": alpha, "low": low, "high": high, "why_not": "fewer than two people"},
        "follows": [
            {"name": name, "rho": rho, "p": p_value, "n": 5, "least_p": least} for name, rho, p_value, least in follows
        ],
    }


LED = [("stability (Jaccard over refits)", 1.0, 0.017, 0.017), ("silhouette@features", -0.3, 0.6, 0.017)]


@pytest.mark.parametrize(
    ("more", "code", "level", "figures"),
    [
        ({"people": 3}, "few-people", "warn", {"n_people": 3}),
        ({}, "every-cluster-coherent", "good", {"tested": [0, 1], "alike": [0, 1]}),
        ({"p": (0.01, 0.5)}, "some-clusters-coherent", "info", {"tested": [0, 1], "alike": [0]}),
        ({"p": (0.1, 0.5)}, "no-cluster-coherent", "bad", {"tested": [0, 1], "alike": []}),
        ({"p": (None, None)}, "coherence-not-tested", "info", {"tested": [], "alike": []}),
        ({}, "intruders-found", "good", {"share": 0.5, "chance": 0.25, "above_chance": [0]}),
        ({"odd": (1, 1)}, "intruders-not-found", "warn", {"share": 0.5, "chance": 0.25, "above_chance": []}),
        ({"alpha": 0.7}, "people-agree", "info", {"alpha": 0.7, "low": 0.4, "high": 0.6}),
        ({"alpha": 0.2}, "people-agree-somewhat", "info", {"alpha": 0.2, "low": 0.4, "high": 0.6}),
        ({"alpha": 0.19}, "people-disagree", "warn", {"alpha": 0.19, "low": 0.4, "high": 0.6}),
        ({"alpha": None}, "agreement-unknown", "info", {}),
        ({"gender": (0.01, 0.5)}, "genders-differ", "info", {"clusters": [0]}),
    ],
)
def test_a_finding_under_its_condition(more, code, level, figures):
    (finding,) = [finding for finding in verdict(result(**more)) if finding.code == code]
    assert (finding.level, finding.figures) == (level, figures)


@pytest.mark.parametrize(
    ("alike", "code"),
    [((0.01, 0.5), "genders-alike"), ((0.5, 0.5), "genders-undecided"), (None, "genders-without-spread")],
)
def test_genders_that_do_not_differ(alike, code):
    assert code in {finding.code for finding in verdict(result(gender=(0.5, 0.5), alike=alike))}


@pytest.mark.parametrize(
    ("follows", "codes"),
    [
        (LED, {"people-follow-a-score"}),
        ([("silhouette@features", -1.0, 0.017, 0.017)], {"people-follow-no-score"}),
        ([("silhouette@features", 1.0, 0.083, 0.083)], {"too-few-clusters-to-follow"}),
        ([("silhouette@features", None, None, None)], set()),
    ],
)
def test_which_score_people_follow(follows, codes):
    assert {finding.code for finding in verdict(result(follows=follows)) if "follow" in finding.code} == codes


def test_nobody_was_asked_for_intruders():
    assert not {"intruders-found", "intruders-not-found"} & {finding.code for finding in verdict(result(n_odd=0))}


def test_the_wording():
    results = [
        result(follows=LED, gender=(0.01, 0.5), odd=(0.01, 0.02)),
        result(people=3, p=(0.01, 0.5), alpha=0.1, gender=(0.5, 0.5), alike=(0.01, 0.02), follows=LED[1:]),
        result(p=(0.1, 0.5), odd=(1, 1), alpha=0.7, low=None, gender=(0.5, 0.5)),
        result(p=(None, None), alpha=None, gender=(0.5, 0.5), alike=(0.5, 0.5), follows=[("s", 1.0, 0.083, 0.083)]),
    ]
    assert written([verdict(each) for each in results]) == golden("survey")

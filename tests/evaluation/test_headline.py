"""The headline of a verdict: its answer under each finding, short, without statistics, in two languages."""

import re

import pytest

from cafemood.evaluation.findings import Finding, with_names
from cafemood.evaluation.headline import headline

BEATEN = Finding("noise-beaten", "good", "", {"score": "silhouette@features"})
OWN_BEATEN = Finding("noise-beaten", "info", "", {"score": "silhouette@pca2"})
NOISE = Finding("noise-not-beaten", "bad", "", {"score": "silhouette@features"})
OWN_NOISE = Finding("noise-not-beaten", "bad", "", {"score": "silhouette@pca2"})
STABLE = Finding("stable", "good", "", {"unit": "cafés", "clusters": []})
SOME = Finding("moods-unstable", "warn", "", {"unit": "photos", "clusters": [1, 3]})
UNSTABLE = Finding("unstable", "bad", "", {"unit": "photos", "clusters": [0, 1, 2, 3]})
PARTLY = Finding("partly-stable", "info", "", {"unit": "photos", "clusters": []})
MERGE = Finding("moods-merge", "warn", "", {"clusters": [0, 2]})
UNTRIED = Finding("stability-not-measured", "info", "")
FEW = Finding("few-photos", "warn", "", {"n_photos": 29, "k": 4})
CAFES = Finding("follows-cafes", "good", "")
CONTENT = Finding("follows-content", "warn", "")
COLLAPSED = Finding("collapsed", "bad", "", {"clusters_in_use": 2, "k": 4})
UNDEFINED = Finding("silhouette-undefined", "bad", "")
NO_SPACE, NO_CAFES = Finding("cafe-space-fails", "bad", ""), Finding("cafe-groups-fail", "bad", "")
ONE_CAFE = Finding("one-cafe-cluster", "warn", "", {"cluster": 2, "cafe": "숲", "share": 0.8})
OLD = Finding("", "bad", "No better than noise: silhouette@features is 0.1")


@pytest.mark.parametrize(
    ("findings", "code", "level"),
    [
        ([BEATEN, STABLE, CAFES], "yes", "good"),
        ([BEATEN, SOME, CAFES], "with-care", "warn"),
        ([BEATEN, STABLE, CONTENT], "with-care", "warn"),
        ([BEATEN, STABLE, ONE_CAFE], "with-care", "warn"),
        ([BEATEN, PARTLY, MERGE], "with-care", "warn"),
        ([BEATEN, OWN_NOISE, STABLE], "with-care", "warn"),
        ([BEATEN, STABLE, FEW], "first-look", "warn"),
        ([BEATEN, UNTRIED], "untested", "info"),
        ([BEATEN], "untested", "info"),
        ([STABLE], "untested", "info"),
        ([BEATEN, UNSTABLE], "unstable", "bad"),
        ([NOISE, STABLE, FEW], "noise", "bad"),
        ([NOISE, OWN_BEATEN, STABLE], "noise", "bad"),
        ([NOISE, OWN_BEATEN, UNSTABLE], "noise", "bad"),
        ([BEATEN, STABLE, NO_SPACE], "no-cafes", "bad"),
        ([BEATEN, STABLE, NO_CAFES], "no-cafes", "bad"),
        ([COLLAPSED, NOISE, UNSTABLE], "no-groups", "bad"),
        ([UNDEFINED, STABLE], "no-groups", "bad"),
        ([OLD], "unknown", "info"),
        ([], "unknown", "info"),
    ],
)
def test_each_verdict_comes_to_one_answer(findings, code, level):
    found = headline(findings, 4)
    assert (found.code, found.level) == (code, level)
    assert 1 <= len(found.sentences) <= 3
    for english, korean in found.sentences:
        assert not re.search(r"silhouette|ARI|NMI|p =|±|σ|\bsd\b", english)
        assert len(english) <= 110
        assert re.search("[가-힣]", korean)
    assert found.english[0].startswith(("Yes", "No", "Not", "How"))
    assert found.english[0].startswith("Yes") == (level != "bad" and code != "unknown")


def test_what_is_noise_is_never_called_usable():
    """Nothing that is good beside it makes noise usable."""
    for more in (STABLE, CAFES, UNTRIED, PARTLY, SOME, FEW, ONE_CAFE, MERGE):
        assert headline([NOISE, more], 4).code == "noise"


def test_it_says_how_many_turn_up_again_and_names_those_that_do_not():
    found = headline([BEATEN, SOME], 4, {1: ("dark wood", "어두운 나무")})
    assert "2 of 4" in found.english[1]
    assert "“dark wood” and mood 4" in found.english[2]
    assert "‘어두운 나무’, 무드 4" in found.korean[2]


def test_few_are_counted_in_what_was_grouped():
    drawn = Finding("stable", "good", "", {"unit": "cafés", "clusters": []})
    assert "29 photos" in headline([BEATEN, drawn, FEW], 4).english[0]
    assert "29 cafés" in headline([BEATEN, drawn, FEW], 4, of_cafes=True).english[0]


@pytest.mark.parametrize(
    ("text", "figures", "named"),
    [
        ("Mood 3 is mostly one café (Mood 3 bar)", {"cluster": 2}, "Mood 3 “oak” is mostly one café (Mood 3 bar)"),
        ("Moods 1 and 3 say the same", {"clusters": [0, 2]}, "Moods 1 and 3 “oak” say the same"),
        ("Unstable: no mood comes back", {"clusters": [0, 2]}, "Unstable: no mood comes back"),
        ("Stable", {"clusters": []}, "Stable"),
        ("39 photos are few", {}, "39 photos are few"),
    ],
)
def test_names_stand_beside_numbers(text, figures, named):
    assert with_names(Finding("x", "warn", text, figures), {2: "oak"}).text == named

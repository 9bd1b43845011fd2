"""Do people follow our score, silhouette, or neither?"""

import json
from types import SimpleNamespace

import pytest

from cafemood.report import compare, comparison
from cafemood.survey.across import across


def put_result(folder, lift, people=20):
    clusters = [{"versus_mixed": {"difference": lift + by}} for by in (-0.1, 0.1)]
    found = {"clusters": clusters, "people": {"counted": people}, "intruders": {"all": {"share": 0.5}, "chance": 0.25}}
    (folder / "survey_result.json").write_text(json.dumps(found), encoding="utf-8")


def run_with(folder, silhouette, lift=None):
    folder.mkdir()
    if lift is not None:
        put_result(folder, lift)
    return SimpleNamespace(folder=folder, scores={"scores": {"silhouette@features": silhouette}})


def test_nobody_was_asked(tmp_path):
    assert across([run_with(tmp_path / "a", 0.1)], ["a"], [0.5]) is None


def test_people_follow_our_score_and_not_silhouette(tmp_path):
    lifts = [0.2, 0.4, 0.6, 0.8, 1.0]
    runs = [run_with(tmp_path / str(i), [0.5, 0.1, 0.4, 0.2, 0.3][i], lift) for i, lift in enumerate(lifts)]
    runs.append(run_with(tmp_path / "unasked", 0.9))
    found = across(runs, list("abcdef"), [0.1, 0.2, 0.3, 0.4, 0.5, 0.9])
    assert [row["run"] for row in found["rows"]] == list("abcde")
    assert [row["lift"] for row in found["rows"]] == pytest.approx(lifts)
    assert found["follows"][0]["rho"] == pytest.approx(1)
    assert found["follows"][0]["p"] == pytest.approx(2 / 120)
    assert "They follow our score (our score: Spearman 1.00, p = 0.017" in found["text"]


@pytest.mark.parametrize("n", [3, 4])
def test_few_runs_say_nothing_since_even_perfect_agreement_has_a_large_p(tmp_path, n):
    runs = [run_with(tmp_path / str(i), 0.1 * i, 0.2 * i) for i in range(n)]
    found = across(runs, list("abcd")[:n], [1.0, 2.0, 3.0, 4.0][:n])
    assert found["follows"][0]["p"] > 0.05
    assert "too few to tell" in found["text"]
    assert "(5 needed)" in found["text"]


def test_the_comparison_shows_it_once_answers_exist(sweep, tmp_path):
    before = compare.write(comparison.compare_runs([sweep]), tmp_path / "a")
    assert "What people say" not in before.read_text(encoding="utf-8")
    for i, folder in enumerate(sorted(sweep.iterdir())):
        put_result(folder, 0.3 * i)
    page = compare.write(comparison.compare_runs([sweep]), tmp_path / "b")
    text = page.read_text(encoding="utf-8")
    assert "What people say" in text
    assert "4 runs were shown to people" in text

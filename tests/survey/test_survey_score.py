"""From answers to a result: files that people downloaded, the study's table, words, and what is left out."""

import csv
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from survey_helpers import answer_all, sensible

from cafemood.core.checked import crc_of_file
from cafemood.errors import SurveyError
from cafemood.report import report
from cafemood.survey import answers, figures, result, score, simulate, study, terminal
from cafemood.survey.build import build
from cafemood.survey.design import Design


def put(survey, people):
    folder = survey.folder / "answers"
    folder.mkdir(exist_ok=True)
    for person in people:
        (folder / f"{person['person']}.json").write_text(json.dumps(person), encoding="utf-8")


def scored(survey, run=None, **options):
    return score.score(survey, answers.gather(survey), run, n_boot=200, **options)


def test_people_who_see_the_moods_are_found_to_do_so(survey, asked_run):
    put(survey, [answer_all(survey, i, sensible) for i in range(24)])
    found = scored(survey, asked_run)
    assert all(c["mean"] == 5 and c["versus_mixed"]["difference"] == 3 for c in found["clusters"])
    assert all(c["versus_mixed"]["p_holm"] < 0.001 and c["intruder"]["share"] == 1 for c in found["clusters"])
    coherent = next(finding for finding in found["verdict"] if finding["code"] == "every-cluster-coherent")
    assert coherent["figures"]["alike"] == [c["cluster"] for c in found["clusters"]]
    assert found["people"] | {"skipped_files": []} == {
        "began": 24, "counted": 24, "men": 12, "women": 12, "failed_check": 0, "unfinished": 0,
        "median_minutes": pytest.approx(3 * len(survey.plans[0]) / 60, abs=0.1), "skipped_files": [],
    }  # fmt: skip
    assert found["retest"]["odd"]["same"] == 1
    assert found["triplets"]["n"] > 50


def test_the_original_studys_table_comes_back(survey):
    rng = np.random.default_rng(0)
    counts = {"man": simulate.ORIGINAL_MEN, "woman": simulate.ORIGINAL_WOMEN}
    put(survey, simulate.people_with_tastes(survey, simulate.ORIGINAL, counts, rng))
    found = scored(survey)
    for row in found["conditions"][:5]:
        for group, gender in (("men", "man"), ("women", "woman"), ("all", "all")):
            assert row[group]["mean"] == pytest.approx(simulate.ORIGINAL[gender][row["condition"]], abs=0.1)
    text = terminal.study_table(found)
    assert [line.split()[0] for line in text.splitlines()[1:]] == ["cluster"] * 4 + ["each"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [1, 2, 10, 24])
def test_people_who_all_say_the_same_leave_no_number_undefined(survey, asked_run, n):
    """They see no difference at all: every p is 1, and what needs spread says that there is none."""
    put(survey, [answer_all(survey, i, lambda q: 3 if q.kind == "alike" else sensible(q)) for i in range(n)])
    found = scored(survey, asked_run)
    json.dumps(found, allow_nan=False)
    for entry in found["clusters"]:
        assert (entry["versus_mixed"]["p"], entry["versus_mixed"]["difference"]) == (1, 0)
        assert entry["gender"]["p"] == (1 if n >= 10 else None)
    assert found["friedman"] == (None if n < 3 else {"n": n, "chi2": 0, "df": 5, "p": 1})
    assert found["model"]["why_not"] == ("everybody gave the same rating" if n >= 5 else "fewer than 5 people")
    codes = {finding["code"] for finding in found["verdict"]}
    assert ("genders-without-spread" in codes) == (n >= 10)
    terminal.print_score(found)
    score.write(survey, answers.gather(survey), asked_run, found)
    report.write_report(asked_run)


@pytest.mark.filterwarnings("error")
def test_a_person_who_skipped_everything(survey, asked_run):
    put(survey, [answer_all(survey, 0, lambda q: q.answer if q.kind == "check" else None)])
    found = scored(survey, asked_run)
    json.dumps(found, allow_nan=False)
    assert "coherence-not-tested" in {finding["code"] for finding in found["verdict"]}
    terminal.print_score(found)
    score.write(survey, answers.gather(survey), asked_run, found)
    report.write_report(asked_run)


def test_who_presses_anything_is_not_called_coherent(survey):
    put(survey, simulate.clickers(survey, 40, np.random.default_rng(1)))
    found = scored(survey)
    assert found["verdict"][0]["code"] == "no-cluster-coherent"
    assert abs(found["intruders"]["all"]["share"] - 0.25) < 0.1
    assert abs(found["agreement"]["alpha"]) < 0.1


def test_who_fails_the_attention_check_does_not_count(survey):
    people = [answer_all(survey, i, sensible) for i in range(6)]
    for person in people[:2]:
        check = next(q.id for q in survey.questions.values() if q.kind == "check")
        person["answers"][check]["value"] = 1 + survey.questions[check].answer % survey.scale
    put(survey, people)
    found = scored(survey)
    assert (found["people"]["counted"], found["people"]["failed_check"]) == (4, 2)
    put(survey, people[:2])
    for person in people[2:]:
        (survey.folder / "answers" / f"{person['person']}.json").unlink()
    with pytest.raises(SurveyError, match="No answer counts"):
        scored(survey)


def test_half_finished_answers_count_as_far_as_they_go(survey):
    people = [answer_all(survey, i, sensible) for i in range(8)]
    for person in people[:4]:
        person["answers"] = dict(list(person["answers"].items())[:5])
        person["finished"] = False
    people[4]["answers"] = {name: {"value": None, "seconds": 1} for name in people[4]["answers"]}
    put(survey, people)
    found = scored(survey)
    assert found["people"]["unfinished"] == 4
    assert found["people"]["counted"] == 8


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"survey": "0" * 16}, "answers another survey"),
        ({"person": "../../etc"}, "a field is not"),
        ({"plan": 10**9}, "a field is not"),
        ({"plan": "0"}, "a field is not"),
        ({"gender": "<script>"}, "a field is not"),
        ({"answers": []}, "a field is not"),
        ({"answers": {"q0": {"value": 3, "seconds": 1}}}, "no such question"),
    ],
)
def test_files_that_somebody_changed_are_named_and_left_out(survey, change, reason):
    put(survey, [answer_all(survey, 0, sensible)])
    (survey.folder / "answers" / "forged.json").write_text(
        json.dumps(answer_all(survey, 1, sensible) | change), encoding="utf-8"
    )
    gathered = answers.gather(survey)
    assert gathered.people.shape[0] == 1
    assert gathered.skipped[0]["file"] == "forged.json"
    assert reason in gathered.skipped[0]["reason"]


def test_values_that_were_never_offered_are_left_out(survey):
    for i, value in enumerate([99, 0, True, "x", 3.5, [1], {"a": 1}]):
        person = answer_all(survey, i, sensible)
        name = next(n for n, q in survey.questions.items() if q.kind == "alike" and n in person["answers"])
        person["answers"][name]["value"] = value
        put(survey, [person])
    for i, taken in enumerate([-1, 1e9, "soon", True, float("nan"), float("inf"), 10**400]):
        person = answer_all(survey, 20 + i, sensible)
        next(iter(person["answers"].values()))["seconds"] = taken
        put(survey, [person])
    (survey.folder / "answers" / "deep.json").write_text("[" * 100_000, encoding="utf-8")
    (survey.folder / "answers" / "large.json").write_bytes(b" " * 2_000_000)
    (survey.folder / "answers" / "photo.jpg").write_bytes(b"\xff\xd8")
    with pytest.raises(SurveyError, match="Nobody has answered yet") as caught:
        scored(survey)
    assert "17 files were left out" in str(caught.value.why)


def test_the_same_person_twice_counts_once_and_the_fuller_file_wins(survey):
    person = answer_all(survey, 0, sensible)
    put(survey, [person])
    less = person | {"answers": dict(list(person["answers"].items())[:3])}
    (survey.folder / "answers" / "a copy.json").write_text(json.dumps(less), encoding="utf-8")
    gathered = answers.gather(survey)
    assert len(gathered.table) == len(person["answers"])
    assert "came twice" in gathered.skipped[0]["reason"]


def test_a_question_skipped_at_first_is_no_changed_answer(made_asked_run, tmp_path):
    """Of ratings alone pandas would make a column of floats, and NaN of what was skipped."""
    ratings_only = build(made_asked_run, tmp_path / "survey", Design(intruders=0, triplets=0))
    people = [answer_all(ratings_only, i, sensible) for i in range(4)]
    again = [q.repeat_of for q in ratings_only.questions.values() if q.repeat_of in people[0]["answers"]]
    for name in again:
        people[0]["answers"][name]["value"] = None
    put(ratings_only, people)
    found = scored(ratings_only)["retest"]["alike"]
    assert (found["n"], found["same"], found["mean_change"]) == (6, 1, 0)


def test_nothing_to_score(survey):
    with pytest.raises(SurveyError, match="Nobody has answered yet"):
        scored(survey)


def test_the_files_hold_every_answer_and_every_column_is_explained(survey, asked_run):
    put(survey, [answer_all(survey, i, sensible) for i in range(6)])
    found = scored(survey, asked_run)
    paths = score.write(survey, answers.gather(survey), asked_run, found)
    assert all(path.is_file() for path in paths)
    with open(survey.folder / "answers.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 6 * len(survey.plans[0])
    codebook = (survey.folder / "codebook.md").read_text(encoding="utf-8")
    assert all(f"- `{column}`:" in codebook for column in rows[0])
    assert pd.read_csv(survey.folder / "answers.csv")["person"].nunique() == 6
    assert result(asked_run.folder)["people"]["counted"] == 6
    svg = (survey.folder / "figures" / "alike.svg").read_text(encoding="utf-8")
    assert svg.count("cluster ") >= 4


def test_the_report_shows_what_people_said(survey, asked_run):
    before = report.write_report(asked_run).read_text(encoding="utf-8")
    assert "What people say" not in before
    put(survey, [answer_all(survey, i, sensible) for i in range(12)])
    score.write(survey, answers.gather(survey), asked_run, scored(survey, asked_run))
    after = report.write_report(asked_run).read_text(encoding="utf-8")
    assert "What people say" in after
    assert "12 people (6 men, 6 women)" in after
    (asked_run.folder / "survey_result.json").write_text("{", encoding="utf-8")
    with pytest.raises(SurveyError, match="cannot be read"):
        report.write_report(asked_run)


def test_a_run_that_is_gone_or_another_one(survey, asked_run, made_asked_run, tmp_path):
    run, missing = score.run_of(survey)
    assert run.folder == made_asked_run.folder
    assert missing is None
    other = json.loads((asked_run.folder / "run.json").read_text(encoding="utf-8"))
    other["data"]["digest"] = "0" * 64
    (asked_run.folder / "run.json").write_text(json.dumps(other), encoding="utf-8")
    for same_moods in (True, False):
        with pytest.raises(SurveyError, match="not built from this run"):
            score.run_of(survey, asked_run.folder, same_moods=same_moods)
    facts = json.loads((survey.folder / "survey.json").read_text(encoding="utf-8"))
    facts["run"]["folder"] = str(tmp_path / "gone")
    survey.facts["run"]["folder"] = str(tmp_path / "gone")
    run, missing = score.run_of(survey)
    assert run is None
    assert "--run" in missing


def test_another_clustering_of_the_same_photos_is_another_run(survey, asked_run):
    path = asked_run.folder / "assignments.parquet"
    table = pd.read_parquet(path)
    assert score.run_of(survey, asked_run.folder)[0].folder == asked_run.folder
    table.assign(cluster=(table["cluster"] + 1) % 4).to_parquet(path)
    card = asked_run.folder / "run.json"
    facts = json.loads(card.read_text(encoding="utf-8"))
    facts["files"]["assignments.parquet"] = f"{crc_of_file(path):08x}"
    card.write_text(json.dumps(facts), encoding="utf-8")
    assert score.run_of(survey, asked_run.folder, same_moods=False)[0].folder == asked_run.folder
    with pytest.raises(SurveyError, match=r"(?s)not built from this run.*puts them into other clusters"):
        score.run_of(survey, asked_run.folder)


def test_the_figure_splits_the_middle_answer(survey):
    put(survey, [answer_all(survey, i, lambda q: 3 if q.kind in ("alike",) else sensible(q)) for i in range(4)])
    found = scored(survey)
    svg = figures.alike(found, standalone=True)
    assert svg.startswith("<svg")
    assert 'fill="#fff' in svg
    shutil.rmtree(survey.folder / "answers")


def test_power_grows_with_people_and_errors_stay_rare():
    rows = simulate.power(simulate.Setting(effect=0.9), [6, 40], 60, quiet=True)
    assert rows[0]["power"] < rows[1]["power"]
    assert rows[1]["power"] > 0.8
    assert max(row["false"] for row in rows) <= 0.2
    assert simulate.people_for(rows) == 40
    assert simulate.people_for(rows, 1.01) is None


@pytest.mark.parametrize(
    "setting", [simulate.Setting(effect=9), simulate.Setting(clusters=1), simulate.Setting(scale=6)]
)
def test_impossible_simulations_are_refused(setting):
    with pytest.raises(SurveyError):
        simulate.power(setting, [10], 20, quiet=True)


@pytest.mark.slow
def test_the_commands_say_what_they_did_and_refuse_in_one_line(made_asked_run, tmp_path):
    def cafemood(*words):
        command = [sys.executable, "-c", "from cafemood.app.cli import main; main()", "survey", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    folder = tmp_path / "설문 1"
    built = cafemood("build", str(made_asked_run.folder), "--out", str(folder), "--triplets", "4")
    assert built.returncode == 0, built.stderr
    assert re.search(r"\d+ questions a person, about \d+ minutes", built.stdout)
    again = cafemood("build", str(made_asked_run.folder), "--out", str(folder))
    nobody = cafemood("score", str(folder))
    wrong = cafemood("simulate", "--people", "many")
    for done, says in ((again, "already holds a survey"), (nobody, "Nobody has answered yet"), (wrong, "--people is")):
        assert done.returncode == 1
        assert says in done.stderr
        assert "Traceback" not in done.stderr
    put(study.load(folder), [answer_all(study.load(folder), i, sensible) for i in range(6)])
    done = cafemood("score", str(folder), "--run", str(made_asked_run.folder))
    assert done.returncode == 0, done.stderr
    assert "each cluster" in done.stdout
    (made_asked_run.folder / "survey_result.json").unlink()

"""What people teach: simulated people with known tastes, noise, and what a map is judged on."""

import json
import subprocess
import sys

import made_words
import numpy as np
import pandas as pd
import pingouin
import pytest
from survey_helpers import answer_all

from cafemood.cafes import moods, scales
from cafemood.cafes.profiles import compute
from cafemood.clustering.reduction import project
from cafemood.errors import SurveyError
from cafemood.report import atlas_words, report
from cafemood.report.editing import look_words
from cafemood.survey import answers, learning, people_map, raters, scale_models, score, study, terminal
from cafemood.survey.build import build
from cafemood.survey.design import Design
from cafemood.survey.kinds.registry import KINDS
from cafemood.survey.reduction import people_reduction, read
from cafemood.survey.statistics import reliability
from cafemood.taste import ranking, space
from cafemood.words import text_features

DESIGN = Design(groups=1, intruders=0, triplets=12, pool=20, ratings=10, scales=("loud", "cozy"))


@pytest.fixture(scope="module")
def built(made_asked_run, tmp_path_factory):
    """A survey that asks for triplets and ratings."""
    return build(made_asked_run, tmp_path_factory.mktemp("taught") / "설문", DESIGN)


@pytest.fixture
def taught(built, tmp_path):
    """A copy of it."""
    import shutil

    return study.load(shutil.copytree(built.folder, tmp_path / "설문"))


def warmth_of(run):
    """From 1 (cool) to 5 (warm)."""
    warmth = moods.looks_of(run)["warmth"].to_numpy()
    return 1 + 4 * (warmth - warmth.min()) / np.ptp(warmth)


def people(survey, run, n, noise=False, seed=0):
    """Somebody who sees how warm a photo's colours are and nothing else; `loud` is how warm, `cozy` is anything."""
    rng = np.random.default_rng(seed)
    warmth = dict(zip(run.photos["photo_id"], warmth_of(run), strict=True))
    of = {name: warmth[about["photo_id"]] for name, about in survey.facts["photos"].items()}

    def choose(question):
        if question.kind == "odd" and not noise:
            seen = np.array([of[name] for name in question.photos]) + rng.normal(0, 0.2, 3)
            return question.photos[int(np.argmax(np.abs(seen - np.median(seen))))]
        if question.condition == "loud" and not noise:
            return int(np.clip(round(of[question.photos[0]] + rng.normal(0, 0.3)), 1, 5))
        return KINDS[question.kind].simulated(question, 5, rng)

    folder = survey.folder / "answers"
    folder.mkdir(exist_ok=True)
    for number in range(n):
        text = json.dumps(answer_all(survey, number, choose), ensure_ascii=False)
        (folder / f"{number}.json").write_text(text, encoding="utf-8")
    return answers.gather(survey)


def test_people_who_see_warmth_teach_warmth(taught, asked_run):
    learnt = learning.learn(taught, people(taught, asked_run, 40), asked_run)
    figures = learnt.figures["map"]
    assert figures["low"] > 0
    assert figures["learnt"] > figures["untrained"]
    assert learnt.findings[0].code == "people-map-holds"
    space = people_reduction(str(taught.folder))
    warmth = warmth_of(asked_run)
    z = asked_run.rows.astype(float) @ np.linalg.pinv(asked_run.features["pca.components"].astype(float)).T
    near = project(z + asked_run.features["pca.mean"], space.stored)
    assert near.shape == (len(warmth), space.n_components_)
    assert space.space == f"people{space.n_components_}"

    def told(rows):
        gaps = ((rows[:, None] - rows[None]) ** 2).sum(-1)
        return np.corrcoef(gaps.ravel(), ((warmth[:, None] - warmth[None]) ** 2).ravel())[0, 1]

    assert told(near) > told(asked_run.rows.astype(float)) + 0.05


def test_noise_teaches_nothing_and_says_so(taught, asked_run):
    learnt = learning.learn(taught, people(taught, asked_run, 40, noise=True), asked_run)
    assert "people-map-no-better" in [finding.code for finding in learnt.findings]
    assert "scales-predicted" not in [finding.code for finding in learnt.findings]
    assert not (asked_run.folder / scales.SCALES_FILE).exists()


def test_a_rated_scale_joins_the_cafes(taught, asked_run):
    learnt = learning.learn(taught, people(taught, asked_run, 60), asked_run)
    told = {entry["scale"]: entry for entry in learnt.figures["scales"]}
    assert told["loud"]["predicted"]
    assert told["loud"]["r2"] > 0.3
    assert not told["cozy"]["predicted"]
    rated = scales.read(asked_run)
    assert list(rated) == ["loud"]
    assert rated["loud"].between(1, 5).all()
    assert np.corrcoef(warmth_of(asked_run), rated["loud"])[0, 1] > 0.7
    cafes = compute(asked_run)
    table = cafes.table
    of_first = asked_run.photos["cafe_id"].astype(str) == table["cafe_id"].astype(str).iloc[0]
    assert table["scale_loud"].iloc[0] == pytest.approx(rated["loud"][of_first.to_numpy()].mean())
    (coloured,) = atlas_words.rated(asked_run, np.array([0, 2]))
    assert (coloured["high"], len(coloured["place"])) == ("loud", 2)
    rows = np.array([rated["loud"].argmax(), rated["loud"].argmin()])
    words, has = look_words(asked_run, rows)
    assert [bits >> words.index("loud") & 1 for bits in has] == [1, 0]
    assert [bits >> words.index("quiet") & 1 for bits in has] == [0, 1]
    known = ranking.signs(space.of_run(cafes))
    assert known.names == (*ranking.TOLD, "scale_loud")
    told = ranking.reasons(table["scale_loud"].to_numpy(), known)
    assert ("scale_loud", 1) in told[table["scale_loud"].argmax()]
    assert ranking.ends_of("scale_loud")[1][0] == "loud"
    (asked_run.folder / scales.SCALES_FILE).write_bytes(b"PAR1")
    assert not len(scales.read(asked_run).columns)


def test_what_words_guess_stands_beside_what_people_rated(taught, asked_run):
    made_words.write_text_features(asked_run, loud=warmth_of(asked_run))
    gathered = people(taught, asked_run, 30)
    assert report.ambiance.rows(asked_run, None)[0]["agrees"] is None  # nobody was asked yet
    found = score.score(taught, gathered, asked_run, n_boot=50)
    assert [entry["scale"] for entry in found["by_words"]] == ["loud"]  # of cozy this file has no phrases
    (entry,) = found["by_words"]
    rated = raters.means(taught, gathered.counted).set_index("photo_id")["loud"]
    guess = next(g for g in text_features.load(asked_run).ambiance if g.scale.name == "loud")
    ids = asked_run.photos["photo_id"][:-1]  # the last has no text features
    both = pd.DataFrame({"people": rated, "words": pd.Series(guess.photos, ids)}).dropna()
    r, z = np.corrcoef(both.T)[0, 1], 1.959964 / np.sqrt(len(both) - 3)
    assert entry["r"] == pytest.approx(r)
    assert r > 0.6
    assert [entry["low"], entry["high"]] == pytest.approx([np.tanh(np.arctanh(r) - z), np.tanh(np.arctanh(r) + z)])
    assert entry["photos"] == len(both) >= 18
    terminal.print_score(found)
    score.write(taught, gathered, asked_run, found)
    table = pd.read_csv(asked_run.folder / "cafes.csv")
    assert {"rated_loud", "rated_cozy", "words_guess_loud", "words_guess_lively"} <= set(table)
    first = asked_run.photos["cafe_id"].astype(str) == str(table["cafe_id"][0])
    own = both["people"].reindex(asked_run.photos["photo_id"][first]).mean()
    assert table["rated_loud"][0] == pytest.approx(own, nan_ok=True)
    assert table["rated_loud"].notna().sum() == len(rated.dropna())  # each photo is of another café
    page = report.write_report(asked_run).read_text(encoding="utf-8")
    assert f"r {entry['r']:.2f}" in page
    few = raters.beside_words(asked_run, raters.means(taught, gathered.counted)[:3])
    assert few[0]["r"] is None


def test_what_is_judged_was_not_fitted(taught, asked_run):
    asked = people_map.asked_of(taught, people(taught, asked_run, 40).counted, asked_run)
    cafes = pd.factorize(asked_run.photos["cafe_id"].astype(str))[0]
    splits = people_map._splits(asked, cafes, np.random.default_rng(0))
    assert len(splits) == 8
    for fitted, judged in splits:
        seen = {cafes[row] for i in fitted for row in asked.rows[i]}
        assert not set(asked.people[fitted]) & set(asked.people[judged])
        assert all(sum(cafes[row] not in seen for row in asked.rows[i]) >= 2 for i in judged)


def test_how_often_two_people_choose_alike_by_hand():
    rows = [(1, 2, 3), (1, 3, 2), (2, 1, 3), (5, 6, 7)]
    asked = people_map.Asked(rows, [tuple(sorted(row)) for row in rows], np.array([1, 2, 3, 4]))
    assert people_map._agreement(asked) == {"between": pytest.approx(1 / 3), "pairs": 3}


def test_too_few_answers_are_refused(taught, asked_run):
    with pytest.raises(SurveyError, match="Too few answers") as error:
        people_map.learn(taught, people(taught, asked_run, 2).counted, asked_run)
    assert "60 choices" in error.value.why


def test_a_damaged_map_and_one_of_another_survey(taught, asked_run):
    learnt = learning.learn(taught, people(taught, asked_run, 40), asked_run)
    path = next(path for path in learnt.paths if path.name == people_map.MAP_FILE)
    with pytest.raises(SurveyError, match="another survey"):
        read(taught.folder, "0123", "설문")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(SurveyError, match="cannot be read") as error:
        people_reduction(str(taught.folder))
    assert error.value.where == path


def test_reliability_is_that_of_pingouin():
    rng = np.random.default_rng(0)
    data = rng.normal(size=(12, 1)) + rng.normal(size=(12, 4))
    long = pd.DataFrame(data).melt(ignore_index=False, var_name="rater").reset_index()
    table = pingouin.intraclass_corr(long, targets="index", raters="rater", ratings="value").set_index("Type")
    found = reliability(list(data))
    assert found["icc"] == pytest.approx(table["ICC"].iloc[0], abs=1e-6)
    assert found["reliability"] == pytest.approx(table["ICC"].iloc[3], abs=1e-6)


def test_reliability_where_nothing_can_be_said():
    for groups in ([], [np.array([1.0])], [np.array([1.0]), np.array([2.0])], [np.array([3.0, 3.0])] * 3):
        assert reliability(groups) == {"icc": None, "reliability": None}
    assert reliability([np.array([1.0, 5.0]), np.array([5.0, 1.0])])["icc"] == 0


def test_people_who_rate_higher_count_alike():
    rows = [(1, "a", 1), (1, "b", 2), (1, "c", 3), (2, "a", 3), (2, "b", 4), (2, "c", 5), (3, "a", 5)]
    table = pd.DataFrame(rows, columns=["person", "photos", "answer"])
    found = scale_models.ratings(table)
    level = table["answer"].mean()
    assert found["b"] == pytest.approx(level)
    assert found["c"] == pytest.approx(level + 1)
    assert found["a"] == pytest.approx((2 * (level - 1) + 5) / 3)


@pytest.mark.slow
def test_the_whole_circle_on_the_command_line(taught, asked_run, tmp_path):
    people(taught, asked_run, 40)
    run = [sys.executable, "-m", "cafemood", "survey", "learn", str(taught.folder)]
    done = subprocess.run([*run, "--run", str(asked_run.folder)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "people.safetensors" in done.stdout
    assert {"map", "scales", "findings"} <= json.loads((taught.folder / "people.json").read_text()).keys()
    assert (asked_run.folder / "scales.parquet").exists()
    nobody = subprocess.run([*run[:-1], str(asked_run.folder)], capture_output=True, text=True, cwd=tmp_path)
    assert nobody.returncode == 1
    assert "Traceback" not in nobody.stderr

"""Names of moods: words by lift, the user's own above them, both kept."""

import json
import shutil

import numpy as np
import pytest
from scipy.stats import binomtest

from cafemood import runs
from cafemood.cafes import moods
from cafemood.core.atomic import write_tensors
from cafemood.errors import RunError
from cafemood.report import report
from cafemood.runs import thumbnails


def test_wilson_against_scipy():
    for k, n in ((5, 10), (0, 4), (9, 9)):
        expected = binomtest(k, n).proportion_ci(0.9, method="wilson").low
        assert moods._wilson_low(np.array([k / n]), n)[0] == pytest.approx(expected, abs=1e-4)


def test_lift_not_frequency_decides():
    # "coffee shop" is everywhere; "plants" is on every photo of the mood and on a quarter of all
    everyone = np.zeros((80, 2), dtype=bool)
    everyone[:, 0] = True
    everyone[:20, 1] = True
    words = [("coffee shop", "커피숍", 0.5), ("plants", "식물", 0.5)]
    found = moods._words_of(everyone[:20], everyone, words)
    assert [(w.english, w.korean, w.lift, w.share) for w in found] == [("plants", "식물", 4.0, 1.0)]


def test_two_photos_are_too_few_for_a_word():
    everyone = np.zeros((10, 1), dtype=bool)
    everyone[[0, 5, 6, 7]] = True
    assert moods._words_of(everyone[:2], everyone, [("dark", "어두운", 0.4)]) == []


def test_bright_rooms_are_called_so(made_cafe_run):
    photos = made_cafe_run.assignments
    found = moods.of_run(made_cafe_run)[photos["cluster"][photos["cafe_id"] == "1"].iloc[0]]
    assert "bright" in found.english.split(", ")
    assert "밝은" in found.korean.split(", ")
    other = moods.of_run(made_cafe_run)[1 - found.cluster]
    assert "bright" not in other.english


def test_grey_pictures_are_neither_warm_nor_cool(cafe_run):
    measured = moods.looks_of(cafe_run).assign(warmth=np.linspace(1e-6, 3e-6, len(cafe_run.photos)))
    measured.assign(photo_id=cafe_run.photos["photo_id"]).to_parquet(cafe_run.folder / "looks.parquet", index=False)
    has, words = moods._vocabulary(runs.load(cafe_run.folder))
    rows = [word[0] in ("warm", "cool") for word in words]
    assert any(rows)
    assert not has[:, rows].any()


def test_the_users_name_stands_first_and_stays(cafe_run):
    moods.give_name(cafe_run, 2, "  다크   우드 <b> ")
    again = runs.load(cafe_run.folder)
    assert moods.of_run(again)[1].english == moods.of_run(again)[1].korean == "다크 우드 <b>"
    html = report.write_report(again).read_text(encoding="utf-8")
    assert "다크 우드 &lt;b&gt;</h3>" in html
    assert "다크 우드 <b>" not in html
    moods.give_name(again, 2, None)
    assert moods.of_run(again)[1].own_name is None


@pytest.mark.parametrize(
    ("number", "name", "message"),
    [
        (0, "x", r"(?s)There is no mood 0.*between 1 and 2"),
        (3, "x", "There is no mood 3"),
        (1, " \n ", r"(?s)cannot be a mood's name.*it is empty"),
        (1, "가" * 81, r"(?s)it has 81 letters, 80 are the most"),
        (1, "DARK wood", r"Mood 2 is called 'DARK wood' already"),
    ],
)
def test_what_cannot_be_a_name_is_refused(cafe_run, number, name, message):
    moods.give_name(cafe_run, 2, "Dark Wood")
    with pytest.raises(RunError, match=message):
        moods.give_name(cafe_run, number, name)
    assert moods.own_names(cafe_run) == {2: "Dark Wood"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{half", "it is no JSON: line 1, column 2"),
        ("[1]", "it holds no names by number"),
        ('{"two": "x"}', "it holds no names by number"),
        ('{"1": ""}', "it is empty"),
    ],
)
def test_damaged_names_are_told(cafe_run, text, why):
    (cafe_run.folder / "names.json").write_text(text)
    with pytest.raises(RunError, match=r"(?s)names of the moods cannot be read.*names.json.*" + why):
        moods.of_run(cafe_run)


def test_names_and_looks_outlive_the_photos(cafe_run):
    before = moods.of_run(cafe_run)
    shutil.rmtree(cafe_run.photos_root)
    (cafe_run.folder / "looks.parquet").unlink()
    (cafe_run.folder / "words.json").write_text("{half")
    assert moods.of_run(runs.load(cafe_run.folder)) == before


def test_photos_that_are_not_shown_are_not_measured_again_and_again(cafe_run, monkeypatch):
    for name in ("looks", "thumbnails"):
        (cafe_run.folder / f"{name}.parquet").unlink()
    monkeypatch.setattr(thumbnails, "SHOWN_AT_MOST", 10)
    monkeypatch.setattr(thumbnails, "_OF_A_MOOD", 1)
    assert moods.looks_of(cafe_run).notna().all(axis=1).sum() == 10
    monkeypatch.setattr(thumbnails, "kept", None)
    assert moods.looks_of(cafe_run).notna().all(axis=1).sum() == 10


def test_no_pixels_no_words(cafe_run):
    shutil.rmtree(cafe_run.photos_root)
    for name in ("looks", "thumbnails"):
        (cafe_run.folder / f"{name}.parquet").unlink()
    (cafe_run.folder / "words.json").unlink(missing_ok=True)
    found = moods.of_run(runs.load(cafe_run.folder))
    assert [mood.title for mood in found] == ["mood 1", "mood 2"]


def test_scenes_name_a_mood_by_lift(cafe_run):
    tensors = dict(cafe_run.features)
    clusters = cafe_run.assignments["cluster"].to_numpy()
    from cafemood.backbones.places365 import scene_categories

    shop, library = scene_categories().index("coffee_shop"), scene_categories().index("library/indoor")
    tensors["scenes"] = np.stack([np.full(len(clusters), shop), np.where(clusters == 0, library, shop)], 1)
    tensors["scene_probabilities"] = np.full((len(clusters), 2), 0.4, np.float16)
    write_tensors(cafe_run.folder / "features.safetensors", tensors)
    (cafe_run.folder / "words.json").unlink(missing_ok=True)
    first, second = moods.of_run(runs.load(cafe_run.folder))
    assert "library, indoor" in first.english
    assert "도서관" in first.korean
    assert "coffee shop" not in first.english + second.english
    assert json.loads(json.dumps([w.share for w in first.words]))

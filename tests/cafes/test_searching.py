"""Photos and cafés by words: order, what must not be, places, and what is said when nothing fits."""

import json

import numpy as np
import pandas as pd
import pytest
from made_words import Tower, write_text_features

from cafemood import runs
from cafemood.cafes import moods, profiles, searching, similar, word_tables
from cafemood.core.atomic import write_tensors
from cafemood.errors import CafemoodError, RunError
from cafemood.words import text_features
from cafemood.words.text_features import FILE, TextFeatures


@pytest.fixture
def run(cafe_run, monkeypatch):
    """The six cafés, with text features."""
    monkeypatch.setattr(TextFeatures, "tower", lambda self: Tower())
    write_text_features(cafe_run)
    return cafe_run


@pytest.mark.parametrize("text", ["dark", "어두운"])
def test_what_fits_comes_best_first_and_nothing_else(run, text):
    answer = searching.search(run, text, n=50)
    assert answer.fits
    assert answer.p <= 0.01
    assert answer.p_words in (2 / 5, 3 / 5, 4 / 5)  # dark itself does, menu does not
    assert {cafe.cafe_id for cafe in answer.cafes} == {"0", "2", "4"}
    assert {photo.cafe_id for photo in answer.photos} == {"0", "2", "4"}
    for found in (answer.cafes, answer.photos):
        assert [f.score for f in found] == sorted((f.score for f in found), reverse=True)
        assert all(f.fits for f in found)
    scores = {photo.file: photo.score for photo in answer.photos}
    for cafe in answer.cafes:
        own = [score for file, score in scores.items() if file.startswith(f"cafe_{cafe.cafe_id}_")]
        assert cafe.best == max(own) == scores[cafe.best_photo]
        assert cafe.n_photos == 4
        assert len(own) < 4 or cafe.score == pytest.approx(np.mean(own), abs=2e-3)


def test_one_photo_may_fit_where_no_cafe_does(run):
    answer = searching.search(run, "window")
    assert [photo.file for photo in answer.photos] == ["cafe_2_1.jpg"]
    assert answer.fits


def test_nothing_fits(run):
    answer = searching.search(run, "helicopter")
    assert not answer.fits
    assert answer.p > 0.05
    assert answer.photos == answer.cafes == []
    assert str(answer).startswith("Nothing fits")
    every = searching.search(run, "helicopter", every=True)
    assert len(every.photos) == 10
    assert not any(photo.fits for photo in every.photos)


def test_a_stricter_rate_lets_less_fit(run):
    assert not searching.search(run, "dark", rate=0.002).fits  # of 400 texts, none can be so rare


def test_not(run):
    everything = searching.search(run, "dark", n=50, every=True)
    without = searching.search(run, "dark", ["window"], n=50, every=True)
    assert "cafe_2_1.jpg" in {photo.file for photo in everything.photos}
    assert {p.file for p in everything.photos} - {p.file for p in without.photos} == {"cafe_2_1.jpg"}
    assert without.p == everything.p
    nothing = searching.search(run, "dark", ["bright", "어두운"])
    assert nothing.fits
    assert nothing.photos == nothing.cafes == []
    assert any("--not" in note for note in nothing.notes)


def test_near(run):
    found = {c.cafe_id: c for c in searching.search(run, "dark", near=(37.62, 127.07)).cafes}
    assert found["0"].distance_km == pytest.approx(0, abs=1e-3)
    assert found["4"].distance_km == pytest.approx(4.448, abs=0.001)
    close = searching.search(run, "dark", near=(37.62, 127.07), within_km=3)
    assert {cafe.cafe_id for cafe in close.cafes} == {"0", "2"} == {photo.cafe_id for photo in close.photos}
    with pytest.raises(CafemoodError, match="within"):
        searching.search(run, "dark", within_km=3)


def test_notes(run):
    answer = searching.search(run, "カフェ")
    assert sum("English" in note for note in answer.notes) == 1
    assert sum("cafemood words RUN" in note for note in answer.notes) == 1  # of the photo without text features
    facts = [answer.facts(), answer.cafes[0].facts(), answer.photos[0].facts()]
    assert [fact["kind"] for fact in facts] == ["answer", "cafe", "photo"]
    assert json.loads(json.dumps(facts)) == facts


def test_moods_are_named_by_the_vocabulary_and_by_looks_where_it_says_nothing(run):
    moods.forget_words(run)
    names = {mood.english for mood in moods.of_run(run)}
    moods.write(run)
    assert {mood.english for mood in moods.of_run(run)} == names
    words = [word for mood in moods.of_run(run) for word in mood.words]
    assert {(word.english, word.korean) for word in words} == {("dark", "어두운"), ("bright", "밝은")}
    assert all(word.share == 1 and word.lift > 1.5 for word in words)
    (run.folder / FILE).unlink()
    moods.forget_words(run)
    assert {mood.english for mood in moods.of_run(run)} != names  # by looks


def test_words_of_photos_and_cafes(run):
    path, n_no_place = word_tables.write(run)
    photos = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert len(photos) == len(run.photos) - 1  # one has no text features
    dark = photos["cafe_id"].astype(int) % 2 == 0
    window = photos["file"] == "cafe_2_1.jpg"
    assert set(photos["words"][dark & ~window]) - {""} == {"dark"}
    assert "창가 자리" in photos["korean"][window].item()
    assert set(photos["korean"][~dark]) - {""} == {"밝은"}
    assert (photos["words"] != "").sum() > len(photos) / 2
    assert n_no_place == 0
    cafes = pd.read_csv(path.with_name("words_of_cafes.csv"), dtype=str, keep_default_na=False)
    found = dict(zip(cafes["cafe_id"].astype(int), cafes["words"], strict=True))
    assert found.pop(2) == "dark; window seat"
    assert all(words == ["dark", "bright"][cafe % 2] for cafe, words in found.items())


def test_similar_cafes_say_which_words_they_share(run):
    known = profiles.load(run)
    found = {m.cafe_id: m.reasons for m in similar.rank(known, similar.like_cafes(known, ["2"]))}
    assert "both: dark" in found["0"]
    assert not any(reason.startswith("both") for reason in found["1"])
    unlike = similar.rank(known, similar.like_cafes(known, ["2"], ["1"]))
    assert "both: dark" in {m.cafe_id: m.reasons for m in unlike}["4"]  # what is not liked shares nothing
    (run.folder / FILE).write_bytes(b"damaged")
    again = profiles.load(runs.load(run.folder))
    assert similar.rank(again, similar.like_cafes(again, ["2"]))  # without words


def test_a_run_without_text_features_names_the_command(cafe_run):
    with pytest.raises(RunError) as caught:
        searching.search(cafe_run, "dark")
    assert "cafemood words " in str(caught.value.fix)


@pytest.mark.parametrize("damage", ["cut", "other photos", "no terms", "other layout", "options"])
def test_damaged_text_features_are_one_error(run, damage):
    path = run.folder / FILE
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        tensors, about = text_features.read_tensors(path)
        if damage == "other photos":
            tensors["ids"] = text_features.packed(["x" * 64] * len(tensors["ids"]))
        elif damage == "no terms":
            about["terms"] = "[[1]]"
        elif damage == "options":
            about["options"] = '{"name": "siglip2_vit_b16", "weights": ["x"]}'
        else:
            tensors["photos"] = tensors["photos"][:3]
        write_tensors(path, tensors, about)
    with pytest.raises(RunError) as caught:
        text_features.load(run)
    assert caught.value.fix

"""Cafés like this one: order, reasons, distances, and questions that make no sense."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from cafemood.cafes import distance, places, profiles, similar
from cafemood.errors import CafemoodError, PhotoError, RunError
from cafemood.taste import answers, ranking
from cafemood.taste import space as taste_space


@pytest.fixture(scope="module")
def known(made_cafe_run):
    return profiles.load(made_cafe_run)


def test_the_same_light_comes_first_and_the_cafe_itself_not_at_all(known):
    found = similar.rank(known, similar.like_cafes(known, ["2"]))
    assert [m.cafe_id for m in found][:2] in (["0", "4"], ["4", "0"])
    assert "2" not in [m.cafe_id for m in found]
    assert found[0].reasons[0].startswith("same mood 100 %")
    assert found[-1].reasons[0] == "no mood in common"
    assert [m.utility for m in found] == sorted((m.utility for m in found), reverse=True)
    features = places.load(known.run).features  # after one like, utility goes with φ · φ of the one
    order = np.argsort(-features @ features[2], kind="stable")
    assert [m.cafe_id for m in found] == [str(i) for i in order if i != 2]


def test_likes_and_dislikes_are_marks_of_a_taste(known):
    found = similar.rank(known, similar.like_cafes(known, ["0", "1"], ["2"]))
    space = taste_space.of_run(known)
    marks = [answers.Mark(0, True), answers.Mark(1, True), answers.Mark(2, False)]
    as_taste = {cafe.cafe_id: cafe for cafe in ranking.rank(space, marks)}
    for match in found:
        other = as_taste[match.cafe_id]
        assert (match.utility, match.deviation, match.chance) == (other.utility, other.deviation, other.chance)
        assert match.likely == pytest.approx(norm.cdf(match.utility / match.deviation))
        assert str(match).split()[0] == f"{match.likely:.0%}"


def test_like_and_unlike(known):
    found = similar.rank(known, similar.like_cafes(known, ["0", "1"], ["2"]))
    assert found[0].cafe_id in ("3", "5")  # bright: the dark half of the wish is not wanted
    assert {"0", "1", "2"}.isdisjoint(m.cafe_id for m in found)


def test_a_photo_of_the_run_needs_no_network(known, monkeypatch):
    from cafemood.cafes import assigning

    monkeypatch.setattr(assigning, "assign_photos", None)
    photos = known.run.photos
    file = photos["path"][photos["cafe_id"] == "3"].iloc[0]
    found = similar.rank(known, similar.like_photos(known, [file]), n=1)
    assert int(found[0].cafe_id) % 2 == 1


def test_the_query_is_expanded_by_its_neighbours():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query = vectors[0]
    cosine = vectors @ query
    best = np.argsort(-cosine)[:5]
    expanded = query + sum(max(cosine[i], 0) ** 2 * vectors[i] for i in best)
    assert similar.scores(vectors, query) == pytest.approx(vectors @ expanded / np.linalg.norm(expanded), abs=1e-5)


def test_distances_are_those_of_the_globe(known):
    # a degree of latitude is 6371.0088 π / 180 = 111.195 km
    found = distance.haversine_km((37.0, 127.0), np.array([38.0, np.nan, 37.0]), np.array([127.0, 127.0, 127.0]))
    assert found[[0, 2]] == pytest.approx([111.195, 0], abs=1e-3)
    assert np.isnan(found[1])
    ranked = similar.rank(known, similar.like_cafes(known, ["0"]), near=(37.62, 127.07))
    assert {m.cafe_id: m.distance_km for m in ranked}["5"] is None
    assert {m.cafe_id: m.distance_km for m in ranked}["1"] == pytest.approx(1.112, abs=0.001)
    close = similar.rank(known, similar.like_cafes(known, ["0"]), near=(37.62, 127.07), within_km=2.5)
    assert {m.cafe_id for m in close} == {"1", "2"}


@pytest.mark.parametrize("text", ["37.5", "91,0", "0,181", "a,b", "1,2,3", "nan,1", ""])
def test_what_is_no_place_is_refused(text):
    with pytest.raises(CafemoodError, match=r"(?s)is not a place.*--near 37.54,127.05"):
        distance.place(text)
    assert distance.place("37.54, 127.05") == (37.54, 127.05)


def test_questions_that_make_no_sense(known, tmp_path):
    with pytest.raises(RunError, match="both --like and --unlike"):
        similar.like_cafes(known, ["0"], ["0"])
    with pytest.raises(CafemoodError, match="--within needs a place"):
        similar.rank(known, similar.like_cafes(known, ["0"]), within_km=3)
    with pytest.raises(PhotoError, match=r"(?s)cannot be read.*there is no such file"):
        similar.like_photos(known, [tmp_path / "없음.jpg"])
    nowhere = profiles.Cafes(
        known.run, known.table.assign(lat=np.nan, lon=np.nan), known.vectors, known.whitening, known.center
    )
    with pytest.raises(RunError, match=r"(?s)No café of this run has coordinates.*leave --near out"):
        similar.rank(nowhere, similar.like_cafes(known, ["0"]), near=(37.0, 127.0))


def test_a_run_of_brought_features_cannot_take_a_new_photo(known, tmp_path):
    from drawn_rooms import draw_room

    draw_room(5, "밝은 흰색").save(tmp_path / "new.jpg")
    with pytest.raises(RunError, match="cannot embed new photos"):
        similar.like_photos(known, [tmp_path / "new.jpg"])


@pytest.mark.filterwarnings("error")
def test_looks_that_differ_by_rounding_alone_are_no_reason(known):
    table = known.table.assign(light=50.0, warmth=3.0, colour=7.0, clutter=0.2)
    table.loc[0, "light"] = np.nextafter(50, 51)
    same = replace(known, table=table)
    query = similar.like_cafes(same, [str(table["cafe_id"].iloc[0])])
    assert all(len(match.reasons) == 1 and "mood" in match.reasons[0] for match in similar.rank(same, query))

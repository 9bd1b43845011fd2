"""What photos allow to say: no place, one camera, two ids; each can be said and not said."""

import numpy as np
import pytest

from cafemood.data.place_signs import NAMES
from cafemood.evaluation import photo_findings
from cafemood.evaluation.photo_findings import findings, light_by_cafe, note, shared_photos


def signs_of(light, red=None, yellow=None):
    rows = np.zeros((len(light), len(NAMES)))
    for name, values in (("light", light), ("red", red), ("yellow", yellow)):
        rows[:, NAMES.index(name)] = 0 if values is None else values
    return rows


def record(**more):
    facts = {"told_by": ["signs"], "n_photos": 40, "n_none": 0, "n_unknown": 0, "reasons": {}}
    place = facts | more.pop("place", {})
    return {"place": note(place, keep=more.pop("keep", "all"), has_files=True), "light": None, "two_ids": []} | more


def codes(said):
    return [(finding.code, finding.level) for finding in said]


def test_the_share_between_cafes_against_numbers_worked_out_by_hand():
    # two cafés of (1, 3) and (5, 7): MSB = 2 (2² + 2²) / 1 = 16, MSW = 4 / 2 = 2; ICC(1) = (16 − 2) / (16 + 2)
    x = np.array([[1.0], [3.0], [5.0], [7.0]])
    assert photo_findings._between(x, np.array([0, 0, 1, 1])) == pytest.approx(14 / 18)
    assert photo_findings._between(x, np.array([0, 1, 0, 1])) < 0
    assert photo_findings._explained(x[:, 0], np.array([0, 0, 1, 1])) == pytest.approx(16 / 20)


def test_the_share_recovers_the_variances_that_data_were_drawn_with():
    rng = np.random.default_rng(0)
    ids = np.repeat(np.arange(400), rng.integers(2, 12, 400))
    x = 3 * rng.normal(size=400)[ids] + 4 * rng.normal(size=len(ids))
    assert photo_findings._between(x[:, None], ids) == pytest.approx(9 / 25, abs=0.03)


def test_one_camera_a_cafe_is_told():
    rng = np.random.default_rng(0)
    cafes = np.repeat(np.arange(20), 5)
    light = 10 * rng.normal(size=20)[cafes] + 1 * rng.normal(size=100)
    found = light_by_cafe(signs_of(light, red=rng.normal(size=100)), cafes.astype(str), (light > 0).astype(int))
    assert found["brightness"] > 0.9
    assert abs(found["colour"]) < 0.2
    assert found["told_by_moods"] > 0.5
    assert (found["n_cafes"], found["n_photos"]) == (20, 100)
    assert codes(findings(record(light=found))) == [("one-camera", "warn")]


def test_light_that_varies_within_cafes_is_told():
    rng = np.random.default_rng(1)
    cafes = np.repeat(np.arange(20), 5)
    found = light_by_cafe(signs_of(rng.normal(size=100), yellow=rng.normal(size=100)), cafes.astype(str), cafes % 3)
    assert max(found["brightness"], found["colour"]) < 0.3
    assert codes(findings(record(light=found))) == [("light-varies", "info")]


def test_one_camera_by_its_white_balance_alone():
    rng = np.random.default_rng(2)
    cafes = np.repeat(np.arange(20), 5)
    yellow = 8 * rng.normal(size=20)[cafes] + rng.normal(size=100)
    found = light_by_cafe(signs_of(rng.normal(size=100), yellow=yellow), cafes.astype(str), cafes % 2)
    assert found["colour"] > 0.9 > 0.3 > found["brightness"]
    assert codes(findings(record(light=found))) == [("one-camera", "warn")]


def test_few_cafes_or_single_photos_say_nothing_of_light():
    assert light_by_cafe(signs_of(np.arange(14.0)), np.repeat(list("abcdefg"), 2), np.zeros(14, int)) is None
    assert light_by_cafe(signs_of(np.arange(30.0)), np.arange(30).astype(str), np.zeros(30, int)) is None
    unread = signs_of(np.r_[np.arange(16.0)])
    unread[0] = np.nan  # its café has one photo that could be read
    assert light_by_cafe(unread, np.repeat(list("abcdefgh"), 2), np.zeros(16, int)) is None


def hashes(n, seed=0):
    return np.random.default_rng(seed).integers(0, 2**63, n, dtype=np.uint64)


def flipped(phash, n):
    return np.uint64(int(phash) ^ (2**n - 1))


def test_of_very_many_pairs_some_are_kept_and_all_are_counted():
    pairs = [{"cafes": [f"공릉{i}", f"카페{i}"], "n_shared": 2, "of": 4} for i in range(10)]
    (said,) = findings(record(two_ids=pairs, n_two_ids=57_000))
    assert said.figures["n_pairs"] == 57_000
    assert f"{57_000 - len(said.figures['pairs']):,}" in said.text


def test_two_ids_share_photos():
    bits = hashes(12)
    bits[6], bits[7] = flipped(bits[0], 6), bits[1]  # café b has two photos of a
    pairs = shared_photos(bits, np.full(12, 30.0), list("aaaaaabbbbcc"))[0]
    assert pairs == [{"cafes": ["a", "b"], "n_shared": 2, "of": 4}]
    (said,) = findings(record(two_ids=pairs))
    assert (said.code, said.level) == ("two-ids", "warn")
    assert said.figures == {"n_pairs": 1, "pairs": pairs}
    assert "a and b share 2 of 4 photos" in said.text


def test_one_photo_in_common_is_not_enough_unless_it_is_all_there_is():
    bits = hashes(7)
    bits[3] = bits[0]
    assert shared_photos(bits, np.full(7, 30.0), list("aaabbcc")) == ([], 0)
    assert shared_photos(bits, np.full(7, 30.0), list("aaabccc"))[0] == [{"cafes": ["a", "b"], "n_shared": 1, "of": 1}]


def test_other_views_and_even_pictures_do_not_count():
    bits = hashes(8)
    bits[4], bits[5] = flipped(bits[0], 7), flipped(bits[1], 7)
    assert shared_photos(bits, np.full(8, 30.0), list("aaaabbbb")) == ([], 0)
    bits[4:6] = bits[:2]
    assert shared_photos(bits, np.r_[np.full(4, 2.0), np.full(4, np.nan)], list("aaaabbbb")) == ([], 0)
    assert shared_photos(bits, np.full(8, 30.0), list("aaaabbbb"))[1] == 1


def test_one_photo_like_many_of_another_cafe_counts_once():
    bits = hashes(9)
    bits[:4] = bits[8]  # four alike of a, one of b
    assert shared_photos(bits, np.full(9, 30.0), list("aaaabbbbb")) == ([], 0)


def test_photos_left_out_for_their_bytes_tell_too():
    pairs = shared_photos(hashes(5), np.full(5, 30.0), list("aaabb"), [("b", "a"), ("b", "a"), ("a", "a")])[0]
    assert pairs == [{"cafes": ["a", "b"], "n_shared": 2, "of": 3}]


NONE = {"n_none": 3, "reasons": {"mostly text": 2, "one thing close up": 1}}


@pytest.mark.parametrize(
    ("place", "keep", "said"),
    [
        ({}, "all", []),
        ({}, "place", [("place-shown", "info")]),
        (NONE | {"n_none": 1}, "all", [("no-place-counted", "info")]),
        (NONE, "all", [("no-place-counted", "warn")]),
        (NONE, "place", [("no-place-left-out", "info")]),
        ({"told_by": []}, "all", [("place-unknown", "info")]),
    ],
)
def test_photos_without_a_place_are_told(place, keep, said):
    found = findings(record(place=place, keep=keep))
    assert codes(found) == said
    if place.get("n_none") == 3:
        assert "2 mostly text; 1 one thing close up" in found[0].text
        assert (found[0].figures["n_none"], found[0].figures["n_photos"]) == (3, 40)


def test_cafes_that_have_no_photo_left_are_counted():
    place = note(record()["place"] | NONE, keep="place", has_files=True, n_cafes_gone=2)
    (said,) = findings({"place": place, "light": None, "two_ids": []})
    assert (said.level, said.figures["n_cafes_gone"]) == ("warn", 2)


def test_a_matrix_is_not_asked_for_places():
    place = note(
        {"told_by": [], "n_photos": 9, "n_none": 0, "n_unknown": 9, "reasons": {}}, keep="all", has_files=False
    )
    assert findings({"place": place, "light": None, "two_ids": []}) == []

"""The ranking of a taste: order, chances, reasons, distances; and the command as a user runs it."""

import json
import subprocess
import sys

import numpy as np
import pytest

from cafemood.cafes import preference
from cafemood.errors import RunError
from cafemood.taste import ranking
from cafemood.taste.answers import Mark, Tap

DARK = [Tap((0, 1, 3, 4), 0), Tap((2, 3, 5), 2), Tap((1, 4), 4)]


def test_dark_cafes_come_first_for_who_taps_dark_ones(six):
    found = ranking.rank(six, DARK)
    assert {cafe.cafe_id for cafe in found[:3]} == {"0", "2", "4"}
    assert [cafe.utility for cafe in found] == sorted((cafe.utility for cafe in found), reverse=True)
    assert "dark" in " ".join(found[0].reasons)
    assert "bright" not in " ".join(reason for cafe in found[:3] for reason in cafe.reasons)
    assert {cafe.cafe_id: cafe.shown for cafe in found} == dict.fromkeys("012345", True)


def test_contradicting_taps_still_give_an_answer(six):
    both = [Tap((0, 1), 0), Tap((0, 1), 1)] * 5
    found = ranking.rank(six, both)
    assert max(abs(cafe.utility) for cafe in found) < 0.2
    assert ranking.sureness(found, 6) < ranking.A_GUESS
    first = ranking.rank(six, DARK)
    assert ranking.sureness(first, 6) == pytest.approx((first[0].chance + first[1].chance) / 2)  # a fifth, rounded up


def test_not_this_is_left_out_and_counts_against_it(six):
    features = six.places.features
    less, more = ([*DARK, Mark(0, False)], [*DARK, Mark(0, False), Mark(0, True)])
    assert "0" in {cafe.cafe_id for cafe in ranking.rank(six, DARK)}
    assert "0" not in {cafe.cafe_id for cafe in ranking.rank(six, less)}
    assert "0" in {cafe.cafe_id for cafe in ranking.rank(six, more)}
    before, after = (ranking.learn(six, given).utilities(features)[0] for given in (DARK, less))
    assert after < before


def test_chances_are_the_posterior_s(six):
    taste = preference.Taste(np.array([1.0]), np.array([[1e8]]))  # certain
    features = np.linspace(-1, 1, 20)[:, None]
    assert preference.chances(features, taste).tolist() == [0.0] * 16 + [1.0] * 4
    unknown = preference.chances(features, preference.Taste(np.zeros(1), np.eye(1)))
    assert unknown[0] == pytest.approx(0.5, abs=0.1)  # an end of the line, whichever way the taste goes
    assert unknown[10] == 0


def test_reasons_by_hand():
    known = ranking.Signs(
        looks=np.array([[1.0, 0, 0, -1], [-1.0, 0, 0, 1], [0.2, 0, 0, 0]]),
        shares=np.array([[0.9, 0.1], [0.1, 0.9], [0.5, 0.5]]),
    )
    found = ranking.reasons(np.array([1.0, -1.0, 0.0]), known)
    assert found[0] == [("mood", 0), ("clutter", -1), ("light", 1)]  # correlations -1 and 0.99
    assert found[1] == []
    assert found[2] == [("mood", 0)]


def test_words_that_cafes_have_are_reasons_and_those_they_lack_are_none(six):
    known = ranking.signs(six)
    assert known.names[-2:] == ("word: panelling", "word: plants")  # not what one café has, or all of them
    assert known.looks[:, -2:].tolist() == [[1, 0], [0, 1]] * 3
    assert known.ends_of("word: plants")[1] == ("plants", "식물")
    utilities = np.array([1.0, -1, 1, -1, 1, -1])
    assert ("word: panelling", 1) in ranking.reasons(
        utilities, ranking.Signs(known.looks[:, -2:], known.shares, known.names[-2:])
    )[0]
    told = ranking.reasons(utilities, known)
    assert all(
        reason != "word: plants" for cafe in told for reason, _ in cafe
    )  # they lower it: no café is told to lack them


def test_distances_need_coordinates(six):
    near = ranking.rank(six, DARK, near=(37.62, 127.07))
    assert {cafe.cafe_id: cafe.distance_km for cafe in near}["5"] is None
    assert {cafe.cafe_id: cafe.distance_km for cafe in near}["0"] == pytest.approx(0, abs=0.001)
    from dataclasses import replace

    nowhere = replace(six, cafes=replace(six.cafes, table=six.cafes.table.assign(lat=np.nan, lon=np.nan)))
    with pytest.raises(RunError, match="coordinates"):
        ranking.rank(nowhere, DARK, near=(37.62, 127.07))


def cafemood(*arguments):
    command = [sys.executable, "-m", "cafemood", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_command_writes_a_page_and_ranks_answers(six, own_run, tmp_path):
    (own_run.photos_root / "cafe_3_0.jpg").unlink()
    made = cafemood("taste", own_run.folder)
    assert made.returncode == 0, made.stderr
    page = own_run.folder / "taste.html"
    assert page.exists()
    assert str(page) in made.stdout
    entries = [{"shown": ["0", "1", "3", "4"], "chosen": "0"}, {"shown": ["1", "4"], "chosen": "4"}]
    answers = tmp_path / "taste.json"
    answers.write_text(json.dumps({"cafemood_taste": 1, "run": six.run_id, "answers": entries}))
    ranked = cafemood("taste", own_run.folder, "--answers", answers, "--json", "-n", 3, "--near", "37.62,127.07")
    assert ranked.returncode == 0, ranked.stderr
    found = [json.loads(line) for line in ranked.stdout.splitlines()]
    assert {cafe["cafe_id"] for cafe in found} == {"0", "2", "4"}
    assert set(found[0]) >= {"utility", "deviation", "chance", "reasons", "distance_km", "cafe_name"}
    text = cafemood("taste", own_run.folder, "--answers", answers)
    assert len(text.stdout.splitlines()) == 6
    answers.write_text("{")
    wrong = cafemood("taste", own_run.folder, "--answers", answers)
    assert wrong.returncode != 0
    assert "Traceback" not in wrong.stderr
    assert str(answers) in wrong.stderr
    assert cafemood("taste", own_run.folder, "--json").returncode != 0
    beside = cafemood("taste", own_run.folder, "--folder")
    assert beside.returncode == 0
    assert len(list((own_run.folder / "taste_photos").glob("*.webp"))) == 16  # three of five cafés, one of the last

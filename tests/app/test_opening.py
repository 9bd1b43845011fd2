"""`latest`, beginnings of names, `--open` and `~`, through the real command line."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from drawn_rooms import MOODS, draw_room
from made_runs import make_run

from cafemood.app import opening
from cafemood.data import scan_folder

pytestmark = pytest.mark.slow

NAME = "2026-11-27_03-13-05_243670_colours_kmeans_k2"
SWEEP = "2026-11-20_03-13-05_243670"


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A working folder with a run, and a sweep of two, of six drawn photos; and a home folder."""
    here = tmp_path_factory.mktemp("opening")
    for i in range(6):
        (here / "사진").mkdir(exist_ok=True)
        draw_room(i, list(MOODS)[i % 2], (160, 120)).save(here / "사진" / f"cafe_{i // 2}_{i}.jpg")
    (here / "outputs" / "runs").mkdir(parents=True)
    run = make_run(here / "outputs" / "runs" / NAME, scan_folder(here / "사진"))
    for job in ("0_k=2", "1_k=3"):
        shutil.copytree(run.folder, here / "outputs" / "sweeps" / SWEEP / job)
        card = here / "outputs" / "sweeps" / SWEEP / job / "run.json"
        card.write_text(json.dumps(json.loads(card.read_text()) | {"created": f"2026-11-20T03:13:0{job[0]}+00:00"}))
    (here / "home").mkdir()
    return here


@pytest.fixture
def cafemood(here, tmp_path):
    """Run the command in the working folder; a browser writes down what it is asked to show."""
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{seen}"\n')
    browser.chmod(0o755)
    environment = os.environ | {"HOME": str(here / "home"), "BROWSER": f"{browser} %s", "COLUMNS": "80"}

    def call(*words: object) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "cafemood", *map(str, words)],
            cwd=here, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        done.seen = seen.read_text() if seen.is_file() else None
        return done

    return call


def test_the_list_fits_80_columns_and_json_says_more(cafemood):
    done = cafemood("runs")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        "run", "2026-11-27_03-13-05", "2026-11-20_03-13-05/1_", "2026-11-20_03-13-05/0_",
    ]  # fmt: skip
    assert max(map(len, lines)) <= 80
    listed = [json.loads(line) for line in cafemood("runs", "--json").stdout.splitlines()]
    assert [run["name"] for run in listed] == [NAME, f"{SWEEP}/1_k=3", f"{SWEEP}/0_k=2"]
    assert {run["n_photos"] for run in listed} == {6}
    assert "2 older runs" in cafemood("runs", "-n", "1").stderr


@pytest.mark.parametrize("word", ["latest", "2026-11-27", NAME, f"outputs/runs/{NAME}", "outputs/runs/latest"])
def test_a_run_is_shown_by_any_of_its_names(cafemood, word):
    done = cafemood("show", word)
    assert done.returncode == 0, done.stderr
    assert "6 photos" in done.stdout


@pytest.mark.parametrize(
    "words", [["name", "2026-11-20_03-13-05/1_"], ["report", f"{SWEEP}/1"], ["cafes", f"{SWEEP}/1_k=3"]]
)
def test_commands_say_which_run_a_beginning_has_meant(cafemood, words):
    done = cafemood(*words)
    assert done.returncode == 0, done.stderr
    assert (f"Run: outputs/sweeps/{SWEEP}/1_k=3" in done.stderr) == (words[-1] != f"{SWEEP}/1_k=3")


def test_a_beginning_of_several_names_and_one_of_none_are_refused(cafemood):
    several = cafemood("show", "2026-11-20_03-13-05/")
    none = cafemood("assign", "2025", "x.jpg")
    for done in (several, none):
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
    assert f"{SWEEP}/0_k=2" in several.stderr
    assert f"{SWEEP}/1_k=3" in several.stderr
    assert "There is no run '2025'" in none.stderr


@pytest.mark.parametrize(
    ("words", "page"),
    [
        (["report", "latest"], f"outputs/runs/{NAME}/report.html"),
        (["atlas", "latest"], f"outputs/runs/{NAME}/atlas.html"),
        (["name", "latest", "1", "dark wood"], f"outputs/runs/{NAME}/report.html"),
    ],
)
def test_open_shows_the_page_that_was_written(cafemood, here, words, page):
    done = cafemood(*words, "--open")
    assert done.returncode == 0, done.stderr
    assert done.seen == (here / page).resolve().as_uri()
    assert cafemood(*words).returncode == 0


def test_without_open_no_browser_is_started(cafemood):
    assert cafemood("report", "latest").seen is None


def test_where_no_browser_is_the_page_is_named(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    opening.open_page(tmp_path / "page.html")
    assert f"open {tmp_path / 'page.html'} yourself" in capsys.readouterr().err


def test_the_home_folder_may_stand_behind_an_equals_sign(cafemood, here):
    done = cafemood("export", "latest", "csv", "--to=~/moods")
    assert done.returncode == 0, done.stderr
    assert list((here / "home" / "moods").glob("*.csv"))
    assert not (here / "~").exists()


def test_a_survey_is_found_by_its_run(cafemood, here):
    done = cafemood("survey", "serve", "latest")
    assert done.returncode == 1
    assert str(Path("outputs") / "runs" / NAME / "survey") in done.stderr

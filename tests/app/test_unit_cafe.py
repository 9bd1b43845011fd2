"""`unit=cafe` by the real command: cafés are grouped, and every table, page and command understands it."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from drawn_rooms import MOODS, draw_room

from cafemood import runs

ROOT = Path(__file__).parents[2]


def call(cwd, *words, program=("-m", "cafemood")):
    command = [sys.executable, *program, *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def train(folder, cwd, *words):
    small = ["backbone=random", "method=kmeans", "k=2", "baseline_seeds=2", "nulls=3", "resamples=3", "unit=cafe"]
    words = ["data=folder", f"data.root={folder}", *small, *words, "hydra.run.dir=run"]
    return call(cwd, *words, program=[str(ROOT / "train.py")])


def draw(folder, cafes, photos):
    folder.mkdir()
    for cafe in range(cafes):
        for i in range(photos):
            draw_room(100 * cafe + i, list(MOODS)[cafe % 2], (200, 150)).save(folder / f"cafe_공릉{cafe}_{i}.jpg")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "reduce",
    [pytest.param("none", marks=pytest.mark.thorough), pytest.param("pca", marks=pytest.mark.thorough), "cafe"],
)
def test_cafes_are_grouped_from_photos_to_pages(tmp_path, reduce):
    done = train(draw(tmp_path / "사진", 20, 3), tmp_path, f"reduce={reduce}")
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    run = runs.load(tmp_path / "run")
    assert run.card.unit == "cafe"
    photos = run.photos
    assert (photos.groupby("cafe_id")["cluster"].nunique() == 1).all()
    assert photos["certainty"].between(0, 1).all()
    assert set(photos["alone"]) <= {0, 1}
    assert run.scores["unit"] == "cafe"
    assert sum(run.scores["sizes"]) == 20
    codes = {finding.code for finding in run.findings}
    assert codes & {"cafe-groups-hold", "cafe-groups-weak", "cafe-groups-fail"}
    assert {"groups-cafes", "cafes-certain"} <= codes
    assert not codes & {"follows-cafes", "cafes-share-moods", "one-cafe-cluster"}
    assert "20 cafés, 2 moods" in (run.folder / "report.html").read_text(encoding="utf-8")

    with open(run.folder / "cafes.csv", encoding="utf-8-sig", newline="") as file:
        cafes = {row["cafe_id"]: row for row in csv.DictReader(file)}
    for cafe, cluster in photos.groupby("cafe_id")["cluster"].first().items():
        assert int(cafes[cafe]["mood"]) == cluster + 1
        assert 0 <= float(cafes[cafe]["certainty"]) <= 1

    new = draw(tmp_path / "새 카페", 1, 4)
    (new / "cafe_공릉0_3.jpg").rename(new / "cafe_새_9.jpg")
    told = call(tmp_path, "assign", "run", str(new))
    assert told.returncode == 0, told.stderr
    lines = [line for line in told.stdout.splitlines() if line.startswith("café ")]
    known = photos.loc[photos["cafe_id"] == "공릉0", "cluster"].iloc[0] + 1
    assert f"café 공릉0: 3 photos: mood {known} (chance" in lines[0] + lines[1]
    assert any(line.startswith("café 새: 1 photo: ") for line in lines)
    kept = call(tmp_path, "assign", "run", str(new), "--keep", "--json")
    assert all("reduced" not in json.loads(line) for line in kept.stdout.splitlines())
    again = runs.load(tmp_path / "run")
    assert (again.photos.groupby("cafe_id")["cluster"].nunique() == 1).all()
    assert call(tmp_path, "atlas", "run").returncode == 0
    assert "mood" in call(tmp_path, "similar", "run", "--cafe", "공릉0", "-n", "2").stdout


@pytest.mark.slow
def test_k_of_cafes_is_chosen_from_cafes(tmp_path):
    done = train(draw(tmp_path / "사진", 12, 2), tmp_path, "k=auto", "k_range=2..3")
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    assert runs.load(tmp_path / "run").card.k in (2, 3)


@pytest.mark.parametrize(
    ("words", "cafes", "why"),
    [(["unit=table"], 1, "unit=table cannot be grouped"), (["k=5"], 3, "too few cafés"), ([], 1, "too few cafés")],
)
def test_what_cannot_be_grouped_is_told_before_anything_is_embedded(tmp_path, words, cafes, why):
    done = train(draw(tmp_path / "사진", cafes, 2), tmp_path, *words)
    assert done.returncode == 1
    assert why in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not list((tmp_path / "data").rglob("*.npy"))

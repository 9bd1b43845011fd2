"""`cafemood …` as a user runs it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def cafemood(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    code = "from cafemood.app.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory, drawn_photos):
    """A finished DEC run of the drawn photos."""
    folder = tmp_path_factory.mktemp("cli")
    words = ["data=folder", f"data.root={drawn_photos}", "k=2", "hydra.run.dir=run", "baseline_seeds=1"]
    words += ["method.hidden=[32,32,64]", "method.pretrain_min_steps=60"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_assign_gives_the_runs_own_label_to_the_runs_own_photo(finished, drawn_photos, tmp_path):
    rows = json.loads((finished / "run.json").read_text())["data"]
    import pandas as pd

    table = pd.read_parquet(finished / "assignments.parquet")
    photos = [Path(rows["root"]) / file for file in table["file"][:4]]
    done = cafemood("assign", finished, *photos, "--json", "--nearest", 2, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [a["cluster"] for a in answers] == list(table["cluster"][:4])
    assert [a["mood"] for a in answers] == list(table["cluster"][:4] + 1)
    assert [a["nearest"][0]["file"] for a in answers] == list(table["file"][:4])
    assert all(len(a["nearest"]) == 2 for a in answers)
    assert all(abs(sum(a["probabilities"]) - 1) < 1e-5 for a in answers)
    assert [a["probability"] for a in answers] == pytest.approx(list(table["probability"][:4]), abs=1e-3)


def test_assign_works_from_the_folder_alone(finished, drawn_photos, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(finished, moved)
    photo = next(drawn_photos.rglob("*.jpg"))
    done = cafemood("assign", moved, photo, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "mood" in done.stdout
    assert "near" in done.stdout


def test_assign_names_a_bad_photo_and_still_answers_for_the_good(finished, drawn_photos, tmp_path):
    bad = tmp_path / "글.jpg"
    bad.write_text("not a photo")
    done = cafemood("assign", finished, bad, next(drawn_photos.rglob("*.jpg")), cwd=tmp_path)
    assert done.returncode == 1
    assert "글.jpg: skipped, not an image" in done.stderr
    assert "probability" in done.stdout
    assert "Traceback" not in done.stderr


def test_assign_refuses_a_changed_backbone(finished, drawn_photos, tmp_path):
    changed = tmp_path / "changed"
    shutil.copytree(finished, changed)
    facts = json.loads((changed / "run.json").read_text())
    facts["backbone"]["fingerprint"] = "0" * 64
    (changed / "run.json").write_text(json.dumps(facts))
    done = cafemood("assign", changed, next(drawn_photos.rglob("*.jpg")), cwd=tmp_path)
    assert done.returncode == 1
    assert "no longer the one of this run" in done.stderr


def test_a_run_folder_from_a_stranger_builds_nothing_but_a_known_backbone(finished, drawn_photos, tmp_path):
    hostile = tmp_path / "hostile"
    shutil.copytree(finished, hostile)
    facts = json.loads((hostile / "run.json").read_text())
    facts["backbone"]["options"]["name"] = "os.system"
    (hostile / "run.json").write_text(json.dumps(facts))
    done = cafemood("assign", hostile, next(drawn_photos.rglob("*.jpg")), cwd=tmp_path)
    assert done.returncode == 1
    assert "Unknown backbone 'os.system'" in done.stderr


@pytest.mark.parametrize("verb", ["assign", "show", "report"])
def test_what_is_no_run_is_refused(verb, tmp_path):
    words = [tmp_path, *(["x.jpg"] if verb == "assign" else [])]
    done = cafemood(verb, *words, cwd=tmp_path)
    assert done.returncode == 1
    assert "This is not a run folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_show_and_report_again(finished, tmp_path):
    assert "silhouette@features" in cafemood("show", finished, cwd=tmp_path).stdout
    before = (finished / "report.html").read_bytes()
    done = cafemood("report", finished, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (finished / "report.html").read_bytes() == before


def test_help_and_version_answer(tmp_path):
    assert "assign" in cafemood("--help", cwd=tmp_path).stdout
    assert cafemood("--version", cwd=tmp_path).stdout.strip().count(".") == 2
    assert os.listdir(tmp_path) == []


@pytest.mark.thorough
def test_a_whole_new_cafe_is_assigned_profiled_and_kept(finished, tmp_path):
    import numpy as np
    import pandas as pd
    from drawn_rooms import MOODS, draw_room
    from PIL import Image

    run, new = tmp_path / "run", tmp_path / "새 카페"
    shutil.copytree(finished, run)
    new.mkdir()
    for i in range(3):
        draw_room(900 + i, next(iter(MOODS))).save(new / f"{i}.jpg")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)).save(new / "noise.png")
    (new / "글.jpg").write_text("not a photo")
    before = (run / "assignments.parquet").read_bytes()
    done = cafemood("assign", run, new, "--keep", cwd=tmp_path)
    assert done.returncode == 1  # for the file that is no photo
    assert "글.jpg: not an image" in done.stderr
    assert "noise.png: unlike any photo of this run" in done.stdout
    assert "café 새 카페: 4 photos: mood" in done.stdout
    assert "3 photos added" in done.stdout
    assert (run / "assignments.parquet").read_bytes() == before
    table = pd.read_parquet(run / "cafes.parquet").set_index("cafe_id")
    assert table.loc["새 카페", "n_photos"] == 3
    again = cafemood("assign", run, new / "0.jpg", "--keep", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["novel"] is False
    assert "0 photos added" in again.stderr
    found = cafemood("similar", run, "--cafe", "새 카페", "-n", 2, "--json", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert len([json.loads(line) for line in found.stdout.splitlines()]) == 2
    by_photo = cafemood("similar", run, "--photo", new / "1.jpg", "-n", 1, cwd=tmp_path)
    assert by_photo.returncode == 0, by_photo.stderr
    assert "same mood" in by_photo.stdout
    shown = cafemood("cafes", run, cwd=tmp_path)
    assert "새 카페" in shown.stdout
    assert shown.stdout.strip().endswith("cafes.parquet and .csv")


def test_a_mood_is_named_for_good(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    (run / "atlas.html").write_text("<body>", encoding="utf-8")
    done = cafemood("name", run, 2, "다크 우드", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "atlas.html has the older names" in done.stderr
    assert 'id="older"' in (run / "atlas.html").read_text(encoding="utf-8")
    assert "mood 2: 다크 우드  [" in cafemood("name", run, cwd=tmp_path).stdout
    assert "다크 우드" in (run / "report.html").read_text(encoding="utf-8")
    refused = cafemood("name", run, 7, "x", cwd=tmp_path)
    assert refused.returncode == 1
    assert "There is no mood 7" in refused.stderr


def test_the_module_is_the_command(tmp_path):
    said = subprocess.run(
        [sys.executable, "-m", "cafemood", "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert said.stdout == cafemood("--version", cwd=tmp_path).stdout


def test_questions_without_sense_are_told_in_one_message(finished, tmp_path):
    for words, message in (
        (["similar", finished], "The question is not clear"),
        (["similar", finished, "--cafe", "x", "--unlike", "y"], "The question is not clear"),
        (["similar", finished, "--cafe", "없는 카페"], "There is no café '없는 카페'"),
        (["name", finished, "1"], "A name is missing"),
    ):
        done = cafemood(*words, cwd=tmp_path)
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr

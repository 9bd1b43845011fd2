"""`reduce=cafe` from photos to report: learnt from ids, told in the run card, and used for new photos."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from drawn_rooms import MOODS, draw_room

from cafemood import runs

ROOT = Path(__file__).parents[2]


def train(folder, cwd, *words):
    words = [f"data.root={folder}", "backbone=random", "reduce=cafe", "k=2", "baseline_seeds=2", "nulls=3", *words]
    command = [sys.executable, str(ROOT / "train.py"), "data=folder", "resamples=3", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def draw(folder, cafes, photos=3):
    folder.mkdir()
    for cafe in range(cafes):
        for i in range(photos):
            draw_room(100 * cafe + i, list(MOODS)[cafe % 2], (200, 150)).save(folder / f"cafe_공릉{cafe}_{i}.jpg")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("method", ["kmeans", pytest.param("dec", marks=pytest.mark.thorough)])
def test_from_photos_to_report_and_to_new_photos(tmp_path, method):
    photos = draw(tmp_path / "사진", 20)
    small = ["method.pretrain_epochs=2", "method.pretrain_min_steps=4", "method.max_updates=2"]
    done = train(photos, tmp_path, f"method={method}", *(small if method == "dec" else []), "hydra.run.dir=run")
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    run = runs.load(tmp_path / "run")
    reduce = run.card.reduce
    assert reduce.name == "cafe"
    assert (reduce.settings["n_cafes"], reduce.settings["n_photos"]) == (20, 60)
    assert 1 <= reduce.n_components <= 16
    assert len(reduce.settings["ratios"]) == reduce.n_components
    assert all(0 <= row["same_cafe"] <= 1 for row in reduce.settings["held_out"])
    last = "kernel.components" if reduce.settings["kernel"] == "rbf" else "pca.components"
    assert len(run.model[0][last]) == reduce.n_components
    assert run.model[0]["pca.components"].shape[1] == 128
    codes = {finding.code for finding in run.findings}
    assert codes & {"cafe-space-holds", "cafe-space-fails"}
    assert codes & {"follows-cafes", "follows-content", "follows-neither"}
    assert "loses-to-kmeans" not in codes
    assert f"silhouette@cafe{reduce.n_components}" in run.scores["null"]
    assert "silhouette@features" not in run.scores["null"]
    html = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "content tells" in html
    words = [sys.executable, "-m", "cafemood", "assign", "run", str(photos / "cafe_공릉0_0.jpg"), "--json"]
    new = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    mine = run.photos.set_index("file").loc["cafe_공릉0_0.jpg", "cluster"]
    assert json.loads(new.stdout)["cluster"] == mine


@pytest.mark.parametrize(("cafes", "photos"), [(3, 4), (20, 1)])
def test_too_few_cafes_are_told_before_anything_is_embedded(tmp_path, cafes, photos):
    folder = draw(tmp_path / "사진", cafes, photos)
    done = train(folder, tmp_path, "hydra.run.dir=run", "backbone=random")
    assert done.returncode == 1
    assert "The space of cafés cannot be learnt" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not list((tmp_path / "data").rglob("*.npy"))


@pytest.mark.slow
@pytest.mark.thorough
def test_photos_without_ids_use_the_space_of_another_run(tmp_path):
    assert train(draw(tmp_path / "사진", 20), tmp_path, "method=kmeans", "hydra.run.dir=먼저").returncode == 0
    (tmp_path / "새").mkdir()
    for i in range(12):
        draw_room(9000 + i, list(MOODS)[i % 2], (200, 150)).save(tmp_path / "새" / f"{i}.jpg")
    words = ["method=kmeans", "reduce.space=먼저", "hydra.run.dir=run"]
    done = train(tmp_path / "새", tmp_path, *words)
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    first, run = runs.load(tmp_path / "먼저"), runs.load(tmp_path / "run")
    assert run.card.reduce.settings["space"] == "먼저"
    assert run.card.reduce.n_components == first.card.reduce.n_components
    assert not run.cafes_known
    for name in ("pca.mean", "pca.components"):
        assert (run.model[0][name] == first.model[0][name]).all()
    assert f"silhouette@cafe{run.card.reduce.n_components}" in run.scores["null"]

    other = train(tmp_path / "새", tmp_path, "method=kmeans", "reduce.space=먼저", "backbone.seed=5")
    assert other.returncode == 1
    assert "another backbone" in other.stdout + other.stderr
    none = train(tmp_path / "새", tmp_path, "method=kmeans", "reduce=none", "hydra.run.dir=none")
    assert none.returncode == 0
    refused = train(tmp_path / "새", tmp_path, "method=kmeans", "reduce.space=none")
    assert refused.returncode == 1
    assert "has no space of its own" in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr

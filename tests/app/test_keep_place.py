"""`data.keep`: photos that show no place, from a folder to the report, listed and never silently gone."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn_things import draw_thing

import cafemood
from cafecrawl.replica.rooms import draw_cafe, draw_photo
from cafemood import runs
from cafemood.app.noticing import notice
from cafemood.backbones import create_backbone
from cafemood.clustering.reduction import NoReduction
from cafemood.data.folders import scan_folder
from cafemood.data.labelled import labelled_rows
from cafemood.errors import CafemoodError
from cafemood.features.photo_features import PhotoDataModule
from cafemood.runs import thumbnails

ROOT = Path(__file__).parents[2]
THINGS = {"cafe_0_9.jpg": "receipt", "cafe_1_9.jpg": "menu", "cafe_2_9.jpg": "cake", "cafe_9_0.jpg": "cup"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Three cafés of three rooms and a thing; café 9 has a cup alone, café 8 is café 0 under another id."""
    folder = tmp_path_factory.mktemp("place") / "사진"
    folder.mkdir()
    for number in range(3):
        for view in range(3):
            draw_photo(draw_cafe(0, number), view, (256, 192)).save(folder / f"cafe_{number}_{view}.jpg", quality=92)
    for name, kind in THINGS.items():
        draw_thing(1, kind).save(folder / name, quality=92)
    for view in range(2):
        draw_photo(draw_cafe(0, 0), view, (256, 192)).resize((320, 240)).save(folder / f"cafe_8_{view}.jpg")
    (folder / "cafe_8_7.jpg").write_bytes((folder / "cafe_0_2.jpg").read_bytes())
    return folder


def train(photos, cwd, *words):
    words = [f"data.root={photos}", "backbone=random", "method=kmeans", "k=2", "baseline_seeds=2", "nulls=2", *words]
    command = [sys.executable, str(ROOT / "train.py"), "data=folder", "resamples=0", "hydra.run.dir=run", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_what_is_left_out_is_listed_with_its_reason_and_shown(photos, tmp_path):
    done = train(photos, tmp_path, "data.keep=place")
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    assert "left_out.csv" in done.stdout + done.stderr
    run = runs.load(tmp_path / "run")
    left_out = run.card.data.left_out
    assert {entry["file"] for entry in left_out} == set(THINGS)
    assert {entry["file"]: "text" in entry["reason"] for entry in left_out} == {
        file: kind in ("receipt", "menu") for file, kind in THINGS.items()
    }
    assert all(entry["place"] < 0.5 and len(entry["photo_id"]) == 64 for entry in left_out)
    assert run.card.data.keep == "place"
    table = pd.read_csv(run.folder / "left_out.csv")
    assert sorted(table["file"]) == sorted(THINGS)
    assert not set(THINGS) & set(run.assignments["file"])
    assert run.assignments["place"].between(0.5, 1).all()
    assert len(run.features["rows"]) == len(run.assignments) == 11
    found = {finding.code: finding.figures for finding in run.findings}
    assert found["no-place-left-out"]["n_none"] == 4
    assert found["no-place-left-out"]["n_cafes_gone"] == 1
    assert found["two-ids"]["pairs"][0] == {"cafes": ["0", "8"], "n_shared": 3, "of": 3}
    html = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "cafe_9_0.jpg" in html
    assert html.count("data:image/") == 11 + 4
    assert {entry["photo_id"] for entry in left_out} <= set(thumbnails.known(run))
    cup, room = tmp_path / "new.jpg", tmp_path / "room.jpg"
    draw_thing(2, "cup").save(cup)
    draw_photo(draw_cafe(0, 0), 4, (256, 192)).save(room)
    words = [sys.executable, "-m", "cafemood", "assign", "run", str(cup), str(room), "--json"]
    new = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.splitlines()
    of_cup, of_room = (json.loads(line) for line in new)
    assert (of_cup["mood"], of_cup["left_out"]) == (None, True)
    assert "close up" in of_cup["no_place"]
    assert of_room["left_out"] is False
    assert of_room["place"] > 0.5 > of_cup["place"]
    files = sorted(path.name for path in photos.iterdir())
    assert set(THINGS) <= set(files)  # nothing was deleted


@pytest.mark.slow
def test_by_default_all_count_and_the_report_shows_which_seem_to_show_no_place(photos, tmp_path):
    assert train(photos, tmp_path).returncode == 0
    run = runs.load(tmp_path / "run")
    assert run.card.data.keep == "all"
    assert run.card.data.left_out == []
    assert not (run.folder / "left_out.csv").exists()
    scores = run.assignments.set_index("file")["place"]
    assert len(scores) == 15
    assert set(scores.index[scores < 0.5]) == set(THINGS)
    assert "no-place-counted" in {finding.code for finding in run.findings}
    assert "no-place" in (run.folder / "report.html").read_text(encoding="utf-8")


def test_an_unknown_word_is_refused_before_anything_runs(photos, tmp_path):
    done = train(photos, tmp_path, "data.keep=places")
    assert done.returncode == 1
    assert "data.keep" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "run" / "run.json").exists()


def module(photo_set, tmp_path, matrix=None):
    """Features that say nothing: ten columns of noise."""
    ids = [photo.photo_id for photo in photo_set.photos]
    matrix = np.random.default_rng(0).normal(size=(len(ids), 10)) if matrix is None else matrix
    np.savez(tmp_path / "x.npz", features=matrix.astype(np.float32), photo_id=np.array(ids))
    backbone = create_backbone("precomputed", path=str(tmp_path / "x.npz"))
    data = PhotoDataModule(photo_set, backbone, NoReduction(), cache_dir=tmp_path / "cache")
    data.prepare_data()
    return data


def test_where_nothing_tells_it_says_so(tmp_path):
    x = np.random.default_rng(0).integers(0, 16, (60, 64)).astype(np.float32)
    np.savez(tmp_path / "rows.npz", X=x, Y=np.arange(60) % 3)
    data = module(labelled_rows(str(tmp_path / "rows.npz")), tmp_path)
    noticed = notice(data, "all", tmp_path / "cache")
    assert noticed.told["told_by"] == []
    assert np.isnan(noticed.columns["place"]).all()
    with pytest.raises(CafemoodError, match="Nothing tells"):
        notice(data, "place", tmp_path / "cache")


def test_no_photo_left_is_an_error(tmp_path):
    folder = tmp_path / "cups"
    folder.mkdir()
    for seed in range(3):
        draw_thing(seed, "cup").save(folder / f"cafe_{seed}_1.png")
    with pytest.raises(CafemoodError, match="No photo is left"):
        notice(module(scan_folder(folder), tmp_path), "place", tmp_path / "cache")


def test_from_python(photos, tmp_path):
    options = {"backbone": "random", "k": 2, "cache_dir": tmp_path / "cache", "nulls": 2, "baseline_seeds": 2}
    run = cafemood.run(photos, keep="place", folder=tmp_path / "run", resamples=0, **options)
    assert len(run.card.data.left_out) == 4
    facts = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    assert facts["data"]["n_photos"] == 11
    with pytest.raises(CafemoodError, match=r"data\.keep"):
        cafemood.run(photos, keep="places", folder=tmp_path / "other", **options)

"""A run without Hydra, and a folder that is read without being written."""

import ast
import json
from pathlib import Path

import pytest

from cafemood.app import library, pipeline, run_commands
from cafemood.cafes import moods, profiles
from cafemood.clustering import KMeans
from cafemood.data import labelled_rows
from cafemood.errors import CafemoodError
from cafemood.report.finish import finish
from cafemood.runs import load, thumbnails

SMALL = {"nulls": 2, "baseline_seeds": 1, "resamples": 2}
DERIVED = {
    "thumbnails.parquet",
    "looks.parquet",
    "words.json",
    "cafes.parquet",
    "cafes.csv",
    "cafes.safetensors",
    "report.html",
}


def test_the_pipeline_knows_no_hydra():
    tree = ast.parse(Path(pipeline.__file__).read_text())
    named = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in named if name and name.startswith(("hydra", "omegaconf", "cafemood.app.config"))}


@pytest.mark.slow
def test_a_folder_of_photos_becomes_a_run(drawn_photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    method = KMeans(7, random_state=3)
    run = library.run(drawn_photos, backbone="random", reduce=2, method=method, k="auto", k_range=[2, 3], **SMALL)
    assert run.folder.parent == Path("outputs/runs")
    assert run.folder.name.endswith("_random_kmeans_kauto")
    assert run.facts["k"] in (2, 3)
    assert run.facts["k"] == len(run.model[0]["centers"])
    assert run.facts["reduce"] == {"name": "pca", "n_components": 2, "random_state": 0}
    assert run.facts["method"]["random_state"] == 3
    assert method.n_clusters == 7
    assert {path.name for path in run.folder.iterdir()} >= DERIVED
    assert (tmp_path / "data/cache/features").is_dir()
    with pytest.raises(CafemoodError, match="already holds a run"):
        library.run(drawn_photos, backbone="random", k=2, folder=run.folder, **SMALL)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"method": "dbscan"}, "Unknown method 'dbscan'"), ({"k": "four"}, "k='four' is not a whole")],
)
def test_what_cannot_be_run_is_refused(options, message, tmp_path):
    with pytest.raises(CafemoodError, match=message):
        library.run(tmp_path, **options)


@pytest.mark.slow
def test_rows_of_a_matrix_take_no_new_photos(tmp_path, drawn_photos):
    from cafemood.backbones import rows_as_features

    run = library.run(
        labelled_rows("digits"), backbone=rows_as_features("digits"), k=10, folder=tmp_path / "run", **SMALL
    )
    photo = next(drawn_photos.rglob("*.jpg"))
    with pytest.raises(CafemoodError, match=r"(?s)cannot embed new photos.*a matrix.*backbone=mobilenet_v2"):
        run_commands.assign(run.folder, [photo])
    facts = json.loads((run.folder / "run.json").read_text())
    assert facts["backbone"]["name"] == "rows"
    assert all(thumbnails.kept(run))


def test_reading_an_older_folder_writes_nothing(cafe_run):
    for name in DERIVED:
        (cafe_run.folder / name).unlink(missing_ok=True)
    before = sorted(cafe_run.folder.rglob("*"))
    run = load(cafe_run.folder)
    assert moods.looks_of(run)["light"].notna().all()
    assert all(thumbnails.kept(run))
    named = moods.of_run(run)
    table = profiles.load(run).table
    assert sorted(cafe_run.folder.rglob("*")) == before
    assert finish(run) == run.folder / "report.html"
    assert {path.name for path in run.folder.iterdir()} >= DERIVED
    again = load(run.folder)
    assert moods.of_run(again) == named
    assert profiles.load(again).table.equals(table)


@pytest.mark.slow
def test_a_second_run_of_the_same_photos_judges_nothing_again_and_says_so(drawn_photos, tmp_path, monkeypatch):
    """Its scores are those of the first run, and its pictures too, though no photo was opened for them."""
    same = {"backbone": "random", "method": "kmeans", "k": 2, "cache_dir": tmp_path / "cache"} | SMALL
    first = library.run(drawn_photos, folder=tmp_path / "first", **same)
    opened = []
    monkeypatch.setattr(thumbnails, "open_image", lambda *a, **k: opened.append(a))
    again = library.run(drawn_photos, folder=tmp_path / "again", **same)
    assert opened == []
    assert first.scores["reused"] == []
    assert "stability" in again.scores["reused"]
    assert again.scores["scores"] == first.scores["scores"]
    (stage,) = [stage for stage in again.facts["stages"] if stage["name"] == "score"]
    assert stage["reused"] == again.scores["reused"]
    assert "Reused from earlier runs" in (again.folder / "report.html").read_text(encoding="utf-8")
    assert thumbnails.kept(again) == thumbnails.kept(first)

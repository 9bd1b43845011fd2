"""The public face: what `import cafemood as cm` gives in a notebook."""

import copy
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from made_runs import copy_run

import cafemood as cm


def test_every_public_name_is_there_and_the_import_loads_none_of_the_heavy_packages():
    code = """
import sys, json
import cafemood as cm
heavy = [m for m in ("torch", "sklearn", "pandas", "numpy", "PIL", "pytorch_lightning", "hydra") if m in sys.modules]
missing = [name for name in cm.__all__ if not hasattr(cm, name)]
print(json.dumps({"heavy": heavy, "missing": missing, "n": len(cm.__all__)}))
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    result = json.loads(process.stdout)
    assert (result["heavy"], result["missing"]) == ([], [])
    assert result["n"] >= 20


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="DBSCAN"):
        cm.DBSCAN  # noqa: B018


@pytest.fixture(scope="module")
def embedded(drawn_photos, tmp_path_factory):
    """The drawn photos with features of two well-separated kinds."""
    folder = tmp_path_factory.mktemp("library")
    photos = cm.scan_folder(drawn_photos)
    kind = np.array([len(p.file.split("/")[0]) for p in photos.photos])
    kind = (kind == kind.max()).astype(float)
    x = np.random.default_rng(0).normal(size=(len(kind), 5)) + 8 * kind[:, None]
    np.savez(folder / "f.npz", features=x.astype(np.float32), photo_id=np.array([p.photo_id for p in photos.photos]))
    backbone = cm.create_backbone("precomputed", path=str(folder / "f.npz"))
    return cm.embed(photos, backbone, cache_dir=folder / "cache"), kind


def test_embed_cluster_and_evaluate_in_five_lines(embedded):
    embedding, kind = embedded
    assert embedding.X.shape == (12, 5)
    assert [photo.file for photo in embedding.photos] == [p.file for p in embedding.photo_set.photos]
    kmeans = cm.KMeans(2, random_state=0).fit(embedding.X)
    evaluation = cm.evaluate(kmeans, embedding.X, truth=kind.astype(int).astype(str), n_nulls=3, baseline_seeds=2)
    assert evaluation.scores["ari"] == 1.0
    assert evaluation.findings
    page = evaluation._repr_html_()
    assert page.count("<li>") == len(evaluation.findings)
    assert page.count("<tr>") == len(evaluation.scores) + 1
    assert "12 photos × 5 features (precomputed)" in embedding._repr_html_()


def test_evaluate_refuses_rows_that_were_not_fitted(embedded):
    embedding, _ = embedded
    with pytest.raises(Exception, match="not fitted"):
        cm.evaluate(cm.KMeans(2), embedding.X)
    kmeans = cm.KMeans(2, random_state=0).fit(embedding.X)
    with pytest.raises(ValueError, match="12"):
        cm.evaluate(kmeans, embedding.X[:-1])


def test_a_run_from_the_library_is_found_as_the_latest_and_shows_itself(embedded, tmp_path):
    embedding, _ = embedded
    more = {"k": 2, "resamples": 0, "nulls": 2, "baseline_seeds": 2, "cache_dir": tmp_path / "cache"}
    first = cm.run(embedding.photo_set, backbone=embedding.backbone, folder=tmp_path / "runs" / "a", **more)
    second = cm.run(embedding.photo_set, backbone=embedding.backbone, folder=tmp_path / "runs" / "b", **more)
    latest = cm.load_run(tmp_path / "runs" / "latest")
    assert latest.folder == second.folder
    np.testing.assert_array_equal(first.assignments["cluster"], second.assignments["cluster"])
    page = latest._repr_html_()
    assert page.count("<li>") == len(latest.findings)
    assert (latest.folder / "report.html").resolve().as_uri() in page


def test_what_a_run_shows_is_escaped(made_cafe_run, tmp_path):
    run = copy_run(made_cafe_run, tmp_path / "copy")
    facts = copy.deepcopy(run.facts)
    facts["data"]["name"] = "<script>alert(1)</script>공릉동 카페"
    run = replace(run, facts=facts)
    page = run._repr_html_()
    assert "<script>" not in page
    assert "공릉동 카페" in page


def test_similar_cafes_and_the_cafes_of_a_run(made_cafe_run):
    matches = cm.similar_cafes(made_cafe_run, "0")
    assert matches
    assert "0" not in [match.cafe_id for match in matches]


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(cm.CafemoodError) as caught:
        cm.load_run(tmp_path / "latest")
    assert caught.value.where == tmp_path / "latest"

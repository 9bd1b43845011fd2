"""`cafemood apply`: an edited run beside the run, scored again; the run itself untouched."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import silhouette_score

from cafemood import runs
from cafemood.cafes import editing, moods, profiles, similar
from cafemood.cafes.edits import KIND, VERSION
from cafemood.clustering import stored
from cafemood.core.atomic import write_tensors
from cafemood.errors import RunError
from cafemood.evaluation.edited import EditedRows, assess_edited, clustering_of
from cafemood.report import comparison, export, run_names
from cafemood.report.atlas import write_atlas
from cafemood.report.finish import finish
from cafemood.runs import listing


def write(run, *edits, path=None):
    path = path or run.folder.parent / "edits.json"
    record = {"kind": KIND, "version": VERSION, "run": editing.fingerprint_of(run), "run_name": "a", "edits": edits}
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def files_of(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def split(cafe_run):
    """A split-off third mood of four photos, a name, a photo moved and one excluded."""
    ids = cafe_run.assignments["photo_id"].tolist()
    moods.give_name(cafe_run, 1, "plants")
    cafe_run = runs.load(cafe_run.folder)
    path = write(
        cafe_run,
        {"do": "split", "photos": ids[:4], "mood": 3, "name": "windows"},
        {"do": "move", "photos": ids[4:5], "mood": 3},
        {"do": "exclude", "photos": ids[5:6]},
    )
    return cafe_run, path


def test_the_edited_run_holds_the_edits_and_the_run_stays(split):
    run, path = split
    before = files_of(run.folder)
    edited = editing.apply(run, path, run.folder.parent / "edited", n_nulls=3, baseline_seeds=2)
    assert files_of(run.folder) == before
    old, new = run.assignments.set_index("photo_id"), edited.assignments.set_index("photo_id")
    assert edited.card.k == 3
    assert len(new) == len(old) - 1
    assert new["cluster"].iloc[:5].tolist() == [2] * 5
    rest = new.index[5:]
    assert new.loc[rest, "cluster"].tolist() == old.loc[rest, "cluster"].tolist()
    assert moods.own_names(edited) == {1: "plants", 3: "windows"}
    assert edited.card.edited["from"] == "run"
    assert len(edited.card.edited["done"]) == 3
    assert [out["photo_id"] for out in edited.card.edited["excluded"]] == [old.index[5]]
    assert pd.read_csv(edited.folder / "excluded.csv")["photo_id"].tolist() == [old.index[5]]
    assert (edited.folder / "edits.json").read_bytes() == path.read_bytes()


def test_scores_are_those_of_the_edited_labels(split):
    run, path = split
    edited = editing.apply(run, path, run.folder.parent / "edited", n_nulls=3, baseline_seeds=2)
    rows, labels = edited.features["rows"].astype(np.float32), edited.assignments["cluster"]
    assert edited.scores["scores"]["silhouette@features"] == pytest.approx(silhouette_score(rows, labels), abs=1e-4)
    assert edited.scores["sizes"] == np.bincount(labels).tolist()
    assert edited.scores["stability"] is None
    means = np.stack([rows[labels == j].mean(axis=0) for j in range(3)])
    expected = np.linalg.norm(rows - means[labels], axis=1)
    assert edited.assignments["distance"].to_numpy() == pytest.approx(expected, abs=1e-4)


def test_new_photos_go_to_the_nearest_mean(split):
    run, path = split
    edited = editing.apply(run, path, run.folder.parent / "edited", n_nulls=3, baseline_seeds=2)
    x = np.load(run.folder.parent / "colours.npz")
    rows = x["features"][pd.Index(x["photo_id"]).get_indexer(edited.assignments["photo_id"])]
    probabilities, z = stored.assign(rows, edited.model[0], "kmeans")
    compact, labels = edited.features["rows"].astype(np.float32), edited.assignments["cluster"].to_numpy()
    assert z == pytest.approx(compact, abs=2e-3)  # kept in half precision
    means = np.stack([compact[labels == j].mean(axis=0) for j in range(3)])
    nearest = ((compact[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert probabilities.argmax(axis=1).tolist() == nearest.tolist()
    assert len(set(nearest)) == 3


def test_applying_twice_gives_the_same(split):
    run, path = split
    a, b = (editing.apply(run, path, run.folder.parent / name, n_nulls=3, baseline_seeds=2) for name in "ab")
    same = files_of(a.folder)
    other = {str(name) for name, digest in files_of(b.folder).items() if same[name] != digest}
    assert other <= {"run.json", "model.safetensors"}  # the order of the words in the latter is safetensors's
    for name, tensor in a.model[0].items():
        assert np.array_equal(tensor, b.model[0][name])


def test_names_alone_keep_the_result(cafe_run):
    path = write(cafe_run, {"do": "rename", "mood": 2, "name": "dark wood"})
    edited = editing.apply(cafe_run, path, cafe_run.folder.parent / "named")
    for name in ("assignments.parquet", "scores.json", "model.safetensors", "features.safetensors"):
        assert (edited.folder / name).read_bytes() == (cafe_run.folder / name).read_bytes()
    assert moods.of_run(edited)[1].own_name == "dark wood"
    assert edited.card.edited


def test_pages_cafes_and_lists_say_that_it_was_edited(split):
    run, path = split
    edited = editing.apply(run, path, run.folder.parent / "edited", n_nulls=3, baseline_seeds=2)
    assert "Edited by hand" in finish(edited).read_text(encoding="utf-8")
    edited = runs.load(edited.folder)
    assert "Edited by hand" in write_atlas(profiles.load(edited)).read_text(encoding="utf-8")
    export.export(profiles.load(edited), "dataset", run.folder.parent / "out")
    assert "Edited by hand" in (run.folder.parent / "out" / "README.md").read_text(encoding="utf-8")
    assert len(similar.similar_cafes(edited, "0", n=2)) == 2
    assert profiles.load(edited).table["n_photos"].sum() == len(edited.assignments)
    assert [listed.to_json()["edited"] for listed in listing.below(run.folder.parent)] == [True, False]
    assert run_names.settings_of(edited)["method"] != run_names.settings_of(run)["method"]
    compared = comparison.compare_runs([run.folder, edited.folder])
    assert sum("edited" in name for name in compared.table["run"]) == 1


def test_photos_that_were_added_follow_the_edits(cafe_run):
    table = cafe_run.assignments
    added = table.iloc[:3].assign(
        photo_id=["a", "b", "c"], path=[str(cafe_run.photos_root / f) for f in table["file"][:3]]
    )
    added.to_parquet(cafe_run.folder / "added.parquet")
    write_tensors(cafe_run.folder / "added.safetensors", {"rows": cafe_run.features["rows"][:3]})
    run, other = runs.load(cafe_run.folder), int(1 - table["cluster"][0])
    ids = table.loc[table["cluster"] == other, "photo_id"].tolist()[:4]
    path = write(
        run,
        {"do": "split", "photos": [*ids, "b"], "mood": 3},
        {"do": "move", "photos": ["a"], "mood": other + 1},
        {"do": "exclude", "photos": ["c"]},
    )
    edited = editing.apply(run, path, run.folder.parent / "edited", n_nulls=2, baseline_seeds=1)
    photos = edited.photos[edited.photos["added"]].set_index("photo_id")
    assert photos["cluster"].to_dict() == {"a": other, "b": 2}
    assert (photos["second_cluster"] != photos["cluster"]).all()
    assert len(edited.rows) == len(table) + 2
    alone = write(run, {"do": "split", "photos": ["a"], "mood": 3})
    with pytest.raises(RunError):
        editing.apply(run, alone, run.folder.parent / "alone")
    assert not (run.folder.parent / "alone").exists()


def test_an_edited_run_can_be_edited_again(split):
    run, path = split
    once = editing.apply(run, path, run.folder.parent / "once", n_nulls=3, baseline_seeds=2)
    again = write(once, {"do": "merge", "moods": [3, 2]}, path=run.folder.parent / "again.json")
    twice = editing.apply(once, again, run.folder.parent / "twice", n_nulls=3, baseline_seeds=2)
    assert twice.card.k == 2
    assert moods.own_names(twice) == {1: "plants", 2: "windows"}
    assert twice.card.edited["before"]["from"] == "run"
    with pytest.raises(RunError):
        editing.apply(twice, path, run.folder.parent / "wrong")
    assert not (run.folder.parent / "wrong").exists()


def test_a_cafe_is_not_parted_where_cafes_were_grouped(cafe_run):
    facts = json.loads((cafe_run.folder / "run.json").read_text(encoding="utf-8"))
    (cafe_run.folder / "run.json").write_text(json.dumps(facts | {"unit": "cafe"}), encoding="utf-8")
    table = pd.read_parquet(cafe_run.folder / "assignments.parquet")
    of_cafe = table["cafe_id"].astype(int) % 2
    table = table.assign(cluster=of_cafe, second_cluster=1 - of_cafe, alone=of_cafe, certainty=0.9)
    table.to_parquet(cafe_run.folder / "assignments.parquet")
    run = runs.load(cafe_run.folder)
    ids = table.loc[table["cafe_id"] == "0", "photo_id"].tolist()
    path = write(run, {"do": "split", "photos": ids[:1], "mood": 3})
    with pytest.raises(RunError, match="café"):
        editing.apply(run, path, run.folder.parent / "parted")
    whole = write(run, {"do": "split", "photos": ids, "mood": 3})
    edited = editing.apply(run, whole, run.folder.parent / "whole", n_nulls=3, baseline_seeds=2)
    assert edited.assignments.groupby("cafe_id")["cluster"].nunique().tolist() == [1] * 6
    assert edited.scores["unit"] == "cafe"
    assert np.isnan(edited.assignments["certainty"]).all()
    assert edited.scores["sizes"] == [2, 3, 1]


def test_of_a_space_that_cafes_taught_nulls_are_in_it_and_cafes_tell_nothing():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 20)
    z = rng.normal(size=(60, 3)) + 4 * np.eye(3)[labels]
    cafes = [str(i // 4) for i in range(60)]
    rows = EditedRows(rng.normal(size=(60, 8)), z, "cafe3", z[:, :2], labels, cafes, learnt=True, from_cafes=True)
    told = assess_edited(rows, clustering_of(rows), n_nulls=3, baseline_seeds=1)
    assert "silhouette@cafe3" in told.details["null"]
    assert "silhouette@features" not in told.details["null"]
    assert told.details["coherence"] is None
    assert "edited-held-out" in {found.code for found in told.findings}
    plain = replace(rows, learnt=False, from_cafes=False)
    told = assess_edited(plain, clustering_of(plain), n_nulls=3, baseline_seeds=1)
    assert "silhouette@features" in told.details["null"]
    assert told.details["coherence"]["ratio"] > 1
    means = np.stack([z[labels == j].mean(axis=0) for j in range(3)])
    assert clustering_of(rows).centers == pytest.approx(means, abs=1e-5)


@pytest.mark.slow
def test_the_command_writes_a_new_run_and_refuses_without_a_trace(split):
    run, path = split

    def cafemood(*words):
        environment = os.environ | {"COLUMNS": "80"}
        call = [sys.executable, "-m", "cafemood", *map(str, words)]
        return subprocess.run(call, capture_output=True, text=True, check=False, env=environment)

    done = cafemood("apply", run.folder, path, "--into", "mine")
    assert done.returncode == 0, done.stderr
    edited = runs.load(run.folder.parent / "mine")
    assert edited.card.k == 3
    assert (edited.folder / "report.html").is_file()
    assert "Edited by hand" in done.stdout
    shown = cafemood("runs", run.folder.parent)
    assert shown.stdout.count("edited") == 1
    for words in (("--into", "mine"), ("--into", "other")):
        if words[1] == "other":
            path.write_text(path.read_text().replace('"mood": 3', '"mood": 9'))
        refused = cafemood("apply", run.folder, path, *words)
        assert refused.returncode == 1
        assert "do: " in refused.stderr
        assert "Traceback" not in refused.stderr
    assert not (run.folder.parent / "other").exists()

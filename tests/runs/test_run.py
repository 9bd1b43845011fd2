"""A run folder is claimed once, says how it ended, and is read back."""

import json

import numpy as np
import pytest
import sklearn
from made_runs import TRUTH, write_run

from cafemood import runs
from cafemood.errors import RunError
from cafemood.runs.run import clear_unfinished, why_unfinished
from cafemood.runs.writer import RunWriter


def facts(folder):
    return json.loads((folder / "run.json").read_text())


def test_a_run_that_ends_well_is_finished_with_its_stages(tmp_path):
    with RunWriter(tmp_path, {"k": 4}) as run:
        assert facts(tmp_path)["status"] == "running"
        with run.stage("embed", items=10) as stage:
            stage["items"] = 20
        run.recorded = True
    found = facts(tmp_path)
    assert found["status"] == "finished"
    assert found["k"] == 4
    assert found["stages"][0]["name"] == "embed"
    assert found["stages"][0]["items"] == 20
    assert found["stages"][0]["items_per_second"] > 0
    assert {"cafemood", "torch", "python"} <= set(found["versions"])


@pytest.mark.parametrize(("error", "status"), [(ValueError("broken"), "failed"), (KeyboardInterrupt(), "interrupted")])
def test_a_run_that_ends_badly_says_so(tmp_path, error, status):
    with pytest.raises(type(error)), RunWriter(tmp_path):
        raise error
    assert facts(tmp_path)["status"] == status
    with pytest.raises(RunError, match="did not finish"):
        runs.load(tmp_path)


def test_a_run_that_recorded_nothing_is_not_finished(tmp_path):
    with RunWriter(tmp_path):
        pass
    with pytest.raises(RunError, match=r"(?s)did not finish.*nothing was recorded"):
        runs.load(tmp_path)


def test_two_runs_never_share_a_folder(tmp_path):
    with RunWriter(tmp_path) as run:
        run.recorded = True
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(RunError, match=r"(?s)already holds a run.*another folder"), RunWriter(tmp_path):
        pass
    assert (tmp_path / "run.json").read_bytes() == before


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(RunError, match=r"(?s)No run can be written here.*hydra.run.dir="),
        RunWriter(tmp_path / "file" / "run"),
    ):
        pass


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "This is not a run folder"),
        ('{"status": "finished", "schema_version": 99}', "A newer cafemood wrote this run"),
        ('{"status": "running"}', "its status is 'running'"),
        ('{"status": "failed", "reason": "the disk was full"}', "the disk was full"),
        ("{half", "(?s)cannot be read.*it is no JSON: line 1, column 2"),
        ("[]", "not a JSON object"),
        ('{"status": "finished"}', "'backbone' is missing"),
        ('{"status": "finished", "schema_version": "1"}', "its schema_version is '1'"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path, text, message):
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunError, match=message):
        runs.load(tmp_path)


@pytest.mark.parametrize("name", ["assignments", "model", "scores"])
def test_a_damaged_or_missing_part_is_named(tmp_path, name):
    folder = write_run(tmp_path / "a" / "run", TRUTH)
    for path in folder.glob(f"{name}.*"):
        path.unlink()
    with pytest.raises(RunError, match=name):
        getattr(runs.load(folder), name)
    for suffix in (".parquet", ".safetensors", ".json"):
        (folder / f"{name}{suffix}").write_bytes(b"junk")
    with pytest.raises(RunError, match=name):
        getattr(runs.load(folder), name)


def test_distances_to_the_means_of_the_clusters():
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(90, 7)).astype(np.float16), rng.choice([0, 2, 5], size=90)
    means = {j: x[labels == j].astype(float).mean(axis=0) for j in (0, 2, 5)}
    expected = [np.linalg.norm(row - means[j]) for row, j in zip(x.astype(float), labels, strict=True)]
    for mib in (1, 0.002):
        with sklearn.config_context(working_memory=mib):
            assert runs.distances_to_means(x, labels) == pytest.approx(expected, rel=1e-4)


def test_a_folder_is_freed_only_if_nobody_is_at_it(tmp_path):
    import os
    import platform

    path = tmp_path / "run.json"
    clear_unfinished(tmp_path)  # nothing there is fine
    alive = {"status": "running", "process": {"pid": os.getppid(), "host": platform.node()}}
    path.write_text(json.dumps(alive))
    with pytest.raises(RunError, match=r"(?s)still going on.*is alive"):
        clear_unfinished(tmp_path)
    path.write_text(json.dumps({"status": "finished"}))
    with pytest.raises(RunError, match="already holds a run"):
        clear_unfinished(tmp_path)
    path.write_text(json.dumps({"status": "failed", "reason": "full disk"}))
    assert why_unfinished(tmp_path) == "full disk"
    clear_unfinished(tmp_path)
    assert not path.exists()
    path.write_text("{half")  # whatever it was, it is not for us to delete
    with pytest.raises(RunError, match="cannot be read"):
        clear_unfinished(tmp_path)
    path.write_text("")  # killed between the claim and the facts
    assert why_unfinished(tmp_path) == "its run.json cannot be read"
    clear_unfinished(tmp_path)
    assert not path.exists()

"""The JSON of a run is checked in one place: what is wrong is one error that names the file."""

import copy
import json

import pandas as pd
import pytest

from cafemood import runs
from cafemood.core import checked
from cafemood.core.atomic import write_tensors
from cafemood.errors import RunError
from cafemood.runs import records


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'{"k": NaN}',
        b'{"k": 1e999}',
        b'{"k": ' + b"9" * 5000 + b"}",
        b'{"status": null}',
        b'{"status": ["finished"]}',
        b'{"process": 3}',
        b'{"files": {"scores.json": 7}}',
        b'{"stages": [{"seconds": "1"}]}',
        b'{"stages": [{"items": true}]}',
        b'{"notes": [{}]}',
        b'{"data": {"skipped": [{"reason": null}]}}',
        b'{"space": {"display": {"explained": "0.5"}}}',
    ],
)
def test_what_is_no_record_of_a_run_names_the_file(tmp_path, text):
    path = tmp_path / "run.json"
    path.write_bytes(text)
    with pytest.raises(RunError) as caught:
        records.read(path)
    assert caught.value.where == path
    assert "\n" not in caught.value.why


def test_a_number_may_be_unknown(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({"scores": {"silhouette@features": None}, "null": {"a": {"z": None}}}))
    assert records.read(path, records.SCORES)["scores"] == {"silhouette@features": None}


@pytest.mark.parametrize(
    "scores", [{"scores": []}, {"scores": {"a": "1"}}, {"null": None}, {"verdict": [1]}, {"verdict": [{"text": 1}]}]
)
def test_scores_of_another_type_name_the_file(tmp_path, scores):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(scores))
    with pytest.raises(RunError) as caught:
        records.read(path, records.SCORES)
    assert caught.value.where == path


def test_a_missing_key_is_named_where_it_is_asked_for(tmp_path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"data": {"skipped": [{"file": "공릉동 카페.jpg"}]}}))
    found = records.read(path)
    for ask, name in (
        (lambda: found["k"], "k"),
        (lambda: found["data"]["root"], "data.root"),
        (lambda: found["data"]["skipped"][0]["reason"], "data.skipped.0.reason"),
    ):
        with pytest.raises(RunError) as caught:
            ask()
        assert caught.value.where == path
        assert caught.value.why.endswith(name)
        assert str(path) in str(caught.value)
    assert found.get("k") is None
    assert copy.deepcopy(found) == found == json.loads(json.dumps(found))


@pytest.mark.parametrize("name", ["assignments.parquet", "scores.json", "model.safetensors", "features.safetensors"])
def test_another_file_in_the_place_of_a_runs_is_refused(cafe_run, name):
    path = cafe_run.folder / "run.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts["files"] = {file: f"{checked.crc_of_file(cafe_run.folder / file):08x}" for file in (name,)}
    path.write_text(json.dumps(facts), encoding="utf-8")
    part = name.split(".")[0]
    assert len(getattr(runs.load(cafe_run.folder), part))
    file = cafe_run.folder / name
    if name.endswith(".json"):
        file.write_text(file.read_text(encoding="utf-8").replace("0", "1"), encoding="utf-8")
    elif name.endswith(".parquet"):
        pd.read_parquet(file).iloc[::-1].to_parquet(file)
    else:
        tensors, about = runs.read_tensors(file)
        write_tensors(file, {key: value + 1 for key, value in tensors.items()}, about)
    with pytest.raises(RunError) as caught:
        getattr(runs.load(cafe_run.folder), part)
    assert caught.value.where == file

"""RunCard: what `run.json` says, typed; what does not fit is named."""

import copy
import json

import pytest
from made_runs import TRUTH, write_run

from cafemood import runs
from cafemood.errors import RunError
from cafemood.runs.card import MethodCard, RunCard


@pytest.fixture
def record(tmp_path):
    folder = write_run(tmp_path / "a" / "run", TRUTH, reduce=50, n_init=10, n_iter=7, converged=True)
    return json.loads((folder / "run.json").read_text())


def test_a_card_holds_what_the_file_says(record, tmp_path):
    card = RunCard.from_json(record, tmp_path)
    assert (card.k, card.seed, card.space.clustering, card.data.n_photos) == (3, 0, "pca50", 60)
    assert (card.reduce.name, card.reduce.n_components) == ("pca", 50)
    assert card.method.settings == {"n_clusters": 3, "n_init": 10}
    assert card.method.outcome == {"n_iter": 7, "converged": True}
    assert card.method.to_json() == record["method"]
    assert card.data.cafes_known
    assert card.backbone.options == {}


def test_a_reduction_without_components_keeps_all_columns():
    assert MethodCard.from_json({"name": "none"}).n_components is None


PATHS = [
    ("k",), ("seed",), ("stages",), ("backbone",), ("backbone", "name"), ("backbone", "fingerprint"), ("reduce",),
    ("method", "name"), ("space", "clustering"), ("data", "root"), ("data", "n_photos"), ("data", "cafe_source"),
]  # fmt: skip


def set_at(record, path, value):
    changed = copy.deepcopy(record)
    place = changed
    for name in path[:-1]:
        place = place[name]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return changed


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("value", [None, 1.5, [1], True, {"of": "another schema"}])
def test_a_key_that_is_missing_or_of_another_type_is_named(record, tmp_path, path, value):
    changed = set_at(record, path, value)
    with pytest.raises(RunError) as caught:
        RunCard.from_json(changed, tmp_path / "run.json")
    assert caught.value.where == tmp_path / "run.json"
    if value is None or not isinstance(value, dict) or len(path) > 1:
        assert ".".join(path) in str(caught.value)


@pytest.mark.parametrize("path", [("notes",), ("versions",), ("command",), ("data", "skipped"), ("backbone", "dim")])
def test_what_a_run_of_an_earlier_version_lacks_has_a_default(record, tmp_path, path):
    RunCard.from_json(record, tmp_path)  # write_run writes none of them but `skipped`
    with pytest.raises(RunError):
        RunCard.from_json(set_at(record, path, 1.5), tmp_path)


def test_loading_tells_it_at_once(tmp_path):
    folder = write_run(tmp_path / "a" / "run", TRUTH)
    record = json.loads((folder / "run.json").read_text())
    del record["method"]
    (folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(RunError, match="'method' is missing"):
        runs.load(folder)

"""Many runs in one table: names, failed jobs, common photos, and the choice among them."""

import json

import numpy as np
import pytest
from made_runs import TRUTH, scores_of, write_run

from cafemood.errors import RunError
from cafemood.report import compare
from cafemood.report.comparison import compare_runs
from cafemood.report.comparison_findings import findings


def test_the_best_supported_run_comes_first(sweep):
    found = compare_runs([sweep])
    assert [run.folder.name[:2] for run in found.runs] == ["0_", "1_", "2_", "10"]
    assert found.names == [
        f"{b} features k={k}" for b, k in [("resnet50", 3), ("vgg16", 3), ("vgg16", 6), ("resnet50", 6)]
    ]
    table = found.table
    assert table["rank"].tolist() == sorted(table["rank"])
    assert table["run"][0] == "vgg16 features k=3"
    assert table["run"].tolist()[-1] == "resnet50 features k=6"


def test_runs_that_differ_in_a_setting_of_their_method_alone_have_names_of_their_own(tmp_path):
    for i, more in enumerate([{"n_init": 1, "n_iter": 7}, {"n_init": 10}, {"name": "dec", "lr": 0.01}]):
        write_run(tmp_path / "sweep" / str(i), TRUTH, **more)
    names = compare_runs([tmp_path / "sweep"]).names
    assert names == ["kmeans n_init=1", "kmeans n_init=10", "dec"]


def test_two_matrices_of_ones_own_are_two_spaces(tmp_path):
    for i, name in enumerate(["precomputed", "precomputed", "own"]):
        folder = write_run(tmp_path / "sweep" / str(i), TRUTH)
        facts = json.loads((folder / "run.json").read_text())
        own = {"name": "precomputed", "options": {"path": f"/{name}.npz"}, "fingerprint": f"{i}" * 64}
        facts["backbone"] |= own
        (folder / "run.json").write_text(json.dumps(facts))
    found = compare_runs([tmp_path / "sweep"])
    assert list(found.spaces) == ["precomputed features", "precomputed features 111111", "own features"]
    assert found.cross_space.shape == (3, 3)


def test_failed_and_unfinished_jobs_have_a_row_with_their_reason(sweep):
    failed = sweep / "3_backbone=alexnet,k=900"
    failed.mkdir()
    (failed / "run.json").write_text(
        json.dumps({"status": "failed", "reason": "60 photos cannot be put into 900 groups.\nmore"})
    )
    killed = sweep / "4_backbone=alexnet,k=3"
    killed.mkdir()
    (killed / "run.json").write_text(json.dumps({"status": "running"}))
    early = sweep / "5_backbone=alexnet,k=x"
    (early / ".hydra").mkdir(parents=True)
    (early / "train.log").write_text("INFO a\nERROR k=x is not a whole number.\n  where: k\n")
    (sweep / "6_backbone=alexnet" / ".hydra").mkdir(parents=True)
    found = compare_runs([sweep])
    rows = found.table[found.table["status"] == "no result"].set_index("reason")["run"]
    assert rows.to_dict() == {
        "60 photos cannot be put into 900 groups.": "3 k=900",
        "unfinished: killed, or still running": "4 k=3",
        "k=x is not a whole number.": "5 k=x",
        "stopped before it began": "6",
    }
    assert found.table["rank"].isna().sum() == 4
    (finding,) = [f for f in findings(found) if f.code == "jobs-without-result"]
    assert (finding.level, finding.figures) == ("warn", {"n_jobs": 4})


def test_runs_of_different_photos_are_compared_on_what_they_share(tmp_path):
    write_run(tmp_path / "a", TRUTH)
    write_run(tmp_path / "b", TRUTH[:50], ids=[f"photo{i}" for i in range(10, 60)], backbone="vgg16")
    found = compare_runs([tmp_path])
    assert len(found.photo_ids) == 50
    np.testing.assert_array_equal(found.labels[0], TRUTH[10:])
    (finding,) = [f for f in findings(found) if f.code == "photos-differ"]
    assert (finding.level, finding.figures) == ("warn", {"n_common": 50})


def test_runs_that_share_too_little_are_refused(tmp_path):
    write_run(tmp_path / "a", TRUTH)
    write_run(tmp_path / "b", TRUTH, ids=[f"other{i}" for i in range(60)])
    with pytest.raises(RunError, match=r"(?s)cannot be compared.*share 0 photos.*compare runs of the same photos"):
        compare_runs([tmp_path])


def test_one_run_is_nothing_to_choose_from(tmp_path):
    write_run(tmp_path / "a", TRUTH, features=False, cafes=0)
    found = compare_runs([tmp_path])
    assert [finding.code for finding in findings(found)] == ["one-run"]
    assert found.table[["rank", "choice"]].isna().all(axis=None)
    assert compare.write(found, tmp_path).is_file()
    assert found.spaces == {}


def test_scores_that_are_undefined_do_not_end_it(tmp_path):
    undefined = scores_of(z=None, silhouette=None)
    write_run(tmp_path / "a", np.zeros(60, int), k=2, scores=undefined)
    write_run(tmp_path / "b", TRUTH, scores=undefined)
    found = compare_runs([tmp_path])
    assert found.silhouettes_pick is None
    assert compare.write(found, tmp_path).is_file()


def test_a_folder_without_runs(tmp_path):
    with pytest.raises(RunError, match="There is no such folder"):
        compare_runs([tmp_path / "none"])
    with pytest.raises(RunError, match=r"(?s)no finished run.*no run is in there"):
        compare_runs([tmp_path])

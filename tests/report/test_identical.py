"""Runs that repeat another one are listed once, and those that differ in anything are not."""

import json

from made_runs import TRUTH, write_run

from cafemood.report.comparison import compare_runs
from cafemood.report.comparison_findings import findings


def test_the_same_settings_and_groups_are_listed_once(tmp_path):
    """As experiment=study does where a backbone is overridden: two of its systems are the same then."""
    write_run(tmp_path / "0_system=resnet50_kmeans", TRUTH)
    write_run(tmp_path / "1_system=places_kmeans", TRUTH)
    write_run(tmp_path / "2_other groups", TRUTH[::-1].copy())
    write_run(tmp_path / "3_other setting", TRUTH, n_init=5)
    write_run(tmp_path / "4_other backbone", TRUTH, backbone="vgg16")
    seed = write_run(tmp_path / "5_other seed", TRUTH) / "run.json"
    seed.write_text(json.dumps(json.loads(seed.read_text()) | {"seed": 1}))
    found = compare_runs([tmp_path])
    assert [(one.folder.name, again.folder.name) for one, again in found.same] == [
        ("0_system=resnet50_kmeans", "1_system=places_kmeans")
    ]
    assert len(found.runs) == len(found.table) == 5
    (finding,) = [finding for finding in findings(found) if finding.code == "identical-runs"]
    assert (finding.level, finding.figures) == ("info", {"n_runs": 1})

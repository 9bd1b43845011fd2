"""The report's photos like no other: the farthest first, and none where nobody is far or an older run says nothing."""

import json

from cafemood import runs
from cafemood.core.parquet import write_parquet
from cafemood.report import outliers, report


def rewritten(run, table):
    write_parquet(run.folder / "assignments.parquet", table)
    facts = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    facts.pop("files", None)  # its checksums
    (run.folder / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    return runs.load(run.folder)


def with_scores(run, values):
    return rewritten(run, run.assignments.assign(outlying=[*values, *[0.0] * (len(run.assignments) - len(values))]))


def test_the_farthest_come_first_with_their_pictures(run):
    far = with_scores(run, [4.0, 9.5, 3.4])
    shown = outliers.shown(far)
    files = far.assignments["file"]
    assert (shown["n"], [photo["file"] for photo in shown["photos"]]) == (2, [files[1], files[0]])
    assert all(photo["picture"].startswith("data:image/") for photo in shown["photos"])
    html = report.write_report(far).read_text(encoding="utf-8")
    assert html.count('href="#h-outliers"') == html.count('id="h-outliers"') == 1
    assert f"mood {far.assignments['cluster'][1] + 1}, 9.5" in html


def test_without_any_there_is_no_section(run):
    assert outliers.shown(with_scores(run, []))["n"] == 0
    older = rewritten(run, run.assignments.drop(columns="outlying", errors="ignore"))
    assert outliers.shown(older)["photos"] == []
    assert "h-outliers" not in report.write_report(older).read_text(encoding="utf-8")

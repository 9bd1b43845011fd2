"""The tree of moods on the report."""

from made_runs import HOSTILE, draw_cafes, make_run

from cafemood.cafes.moods import give_name
from cafemood.data.folders import scan_folder
from cafemood.report import mood_tree
from cafemood.report.report import _View, write_report


def test_the_report_shows_which_moods_are_nearest(tmp_path):
    run = make_run(tmp_path / "run", scan_folder(draw_cafes(tmp_path / "사진")), k=4)
    give_name(run, 1, HOSTILE)
    give_name(run, 2, "공릉동 숲")
    view = _View(run)
    assert view.tree is not None
    called = [mood["called"] for mood in view.moods]
    assert set(view.tree.nearest) <= set(called)
    assert len(set(view.tree.nearest)) == 2
    assert "공릉동 숲" in view.tree.svg
    assert "<img" not in view.tree.svg
    assert view.tree.svg.count("<path") == 3
    page = write_report(run).read_text(encoding="utf-8")
    assert view.tree.svg.splitlines()[0] in page
    assert (run.folder / "figures" / "tree.svg").exists()
    assert mood_tree.of_run(run, view.moods[:2]) is None
    (run.folder / "features.safetensors").unlink()
    assert mood_tree.of_run(run, view.moods) is None

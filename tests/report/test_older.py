"""Pages that hold older names say so, once, and are left as they are else."""

import re

from cafemood.report import report
from cafemood.report.older import mark_older


def test_atlas_taste_and_comparison_say_that_they_are_older(run):
    page = "<html><body>\n<p>as it was</p></body></html>"
    (run.folder / "atlas").mkdir()
    pages = [run.folder / "atlas.html", run.folder / "atlas" / "index.html", run.folder.parent / "compare.html"]
    for path in pages:
        path.write_text(page, encoding="utf-8")
    assert mark_older(run) == mark_older(run)
    for path in pages:
        html = path.read_text(encoding="utf-8")
        assert html.count('id="older"') == 1
        assert f"<code>cafemood {'compare' if path.name == 'compare.html' else 'atlas'} " in html
        assert re.sub(r'<p id="older".*?</p>', "", html) == page


def test_nothing_is_written_where_there_is_no_page(run):
    report.write_report(run)
    before = (run.folder / "report.html").read_bytes()
    assert mark_older(run) == []
    assert (run.folder / "report.html").read_bytes() == before

"""Pipelines: a check that fails costs its photo alone, and only for now."""

import pytest
from scripted_site import jpeg, rows_of

pytestmark = pytest.mark.slow


def test_a_photo_whose_check_fails_in_a_way_that_nobody_foresaw_waits_and_is_told(scrapy, site_of, tmp_path):
    site = site_of(jpeg)
    table = site.table(tmp_path / "t.csv", "/1.jpg,cc0")
    broken = '{"crawler_helpers.BrokenPipeline": 150}'
    done = scrapy.crawl("urllist", tmp_path / "p", file=table, settings={"ITEM_PIPELINES": broken})
    assert done.code == 1, done.text
    assert "error in a check: nobody foresaw this error (ZeroDivisionError)" in done.text
    assert rows_of(tmp_path / "p", "SELECT state, tries FROM photos") == [("pending", 1)]
    assert scrapy.crawl("urllist", tmp_path / "p", file=table).code == 0

"""A host's own pause is kept as it is set."""

import pytest
from scripted_site import between, json_of

pytestmark = pytest.mark.slow


def test_autothrottle_leaves_a_hosts_own_pause_as_it_is(scrapy, site_of, tmp_path):
    site = site_of(
        lambda request: json_of({"page": int(request.query["page"]), "page_count": 5, "results": []}),
    )
    throttled = {"AUTOTHROTTLE_ENABLED": 1, "DOWNLOAD_DELAY_JITTER": 0, "DOWNLOAD_SLOTS": site.slot(delay=0.8)}
    done = scrapy.crawl("openverse", tmp_path, site.url, query="x", settings=throttled)
    assert done.code == 0, done.text
    assert len(site.paths) == 5
    assert min(between(site)) > 0.5  # AutoThrottle would halve it; a request may come late on a loaded machine

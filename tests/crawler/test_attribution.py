"""What is written beside the photos."""

import pytest

from cafecrawl.export import _link


@pytest.mark.parametrize("url", ["https://commons.wikimedia.org/wiki/File:Café_(Paris).jpg", "http://x/a"])
def test_a_source_is_a_link(url):
    assert _link("source", url) == f"[source](<{url}>)"


@pytest.mark.parametrize("url", [None, "", "javascript:alert(1)", "https://x/> <b>", "https://x/a b"])
def test_what_is_no_web_address_is_no_link(url):
    assert _link("source", url) == "source"

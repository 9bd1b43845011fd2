"""Promise 1: kill -9 at 50 random moments loses nothing, repeats nothing, and leaves no trace."""

import pytest
from killing import kill_often


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_kill_at_random_moments(scrapy, tmp_path):
    result = kill_often(scrapy, tmp_path, n_kills=50, seed=20261123)
    assert result.wrong == []
    assert result.kills == 50
    assert result.ended >= 2
    assert len({n for n in result.at if 0 < n < 40}) >= 10  # the moments lie all over the crawl

"""A store in an empty folder."""

import pytest

from cafecrawl.store import Store


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "사진")
    yield opened
    opened.close()

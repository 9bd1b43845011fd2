"""The taste space of six drawn cafés, even ones dark and odd ones bright."""

import pytest
from made_runs import copy_run

from cafemood.cafes import profiles
from cafemood.taste import space


@pytest.fixture(scope="session")
def six(made_cafe_run):
    return space.of_run(profiles.load(made_cafe_run))


@pytest.fixture
def own_run(made_cafe_run, tmp_path):
    """A copy of the run that a test may change."""
    return copy_run(made_cafe_run, tmp_path / "copy")

"""The taste space of six drawn cafés, even ones dark and odd ones bright."""

import pytest
from made_runs import copy_run

from cafemood import runs
from cafemood.cafes import profiles
from cafemood.taste import space
from cafemood.words.tags import Tags
from cafemood.words.vocabulary import Term

WOOD, PLANTS, RARE, EVERYWHERE = (
    Term("materials", english, korean)
    for english, korean in (("panelling", "벽널"), ("plants", "식물"), ("stage", "무대"), ("seats", "자리"))
)


@pytest.fixture(scope="session")
def six(made_cafe_run):
    """With words: the dark cafés have panelling, and others plants, a stage, or what all have."""
    run = runs.load(made_cafe_run.folder)
    run.in_memory["words_of_cafes"] = {
        str(i): Tags((WOOD, EVERYWHERE) if i % 2 == 0 else (PLANTS, EVERYWHERE, *([RARE] if i == 1 else [])))
        for i in range(6)
    }
    return space.of_run(profiles.load(run))


@pytest.fixture
def own_run(made_cafe_run, tmp_path):
    """A copy of the run that a test may change."""
    return copy_run(made_cafe_run, tmp_path / "copy")

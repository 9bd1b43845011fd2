"""One run and one survey for the session, and copies that a test may change."""

import shutil

import pytest
from survey_helpers import make_asked_run

from cafemood import runs
from cafemood.survey import study
from cafemood.survey.build import build
from cafemood.survey.design import Design


@pytest.fixture(scope="session")
def made_asked_run(tmp_path_factory):
    """A finished run: 20 cafés of two photos, four moods."""
    return make_asked_run(tmp_path_factory.mktemp("asked"))


@pytest.fixture(scope="session")
def made_survey(made_asked_run, tmp_path_factory):
    """Its survey, read only."""
    return build(made_asked_run, tmp_path_factory.mktemp("survey") / "설문", Design(triplets=6))


@pytest.fixture
def survey(made_survey, tmp_path):
    """A copy of the survey."""
    return study.load(shutil.copytree(made_survey.folder, tmp_path / "survey"))


@pytest.fixture
def asked_run(made_asked_run, tmp_path):
    """A copy of the run; its photos stay where they are."""
    return runs.load(shutil.copytree(made_asked_run.folder, tmp_path / "run"))

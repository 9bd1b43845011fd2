"""The jobs of a sweep know its numbers of clusters."""

import pytest
from omegaconf import OmegaConf

from cafemood.app.swept_ks import announce, forget, swept_ks

BASIC = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
OPTUNA = "hydra_plugins.cafemood_optuna.OptunaSweeper"


@pytest.mark.parametrize(
    ("sweeper", "params", "words", "ks"),
    [
        (BASIC, None, ["k=4,5,6", "method=kmeans,dec"], (4, 5, 6)),
        (BASIC, None, ["k=range(2,5)"], (2, 3, 4)),
        (BASIC, None, ["k=choice(7,3)", "seed=1,2"], (7, 3)),
        (BASIC, None, ["k=auto,4"], (4,)),
        (BASIC, None, ["k=4", "seed=1,2"], ()),
        (BASIC, None, [], ()),
        (BASIC, {"k": "2,3"}, ["seed=1"], (2, 3)),
        (BASIC, {"k": "2,3"}, ["k=8,9"], (8, 9)),
        (OPTUNA, None, ["k=4,5,6"], ()),
    ],
)
def test_they_are_those_that_every_job_goes_through(sweeper, params, words, ks, monkeypatch):
    monkeypatch.setenv("CAFEMOOD_SWEPT_KS", "1")
    announce(
        OmegaConf.create({"hydra": {"sweeper": {"_target_": sweeper, "params": params}, "overrides": {"task": words}}})
    )
    assert swept_ks() == ks
    forget()
    assert swept_ks() == ()
    forget()


def test_a_run_alone_has_none(monkeypatch):
    monkeypatch.delenv("CAFEMOOD_SWEPT_KS", raising=False)
    assert swept_ks() == ()

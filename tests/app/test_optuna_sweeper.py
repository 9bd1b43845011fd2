"""A sweep whose next settings Optuna chooses."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hydra_plugins.cafemood_optuna import distribution

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("k=range(2,11)", IntDistribution(2, 10)),
        ("k=range(2,11,3)", IntDistribution(2, 8, step=3)),
        ("k=2,3,5", CategoricalDistribution(["2", "3", "5"])),
        ("reduce=choice(none,pca)", CategoricalDistribution(["none", "pca"])),
        ("a=interval(0.1,1)", FloatDistribution(0.1, 1.0)),
        ("a=tag(log,interval(0.001,1))", FloatDistribution(0.001, 1.0, log=True)),
        ("a=int(interval(1,8))", IntDistribution(1, 8)),
    ],
)
def test_hydras_grammar_says_what_optuna_chooses_from(word, expected):
    assert distribution(OverridesParser.create().parse_override(word)) == expected


@pytest.mark.slow
@pytest.mark.thorough
def test_a_sweep_tries_settings_scores_them_and_goes_on_where_it_was_stopped(tmp_path, photo_folder):
    words = ["experiment=optuna", "data=folder", f"data.root={photo_folder}", "backbone=random", "seed=1"]
    words += ["hydra.sweeper.n_trials=4", "k=range(2,4)", "reduce.n_components=2"]
    words += ["baseline_seeds=1", "nulls=1", "resamples=2"]

    def train(*more):
        command = [sys.executable, str(ROOT / "train.py"), *words, *more]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=dict(os.environ))

    done = train()
    assert done.returncode == 0, done.stderr
    (sweep,) = (tmp_path / "outputs" / "sweeps").iterdir()
    first = pd.read_csv(sweep / "trials.csv")
    assert first["trial"].tolist() == [0, 1, 2, 3]
    assert set(first["k"]) <= {2, 3}
    jobs = {path.parent for path in sweep.rglob("run.json")}
    assert len(jobs) == first["k"].nunique()  # what came again was not run again
    assert (first.groupby("k")["objective"].nunique() == 1).all()
    assert first["objective"].between(0, 1).all()
    assert (sweep / "compare.html").is_file()

    (sweep / "trials.csv").unlink()
    (max(jobs) / "run.json").unlink()  # of two, the second
    again = train("resume=true")
    assert again.returncode == 0, again.stderr
    pd.testing.assert_frame_equal(pd.read_csv(sweep / "trials.csv"), first)
    assert len(list((tmp_path / "outputs" / "sweeps").iterdir())) == 1

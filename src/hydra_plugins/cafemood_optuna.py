"""A sweep whose next settings Optuna chooses. Hydra takes sweepers from this package only.

hydra-optuna-sweeper, which does the same, wants an Optuna below 3 (of 2022); this one takes today's.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

log = logging.getLogger(__name__)
TRIALS = "trials.csv"
"""In the sweep's folder: each trial's settings and what it scored."""


class OptunaSweeper(Sweeper):
    """Asks Optuna's TPE for settings, runs them as jobs, and tells it what `cafemood.app.run_job` returned.

    The same seed asks for the same settings while the jobs return the same numbers, so that `resume=true` goes on where
    a sweep was stopped. Settings that come again take the value that they had: nothing is run twice.

    Args:
        n_trials: Settings to try.
        at_once: Trials asked for before their results are known; a launcher can run these side by side.
        seed: Of the sampler.
        params: What to sweep over, in Hydra's grammar: `k: range(2,11)`, `reduce: none,pca`,
            `method.n_init: tag(log, int(interval(1,100)))`. The command line adds to it and overrides it.
    """

    def __init__(
        self, n_trials: int = 20, at_once: int = 1, seed: int = 0, params: dict[str, str] | None = None
    ) -> None:
        self.n_trials, self.at_once, self.seed, self.params = n_trials, at_once, seed, dict(params or {})
        self.launcher: Launcher | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives."""
        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Run the trials; returns what their jobs returned, batch by batch."""
        import optuna
        from optuna.trial import TrialState

        assert self.launcher is not None
        assert self.config is not None
        fixed, space = self._parsed(arguments)
        folder = Path(str(self.config.hydra.sweep.dir))
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=self.seed))
        known: dict[tuple[str, ...], float] = {}
        returned: list[Sequence[JobReturn]] = []
        for begin in range(0, self.n_trials, self.at_once):
            trials = [study.ask(space) for _ in range(min(self.at_once, self.n_trials - begin))]
            words = [_words(trial) for trial in trials]
            jobs = [one for one in dict.fromkeys(words) if one not in known]
            if jobs:
                batch = [[*fixed, *one] for one in jobs]
                self.validate_batch_is_legal(batch)
                returned.append(self.launcher.launch(batch, initial_job_idx=len(known)))
                known |= {one: _value(job) for one, job in zip(jobs, returned[-1], strict=True)}
            for trial, one in zip(trials, words, strict=True):
                failed = not math.isfinite(known[one])
                study.tell(trial, None if failed else known[one], TrialState.FAIL if failed else TrialState.COMPLETE)
        _write(folder / TRIALS, study.trials)
        done = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
        if done:
            best = study.best_trial
            log.info("Best of %d trials: %s (%.3f)", len(study.trials), _told(best.params), best.value)
        else:
            log.error("No trial has a value: see the jobs' folders")
        return returned

    def _parsed(self, arguments: list[str]) -> tuple[list[str], dict[str, BaseDistribution]]:
        """The words that all jobs share, and what is swept over."""
        assert self.hydra_context is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        found = {}
        for override in parser.parse_overrides([*(f"{key}={text}" for key, text in self.params.items()), *arguments]):
            found[override.get_key_element()] = override
        fixed = [f"{key}={one.get_value_element_as_str()}" for key, one in found.items() if not one.is_sweep_override()]
        return fixed, {key: distribution(one) for key, one in found.items() if one.is_sweep_override()}


def distribution(override: Override) -> BaseDistribution:
    """What a sweep of Hydra's grammar lets Optuna choose from."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    value = override.value()
    if isinstance(value, IntervalSweep):
        logarithmic = "log" in value.tags
        assert value.start is not None
        assert value.end is not None
        if isinstance(value.start, int) and isinstance(value.end, int):
            return IntDistribution(value.start, value.end, log=logarithmic)
        return FloatDistribution(value.start, value.end, log=logarithmic)
    every = list(override.sweep_iterator())
    steps = [step for step in every if isinstance(step, int)]
    if isinstance(value, RangeSweep) and len(steps) == len(every) and not value.shuffle:
        return IntDistribution(min(steps), max(steps), step=abs(int(value.step or 1)))
    return CategoricalDistribution(list(override.sweep_string_iterator()))


def _words(trial: Trial) -> tuple[str, ...]:
    return tuple(f"{key}={value}" for key, value in trial.params.items())


def _told(params: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in params.items())


def _value(job: JobReturn) -> float:
    """What a job returned; a job that broke ends the sweep, as in Hydra's own sweeper."""
    value = job.return_value
    return float(value) if job.status == JobStatus.COMPLETED and value is not None else float("nan")


def _write(path: Path, trials: Sequence[Any]) -> None:
    import pandas as pd

    from cafemood.core.atomic import write_csv

    rows = [{"trial": trial.number, "objective": trial.value, **trial.params} for trial in trials]
    write_csv(path, pd.DataFrame(rows))

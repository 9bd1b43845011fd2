"""The numbers of clusters that a sweep goes through: its first job draws the nulls of all of them at once."""

from __future__ import annotations

import os

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

_VARIABLE = "CAFEMOOD_SWEPT_KS"
_BASIC = "BasicSweeper"


def announce(config: DictConfig) -> None:
    """Tell the jobs of a sweep, in this process and in others that it starts, each `k` that the sweep goes through.

    Only of a sweep that runs every combination: one that searches (Optuna) may leave out most values.

    Args:
        config: The sweep's, as `on_multirun_start` gets it.
    """
    os.environ[_VARIABLE] = ",".join(map(str, _swept(config)))


def forget() -> None:
    """The sweep is over: a run that this process makes later belongs to none."""
    os.environ.pop(_VARIABLE, None)


def swept_ks() -> tuple[int, ...]:
    """Each `k` of the sweep that this job belongs to; none without a sweep over k."""
    return tuple(int(k) for k in os.environ.get(_VARIABLE, "").split(",") if k)


def _swept(config: DictConfig) -> list[int]:
    sweeper = config.hydra.sweeper
    if not str(sweeper.get("_target_", "")).endswith(_BASIC):
        return []
    words = [f"{name}={values}" for name, values in (sweeper.get("params") or {}).items()]
    ks: list[int] = []
    for override in OverridesParser.create().parse_overrides([*words, *config.hydra.overrides.task]):
        if override.key_or_group == "k" and override.is_discrete_sweep():
            ks = [int(k) for k in override.sweep_string_iterator() if k.isdecimal()]
    return ks

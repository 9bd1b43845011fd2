"""The loggers of a run: Lightning's, or a table of scores where Lightning would be imported for nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from cafemood.app import config


def loggers(cfg: DictConfig | None) -> list[Any]:
    """The loggers of a config; where they only write a table, and nothing has imported Lightning, `ScoreTable`."""
    if "pytorch_lightning" not in sys.modules and cfg is not None and all(map(_is_table, cfg.values())):
        return [ScoreTable(Path(each.save_dir) / each.name / each.version) for each in cfg.values()]
    return list(config.build(cfg).values())


def _is_table(logger: object) -> bool:
    """Whether a logger's config is a `CSVLogger` in a named folder."""
    names = {"_target_", "save_dir", "name", "version"}
    return (
        isinstance(logger, DictConfig)
        and set(logger) == names
        and logger["_target_"] == "pytorch_lightning.loggers.CSVLogger"
        and all(isinstance(logger[name], str) for name in names)
    )


class ScoreTable:
    """What Lightning's `CSVLogger` writes of a run that trains nothing: its settings and its scores.

    Args:
        folder: Where `hparams.yaml` and `metrics.csv` go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def log_hyperparams(self, settings: dict[str, Any]) -> None:
        """Write the settings."""
        from cafemood.core.atomic import writing

        with writing(self.folder / "hparams.yaml") as partial:
            OmegaConf.save(OmegaConf.create(settings), partial)

    def log_metrics(self, scores: dict[str, float]) -> None:
        """Write the scores: a column each, by name."""
        from cafemood.core.atomic import write_rows

        names = sorted(scores)
        write_rows(self.folder / "metrics.csv", [*names, "step"], [[*(scores[name] for name in names), 0]])

    def save(self) -> None:
        """Nothing is left to write."""

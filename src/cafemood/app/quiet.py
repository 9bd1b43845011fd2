"""Keep other packages' chatter out of the terminal."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings


def quiet() -> None:
    """Keep other packages' chatter out of the terminal; warnings stay."""
    for name in (
        "pytorch_lightning.utilities.rank_zero",
        "pytorch_lightning.accelerators.cuda",
        "lightning_fabric",
        "matplotlib.font_manager",  # that it made its cache
    ):
        logging.getLogger(name).setLevel(logging.WARNING)
    count_cores()


def count_cores() -> None:
    """Ask for the cores: where a machine does not tell them, joblib prints a traceback, but only the first time."""
    import joblib  # heavy

    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        joblib.cpu_count(only_physical_cores=True)

"""All groups of a survey, drawn by seed: each kind of question draws its own from one deck."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cafemood.runs.run import Run
from cafemood.survey.deck import Deck, too_few
from cafemood.survey.design import Design
from cafemood.survey.kinds.base import Drawing, Group
from cafemood.survey.kinds.registry import KINDS


@dataclass(frozen=True)
class Drawn:
    """The groups of a survey; `notes` goes into `survey.json`."""

    design: Design
    groups: list[Group]
    notes: dict[str, Any]


def draw(run: Run, table: pd.DataFrame, design: Design, gone: int, attempt: int = 0) -> Drawn:
    """All groups of a survey.

    Args:
        run: The run.
        table: Its photos that can be shown, by row: `cafe_id`, `cluster`, `distance`, `light`.
        design: What was set.
        gone: Photos of the run that cannot be shown, for the message.
        attempt: Another draw of the same seed.

    Raises:
        SurveyError: There are too few cafés.
    """
    drawing = Drawing(run, Deck(table, np.random.default_rng([design.seed, attempt])), design, gone)
    for j in range(drawing.k):
        n_cafes = drawing.deck.n_cafes(j)
        if n_cafes < design.size + (1 if (design.groups or 1) > 1 else 0):
            raise too_few(j, n_cafes, design, gone)
    groups = [group for kind in KINDS.values() for group in kind.draw(drawing)]
    return Drawn(design, groups, drawing.notes)

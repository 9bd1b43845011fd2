"""How much place new photos show, and whether the run that they are assigned to leaves such photos out."""

from __future__ import annotations

from typing import Any

import numpy as np

from cafemood.backbones.places365 import scene_probabilities
from cafemood.evaluation import place
from cafemood.runs.run import Run


def told(run: Run, features: np.ndarray, signs: np.ndarray) -> list[dict[str, Any]]:
    """Of each new photo `place` (None: it cannot be told), `no_place` (why it shows none) and `left_out`.

    The picture's signs and Places365 outputs tell; the run's photos, of which some were left out, are not asked.

    Args:
        run: A finished run.
        features: Backbone outputs (m, d).
        signs: Rows of `data.place_signs` (m, 7).
    """
    backbone, data = run.card.backbone, run.card.data
    scenes = scene_probabilities(backbone.name, backbone.output, features)
    places = place.tell(features, signs=signs, scenes=scenes, neighbours=False)
    return [
        {
            "place": None if np.isnan(score) else round(float(score), 4),
            "no_place": reason,
            "left_out": data.keep == "place" and bool(reason),
        }
        for score, reason in zip(places.scores, places.reasons, strict=True)
    ]

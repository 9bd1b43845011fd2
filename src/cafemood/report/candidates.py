"""Runs as the label-free score takes them."""

from __future__ import annotations

import numpy as np

from cafemood.evaluation.selection import Candidate, family_of
from cafemood.runs.run import Run


def candidate_of(run: Run, labels: np.ndarray) -> Candidate:
    """A run's clustering of the common photos, with what it was made of.

    Args:
        run: The run.
        labels: Its cluster of each photo that is compared (n,).
    """
    backbone, reduce, method = run.card.backbone, run.card.reduce, run.card.method
    made_by = "" if reduce.name in ("none", "pca") else reduce.name
    made_by += "" if method.name == "kmeans" else f" {method.name}"
    return Candidate(
        labels,
        run.card.k,
        family_of(backbone.name, backbone.options),
        reduce.n_components,
        held_out_information(run),
        backbone.fingerprint,
        made_by,
        backbone.name != "random" and backbone.options.get("trained") is not False,
    )


def held_out_information(run: Run) -> float | None:
    """What a photo's café tells of its mood in cafés that nothing was learnt from; None: the labels say it themselves.

    Where cafés were grouped it is what one half of a café's photos tells of the group of the other half. 0 if unknown.
    """
    if run.card.unit == "cafe":
        return max(float((run.scores.get("halves") or {}).get("information", 0)), 0.0)
    if run.card.reduce.name != "cafe" or run.card.reduce.settings.get("space"):
        return None
    followed = (run.scores.get("cafe_space") or {}).get("follows") or {}
    return max(float(followed.get("cafe", 0)), 0.0)

"""The space of cafés of a run, learnt anew or taken from another run."""

from __future__ import annotations

from typing import Any

from cafemood.clustering.cafe_reduction import CafeReduction
from cafemood.clustering.stored_reduction import StoredReduction
from cafemood.errors import RunError
from cafemood.runs.run import load


def cafe_reduction(space: str | None = None, **settings: Any) -> CafeReduction | StoredReduction:
    """The reduction that `reduce=cafe` names.

    Args:
        space: A run folder whose space is used as it is; None: the space is learnt from café ids.
        **settings: Of `CafeReduction`.

    Raises:
        RunError: The folder is no finished run, or its features were not reduced.
    """
    if space is None:
        return CafeReduction(**settings)
    run = load(space)
    tensors = {
        name: value for name, value in run.model[0].items() if name.startswith(("pca.", "kernel.", "cafe.", "rows."))
    }
    if "pca.components" not in tensors:
        why = f"it was made with reduce={run.card.reduce.name}"
        fix = "name a run with reduce=cafe or reduce=pca"
        raise RunError("That run has no space of its own", where=f"reduce.space={space}", why=why, fix=fix)
    return StoredReduction(tensors, f"reduce.space={space}", run.card.backbone.fingerprint)

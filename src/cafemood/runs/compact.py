"""A run's own copy of its features: unit rows, their leading components, half precision; at most 514 bytes a photo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cafemood.backbones.places365 import scene_categories
from cafemood.clustering.reduction import PCAReduction, project
from cafemood.core import chunks
from cafemood.evaluation.judged import JudgedRows
from cafemood.evaluation.store import JudgingStore, digest_of
from cafemood.runs import novelty

WIDTH = 256
"""Components at most; with 720 drawn rooms they keep 93 % of the variance of MobileNetV2's unit rows."""
LEARNT_FROM = 25_000
"""Photos, drawn at random, that the components are learnt from where all would not fit into memory."""
N_SCENES = 5
CLASSIFIED = ("logits", "probs", "sqrt_probs")


def compress(features: np.ndarray, cafes: Sequence[str], backbone: dict[str, Any]) -> dict[str, np.ndarray]:
    """What `features.safetensors` holds.

    Args:
        features: Backbone outputs (n, d).
        cafes: Café of each row, held out together when the threshold of novelty is taken.
        backbone: The backbone's facts: with Places365's outputs the leading scenes of each photo are kept too.

    Returns:
        `rows` float16 (n, d'); `rests` float16 (n,), the squared length of what the components leave out;
        `pca.mean` (d,) and `pca.components` (d', d); `novelty.threshold` (1,); and for Places365 `scenes` (n, 5)
        and `scene_probabilities` (n, 5).
    """
    n, learnt = len(features), features
    if chunks.is_long(features):
        learnt = features[np.sort(np.random.default_rng(0).choice(n, min(n, LEARNT_FROM), replace=False))]
    pca = PCAReduction(min(WIDTH, *learnt.shape))
    pca.fit_transform(_unit(learnt.astype(np.float32)))
    tensors = pca.tensors()
    rows = np.empty((n, pca.n_components), np.float16)
    rests = np.empty(n, np.float32)
    outputs = str(backbone["output"]) if is_places365(backbone) else None
    scenes, shares = np.empty((n, N_SCENES), np.int16), np.empty((n, N_SCENES), np.float16)
    for where, chunk in chunks.read(features):
        unit = _unit(chunk)
        rows[where] = project(unit, tensors)
        rests[where] = _rests(unit, rows[where].astype(np.float32), tensors)
        if outputs:
            probabilities = _probabilities(chunk, outputs)
            leading = np.argsort(-probabilities, axis=1, kind="stable")[:, :N_SCENES]
            scenes[where], shares[where] = leading, np.take_along_axis(probabilities, leading, 1)
    limit = np.array([novelty.threshold(rows, cafes, rests=rests)], dtype=np.float32)
    found: dict[str, np.ndarray] = {
        "rows": rows,
        "rests": rests.astype(np.float16),
        "novelty.threshold": limit,
        **tensors,
    }
    if outputs:
        found |= {"scenes": scenes, "scene_probabilities": shares}
    return found


def kept(
    features: np.ndarray, cafes: Sequence[str], backbone: dict[str, Any], store: JudgingStore
) -> dict[str, np.ndarray]:
    """`compress`, from the store where it is kept: it depends on the photos alone, and no clustering changes it."""
    if chunks.is_long(features):
        return compress(features, cafes, backbone)
    outputs = str(backbone["output"]) if is_places365(backbone) else None
    recipe = {
        "rows": JudgedRows(features).digest,
        "cafes": digest_of(cafes),
        "outputs": outputs,
        "settings": [WIDTH, N_SCENES],
    }
    names = {"rows", "rests", "novelty.threshold", "pca.mean", "pca.components"}
    if outputs:
        names |= {"scenes", "scene_probabilities"}
    return store.one("compact", recipe, names, lambda: compress(features, cafes, backbone))


def project_new(features: np.ndarray, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """New features (m, d) in the space of `rows`: float32 (m, d')."""
    return project(_unit(features), tensors).astype(np.float32)


def novelty_of(features: np.ndarray, tensors: dict[str, np.ndarray]) -> np.ndarray | None:
    """Distance of new features (m, d) to their neighbours over the threshold: (m,); None without a threshold."""
    limit = float(tensors["novelty.threshold"][0])
    if not np.isfinite(limit):
        return None
    points = project_new(features, tensors)
    reference, rests = tensors["rows"].astype(np.float32), tensors["rests"].astype(np.float32)
    left_out = (_rests(_unit(features), points, tensors), rests)
    return novelty.neighbour_distances(points, reference, rests=left_out) / max(limit, 1e-12)


def is_places365(backbone: dict[str, Any]) -> bool:
    """Whether the rows of this backbone are Places365's 365 categories."""
    outputs = backbone.get("output") in CLASSIFIED and backbone.get("dim") == len(scene_categories())
    return outputs and "places365" in str(backbone.get("name"))


def _rests(unit: np.ndarray, rows: np.ndarray, tensors: dict[str, np.ndarray]) -> np.ndarray:
    whole = ((unit - tensors["pca.mean"]) ** 2).sum(axis=1)
    return np.asarray(np.maximum(whole - (rows**2).sum(axis=1), 0), dtype=np.float32)


def _unit(features: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(length > 0, length, 1)


def _probabilities(features: np.ndarray, output: str) -> np.ndarray:
    if output == "probs":
        return features
    if output == "sqrt_probs":
        return features**2
    shifted = np.exp(features - features.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)

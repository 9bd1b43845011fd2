"""Photos and texts in a space made by hand."""

import numpy as np
import pytest


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture
def drawn():
    """60 photos of 12 cafés, 40 concepts as texts, 200 unrelated texts; the photos of cafés 0 to 2 show concept 0."""
    rng = np.random.default_rng(5)
    cafes = np.repeat(np.arange(12), 5)
    concepts = unit(rng.normal(size=(240, 96)))
    shift, gap = unit(rng.normal(size=(2, 96)))
    photos = shift + 0.1 * rng.normal(size=(60, 96)) + 0.6 * concepts[0] * (cafes < 3)[:, None]
    texts = gap + concepts + 0.05 * rng.normal(size=concepts.shape)
    return unit(photos), cafes, unit(texts[:40]), unit(texts[40:])

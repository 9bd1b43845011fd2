"""What the outputs of a Places365 network are called: 365 scene categories, indoor or outdoor, 102 attributes.

The lists are the authors' own, with their source and licence in `data_places365/README.md`.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_INDOOR = {"1": True, "2": False}


@cache
def scene_categories() -> tuple[str, ...]:
    """The 365 categories in the order of a network's outputs: `"airfield"`, …, `"bakery/shop"`, …, `"zen_garden"`."""
    rows = [line.split() for line in _lines("categories_places365.txt")]
    return tuple(_category(name) for name, _ in sorted(rows, key=lambda row: int(row[1])))


@cache
def scene_attributes() -> tuple[str, ...]:
    """The 102 SUN attributes in the order of the Places365 attribute classifier: `"boating"`, …, `"stressful"`."""
    return tuple(_lines("labels_sunattribute.txt"))


def scene_is_indoor() -> dict[str, bool]:
    """Whether each category is an indoor scene, in the order of `scene_categories`."""
    rows = [line.split() for line in _lines("IO_places365.txt")]
    return {_category(name): _INDOOR[label] for name, label in rows}


def scene_probabilities(name: str, output: str, features: np.ndarray) -> np.ndarray | None:
    """Features (n, 365) that are outputs of a Places365 network, as probabilities; None where they are not.

    Args:
        name: The backbone's name.
        output: Which of its outputs the features are.
        features: The features (n, d).
    """
    import numpy as np

    if features.shape[1] != len(scene_categories()):
        return None
    from cafemood.backbones.cards import CARDS, CLASSIFIED  # they import PyTorch

    card = CARDS.get(name)
    if card is None or card.n_classes != len(scene_categories()) or output not in CLASSIFIED:
        return None
    x = np.asarray(features, dtype=np.float32)
    if output == "logits":
        x = np.exp(x - x.max(axis=1, keepdims=True))
        return x / x.sum(axis=1, keepdims=True)
    return x**2 if output == "sqrt_probs" else x


def _lines(file: str) -> list[str]:
    text = resources.files("cafemood.backbones").joinpath("data_places365", file).read_text(encoding="utf-8")
    return text.splitlines()


def _category(entry: str) -> str:
    return entry[3:]  # "/c/coffee_shop": the folder of its first letter is no part of the name

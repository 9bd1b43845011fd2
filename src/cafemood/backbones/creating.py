"""`create_backbone`: a backbone by its name. Reading the user's own features needs no PyTorch, and imports none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cafemood.backbones.precomputed import Precomputed, read_matrix

if TYPE_CHECKING:
    from cafemood.backbones.backbone import Backbone


def create_backbone(name: str, **options: Any) -> Backbone | Precomputed:
    """Make a backbone by name; the one place that run folders and configs go through.

    Raises:
        CafemoodError: The name is unknown.
        WeightsError: Its weights are missing or damaged.
        FeaturesError: An output or a precision it does not have.
    """
    backbone: Backbone | Precomputed
    if name == Precomputed.name:
        backbone = read_matrix(**options)
    else:
        from cafemood.backbones.registry import network

        backbone = network(name, **options)
    backbone.options.update({"name": name, **options})
    return backbone

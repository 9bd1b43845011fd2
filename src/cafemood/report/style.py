"""Colours and marks that all pages share."""

from __future__ import annotations

COLORS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9",
    "#8a6d00", "#7b4fa3", "#5f6b6d", "#b3003c", "#3f7f1f", "#a86a3d",
)  # fmt: skip
"""Okabe and Ito's colours (https://jfly.uni-koeln.de/color/) without black and yellow, and six more."""

MARKS = {"bad": ("✗", "Problem"), "warn": ("!", "Caution"), "good": ("✓", "Good"), "info": ("i", "Note")}
"""Mark and word of each level of a finding."""

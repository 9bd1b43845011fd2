"""Colours, marks and explanations that all pages share."""

from __future__ import annotations

COLORS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9",
    "#8a6d00", "#7b4fa3", "#5f6b6d", "#b3003c", "#3f7f1f", "#a86a3d",
)  # fmt: skip
"""Okabe and Ito's colours (https://jfly.uni-koeln.de/color/) without black and yellow, and six more."""


EXPLAINED = {
    "silhouette": ("↑", "mean over photos of how much nearer a photo is to its own group than to the next; −1 to 1"),
    "silhouette_macro": ("↑", "the same, every group counting alike"),
    "negative_share": ("↓", "share of photos that lie nearer to another group"),
    "davies_bouldin": ("↓", "spread within groups over distance between them"),
    "calinski_harabasz": ("↑", "variance between groups over variance within"),
    "accuracy": ("↑", "share of photos whose group is their label's, best one-to-one matching"),
    "nmi": ("↑", "mutual information with the labels, 0 to 1"),
    "ami": ("↑", "the same, corrected for chance"),
    "ari": ("↑", "pairs treated as the labels treat them, corrected for chance"),
}


MARKS = {"bad": ("✗", "Problem"), "warn": ("!", "Caution"), "good": ("✓", "Good"), "info": ("i", "Note")}

"""SCORES: every score by name, which way is better, its explanation, and where it is shown. A new score is one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Score:
    """How a score is read and shown.

    Attributes:
        better: Which way is better; None: neither.
        words: What it measures.
        from_evaluation: Whether `evaluate` computes it for one run, so that the run's report explains it; else it
            is a column of the comparison only, which then explains it.
        in_terminal: Whether a run's summary in the terminal shows it, in every space.
        in_compare: The spaces in which it is a column of the comparison's table; `""` for a score without a space.
        in_compare_terminal: Whether the terminal shows the first of these columns.
        in_compare_plot: Whether the first of these columns is an axis of the page's plot of all runs.
    """

    better: Literal["higher", "lower"] | None
    words: str
    from_evaluation: bool = True
    in_terminal: bool = False
    in_compare: tuple[str, ...] = ()
    in_compare_terminal: bool = False
    in_compare_plot: bool = False

    @property
    def arrow(self) -> str:
        """↑ where more is better, ↓ where less is, else nothing."""
        return {"higher": "↑", "lower": "↓", None: ""}[self.better]


def _of_comparison(words: str, space: str = "", *, in_terminal: bool = True) -> Score:
    """A column of the comparison that no report has: a higher value is better, and it is an axis of the plot."""
    return Score("higher", words, False, False, (space,), in_terminal, True)


SCORES: dict[str, Score] = {
    "choice": _of_comparison(
        "label-free score: how far other networks, outputs, reductions find its groups × √persistence × what cafés say"
    ),
    "agreement": _of_comparison("mean AMI with the runs of other families of backbones, any k"),
    "cafes": _of_comparison("what a photo's café tells of its group beyond chance, 0 to 1"),
    "persistence": _of_comparison("mean AMI with this backbone's other runs, over k and reductions"),
    "z": _of_comparison(
        "standard deviations of the silhouette above noise (data drawn without groups); ! is no better", "features"
    ),
    "stability_ari": _of_comparison("mean ARI with refits on photos that are drawn again"),
    "least_jaccard": _of_comparison("the least stable group's Jaccard over those refits", in_terminal=False),
    "silhouette": Score(
        "higher",
        "mean over photos of how much nearer a photo is to its own group than to the next; −1 to 1",
        in_terminal=True,
        in_compare=("features", "clustering", "pca2"),
        in_compare_terminal=True,
        in_compare_plot=True,
    ),
    "silhouette_macro": Score("higher", "the same, every group counting alike"),
    "negative_share": Score("lower", "share of photos that lie nearer to another group"),
    "davies_bouldin": Score("lower", "spread within groups over distance between them", in_compare=("features",)),
    "calinski_harabasz": Score("higher", "variance between groups over variance within", in_compare=("features",)),
    "accuracy": Score(
        "higher",
        "share of photos whose group is their label's, best one-to-one matching",
        in_terminal=True,
        in_compare=("",),
    ),
    "nmi": Score(
        "higher",
        "mutual information with the labels, 0 to 1",
        in_terminal=True,
        in_compare=("",),
        in_compare_terminal=True,
        in_compare_plot=True,
    ),
    "ami": Score("higher", "the same, corrected for chance", in_terminal=True, in_compare=("",)),
    "ari": Score(
        "higher", "pairs treated as the labels treat them, corrected for chance", in_terminal=True, in_compare=("",)
    ),
}
"""Scores by name without their space, in the order in which tables show them."""

_UNKNOWN = Score(None, "")


def score_of(name: str) -> Score:
    """The row of a score by its full name (`silhouette@features`); an empty one for a score that has none."""
    return SCORES.get(name.partition("@")[0], _UNKNOWN)


def compare_columns() -> dict[str, Score]:
    """The comparison's columns that are scores, by full name, in order."""
    return {_full(name, space): score for name, score in SCORES.items() for space in score.in_compare}


def first_columns(shown: Literal["in_compare_terminal", "in_compare_plot"]) -> list[str]:
    """The full names of the columns that the terminal, or the plot of all runs, shows: the first of each score."""
    return [_full(name, score.in_compare[0]) for name, score in SCORES.items() if getattr(score, shown)]


def _full(name: str, space: str) -> str:
    return f"{name}@{space}" if space else name

"""One table of scores: what evaluation computes is in it, and each reader takes its columns from it."""

import numpy as np

from cafemood.evaluation import SCORES
from cafemood.evaluation.score_table import compare_columns, first_columns, score_of
from cafemood.evaluation.scores import external, internal


def test_every_score_that_is_computed_has_a_row():
    x = np.random.default_rng(0).normal(size=(12, 2))
    labels = np.arange(12) % 3
    computed = internal(x, labels, "features") | external([str(label) for label in labels], labels)
    explained = [name for name, score in SCORES.items() if score.from_evaluation]
    assert sorted(name.partition("@")[0] for name in computed) == sorted(explained)


def test_arrows_say_which_way_is_better():
    arrows = {name: score.arrow for name, score in SCORES.items()}
    assert [name for name, arrow in arrows.items() if arrow == "↓"] == ["negative_share", "davies_bouldin"]
    assert set(arrows.values()) == {"↑", "↓"}


def test_a_score_is_known_in_any_space_and_an_unknown_one_has_an_empty_row():
    assert score_of("silhouette@dec embedding (10-d)") is SCORES["silhouette"]
    assert (score_of("of_tomorrow@features").arrow, score_of("of_tomorrow@features").words) == ("", "")


def test_the_columns_of_the_comparison():
    """In this order; a score that is added may stand anywhere between them."""
    expected = [
        "choice", "agreement", "cafes", "persistence", "z@features", "stability_ari", "least_jaccard",
        "silhouette@features", "silhouette@clustering", "silhouette@pca2", "davies_bouldin@features",
        "calinski_harabasz@features", "accuracy", "nmi", "ami", "ari",
    ]  # fmt: skip
    assert [name for name in compare_columns() if name in expected] == expected
    expected = [
        "choice", "agreement", "cafes", "persistence", "z@features", "stability_ari", "least_jaccard",
        "silhouette@features", "nmi",
    ]  # fmt: skip
    assert [name for name in first_columns("in_compare_plot") if name in expected] == expected
    assert set(first_columns("in_compare_plot")) - set(first_columns("in_compare_terminal")) == {"least_jaccard"}

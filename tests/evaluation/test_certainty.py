"""How sure a choice is: shares of resamples, a second truth, and fast agreement beside scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from cafemood.evaluation.certainty import sureness, weighted_agreement
from cafemood.evaluation.selection import Candidate


def seen(truth, k, wrong, rng):
    """A truth with a share of photos in any group."""
    return np.where(rng.random(len(truth)) < wrong, rng.integers(0, k, len(truth)), truth % k)


def test_fast_agreement_is_scikit_learns_to_the_third_decimal():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, 1500)
    labels = [seen(truth, 5, wrong, rng) for wrong in (0.1, 0.4, 0.8)] + [np.zeros(1500, int)]
    found = weighted_agreement(labels, np.ones(1500))
    for i in range(3):
        for j in range(i):
            assert found[i, j] == pytest.approx(adjusted_mutual_info_score(labels[i], labels[j]), abs=2e-3)
    assert (found[3, :3] == 0).all()


def test_a_weight_of_two_is_the_row_twice():
    rng = np.random.default_rng(1)
    labels = [rng.integers(0, 3, 200) for _ in range(2)]
    weights = rng.integers(0, 3, 200).astype(float)
    twice = [np.repeat(one, weights.astype(int)) for one in labels]
    plain = adjusted_mutual_info_score(*twice)
    assert weighted_agreement(labels, weights)[0, 1] == pytest.approx(plain, abs=0.02)


def test_the_better_run_is_first_in_most_resamples():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 4, 400)
    runs = [Candidate(seen(truth, 4, wrong, rng), 4, name) for name, wrong in (("a", 0.1), ("b", 0.4), ("c", 0.5))]
    found = sureness(runs, None)
    assert found.unit == "photo"
    assert found.shares.sum() == pytest.approx(1)
    assert found.shares[0] > 0.9
    assert found.second is None


def test_two_truths_are_said_and_cafes_decide():
    rng = np.random.default_rng(3)
    cafes = np.repeat(np.arange(80), 6)
    mood, palette = rng.integers(0, 4, 80)[cafes], rng.integers(0, 4, 480)
    runs = [Candidate(seen(palette, 4, 0.1, rng), 4, name) for name in "abe"]
    runs += [Candidate(seen(mood, 4, 0.2, rng), 4, name) for name in "cd"]
    without = sureness(runs, None)
    assert without.second == (3, 4)
    told = sureness(runs, [str(c) for c in cafes])
    assert told.unit == "café"
    assert told.shares[3:].sum() > 0.9


def test_where_nothing_is_known_nothing_is_sure():
    runs = [Candidate(np.arange(60) % 2, 2, "a"), Candidate(np.arange(60) % 2, 2, "a")]
    assert sureness(runs, None) is None

"""Intervals of shares: by hand, against scipy, and by how often they hold the truth."""

import numpy as np
import pytest
from scipy import stats

from cafemood.cafes import shares


def test_intervals_by_hand():
    # one photo of mood 1 and a flat prior of (1, 1): Beta(2, 1) and Beta(1, 2); the narrowest 90 % end at the wall
    low, high = shares.intervals(np.array([[1, 0]]), np.array([1.0, 1.0]))
    assert low[0] == pytest.approx([np.sqrt(0.1), 0])
    assert high[0] == pytest.approx([1, 1 - np.sqrt(0.1)])


def test_a_symmetric_posterior_has_the_equal_tailed_interval():
    low, high = shares.intervals(np.array([[9, 9]]), np.array([1.0, 1.0]))
    assert (low[0, 0], high[0, 0]) == pytest.approx(stats.beta(10, 10).interval(0.9), abs=0.002)


def test_more_photos_narrow_it():
    prior = np.array([0.5, 0.5])
    low, high = shares.intervals(np.array([[1, 1], [10, 10], [100, 100]]), prior)
    assert (np.diff((high - low)[:, 0]) < 0).all()


def test_one_mood_is_certain():
    low, high = shares.intervals(np.array([[3.0]]), np.array([2.0]))
    assert (low[0, 0], high[0, 0]) == pytest.approx((1, 1), abs=1e-6)


def test_the_prior_is_the_most_likely_one():
    rng = np.random.default_rng(0)
    alpha = np.array([2.0, 1.0, 0.5])
    n = rng.integers(1, 12, 800)
    counts = np.array([rng.multinomial(m, rng.dirichlet(alpha)) for m in n])
    found = shares.fit_prior(counts)
    assert found == pytest.approx(alpha, rel=0.2)
    several = counts[n >= 2]

    def likelihood(prior):
        return stats.dirichlet_multinomial(prior, several.sum(axis=1)).logpmf(several).sum()

    assert all(likelihood(found) >= likelihood(found * factor) for factor in ([1.1, 1, 1], [1, 0.9, 1], [1, 1, 1.2]))


def test_single_photos_leave_the_concentration_unknown():
    found = shares.fit_prior(np.array([[1, 0], [1, 0], [0, 1]]))
    assert found.sum() == pytest.approx(shares.UNKNOWN_CONCENTRATION)
    assert found[0] > found[1]


def test_cafes_of_one_mood_each_do_not_break_it():
    found = shares.fit_prior(np.array([[5, 0], [0, 7], [3, 0]]))
    assert np.isfinite(found).all()
    assert (found > 0).all()


@pytest.mark.parametrize("alpha", [[2.0, 1.0, 0.5], [0.3, 0.3, 0.3, 0.3]])
def test_ninety_percent_means_ninety_percent(alpha):
    rng = np.random.default_rng(1)
    truth = rng.dirichlet(alpha, 3000)
    n = rng.integers(1, 9, 3000)
    counts = np.array([rng.multinomial(m, p) for m, p in zip(n, truth, strict=True)])
    low, high = shares.intervals(counts, shares.fit_prior(counts))
    assert 0.87 <= ((low <= truth) & (truth <= high)).mean() <= 0.93


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("counts", "prior"), [(np.zeros((0, 2)), [1, 1]), ([[0, 0]], [1, 1]), ([[1, 0]], [1.5, 0.5]), ([[3], [2]], [2])]
)
def test_no_cafe_no_photo_one_photo_one_mood(counts, prior):
    """Nothing can be learnt of how cafés differ: the weight of two photos, in the shares (n + 0.5) / (N + 0.5 k)."""
    counts = np.array(counts, dtype=float)
    if counts.shape[1] > 1:
        assert shares.fit_prior(counts) == pytest.approx(prior)
    low, high = shares.intervals(counts, shares.fit_prior(counts))
    assert low.shape == high.shape == counts.shape
    assert ((low >= 0) & (low <= high) & (high <= 1)).all()

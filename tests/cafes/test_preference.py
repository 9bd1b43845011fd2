"""The posterior of a taste: against hand-worked numbers and a second implementation."""

import numpy as np
import pytest
from scipy.optimize import minimize

from cafemood.cafes import preference
from cafemood.cafes.draws import Draws


def choices_of(seed, n=12, r=5, weights=None):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=r) * 2 if weights is None else weights
    options = [rng.normal(size=(4, r)) for _ in range(n)]
    return weights, [preference.Choice(x, int((x @ weights).argmax())) for x in options]


def test_without_taps_it_is_the_prior():
    taste = preference.fit([], 3, spread=2.0)
    assert taste.mean == pytest.approx(np.zeros(3))
    assert taste.deviations(np.eye(3)) == pytest.approx([2, 2, 2])


def test_two_photos_by_hand():
    # one feature, photos at 1 and -1, the first tapped, no lapses: the mean solves w / 1.5² = 2 (1 − σ(2 w))
    taste = preference.fit([preference.Choice(np.array([[1.0], [-1.0]]), 0)], 1, lapse=0.0)
    w = float(taste.mean[0])
    assert w == pytest.approx(1.5**2 * 2 * (1 - 1 / (1 + np.exp(-2 * w))), abs=1e-9)
    p = 1 / (1 + np.exp(-2 * w))
    assert taste.precision[0, 0] == pytest.approx(1 / 1.5**2 + 4 * p * (1 - p), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_mean_is_where_scipy_finds_the_maximum(seed):
    _, choices = choices_of(seed)

    def loss(w):
        value = 0.5 * w @ w / preference.SPREAD**2
        for choice in choices:
            u = choice.options @ w
            share = np.exp(u - u.max()) / np.exp(u - u.max()).sum()
            value -= np.log(0.85 * share[choice.chosen] + 0.15 / 4)
        return value

    taste = preference.fit(choices, 5)
    found = minimize(loss, taste.mean + 0.05, method="BFGS", options={"gtol": 1e-9})
    assert taste.mean == pytest.approx(found.x, abs=1e-5)


def test_a_contradicting_tap_changes_little():
    weights, choices = choices_of(0, n=20)
    options = choices[0].options
    worst = preference.Choice(options, int((options @ weights).argmin()))
    before, after = (preference.fit(taps, 5).mean for taps in (choices, [*choices, worst]))
    strict = preference.fit([*choices, worst], 5, lapse=1e-6).mean
    cosine = lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b)  # noqa: E731
    assert cosine(before, after) > 0.99
    assert cosine(before, after) > cosine(before, strict)


def test_samples_have_the_posterior_s_moments():
    _, choices = choices_of(1)
    taste = preference.fit(choices, 5)
    drawn = taste.samples(Draws(3).normal(20_000, 5))
    assert drawn.mean(axis=0) == pytest.approx(taste.mean, abs=0.03)
    assert np.cov(drawn.T) == pytest.approx(np.linalg.inv(taste.precision), abs=0.05)


def test_draws_are_mulberry32():
    # the published function, run by Node with the seed 42
    assert Draws(42).uniform(3) == pytest.approx([0.6011037519201636, 0.44829055899754167, 0.8524657934904099], abs=0)
    stream = Draws(42)
    assert [stream.uniform(1)[0] for _ in range(3)] == Draws(42).uniform(3).tolist()
    assert abs(Draws(1).normal(1000, 10).std() - 1) < 0.02

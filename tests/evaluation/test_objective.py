"""C · sqrt(S · L) of one run."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from cafemood.evaluation.cafe_evidence import adjusted_cafe_information
from cafemood.evaluation.objective import LEAST_LIFT, objective

RNG = np.random.default_rng(0)
LABELS = np.repeat([0, 1, 2], 20)
APART = RNG.normal(size=(60, 5)) + 6 * np.eye(5)[LABELS]
CAFES = [str(i // 5) for i in range(60)]


def test_it_is_the_product_of_what_it_says():
    told = objective(APART, LABELS, 0.81)
    own = silhouette_score(APART, LABELS)
    assert told**2 / 0.81 < own  # its lift: the silhouette less what noise scores
    assert told**2 / 0.81 > own / 4
    assert objective(APART, LABELS, 0.01) == pytest.approx(told / 9)
    c = adjusted_cafe_information(LABELS, np.array(CAFES, dtype=int))
    assert objective(APART, LABELS, 0.81, CAFES) == pytest.approx(c * told)
    assert objective(APART, LABELS, 0.81, CAFES, held_out=0.5) == pytest.approx(0.5 * told)


def test_groups_that_noise_has_too_score_next_to_nothing():
    noise = RNG.normal(size=(60, 5))
    shuffled = RNG.permutation(LABELS)
    assert objective(noise, shuffled, 1.0) == pytest.approx(np.sqrt(LEAST_LIFT))
    assert objective(APART, np.zeros(60, int), 1.0) == 0

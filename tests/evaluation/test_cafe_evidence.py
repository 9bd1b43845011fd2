"""What cafés say: their information by hand and beyond chance, its bootstraps, and what is told from both."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from cafemood.evaluation.cafe_evidence import adjusted_cafe_information, grouped, informations, predicted, resamples

RNG = np.random.default_rng(0)


def test_what_cafes_tell_is_amis_with_the_labels_entropy_as_its_unit():
    labels, cafes = RNG.integers(0, 3, 200), RNG.integers(0, 40, 200)
    labels[cafes < 20] = cafes[cafes < 20] % 3
    # 40 cafés hold more entropy than 3 groups, so that the unit is scikit-learn's smaller one
    assert adjusted_cafe_information(labels, cafes) == pytest.approx(
        adjusted_mutual_info_score(cafes, labels, average_method="min"), abs=1e-9
    )


def test_cafes_with_one_mood_each_tell_everything_whatever_k():
    cafes = np.repeat(np.arange(40), 5)
    for k in (2, 5, 10):
        assert adjusted_cafe_information(cafes % k, cafes) == pytest.approx(1)
        assert adjusted_mutual_info_score(cafes, cafes % k) < 0.8  # what AMI says of the same


def test_cafes_tell_nothing_of_groups_drawn_at_random():
    cafes = np.repeat(np.arange(100), 6)
    values = [adjusted_cafe_information(RNG.integers(0, k, 600), cafes) for k in (2, 4, 8, 16) for _ in range(20)]
    assert abs(np.mean(values)) < 0.01


def test_a_cluster_of_one_cafe_is_no_mood():
    cafes = np.repeat(np.arange(10), 6)
    assert adjusted_cafe_information((cafes == 3).astype(int), cafes) == 0  # one café, and the rest
    assert adjusted_cafe_information(cafes, cafes) == 0  # each café a group
    three = np.where(cafes == 3, 2, cafes % 2)
    assert adjusted_cafe_information(three, cafes) == pytest.approx(54 / 60)  # two moods, and a café


def test_a_bootstrap_counts_cafes_twice_as_two_cafes_would():
    cafes = np.repeat(np.arange(12), 5)
    labels = RNG.integers(0, 3, 60)
    labels[cafes < 6] = cafes[cafes < 6] % 3
    counts = resamples(cafes, 5, 0)
    assert (counts.sum(axis=1) == 12).all()
    found = informations(labels, cafes, counts)
    rows = np.concatenate([np.flatnonzero(cafes == c) for c, n in enumerate(counts[0]) for _ in range(n)])
    share = np.bincount(labels[rows]) / 60
    whole = -(share[share > 0] * np.log(share[share > 0])).sum()
    inside = 0.0
    for cafe, n in enumerate(counts[0]):
        p = np.bincount(labels[cafes == cafe]) / 5
        inside -= n / 12 * (p[p > 0] * np.log(p[p > 0])).sum()
    plain = informations(labels, cafes, np.ones((1, 12)))[0]
    assert plain == pytest.approx(adjusted_cafe_information(labels, cafes))
    expected = _expected(labels, cafes)
    assert found[0] == pytest.approx((whole - inside - expected) / (whole - expected))


def _expected(labels, cafes):
    from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

    return expected_mutual_information(contingency_matrix(labels, cafes), len(labels))


def test_cafes_that_bear_the_prior_out_give_it_back_and_those_that_do_not_drop_it():
    prior = np.array([0.9, 0.6, 0.3, 0.1])
    noise = 1e-4 * RNG.normal(size=(200, 4))
    follows = predicted(0.2 * prior, noise, np.eye(4), prior)
    np.testing.assert_allclose(follows, 0.2 * prior, atol=1e-3)
    against = predicted(np.array([0.0, 0.1, 0.2, 0.3]), noise, np.eye(4), prior)
    assert list(np.argsort(against)) == [0, 1, 2, 3]


def test_an_unsure_run_is_told_from_those_like_it():
    """Two that agree (0.95) were measured at 0.3 and, with much noise, at 0; a third is alone."""
    alike = np.array([[1, 0.95, 0], [0.95, 1, 0], [0, 0, 1]])
    resampled = RNG.normal(size=(500, 3)) * [0.01, 0.3, 0.01]
    found = predicted(np.array([0.3, 0.0, 0.05]), resampled, alike, None)
    assert found[1] > 0.2
    assert found[2] == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize("cafes", [None, [str(i) for i in range(9)], ["공릉동 카페"] * 9], ids=["none", "own", "one"])
def test_cafes_of_one_photo_and_one_cafe_are_no_evidence(cafes):
    assert grouped(cafes) is None

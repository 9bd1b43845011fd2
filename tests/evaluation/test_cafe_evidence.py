"""What cafés say: their information by hand and beyond chance, its bootstraps, and what is told from both."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from cafemood.evaluation.cafe_evidence import adjusted_cafe_information, evidence, grouped, informations, resamples

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


def test_evidence_by_hand():
    """Entropies ln 2 and ln 4: their mean is 1.5 ln 2, so that the units are 2 / 2.5 and 4 / 3.5."""
    labels = [np.arange(40) % 2, np.arange(40) % 4]
    sampled = np.array([[0.5, 0.3], [0.7, 0.3]])
    error = np.median([0.8 * np.std([0.5, 0.7], ddof=1), 0])
    found = evidence(np.array([[0.6, 0.3], [0.6, -0.1]]), sampled, labels)
    np.testing.assert_allclose(found, [[0.48 + error, 0.3 * 8 / 7 + error], [0.48 + error, error]])


def test_two_moods_merged_count_less_than_all_of_them():
    """Cafés tell all of both groupings; the true one of four is worth more than that of two, and than one of eight."""
    cafes = np.repeat(np.arange(64), 5)
    four, two, eight = cafes % 4, cafes % 2, cafes % 4 + 4 * (RNG.random(320) < 0.5)
    measured = np.array([adjusted_cafe_information(one, cafes) for one in (two, four, eight)])
    assert measured[:2] == pytest.approx(1)
    found = evidence(measured[None], np.tile(measured, (2, 1)), [two, four, eight])[0]
    assert found[1] > found[0]
    assert found[1] > found[2]


def test_what_cafes_do_not_tell_decides_nothing():
    """Noise within its error: the greatest evidence is at most some times the least, where it was 0 or less."""
    cafes, counts = np.repeat(np.arange(60), 4), resamples(np.repeat(np.arange(60), 4), 100, 0)
    labels = [RNG.integers(0, k, 240) for k in (2, 3, 4, 6, 8) for _ in range(4)]
    sampled = np.array([informations(one, cafes, counts) for one in labels]).T
    found = evidence(np.array([[adjusted_cafe_information(one, cafes) for one in labels]]), sampled, labels)[0]
    assert found.min() > 0
    assert found.max() < 5 * found.min()


@pytest.mark.parametrize("cafes", [None, [str(i) for i in range(9)], ["공릉동 카페"] * 9], ids=["none", "own", "one"])
def test_cafes_of_one_photo_and_one_cafe_are_no_evidence(cafes):
    assert grouped(cafes) is None

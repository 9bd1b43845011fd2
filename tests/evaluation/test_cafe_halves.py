"""Groups of cafés: two halves of a held-out café's photos meet in one group where there are groups, and only there."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from cafemood.clustering import CafeReduction
from cafemood.clustering.cafe_places import CafePlaces
from cafemood.clustering.kmeans import kmeans
from cafemood.evaluation import cafe_halves


def grouped(mood, *, learnt=True, n_cafes=40):
    """Cafés of three moods and eight photos, and what `halves` says of their groups."""
    rng = np.random.default_rng(0)
    ids = np.repeat(np.arange(n_cafes), 8)
    x = rng.normal(size=(len(ids), 12)).astype(np.float32)
    x[:, 0] += mood * rng.integers(0, 3, n_cafes)[ids]
    cafes = [f"{i:02d}" for i in ids]
    reduction = CafeReduction().fit(x, cafes) if learnt else None
    z = reduction.transform(x) if learnt else x
    places = CafePlaces.of(z, cafes, reduction.ratios_ if learnt else None)
    labels = kmeans(places.rows, 3, 0).labels_[places.member]
    return cafe_halves.halves(x, z, labels, cafes, 3, reduction=reduction)


@pytest.mark.parametrize("learnt", [True, False])
def test_moods_hold(learnt):
    found = grouped(6.0, learnt=learnt)
    assert found["same"] > 0.9
    assert found["kappa"] > 0.85
    assert found["information"] > 0.7
    assert found["ari"] > 0.8
    assert found["n_cafes"] == 40
    assert (found["permuted_kappa"] is None) != learnt
    assert [finding.code for finding in cafe_halves.findings(found, None)] == ["cafe-groups-hold"]


@pytest.mark.parametrize("learnt", [True, False])
def test_noise_does_not(learnt):
    found = grouped(0.0, learnt=learnt)
    assert abs(found["kappa"]) < 0.2
    assert [finding.code for finding in cafe_halves.findings(found, None)] == ["cafe-groups-fail"]


@pytest.mark.parametrize(("n_cafes", "learnt"), [(14, True), (4, False)])
def test_few_cafes_cannot_be_halved(n_cafes, learnt):
    assert grouped(4.0, learnt=learnt, n_cafes=n_cafes) is None


def test_kappa_is_scikit_learns_and_one_group_says_nothing():
    pairs = np.array([[0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 2, 0]])
    assert cafe_halves._kappa(pairs) == pytest.approx(cohen_kappa_score(*pairs))
    assert cafe_halves._kappa(np.zeros((2, 5), int)) == 0


@pytest.mark.parametrize(
    ("kappa", "permuted", "code"),
    [
        (0.5, 0.1, "cafe-groups-hold"),
        (0.3, 0.1, "cafe-groups-weak"),
        (0.3, 0.2, "cafe-groups-fail"),
        (0.1, None, "cafe-groups-fail"),
    ],
)
def test_the_finding_weighs_the_permuted_ids(kappa, permuted, code):
    record = {"same": 0.6, "kappa": kappa, "permuted_kappa": permuted, "ari": 0.5, "n_cafes": 20}
    (finding,) = cafe_halves.findings(record, None)
    assert finding.code == code
    assert finding.figures["kappa"] == kappa


@pytest.mark.parametrize(("n", "level"), [(19, "info"), (5, "warn")])
def test_cafes_of_uncertain_group_are_counted(n, level):
    (finding,) = cafe_halves.findings(None, {"n": n, "of": 20})
    assert (finding.code, finding.level, finding.figures["n"]) == ("cafes-certain", level, n)

"""Refits on other cafés tell groups that last from those that don't."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from cafemood.clustering import DEC
from cafemood.clustering.kmeans import KMeans
from cafemood.evaluation import resampling
from cafemood.evaluation.pipelines import KMeansPipeline, MethodPipeline
from cafemood.evaluation.resampling import ReliabilityOptions, stability


@pytest.fixture(scope="module")
def blobs():
    x, truth = make_blobs(200, 6, centers=4, random_state=3)
    return x.astype(np.float32), truth


def test_clear_groups_come_back_whole(blobs):
    x, truth = blobs
    found = stability(x, truth, KMeansPipeline(4), 5)
    assert found["ari"]["mean"] == pytest.approx(1)
    np.testing.assert_allclose(found["jaccard"], 1)
    np.testing.assert_allclose(found["merged"], np.eye(4))
    assert found["how"] == "5 refits, each on 200 of 200 photos drawn with replacement"


def test_a_group_that_is_no_group_does_not_come_back(blobs):
    x, truth = blobs
    split = np.where((truth == 0) & (np.arange(200) % 2 == 0), 4, truth)  # half of a blob, at random
    found = stability(x, split, KMeansPipeline(4), 5)
    np.testing.assert_allclose(found["jaccard"][1:4], 1)
    assert max(found["jaccard"][[0, 4]]) < 0.75
    assert found["merged"][0, 4] == 1


def test_whole_cafes_are_drawn():
    seen = []

    def pipeline(features, rows, seed):
        seen.append(set(features[:, 0].astype(int)))
        return features[:, 1].astype(int), features

    cafes = np.repeat([f"공릉동 {i}" for i in range(10)], 3)
    x = np.c_[np.repeat(np.arange(10), 3), np.arange(30) % 2]
    found = stability(x, np.arange(30) % 2, pipeline, 8, cafes=list(cafes), max_rows=15, parallel=False)
    assert found["how"] == "8 refits, each on 5 of 10 cafés drawn with replacement"
    assert found["ari"]["mean"] == 1
    assert all(len(cafes_drawn) <= 5 for cafes_drawn in seen)


def test_one_cafe_only_is_told_by_its_figures():
    x = np.random.default_rng(0).normal(size=(12, 3))
    found = stability(x, np.arange(12) % 3, KMeansPipeline(3), 4, cafes=["a"] * 12)
    assert "1 cafés" in found["how"] or "of 1 " in found["how"]


def test_best_jaccard_by_hand():
    table = resampling.overlap(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1]), 3)
    np.testing.assert_array_equal(table, [[2, 1], [0, 2], [0, 0]])
    np.testing.assert_allclose(resampling.best_jaccard(table), [2 / 3, 2 / 3, np.nan])


def test_what_is_fitted_again_follows_the_method():
    assert ReliabilityOptions.of(KMeans(4), 4, 2).refits == KMeansPipeline(4, 2)
    assert ReliabilityOptions.of(KMeans(4), 4, None, 0).refits is None
    dear = ReliabilityOptions.of(DEC(4), 4, None)
    assert (dear.refits, dear.n_resamples) == (None, 0)
    assert isinstance(ReliabilityOptions.of(DEC(4), 4, None, 3).refits, MethodPipeline)


def test_a_refit_sees_a_tenth_of_many_photos():
    assert [resampling.refit_rows(n) for n in (100, 2000, 10_000, 50_000, 10**6)] == [100, 2000, 2000, 5000, 20_000]


@pytest.mark.filterwarnings("error")
def test_one_group_that_always_comes_back_is_not_stable():
    found = stability(np.full((12, 3), 0.1, np.float32), np.zeros(12, int), KMeansPipeline(2), 4)
    assert found["n"] == 0
    assert np.isnan([found["ari"]["mean"], found["ari"]["sd"], *found["jaccard"]]).all()


@pytest.mark.filterwarnings("error")
def test_a_group_of_one_photo_counts_in_the_refits_that_saw_it():
    """Eleven photos in one place and one far away: whichever refit sees both groups finds them again."""
    x = np.zeros((12, 2), np.float32)
    x[11] = 5
    x[:11] += np.linspace(0, 0.1, 11, dtype=np.float32)[:, None]
    found = stability(x, np.array([0] * 11 + [1]), KMeansPipeline(2), 12)
    assert 0 < found["n"] < 12
    assert found["ari"] == {"mean": 1, "sd": 0}
    assert found["jaccard"].tolist() == [1, 1]

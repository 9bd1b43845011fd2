"""Nulls keep what they promise and nothing else; refits on other cafés tell groups that last from those that don't."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.datasets import load_digits, make_blobs

from cafemood.clustering.dec import DEC, IDEC
from cafemood.clustering.kmeans import KMeans, kmeans, nearest_center
from cafemood.clustering.n2d import N2D
from cafemood.clustering.pretraining import Pretraining
from cafemood.clustering.rows import MatrixDataModule
from cafemood.clustering.temi import TEMI
from cafemood.core.parallel import on_all_cores
from cafemood.evaluation import nulls
from cafemood.evaluation import stability as resampling
from cafemood.evaluation.nulls import null_lift
from cafemood.evaluation.pipelines import KMeansPipeline, MethodPipeline
from cafemood.evaluation.stability import Checks, stability


@pytest.fixture(scope="module")
def blobs():
    x, truth = make_blobs(200, 6, centers=4, random_state=3)
    return x.astype(np.float32), truth


def test_the_gaussian_null_has_the_datas_mean_and_covariance():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(1500, 4)) @ rng.normal(size=(4, 4)) + 5).astype(np.float32)
    null = nulls.gaussian(x)(rng)
    np.testing.assert_allclose(null.mean(axis=0), x.mean(axis=0), atol=0.3)
    np.testing.assert_allclose(np.cov(null.T), np.cov(x.T), rtol=0.25, atol=0.25)
    assert stats.kstest(stats.zscore(null[:, 0]), "norm").pvalue > 0.01


def test_many_columns_are_permuted_each_by_itself():
    x = np.repeat(np.arange(60.0)[:, None], nulls.FEW_COLUMNS + 1, axis=1)
    null = nulls.independent(x)(np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(null, axis=0), x)
    assert abs(np.corrcoef(null.T)[0, 1]) < 0.5


def test_of_few_columns_each_becomes_unimodal():
    rng = np.random.default_rng(0)
    two = np.concatenate([rng.normal(-4, 1, 500), rng.normal(4, 1, 500)])
    null = nulls.independent(np.c_[two, rng.normal(size=1000)])(rng)
    assert (np.abs(two) < 1).mean() < 0.01
    assert (np.abs(null[:, 0]) < 1).mean() > 0.05  # the gap between the modes is filled
    assert stats.ks_2samp(null[:, 1], rng.normal(size=1000)).pvalue > 0.01  # one mode stays as it was


@pytest.mark.parametrize("draw", ["uniform", "exponential", "standard_normal"])
def test_a_unimodal_column_keeps_its_distribution(draw):
    rng = np.random.default_rng(1)
    x = getattr(rng, draw)(size=2000)
    again = nulls.unimodal(x)(rng.random(2000))
    assert stats.ks_2samp(again, x).statistic < 0.05


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=30))
def test_any_column_has_a_unimodal_neighbour_within_its_range(values):
    x = np.array(values)
    again = nulls.unimodal(x)(np.linspace(0, 1, 11))
    assert np.isfinite(again).all()
    assert again.min() >= x.min()
    assert again.max() <= x.max()
    assert (np.diff(again) >= 0).all()


NOISE = {
    "gaussian": lambda rng: rng.normal(size=(300, 40)),
    "correlated": lambda rng: rng.normal(size=(300, 60)) * np.arange(1, 61) ** -0.7 @ np.linalg.qr(
        rng.normal(size=(60, 60)))[0],
    "uniform": lambda rng: rng.random((300, 8)),
    "skewed": lambda rng: rng.exponential(size=(300, 60)),
    "digits permuted": lambda rng: rng.permuted(load_digits().data[:400], axis=0),
}  # fmt: skip


@pytest.mark.parametrize("kind", NOISE)
def test_noise_is_seldom_more_than_two_sd_above_the_nulls(kind):
    rng = np.random.default_rng(5)
    high = 0
    for seed in range(5):
        x = NOISE[kind](rng).astype(np.float32)
        found = null_lift(x, kmeans(x, 4, seed).labels_, KMeansPipeline(4), 10, seed=seed)
        high += found["silhouette@features"]["z"] > 2
    assert high <= 1


@pytest.mark.parametrize(
    "data",
    [
        lambda: make_blobs(300, 2, centers=4, random_state=1)[0],
        lambda: np.c_[np.repeat([-4, 4], 150) + np.random.default_rng(0).normal(size=300), np.arange(300) % 7],
        lambda: load_digits().data[:600],
    ],
    ids=["blobs", "two along one axis", "digits"],
)
def test_structure_is_far_above(data):
    x = data().astype(np.float32)
    k = 2 if x.shape[1] == 2 and x[:, 1].max() == 6 else 4
    found = null_lift(x, kmeans(x, k, 0).labels_, KMeansPipeline(k), 10)["silhouette@features"]
    assert found["z"] > 4
    assert found["lift"] == pytest.approx(found["own"] - found["mean"])
    assert found["z"] == min(kind["z"] for kind in found["kinds"].values())


def test_a_reduced_pipeline_is_set_against_nulls_in_both_spaces(blobs):
    x, _ = blobs
    labels, plane = KMeansPipeline(4, 2)(x, np.arange(200), 0)
    found = null_lift(x, labels, {"pca2": plane}, KMeansPipeline(4, 2), 5)
    assert set(found) == {"silhouette@features", "silhouette@pca2"}
    assert found["silhouette@pca2"]["mean"] > 0.25
    assert "in pca2 of 200 photos" in found["silhouette@pca2"]["how"]


def test_the_sample_is_named_and_the_seed_repeats_it(blobs):
    x, truth = blobs
    found = null_lift(x, truth, KMeansPipeline(4), 3, max_rows=50, seed=1)
    assert "50 of 200 photos" in found["silhouette@features"]["how"]
    assert found == null_lift(x, truth, KMeansPipeline(4), 3, max_rows=50, seed=1)
    assert found != null_lift(x, truth, KMeansPipeline(4), 3, max_rows=50, seed=2)


def test_a_labelling_without_a_silhouette_has_no_z(recwarn):
    found = null_lift(np.ones((6, 3), np.float32), np.zeros(6, int), KMeansPipeline(2), 3)["silhouette@features"]
    assert np.isnan(found["z"])
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


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


def test_a_method_is_fitted_again_whole(blobs):
    x, truth = blobs
    pipeline = MethodPipeline(KMeans(4), 3)
    _, z = pipeline(x, np.arange(0, 200, 2), 1)
    assert z.shape == (200, 3)
    assert stability(x, truth, pipeline, 2, parallel=False)["ari"]["mean"] == pytest.approx(1)


@pytest.mark.parametrize("make", [DEC, IDEC, N2D, TEMI], ids=lambda make: make.name)
def test_a_refit_of_a_training_has_its_own_seeds_and_the_runs_batches(make, blobs, monkeypatch):
    """Large ones, as `stability` draws them, reach the autoencoder too: with the run's own every refit began alike."""
    small = {} if make is TEMI else {"hidden": (8,), "embedding": 2, "pretrain_epochs": 1, "pretrain_min_steps": 5}
    small |= {"epochs": 1, "min_steps": 5} if make is TEMI else {"n_init": 1} if make is N2D else {"max_updates": 2}
    seeds, sizes = [], []
    run, prepared = Pretraining.run, MatrixDataModule.__init__
    monkeypatch.setattr(Pretraining, "run", lambda self, *args: seeds.append(self.seed) or run(self, *args))
    monkeypatch.setattr(
        MatrixDataModule, "__init__", lambda self, *a, **k: sizes.append(k.get("batch_size")) or prepared(self, *a, **k)
    )
    pipeline = MethodPipeline(make(4, random_state=5, batch_size=32, **small))
    labels, _ = pipeline(blobs[0], np.arange(0, 200, 2), 2**31 - 2)
    assert labels.shape == (200,)
    assert set(seeds) == (set() if make is TEMI else {2**31 - 2})
    assert sizes[0] == 32


def test_what_is_tried_follows_the_method():
    assert Checks.of(KMeans(4), 4, 2).refits == KMeansPipeline(4, 2)
    assert Checks.of(KMeans(4), 4, None, 0).refits is None
    dear = Checks.of(DEC(4), 4, None)
    assert (dear.refits, dear.n_resamples) == (None, 0)
    assert isinstance(Checks.of(DEC(4), 4, None, 3).refits, MethodPipeline)


def test_kmeans_labels_are_the_nearest_centres(blobs):
    x, _ = blobs
    found = KMeans(4).fit(x).clustering(x)
    np.testing.assert_array_equal(found.labels, nearest_center(x, found.centers))


def test_results_come_in_order_and_an_error_comes_out():
    assert on_all_cores(lambda i: i * i, [(i,) for i in range(20)]) == [i * i for i in range(20)]
    with pytest.raises(ZeroDivisionError):
        on_all_cores(lambda i: 1 // i, [(1,), (0,), (2,)])


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


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("values", "quarter", "half"), [([1.0], 1, 1), ([0.5] * 3, 0.5, 0.5), ([1.0, 2.0], 1.25, 1.5)])
def test_a_column_of_one_or_two_values(values, quarter, half):
    assert nulls.unimodal(np.array(values))(np.array([0.25, 0.5])).tolist() == [quarter, half]

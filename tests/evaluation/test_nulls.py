"""Nulls keep what they promise and nothing else, and structure is far above them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.datasets import load_digits, make_blobs

from cafemood.clustering.kmeans import kmeans
from cafemood.evaluation import nulls
from cafemood.evaluation.nulls import null_lift
from cafemood.evaluation.pipelines import KMeansPipeline
from cafemood.evaluation.store import JudgingStore


@pytest.fixture(scope="module")
def blobs():
    x, truth = make_blobs(200, 6, centers=4, random_state=3)
    return x.astype(np.float32), truth


@pytest.mark.parametrize(("n", "d"), [(1500, 4), (60, 200)])
def test_the_gaussian_null_has_the_datas_covariance_in_a_basis_of_no_more_columns_than_rows(n, d):
    """Turned into the axes of the covariance, and around zero: no distance depends on either."""
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(n, d)) * np.arange(1, d + 1) ** -1.0 + 5).astype(np.float32)
    draw = nulls.gaussian(x)
    several = np.concatenate([draw(rng) for _ in range(20)])
    assert several.shape[1] <= min(n, d)
    variances = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1][: several.shape[1]]
    np.testing.assert_allclose(several.var(axis=0), variances, rtol=0.15)
    assert abs(several.mean(axis=0)).max() < 0.1
    assert abs(np.corrcoef(several.T[:3]) - np.eye(3)).max() < 0.1
    assert stats.kstest(stats.zscore(several[:, 0]), "norm").pvalue > 0.01


def test_many_columns_are_permuted_each_by_itself():
    x = np.repeat(np.arange(60.0)[:, None], nulls.FEW_COLUMNS + 1, axis=1)
    null = nulls.independent(x)(np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(null, axis=0), x)
    assert abs(np.corrcoef(null.T)[0, 1]) < 0.5


def test_permuted_values_stand_everywhere_alike_and_each_row_by_itself():
    rows = np.tile(np.float32([-1.5, -0.0, 2, 3e38, 1e-40]), (20_000, 1))
    found = nulls.permuted(rows, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(found, axis=1), np.sort(rows, axis=1))
    counts = np.stack([(found == value).sum(axis=0) for value in rows[0]])
    assert stats.chi2_contingency(counts).pvalue > 0.001
    orders = np.unique(found, axis=0, return_counts=True)[1]
    assert len(orders) == 120
    assert stats.chisquare(orders).pvalue > 0.001


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
        found = null_lift(x, kmeans(x, 4, seed).labels_, {}, KMeansPipeline(4), 10, seed=seed)
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
    found = null_lift(x, kmeans(x, k, 0).labels_, {}, KMeansPipeline(k), 10)["silhouette@features"]
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
    found = null_lift(x, truth, {}, KMeansPipeline(4), 3, max_rows=50, seed=1)
    assert "50 of 200 photos" in found["silhouette@features"]["how"]
    assert found == null_lift(x, truth, {}, KMeansPipeline(4), 3, max_rows=50, seed=1)
    assert found != null_lift(x, truth, {}, KMeansPipeline(4), 3, max_rows=50, seed=2)


@pytest.mark.parametrize("d", [6, 80])
def test_nulls_of_other_ks_are_drawn_along_and_are_those_that_their_own_run_would_draw(d, tmp_path, monkeypatch):
    x = np.random.default_rng(0).normal(size=(120, d)).astype(np.float32)
    drawn, real = [], nulls._scored
    monkeypatch.setattr(nulls, "_scored", lambda *given: drawn.append(len(given[2])) or real(*given))

    def lift(k, store, **more):
        labels, plane = KMeansPipeline(k, 2)(x, np.arange(120), 0)
        pipelines = [KMeansPipeline(k, 2), KMeansPipeline(k)]
        return null_lift(x, labels, {"pca2": plane}, pipelines, 3, store=store, **more)

    store = JudgingStore(tmp_path)
    first = lift(3, store, other_ks=[3, 4, 5, 500, 1])
    assert drawn == [6]  # two pipelines of each of three k; 500 rows there are not, and 1 is no clustering
    again = lift(5, store, other_ks=[3, 4, 5])
    assert drawn == [6]
    assert [found["reused"] for of in (first, again) for found in of.values()] == [False] * 2 + [True] * 2
    alone = lift(5, JudgingStore(None), other_ks=[3, 4, 5])
    assert drawn == [6, 2]  # nothing is drawn for others where nothing is kept
    for name, found in alone.items():
        assert again[name] == found | {"reused": True}


def test_a_labelling_without_a_silhouette_has_no_z(recwarn):
    found = null_lift(np.ones((6, 3), np.float32), np.zeros(6, int), {}, KMeansPipeline(2), 3)["silhouette@features"]
    assert np.isnan(found["z"])
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("values", "quarter", "half"), [([1.0], 1, 1), ([0.5] * 3, 0.5, 0.5), ([1.0, 2.0], 1.25, 1.5)])
def test_a_column_of_one_or_two_values(values, quarter, half):
    assert nulls.unimodal(np.array(values))(np.array([0.25, 0.5])).tolist() == [quarter, half]

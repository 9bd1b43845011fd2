"""The estimator contract: scikit-learn's own checks, pipelines, searches, pickles, files, and a quiet notebook."""

import pickle
from functools import partial

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from cafemood.clustering import (
    DEC,
    IDEC,
    N2D,
    TEMI,
    KMeans,
    NoReduction,
    PCAReduction,
    UMAPConsensus,
    UMAPDensity,
    UMAPMixture,
    load,
)
from cafemood.clustering.stored import assign, clusterers
from cafemood.clustering.umap_methods import UMAPMethod
from cafemood.core.atomic import write_tensors
from cafemood.errors import ClusteringError

TINY = {"hidden": (16, 16), "embedding": 3, "pretrain_epochs": 20, "pretrain_min_steps": 40, "max_updates": 3}
CPU = partial(pl.Trainer, accelerator="cpu")
MAKERS = {
    "kmeans": partial(KMeans, 3),
    "dec": partial(DEC, 3, **TINY, trainer=CPU),
    "idec": partial(IDEC, 3, **TINY, trainer=CPU),
    "n2d": partial(
        N2D, n_clusters=3, hidden=(16, 16), embedding=3, pretrain_epochs=20, pretrain_min_steps=40, trainer=CPU
    ),
    "temi": partial(TEMI, n_clusters=3, n_heads=4, hidden=16, epochs=2, min_steps=200, lr=0.01, trainer=CPU),
    "gmm": partial(UMAPMixture, n_clusters=3),
    "consensus": partial(UMAPConsensus, n_clusters=3, n_runs=2),
    "hdbscan": partial(UMAPDensity, n_clusters=3),
}
CLUSTERERS = pytest.mark.parametrize("name", MAKERS)
LAST_BIT = {
    "check_methods_subset_invariance": "float32 products of matrices: rows alone and in a batch differ in the last bit"
}


@pytest.fixture
def rows():
    x, _ = make_blobs(90, 6, centers=3, cluster_std=1, random_state=5)
    return x.astype(np.float32)


SHALLOW = [KMeans(2), PCAReduction(1)]
DEEP = [DEC(2, **TINY, trainer=CPU)]
THOROUGH = [IDEC(2, **TINY, trainer=CPU), MAKERS["n2d"](n_clusters=2), MAKERS["temi"](n_clusters=2)]
THOROUGH += [MAKERS["gmm"](n_clusters=2), MAKERS["consensus"](n_clusters=2), MAKERS["hdbscan"](n_clusters=2)]
"""What the checks touch is for the most part DEC's code too."""
FEW_ROWS = dict.fromkeys(
    ("check_estimators_nan_inf", "check_fit2d_1feature"), "UMAP needs 15 rows, and these checks bring 10"
)


def expected(estimator):
    """The checks that fail, each with its reason: none of scikit-learn's for rows that are computed in float64."""
    if isinstance(estimator, KMeans | PCAReduction):
        return {}
    return LAST_BIT | FEW_ROWS if isinstance(estimator, N2D | UMAPMethod) else LAST_BIT


@parametrize_with_checks(SHALLOW, expected_failed_checks=expected)
def test_scikit_learns_checks(estimator, check):
    if "array_api" not in str(check):  # wants an environment variable, and arrays of other libraries
        check(estimator)


@pytest.mark.slow
@parametrize_with_checks(DEEP, expected_failed_checks=expected)
def test_scikit_learns_checks_of_what_is_trained(estimator, check):
    if "array_api" not in str(check):
        check(estimator)


@pytest.mark.slow
@pytest.mark.thorough
@parametrize_with_checks(THOROUGH, expected_failed_checks=expected)
def test_scikit_learns_checks_of_the_others_that_are_trained(estimator, check):
    if "array_api" not in str(check):
        check(estimator)


@CLUSTERERS
def test_fit_predict_and_the_fitted_attributes_agree(name, rows):
    made = MAKERS[name]()
    assert made.fit(rows) is made
    np.testing.assert_array_equal(made.labels_, made.probabilities_.argmax(axis=1))
    np.testing.assert_allclose(made.probabilities_.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(made.predict(rows), made.labels_)
    assert made.predict_proba(rows).shape == (90, 3)
    assert len(made.transform(rows)) == 90
    assert made.get_feature_names_out().shape == (made.transform(rows).shape[1],)
    assert made.n_features_in_ == 6
    assert made.diagnostics_["clusters_in_use"] == 3
    assert (made.n_iter_ > 0, made.stop_reason_ != "") == (True, True)


@CLUSTERERS
def test_clones_and_pickles_give_the_same(name, rows):
    made = MAKERS[name]().fit(rows)
    np.testing.assert_array_equal(clone(made).fit(rows).labels_, made.labels_)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(made)).predict(rows), made.labels_)


@CLUSTERERS
def test_a_file_gives_the_same_clusterer(name, rows, tmp_path):
    made = MAKERS[name]().fit(rows)
    made.save(tmp_path / "카페.safetensors")
    again = load(tmp_path / "카페.safetensors")
    assert type(again) is type(made)
    np.testing.assert_array_equal(again.predict_proba(rows), made.predict_proba(rows))
    np.testing.assert_array_equal(again.labels_, made.labels_)
    assert (again.n_clusters, again.n_iter_, again.stop_reason_) == (3, made.n_iter_, made.stop_reason_)
    assert again.diagnostics_ == made.diagnostics_
    np.testing.assert_array_equal(clone(again).set_params(**where(made)).fit(rows).labels_, made.labels_)


def where(made):
    """The parameters that say where a method is trained: files don't keep them."""
    return {"trainer": CPU} if "trainer" in made.get_params() else {}


@CLUSTERERS
def test_a_runs_tensors_find_their_method_by_name_and_without(name, rows):
    made = MAKERS[name]().fit(rows)
    tensors = {"centers": made.cluster_centers_, **made.clustering(rows).tensors}
    for method in (name, None, "a method of a later version"):
        np.testing.assert_array_equal(assign(rows, tensors, method)[0], made.predict_proba(rows))


@CLUSTERERS
def test_the_callers_random_state_is_untouched_and_nothing_is_printed(name, rows, capfd, caplog):
    np.random.seed(1)
    torch.manual_seed(1)
    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    MAKERS[name]().fit(rows)
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])
    assert torch.equal(torch.get_rng_state(), before[1])
    said = capfd.readouterr()
    assert (said.out, said.err, [r for r in caplog.records if "lightning" in r.name]) == ("", "", [])


def test_a_pipeline_and_a_search_without_labels(rows):
    steps = make_pipeline(PCAReduction(2), KMeans(3)).fit(rows)
    assert steps.predict(rows).shape == (90,)

    def silhouette(estimator, x, y=None):
        return silhouette_score(x, estimator.predict(x))

    search = GridSearchCV(KMeans(), {"n_clusters": [2, 3, 5]}, scoring=silhouette, cv=3).fit(rows)
    assert search.best_params_ == {"n_clusters": 3}
    deep = make_pipeline(NoReduction(), DEC(3, **TINY, trainer=CPU)).fit(rows)
    assert deep[-1].labels_.shape == (90,)


def test_random_states_of_scikit_learn_are_taken(rows):
    same = [KMeans(3, random_state=np.random.RandomState(4)).fit(rows).labels_ for _ in range(2)]
    np.testing.assert_array_equal(*same)
    assert adjusted_rand_score(KMeans(3, random_state=None).fit(rows).labels_, same[0]) > 0.9


def test_lists_and_integers_are_rows_too():
    assert KMeans(2).fit([[0, 0], [0, 1], [9, 9], [9, 8]]).predict([[0, 0]]).shape == (1,)


@pytest.mark.parametrize(
    "x", [np.full((5, 2), np.nan), np.zeros((1, 2)), np.zeros(4), np.zeros((3, 2, 2)), [["a", "b"], ["c", "d"]]]
)
@CLUSTERERS
def test_what_is_no_matrix_is_scikit_learns_error(name, x):
    with pytest.raises(ValueError):
        MAKERS[name]().fit(x)


@CLUSTERERS
def test_more_clusters_than_rows_and_too_few_clusters_are_refused(name, rows):
    with pytest.raises(ValueError, match="n_samples=2 should be >= n_clusters=3"):
        MAKERS[name]().fit(rows[:2])
    for k in (0, -1, 2.5, "3", True):
        with pytest.raises(ClusteringError, match="n_clusters="):
            MAKERS[name]().set_params(n_clusters=k).fit(rows)


@CLUSTERERS
def test_unfitted_and_other_columns_are_scikit_learns_errors(name, rows):
    with pytest.raises(NotFittedError):
        MAKERS[name]().predict(rows)
    with pytest.raises(NotFittedError):
        MAKERS[name]().save("nowhere")
    with pytest.raises(ValueError, match="6 features"):
        MAKERS[name]().fit(rows).predict(rows[:, :4])


def test_a_file_that_is_no_clusterer_is_told(tmp_path, rows):
    with pytest.raises(ClusteringError, match="cannot be read"):
        load(tmp_path / "missing.safetensors")
    (tmp_path / "damaged.safetensors").write_bytes(b"x" * 40)
    with pytest.raises(ClusteringError, match="cannot be read"):
        load(tmp_path / "damaged.safetensors")
    write_tensors(tmp_path / "other.safetensors", {"centers": rows})
    with pytest.raises(ClusteringError, match="holds no clusterer"):
        load(tmp_path / "other.safetensors")
    write_tensors(tmp_path / "newer.safetensors", {"centers": rows}, {"format": "99", "clusterer": "kmeans"})
    with pytest.raises(ClusteringError, match="newer version"):
        load(tmp_path / "newer.safetensors")


def test_every_method_is_found_by_its_name():
    assert set(clusterers()) == set(MAKERS)
    assert [name for name, made in clusterers().items() if made.refit_is_cheap] == ["kmeans"]


def test_settings_are_stored_as_they_are_given():
    hidden = [8, 8]
    assert DEC(hidden=hidden).hidden is hidden
    assert IDEC().get_params()["gamma"] == 0.1
    assert {"trainer", "logger", "cache_dir", "batch_size", "verbose"} <= set(TEMI().get_params())

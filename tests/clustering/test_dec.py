"""Every method on small data: seeds, the autoencoder's cache, odd inputs, and giving new rows to old groups."""

import signal
from functools import partial

import numpy as np
import pytest
import pytorch_lightning as pl
import sklearn
import torch
from sklearn.cluster import KMeans as SklearnKMeans
from sklearn.datasets import load_digits, make_blobs
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from cafemood.clustering import dec, pretraining, settings, training
from cafemood.clustering.autoencoder import Autoencoder
from cafemood.clustering.base import check_matrix
from cafemood.clustering.dec import DEC, IDEC
from cafemood.clustering.kmeans import KMeans, kmeans
from cafemood.clustering.modules import ReconstructionModule, RefinementModule
from cafemood.clustering.pretraining import scaled
from cafemood.clustering.reduction import PCAReduction
from cafemood.clustering.rows import Rows
from cafemood.clustering.stored import assign
from cafemood.clustering.umap_methods import UMAPMixture
from cafemood.core import chunks
from cafemood.errors import ClusteringError
from cafemood.evaluation.assessment import assess
from cafemood.evaluation.baselines import baselines
from cafemood.evaluation.scores import external

SMALL = {"hidden": (32, 32, 64), "pretrain_epochs": 2, "pretrain_min_steps": 40, "max_updates": 3}
CPU = partial(pl.Trainer, accelerator="cpu")
METHODS = [KMeans, partial(DEC, **SMALL), partial(IDEC, **SMALL)]
NAMES = ["kmeans", "dec", "idec"]
DEEP = METHODS[1:]


@pytest.fixture(autouse=True)
def one_thread():
    """On a machine shared with others, tiny k-means runs lose seconds to waiting threads."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def rows():
    x, _ = make_blobs(120, 8, centers=3, cluster_std=2, random_state=5)
    return x.astype(np.float32)


def run(method, x, space="features", **options):
    options = {"trainer": CPU, "batch_size": 64} | options
    method.set_params(**{name: value for name, value in options.items() if name in method.get_params()})
    return method.fit(x).clustering(x, space)


def everything(clustering):
    """The tensors of a run folder's model."""
    return {"centers": clustering.centers, **clustering.tensors}


def counted(monkeypatch):
    """The kinds of module that are fitted from here on."""
    fitted, real = [], training.fit_phase

    def fit_phase(trainer, module, data, **options):
        fitted.append(type(module))
        real(trainer, module, data, **options)

    monkeypatch.setattr(training, "fit_phase", fit_phase)
    return fitted


@pytest.mark.parametrize("make", METHODS, ids=NAMES)
def test_the_same_seed_gives_the_same_result(make, rows):
    first, second = (run(make(3, random_state=4), rows) for _ in range(2))
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.probabilities, second.probabilities)


@pytest.mark.parametrize("make", DEEP, ids=NAMES[1:])
def test_a_cached_autoencoder_gives_the_same_result(make, rows, cache_dir, monkeypatch):
    fitted = counted(monkeypatch)
    first, second = (run(make(3), rows, cache_dir=cache_dir) for _ in range(2))
    assert fitted == [ReconstructionModule, RefinementModule, RefinementModule]
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.embedding, second.embedding)


def test_another_seed_trains_another_network(rows):
    first, second = (run(DEC(3, **SMALL, random_state=seed), rows) for seed in (0, 1))
    assert not np.array_equal(first.embedding, second.embedding)


@pytest.mark.parametrize("make", METHODS, ids=NAMES)
def test_the_result_is_whole(make, rows):
    found = run(make(3), rows)
    np.testing.assert_array_equal(found.labels, found.probabilities.argmax(axis=1))
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)
    assert found.centers.shape == (3, found.embedding.shape[1])
    assert found.probabilities.shape == (len(rows), 3)
    assert found.health()["clusters_in_use"] == 3
    assert found.health()["label_change"] == [update["label_change"] for update in found.updates[1:]]
    assert all(array.dtype == np.float32 for array in everything(found).values())
    assert found.stop_reason


def test_kmeans_labels_are_scikit_learns(rows):
    found = run(KMeans(5, random_state=2), rows)
    expected = SklearnKMeans(5, n_init=10, random_state=2).fit(rows)
    np.testing.assert_array_equal(found.labels, expected.labels_)
    np.testing.assert_allclose(found.centers, expected.cluster_centers_, rtol=1e-6)
    assert found.converged
    assert found.space == "features"


@pytest.mark.parametrize("offset", [0, 1000], ids=["centred", "far from zero"])
@pytest.mark.parametrize("unit", [1e-4, 1, 1e4])
def test_memberships_do_not_depend_on_the_unit(rows, unit, offset):
    expected = run(KMeans(3), rows).probabilities
    np.testing.assert_allclose(run(KMeans(3), (rows + offset) * unit).probabilities, expected, atol=2e-3)


@pytest.mark.parametrize("make", METHODS, ids=NAMES)
def test_the_training_rows_are_assigned_as_they_were(make, rows):
    found = run(make(3), rows)
    probabilities, z = assign(rows, everything(found))
    np.testing.assert_array_equal(probabilities.argmax(axis=1), found.labels)
    np.testing.assert_allclose(probabilities, found.probabilities, atol=1e-4)
    np.testing.assert_allclose(z, found.embedding, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("make", METHODS, ids=NAMES)
def test_the_training_rows_are_assigned_as_they_were_behind_pca(make, rows):
    reduction = PCAReduction(4)
    found = run(make(3), reduction.fit_transform(rows), space=reduction.space)
    probabilities, _ = assign(rows, everything(found) | reduction.tensors())
    np.testing.assert_array_equal(probabilities.argmax(axis=1), found.labels)
    np.testing.assert_allclose(probabilities, found.probabilities, atol=1e-4)


def test_one_row_is_assigned_as_it_is_among_others(rows):
    found = run(DEC(3, **SMALL), rows)
    alone, _ = assign(rows[7:8], everything(found))
    np.testing.assert_allclose(alone, found.probabilities[7:8], atol=1e-4)


def test_one_autoencoder_serves_every_k_and_both_methods(rows, cache_dir, monkeypatch):
    fitted = counted(monkeypatch)
    for method in (DEC(2, **SMALL), DEC(3, **SMALL), IDEC(4, **SMALL)):
        run(method, rows, cache_dir=cache_dir)
    assert fitted.count(ReconstructionModule) == 1
    assert fitted.count(RefinementModule) == 3
    assert len(list((cache_dir / "autoencoders").iterdir())) == 1


@pytest.mark.parametrize("change", [{"random_state": 1}, {"hidden": (32, 16)}, {"corruption": 0.1}, {"embedding": 5}])
def test_another_recipe_is_another_autoencoder(change, rows, cache_dir):
    for options in (SMALL, SMALL | change):
        run(DEC(2, **options), rows, cache_dir=cache_dir)
    assert len(list((cache_dir / "autoencoders").iterdir())) == 2


def test_other_rows_are_another_autoencoder(rows, cache_dir):
    for x in (rows, rows + 1, rows.reshape(60, 16)):  # the same bytes in another shape too
        run(DEC(2, **SMALL | {"pretrain_epochs": 40}), x, cache_dir=cache_dir)
    assert len(list((cache_dir / "autoencoders").iterdir())) == 3


@pytest.mark.parametrize("damage", [b"", b"no tensors at all", None], ids=["empty", "garbage", "cut off"])
def test_a_damaged_cache_file_is_made_again_with_a_warning(damage, rows, cache_dir, caplog):
    first = run(DEC(3, **SMALL), rows, cache_dir=cache_dir)
    (path,) = (cache_dir / "autoencoders").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    second = run(DEC(3, **SMALL), rows, cache_dir=cache_dir)
    assert "was set aside as" in caplog.text
    assert str(path) in caplog.text
    assert path.read_bytes() == whole
    np.testing.assert_array_equal(first.labels, second.labels)


@pytest.mark.parametrize("k", [-1, 0, 1, 7])
def test_a_k_that_does_not_fit_is_refused(k, rows):
    with pytest.raises(ClusteringError, match=rf"6 photos cannot be put into {k} groups[\s\S]*between 2 and 6"):
        check_matrix(rows[:6], k)


def test_one_photo_gets_no_impossible_advice(rows):
    with pytest.raises(ClusteringError, match="1 photo cannot") as caught:
        check_matrix(rows[:1], 2)
    assert "between 2 and 1" not in str(caught.value)
    assert "add photos" in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(value, rows):
    rows[[3, 9], 2] = value
    with pytest.raises(ClusteringError, match=r"NaN or infinity[\s\S]*2 of 120 rows, the first is row 3"):
        check_matrix(rows, 3)


@pytest.mark.parametrize("make", METHODS, ids=NAMES)
@pytest.mark.parametrize("value", [0, 4])
def test_constant_columns_are_fine(make, value, rows):
    rows[:, :3] = value
    found = run(make(3), rows)
    assert np.isfinite(found.probabilities).all()
    assert found.health()["clusters_in_use"] == 3


@pytest.mark.parametrize("make", DEEP, ids=NAMES[1:])
def test_all_zero_features_are_refused(make):
    with pytest.raises(ClusteringError, match=r"cannot be scaled[\s\S]*features[\s\S]*all zero"):
        run(make(2), np.zeros((9, 4), np.float32))


@pytest.mark.parametrize("make", METHODS, ids=NAMES)
def test_fewer_distinct_rows_than_groups_is_a_collapse_that_is_said(make, rows):
    x = np.repeat(rows[[0, 60]], 10, axis=0)
    found = run(make(4), x)
    assert np.isfinite(found.probabilities).all()
    assert found.health()["clusters_in_use"] <= 2
    assert len(set(found.labels[:10])) == len(set(found.labels[10:])) == 1
    findings = assess(x, x[:, :2], found, baselines(x, found, 4, n_seeds=2)).findings
    assert (findings[0].code, findings[0].figures["k"]) == ("collapsed", 4)
    assert not any("nan" in finding.text for finding in findings)


@pytest.mark.parametrize("make", METHODS, ids=NAMES)
def test_equal_rows_are_one_group(make, rows):
    found = run(make(2), np.repeat(rows[:1], 12, axis=0))
    assert found.health()["clusters_in_use"] == 1
    assert np.isfinite(found.probabilities).all()


@pytest.mark.parametrize("make", METHODS, ids=NAMES)
@pytest.mark.parametrize(("n", "k"), [(5, 2), (4, 4), (2, 2)])
def test_fewer_rows_than_a_batch(make, n, k, rows):
    found = run(make(k), rows[::13][:n])
    assert found.labels.shape == (n,)
    assert np.isfinite(found.probabilities).all()


def test_targets_are_refreshed_every_interval_and_at_least_20_of_the_datas_batches_apart(rows):
    found = run(IDEC(3, **SMALL | {"tol": 0.0}), rows)
    assert [update["step"] for update in found.updates] == [0, 20, 40, 60]
    found = run(DEC(3, **SMALL | {"tol": 0.0}), rows)  # all 120 rows instead of 64 a batch
    assert [update["step"] for update in found.updates] == [0, 11, 22, 33]
    found = run(DEC(3, **SMALL | {"tol": 0.0}, update_interval=7), rows)
    assert [update["step"] for update in found.updates] == [0, 7, 14, 21]
    assert not found.converged


@pytest.mark.parametrize(
    ("make", "n", "size", "rate"),
    [
        (DEC, 39, 39, 0.01),
        (DEC, 300, 300, 0.01 * 300 / 256),
        (DEC, 1797, 512, 0.02),
        pytest.param(DEC, 20_000, 1024, 0.04, marks=[pytest.mark.slow, pytest.mark.thorough]),
        (partial(DEC, mode="paper"), 20_000, 256, 0.01),
        (IDEC, 1797, 256, 1e-3),
        pytest.param(IDEC, 20_000, 1024, 2e-3, marks=[pytest.mark.slow, pytest.mark.thorough]),
    ],
)
def test_fast_refinement_takes_larger_batches_at_a_rate_that_goes_with_them(make, n, size, rate):
    """SGD's rate grows in proportion, Adam's by the root."""
    x, method = np.arange(2.0 * n, dtype=np.float32).reshape(n, 2), make(2)
    assert method.refinement_batch_size(n) == size
    network = Autoencoder(2, (4,))
    module, _ = method._refinement(network, Rows(x), x, np.zeros(0), 0)
    assert module.lr == pytest.approx(rate)
    assert module.update_interval == max(round(20 * min(n, 256) / size), round(0.6 * n / size))


def test_baselines_of_kmeans(rows):
    found = baselines(rows, run(KMeans(3), rows), 3, n_seeds=4)
    assert [baseline.name for baseline in found] == ["k-means on the features"]
    assert [labels.shape for labels in found[0].labels] == [(120,)] * 4
    np.testing.assert_array_equal(found[0].labels[1], SklearnKMeans(3, n_init=10, random_state=1).fit_predict(rows))


@pytest.mark.parametrize("make", DEEP, ids=NAMES[1:])
def test_baselines_of_deep_methods_start_where_they_start(make, rows):
    clustering = run(make(3), rows)
    found = baselines(rows, clustering, 3, n_seeds=2)
    assert [b.name for b in found] == ["k-means on the features", "PCA-8 + k-means", "AE + k-means"]  # 8 columns
    assert all(len(b.labels) == 2 for b in found)
    assert clustering.baseline_spaces["AE + k-means"].shape == (120, 10)
    assert not np.allclose(clustering.baseline_spaces["AE + k-means"], clustering.embedding)


@pytest.mark.parametrize("phase", [ReconstructionModule, RefinementModule])
def test_ctrl_c_goes_on_as_what_it_is(phase, rows, cache_dir, monkeypatch):
    def interrupted(self, batch, batch_idx):
        raise KeyboardInterrupt

    monkeypatch.setattr(phase, "training_step", interrupted)
    handler = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(DEC(3, **SMALL), rows, cache_dir=cache_dir)
        assert signal.getsignal(signal.SIGINT) is handler  # while it shuts down, Lightning ignores further ones
    finally:
        signal.signal(signal.SIGINT, handler)
    kept = [path.suffix for path in (cache_dir / "autoencoders").glob("*")]
    assert kept == ([] if phase is ReconstructionModule else [".safetensors"])


@pytest.mark.parametrize("error", [SystemExit(3), ValueError("mine")])
def test_other_ends_stay_what_they_are(error, rows, monkeypatch):
    def ended(self, batch, batch_idx):
        raise error

    monkeypatch.setattr(ReconstructionModule, "training_step", ended)
    with pytest.raises(type(error)) as caught:
        run(DEC(3, **SMALL), rows)
    assert caught.value is error


def test_dec_finds_digits():
    x, truth = load_digits(return_X_y=True)
    x, truth = x[:600].astype(np.float32), [str(t) for t in truth[:600]]
    method = DEC(10, hidden=(64, 64, 128), pretrain_epochs=30, pretrain_min_steps=200, max_updates=20)
    found = run(method, x)
    assert external(truth, found.labels)["accuracy"] > 0.5
    assert found.health()["clusters_in_use"] >= 8
    assert found.embedding.shape == (600, 10)


@pytest.mark.parametrize("make", METHODS, ids=NAMES)
@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_other_float_types_are_taken(make, dtype, rows):
    found = run(make(3), rows.astype(dtype))
    assert found.probabilities.dtype == np.float32
    assert found.health()["clusters_in_use"] == 3


@pytest.mark.parametrize("make", METHODS, ids=NAMES)
def test_one_feature_is_enough(make, rows):
    found = run(make(2), np.sort(rows[:, :1], axis=0))
    assert np.isfinite(found.probabilities).all()
    assert found.labels[0] != found.labels[-1]


def test_scaling_is_one_factor_for_all_rows(rows):
    """Rows keep their lengths relative to each other."""
    x, scale = scaled(rows)
    found = torch.cat(list(x.split(7))).numpy()
    np.testing.assert_allclose(found, rows * scale, rtol=1e-6)
    assert np.square(found).mean() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, 1), ({"mode": "paper"}, 2.92), ({"mean_square": 0.5}, 0.5), ({"mode": "paper", "mean_square": 1}, 1)],
)
def test_each_mode_scales_as_its_learning_rate_wants_it(options, expected, rows):
    """The authors' SGD is made for their MNIST (bytes times 0.02), not for a mean square of 1."""
    found = run(DEC(3, **SMALL, **options), rows)
    scale = float(found.tensors["scale"][0])
    assert np.square(rows * scale).mean() == pytest.approx(expected, rel=1e-5)
    probabilities, z = assign(rows, everything(found))
    np.testing.assert_allclose(z, found.embedding, atol=1e-3 * np.abs(z).max())
    assert (probabilities.argmax(axis=1) == found.labels).mean() > 0.99


@pytest.mark.parametrize("mean_square", [0, -1, float("nan"), float("inf")])
def test_features_are_scaled_neither_to_nothing_nor_without_end(mean_square):
    with pytest.raises(ClusteringError, match=r"mean_square=[\s\S]*method.mean_square[\s\S]*take 1"):
        DEC(3, mean_square=mean_square).check_settings()


@pytest.mark.parametrize(("options", "starts"), [({"mode": "paper"}, [20]), ({"start": "kmeans"}, [20])])
def test_kmeans_starts_of_the_embedding_are_twenty(options, starts, rows, monkeypatch):
    """One start of k-means would be as good as its luck."""
    seen, real = [], dec.kmeans

    def spy(x, k, seed, n_init=10):
        seen.append(n_init)
        return real(x, k, seed, n_init)

    monkeypatch.setattr(dec, "kmeans", spy)
    run(DEC(3, **SMALL, **options), rows)
    assert seen == starts


def test_the_gmm_start_aims_at_the_mixtures_partition(rows):
    """Its labels are the target until the refinement has begun: with no update after, they are the result."""
    pytest.importorskip("umap")
    mixed = UMAPMixture(3, random_state=5).fit(rows).labels_
    found = DEC(3, **SMALL | {"max_updates": 3}, start="gmm", start_updates=3, random_state=5).fit(rows).labels_
    assert adjusted_rand_score(mixed, found) > 0.95


def test_the_gmm_start_needs_its_package(monkeypatch):
    monkeypatch.setattr(settings.util, "find_spec", lambda _: None)
    DEC(3, start="spectral").check_settings()
    with pytest.raises(ClusteringError, match=r"start=gmm needs UMAP[\s\S]*method\.start=spectral"):
        DEC(3, start="gmm").check_settings()


def test_an_unknown_start_is_refused():
    with pytest.raises(ClusteringError, match=r"Unknown start 'random'[\s\S]*spectral, gmm or kmeans"):
        DEC(3, start="random").check_settings()


def test_an_unknown_mode_is_refused():
    with pytest.raises(ClusteringError, match=r"Unknown mode 'slow'[\s\S]*fast or paper"):
        DEC(3, mode="slow").check_settings()


def test_the_paper_mode_runs_all_its_phases(rows, monkeypatch):
    fitted = counted(monkeypatch)
    found = run(DEC(3, **SMALL, mode="paper"), rows)
    assert fitted == [ReconstructionModule] * 5 + [RefinementModule]
    assert np.isfinite(found.probabilities).all()


def test_the_health_of_every_update_reaches_the_record(rows):
    found = run(DEC(3, **SMALL), rows)
    record = found.health()["updates"]
    assert [update["step"] for update in record] == [update["step"] for update in found.updates]
    assert {"clusters_in_use", "size_entropy", "least_centre_distance", "label_change", "loss"} <= set(record[0])


@pytest.fixture
def long(monkeypatch, tmp_path):
    """Two thousand rows in five groups as a memory map of float16, and the limits set below them."""
    monkeypatch.setattr(chunks, "LARGE", 500)
    rng = np.random.default_rng(0)
    truth = rng.integers(5, size=2000)
    rows = (rng.normal(size=(5, 12)) * 4)[truth] + rng.normal(size=(2000, 12))
    np.save(tmp_path / "rows.npy", rows.astype(np.float16))
    with sklearn.config_context(working_memory=0.08):
        yield np.load(tmp_path / "rows.npy", mmap_mode="r"), truth


def test_long_matrices_are_clustered_in_chunks_as_scikit_learn_would(long):
    x, truth = long
    found = KMeans(5).fit(x).clustering(x)
    whole = SklearnKMeans(5, n_init=10, random_state=0).fit(x.astype(np.float32))
    assert adjusted_rand_score(found.labels, whole.labels_) > 0.999
    assert adjusted_rand_score(found.labels, truth) > 0.99
    assert np.allclose(np.sort(found.centers, axis=0), np.sort(whole.cluster_centers_, axis=0), atol=0.01)
    model = kmeans(x, 5, 0)
    assert model.inertia_ == pytest.approx(whole.inertia_, rel=1e-4)
    assert found.embedding is x or np.shares_memory(found.embedding, x)


@pytest.mark.parametrize("method", [partial(DEC, max_updates=10), partial(IDEC, max_updates=10)], ids=["dec", "idec"])
def test_deep_methods_read_a_long_matrix_from_disk_and_find_the_groups(method, long):
    x, truth = long
    assert not scaled(x)[0].in_memory
    found = run(method(5, hidden=(32, 32, 64), pretrain_min_steps=300), x)
    assert adjusted_rand_score(found.labels, truth) > 0.95
    assert found.embedding.shape == (2000, 10)


def test_the_autoencoder_of_a_matrix_is_another_where_it_is_read_in_blocks(long):
    """The rows are the same and their order is not: what the cache holds depends on nothing but its key."""
    from_disk, scale = scaled(long[0])
    with sklearn.config_context(working_memory=1):
        held, same = scaled(long[0])
    assert (from_disk.in_memory, held.in_memory) == (False, True)
    assert scale == pytest.approx(same)
    key = pretraining.Pretraining().key
    assert key(Rows(long[0], same), 256) != key(held, 256)
    with sklearn.config_context(working_memory=1):
        assert key(Rows(np.array(long[0]), same), 256) == key(held, 256)


def test_a_bad_row_deep_in_a_long_matrix_is_named(long):
    x = np.array(long[0])
    x[1234, 3] = np.nan
    with pytest.raises(ValueError, match="the first is row 1234"):
        KMeans(5).fit(x)
    with pytest.raises(ClusteringError) as caught:
        check_matrix(x, 5)
    assert "the first is row 1234" in str(caught.value.why)


def test_long_matrices_whose_rows_are_all_equal(long):
    found = KMeans(3).fit(np.ones((900, 4), np.float16)).clustering(np.ones((900, 4), np.float16))
    assert found.health()["clusters_in_use"] == 1

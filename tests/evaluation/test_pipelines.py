"""Pipelines fit a whole method again, with seeds and batches of their own."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from cafemood.clustering.dec import DEC, IDEC
from cafemood.clustering.kmeans import KMeans, nearest_center
from cafemood.clustering.n2d import N2D
from cafemood.clustering.pretraining import Pretraining
from cafemood.clustering.rows import MatrixDataModule
from cafemood.clustering.temi import TEMI
from cafemood.evaluation.pipelines import MethodPipeline
from cafemood.evaluation.resampling import stability


@pytest.fixture(scope="module")
def blobs():
    x, truth = make_blobs(200, 6, centers=4, random_state=3)
    return x.astype(np.float32), truth


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
    assert sizes[0] == (64 if make is TEMI else 32)  # a photo and a neighbour of it


def test_kmeans_labels_are_the_nearest_centres(blobs):
    x, _ = blobs
    found = KMeans(4).fit(x).clustering(x)
    np.testing.assert_array_equal(found.labels, nearest_center(x, found.centers))

"""Batches are {features, index}; every row once an epoch, its index with it."""

import itertools

import numpy as np
import pytest
import sklearn
import torch

from cafemood.backbones.creating import create_backbone
from cafemood.clustering import rows
from cafemood.clustering.reduction import NoReduction, PCAReduction
from cafemood.clustering.rows import BLOCK, Batches, MatrixDataModule, Rows
from cafemood.data.folders import scan_folder
from cafemood.features.photo_features import PhotoDataModule


@pytest.fixture
def matrix():
    return np.random.default_rng(0).normal(size=(70, 5)).astype(np.float32)


def test_every_row_comes_once_with_its_own_index(matrix):
    batches = list(MatrixDataModule(matrix, batch_size=32).train_dataloader())
    assert [len(batch["index"]) for batch in batches] == [32, 32, 6]
    index = torch.cat([batch["index"] for batch in batches])
    assert sorted(index.tolist()) == list(range(70))
    assert torch.equal(torch.cat([b["features"] for b in batches]), torch.from_numpy(matrix)[index])
    assert index.tolist() != list(range(70))


def test_a_loader_goes_on_inside_an_epoch(matrix):
    def batches(loader, n=None):
        return [batch["index"].tolist() for batch in itertools.islice(loader, n)]

    whole, stopped, again = (Batches(Rows(matrix), 16) for _ in range(3))
    seen = batches(stopped, 3)
    again.load_state_dict(stopped.state_dict())
    assert seen + batches(again) + batches(again) == batches(whole) + batches(whole)


def test_the_seed_decides_the_order_and_epochs_differ(matrix):
    def two_epochs(seed):
        loader = MatrixDataModule(matrix, seed=seed).train_dataloader()
        return [torch.cat([b["index"] for b in loader]).tolist() for _ in range(2)]

    assert two_epochs(1) == two_epochs(1)
    assert two_epochs(1) != two_epochs(2)
    assert two_epochs(1)[0] != two_epochs(1)[1]


def test_fewer_rows_than_a_batch(matrix):
    (batch,) = MatrixDataModule(matrix[:3]).train_dataloader()
    assert len(batch["index"]) == 3


@pytest.fixture
def on_disk(tmp_path):
    """A thousand rows as a memory map of float16, larger than the working memory."""
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(1000, 5)).astype(np.float16))
    with sklearn.config_context(working_memory=0.01):
        yield np.load(tmp_path / "rows.npy", mmap_mode="r")


def test_rows_beyond_the_working_memory_stay_on_disk_and_are_the_same(on_disk):
    far = Rows(on_disk, 0.5)
    with sklearn.config_context(working_memory=1):
        near = Rows(on_disk, 0.5)
    assert (far.in_memory, near.in_memory) == (False, True)
    assert far.shape == near.shape == (1000, 5)
    index = torch.tensor([3, 999, 3, 0])
    assert torch.equal(far[index], near[index])
    assert all(torch.equal(a, b) for a, b in zip(far.split(300), near.split(300), strict=True))
    assert far.to(torch.device("cpu")) is far
    assert far.to(torch.device("meta"))[index].device.type == "meta"
    there = near.to(torch.device("meta"))
    assert there[index].device.type == "meta"
    assert near.to(torch.device("meta")) is there


def test_rows_on_disk_come_once_each_in_blocks_of_neighbours(on_disk, monkeypatch):
    monkeypatch.setattr(rows, "WINDOW", 4 * BLOCK)
    batches = list(MatrixDataModule(on_disk, batch_size=32).train_dataloader())
    index = torch.cat([batch["index"] for batch in batches])
    assert sorted(index.tolist()) == list(range(1000))
    assert torch.equal(torch.cat([b["features"] for b in batches]), torch.from_numpy(np.float32(on_disk))[index])
    for window in index.split(4 * BLOCK)[:-1]:
        assert len((window // BLOCK).unique()) <= 5  # the last block is not full
        assert (window.diff() != 1).float().mean() > 0.9


def test_prepare_fills_the_cache_and_setup_maps_it(photo_folder, cache_dir):
    data = PhotoDataModule(scan_folder(photo_folder), create_backbone("random"), NoReduction(), cache_dir=cache_dir)
    with pytest.raises(RuntimeError, match="setup"):
        _ = data.matrix
    data.prepare_data()
    assert data.n_embedded == 12
    data.setup()
    assert data.matrix.shape == (12, 128)
    assert np.array_equal(data.matrix, data.features.matrix())
    assert data.features.photo_ids == tuple(p.photo_id for p in data.photo_set.photos)


def test_bad_photos_are_named_once(photo_folder, cache_dir):
    (photo_folder / "x.jpg").write_text("no photo")
    data = PhotoDataModule(scan_folder(photo_folder), create_backbone("random"), PCAReduction(2), cache_dir=cache_dir)
    data.prepare_data()
    data.setup()
    assert [s.file for s in data.photo_set.skipped] == ["x.jpg"]
    assert data.matrix.shape == (12, 2)

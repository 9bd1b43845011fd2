"""The photos' features as a LightningDataModule: what any Lightning module trains from."""

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset

from cafemood.backbones.creating import create_backbone
from cafemood.clustering.autoencoder import Autoencoder
from cafemood.clustering.modules import ReconstructionModule, RefinementModule
from cafemood.clustering.reduction import NoReduction, PCAReduction
from cafemood.clustering.rows import Rows
from cafemood.clustering.training import PHASE
from cafemood.data.folders import scan_folder
from cafemood.features.photo_features import PhotoDataModule


class PlainRows(Dataset):
    """Rows of a user's own data set, with their index."""

    def __init__(self, x):
        self.x = torch.from_numpy(x)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return {"features": self.x[i], "index": i}


class OwnDataModule(pl.LightningDataModule):
    """A data module that knows nothing of cafemood."""

    def __init__(self, x):
        super().__init__()
        self.x = x

    def train_dataloader(self):
        return DataLoader(PlainRows(self.x), batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def photos(drawn_photos, tmp_path):
    """Twelve drawn photos, served with features of the test's own."""
    photo_set = scan_folder(drawn_photos)
    x = np.random.default_rng(0).normal(size=(len(photo_set.photos), 6)).astype(np.float32)
    np.savez(tmp_path / "features.npz", features=x, photo_id=np.array([p.photo_id for p in photo_set.photos]))
    backbone = create_backbone("precomputed", path=str(tmp_path / "features.npz"))
    return x, lambda reduction: PhotoDataModule(
        photo_set, backbone, reduction, cache_dir=tmp_path / "cache", batch_size=4
    )


def trainer(steps):
    return pl.Trainer(max_steps=steps, logger=False, accelerator="cpu", **PHASE)


def refinement(x):
    torch.manual_seed(0)
    autoencoder = Autoencoder(x.shape[1], (32, 32, 64))
    with torch.no_grad():
        centers = autoencoder.encoder(torch.from_numpy(x))[[0, 6]]
    return RefinementModule(autoencoder, Rows(x), centers, update_interval=3, tol=0.0)


def test_batches_hold_the_features_and_the_index_of_every_photo(photos):
    x, data_module = photos
    data = data_module(NoReduction())
    data.prepare_data()
    data.setup()
    batches = list(data.train_dataloader())
    assert [len(batch["index"]) for batch in batches] == [4, 4, 4]
    index = torch.cat([batch["index"] for batch in batches])
    assert sorted(index.tolist()) == list(range(len(x)))
    np.testing.assert_array_equal(torch.cat([batch["features"] for batch in batches]).numpy(), x[index.numpy()])


@pytest.mark.parametrize("reduction", [NoReduction(), PCAReduction(3)])
def test_a_refinement_trains_from_the_photos_under_any_trainer(photos, reduction):
    _, data_module = photos
    data = data_module(reduction)
    data.prepare_data()
    data.setup()
    module = refinement(np.array(data.matrix))
    before = module.centers.detach().clone()
    trainer(7).fit(module, datamodule=data)
    assert module.step == 7
    assert [record["step"] for record in module.health] == [0, 3, 6]
    assert not torch.equal(module.centers, before)


def test_a_refinement_trains_from_a_data_module_of_the_user(photos):
    x, _ = photos
    module = refinement(x)
    trainer(7).fit(module, datamodule=OwnDataModule(x))
    assert [record["step"] for record in module.health] == [0, 3, 6]
    q = module.log_q().exp()
    assert q.shape == (len(x), 2)
    torch.testing.assert_close(q.sum(dim=1), torch.ones(len(x)))


def test_an_autoencoder_is_pretrained_from_a_data_module_of_the_user(photos):
    x, _ = photos
    torch.manual_seed(0)
    autoencoder = Autoencoder(x.shape[1], (32, 32, 64))
    rows = torch.from_numpy(x)
    before = float(autoencoder.loss(rows).detach())
    trainer(60).fit(ReconstructionModule(autoencoder, steps=60, lr=1e-2), datamodule=OwnDataModule(x))
    autoencoder.eval()
    assert float(autoencoder.loss(rows).detach()) < before

"""The refinement loop: a whole-data target, refreshed in its interval, and a stopping rule that waits."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from sklearn.datasets import make_blobs

from cafemood.clustering.autoencoder import Autoencoder, LayerAutoencoder
from cafemood.clustering.base import health
from cafemood.clustering.callbacks import Checkpoints
from cafemood.clustering.functional import clustering_loss, log_soft_assignment, target_distribution
from cafemood.clustering.heads import Heads
from cafemood.clustering.modules import ReconstructionModule, RefinementModule
from cafemood.clustering.rows import MatrixDataModule, Rows
from cafemood.clustering.temi import AgreementModule
from cafemood.clustering.training import PHASE, fit_phase
from cafemood.errors import ClusteringError

N, K = 90, 3


class Spy(pl.Callback):
    """Keeps what each step saw."""

    def __init__(self):
        self.batches, self.targets = [], []

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        self.batches.append(batch["index"].clone())
        self.targets.append(module.p.clone())


@pytest.fixture
def rows():
    x, _ = make_blobs(N, 6, centers=K, random_state=3)
    x = (x / np.sqrt((x**2).mean())).astype(np.float32)
    return x


@pytest.fixture
def refine(rows):
    """Run a refinement from an untrained autoencoder; returns the module and what the spy saw."""

    def run(*, steps=13, batch_size=32, **options):
        torch.manual_seed(0)
        autoencoder = Autoencoder(6, (32, 32, 64))
        x = torch.from_numpy(rows)
        with torch.no_grad():
            centers = autoencoder.encoder(x)[[0, 30, 60]]
        module = RefinementModule(autoencoder, Rows(rows), centers, **{"update_interval": 4, "tol": 0.0, **options})
        spy = Spy()
        trainer = pl.Trainer(max_steps=steps, logger=False, accelerator="cpu", callbacks=[spy], **PHASE)
        fit_phase(trainer, module, MatrixDataModule(rows, batch_size=batch_size))
        return module, spy

    return run


def test_the_target_is_refreshed_in_its_interval_and_only_then(refine):
    module, spy = refine(steps=13)
    assert module.step == 13
    assert [record["step"] for record in module.health] == [0, 4, 8, 12]
    same = [torch.equal(a, b) for a, b in zip(spy.targets, spy.targets[1:], strict=False)]
    assert same == [step % 4 != 0 for step in range(1, 13)]


def test_batches_are_shuffled_and_every_row_is_seen(refine):
    _, spy = refine(steps=6)
    epochs = [torch.cat(spy.batches[i : i + 3]).tolist() for i in (0, 3)]
    assert [len(batch) for batch in spy.batches[:3]] == [32, 32, 26]
    assert all(sorted(epoch) == list(range(N)) for epoch in epochs)
    assert epochs[0] != list(range(N))
    assert epochs[0] != epochs[1]


def test_the_target_of_a_row_does_not_depend_on_its_batch(rows):
    """The step's loss is the KL to the whole-data P at the batch's indices, whatever the batch is."""
    torch.manual_seed(0)
    autoencoder, x = Autoencoder(6, (32, 32, 64)), torch.from_numpy(rows)
    centers = autoencoder.encoder(x)[[0, 30, 60]].detach()
    module = RefinementModule(autoencoder, Rows(rows), centers, update_interval=1)
    module.log_dict = lambda *args, **kwargs: None
    module._update_target()
    q = log_soft_assignment(autoencoder.encoder(x), centers).exp()
    whole = target_distribution(q).detach()
    torch.testing.assert_close(module.p, whole)
    seen = torch.zeros(N)
    for batch in MatrixDataModule(rows, batch_size=7).train_dataloader():
        index = batch["index"]
        torch.testing.assert_close(batch["features"], x[index])
        expected = clustering_loss(q[index].log(), whole[index])
        torch.testing.assert_close(module.training_step(batch, 0), expected)
        seen[index] += 1
    assert (seen == 1).all()


def test_it_never_stops_at_the_first_check_and_stops_under_tol(refine):
    module, _ = refine(steps=50, tol=1.1)  # every change is under this tol
    assert [record["step"] for record in module.health] == [0, 4]
    assert module.health[0]["label_change"] == 1
    assert module.converged
    assert module.step == 4
    assert "fewer than" in module.stop_reason


def test_it_may_stop_at_the_first_batch_of_an_epoch(refine):
    module, _ = refine(steps=50, update_interval=3, tol=1.1)
    assert module.step == 3


def test_without_a_stop_it_ends_at_its_last_step(refine):
    module, _ = refine(steps=9, tol=0.0)
    assert not module.converged
    assert module.stop_reason == "reached the largest number of updates"


def test_the_labels_of_the_stop_are_those_of_the_result(refine):
    module, _ = refine(steps=200, tol=0.02)
    assert module.converged
    assert torch.equal(module.log_q().argmax(dim=1), module.last_labels)
    torch.testing.assert_close(module.p, target_distribution(module.log_q().exp()))


def test_the_centres_are_one_trained_parameter(rows):
    module = RefinementModule(Autoencoder(6, (8,)), Rows(rows), torch.randn(K, 10), update_interval=2, tol=0.0)
    centers, before = module.centers, module.centers.detach().clone()
    held = [p for group in module.configure_optimizers().param_groups for p in group["params"]]
    assert sum(p is centers for p in held) == 1
    trainer = pl.Trainer(max_steps=5, logger=False, accelerator="cpu", **PHASE)
    fit_phase(trainer, module, MatrixDataModule(rows, batch_size=32))
    assert module.centers is centers
    assert not torch.equal(module.centers, before)


@pytest.mark.parametrize(("gamma", "kind"), [(None, torch.optim.SGD), (0.1, torch.optim.Adam)])
def test_dec_leaves_the_decoder_alone_and_idec_trains_it(refine, gamma, kind):
    torch.manual_seed(0)
    before = Autoencoder(6, (32, 32, 64)).state_dict()
    module, _ = refine(steps=5, gamma=gamma, lr=0.01)
    after = module.autoencoder.state_dict()
    assert type(module.configure_optimizers()) is kind
    assert not torch.equal(after["encoder.0.weight"], before["encoder.0.weight"])
    decoder_kept = all(torch.equal(after[name], before[name]) for name in after if name.startswith("decoder"))
    assert decoder_kept == (gamma is None)


def test_idec_adds_the_weighted_kl_to_the_reconstruction(rows):
    torch.manual_seed(0)
    x = torch.from_numpy(rows)
    module = RefinementModule(Autoencoder(6, (8,)), Rows(rows), torch.randn(K, 10), update_interval=2, gamma=0.1)
    module.log_dict = lambda *args, **kwargs: None
    module._update_target()
    index = torch.arange(5)
    z = module.autoencoder.encoder(x[:5])
    kl = clustering_loss(log_soft_assignment(z, module.centers), module.p[:5])
    expected = 0.5 * (module.autoencoder.decoder(z) - x[:5]).square().mean() + 0.1 * kl
    torch.testing.assert_close(module.training_step({"features": x[:5], "index": index}, 0), expected)


def test_several_devices_are_refused(rows):
    module = RefinementModule(Autoencoder(6, (8,)), Rows(rows), torch.randn(K, 10), update_interval=2)
    module._trainer = SimpleNamespace(world_size=2)
    with pytest.raises(ClusteringError, match=r"one device[\s\S]*trainer.devices[\s\S]*all rows[\s\S]*trainer=auto"):
        module.on_fit_start()
    module._trainer = SimpleNamespace(world_size=1)
    module.on_fit_start()


def test_pretraining_lowers_the_loss_against_the_clean_input(rows):
    torch.manual_seed(0)
    network = Autoencoder(6, (32, 32, 64))
    x = torch.from_numpy(rows)
    before = (network.eval()(x)[1] - x).square().mean().item()
    network.train()
    trainer = pl.Trainer(max_steps=120, logger=False, accelerator="cpu", **PHASE)
    fit_phase(trainer, ReconstructionModule(network, steps=120), MatrixDataModule(rows, batch_size=32))
    assert (network.eval()(x)[1] - x).square().mean().item() < 0.3 * before


def test_health_by_hand():
    found = health(np.array([0, 0, 1, 1, 2, 2]), np.array([[0.0, 0], [3, 4], [0, 1]]))
    assert found == {
        "clusters_in_use": 3,
        "smallest_cluster": 2,
        "size_entropy": pytest.approx(math.log(3)),
        "least_centre_distance": pytest.approx(1.0),
    }


def test_health_of_a_collapse():
    found = health(np.zeros(5, dtype=int), np.array([[0.0, 0], [0, 0]]))
    assert found == {"clusters_in_use": 1, "smallest_cluster": 0, "size_entropy": 0, "least_centre_distance": 0}
    assert math.copysign(1, found["size_entropy"]) == 1  # not "-0.0" in a report


class Stop(Exception):
    """A run that ends in the middle, as a kill does."""


class StopAfter(pl.Callback):
    """Stands behind `Checkpoints`: the step that raises has its checkpoint."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_end(self, trainer, *args, **kwargs):
        if trainer.global_step == self.step:
            raise Stop


def phase(rows, kind, path, *, stop_after=None, checkpoint=None, tol=0.0):
    """Run one phase; returns its module."""
    pl.seed_everything(0, verbose=False)
    autoencoder, x = Autoencoder(6, (32, 32, 64)), torch.from_numpy(rows)
    if kind == "reconstruction":
        module = ReconstructionModule(autoencoder, steps=20)
    elif kind == "paper":
        layer = LayerAutoencoder(autoencoder, 1)
        options = {"optimizer": "sgd", "lr": 0.1, "drop_every": 8, "ramp": 10, "parameters": layer.trained()}
        module = ReconstructionModule(layer, steps=20, **options)
    elif kind == "temi":
        neighbours = torch.arange(len(rows)).roll(1)[:, None]
        module = AgreementModule(Heads(6, K, 3, 16), x, neighbours, lr=1e-3)
    else:
        gamma = 0.1 if kind == "idec" else None
        module = RefinementModule(
            autoencoder, Rows(rows), x[:K, :].new_zeros(K, 10), update_interval=4, tol=tol, gamma=gamma
        )
        module.centers.data.copy_(autoencoder.encoder(x)[[0, 30, 60]])
    callbacks = [Checkpoints(path, seconds=0), *([StopAfter(stop_after)] if stop_after else [])]
    trainer = pl.Trainer(max_steps=20, logger=False, accelerator="cpu", callbacks=callbacks, **PHASE)
    fit_phase(trainer, module, MatrixDataModule(rows, batch_size=32), checkpoint=checkpoint)
    return module


@pytest.mark.parametrize("kind", ["reconstruction", "paper", "dec", "idec", "temi"])
@pytest.mark.parametrize("stop_after", [3, 8, 11])
def test_a_run_taken_up_again_ends_bit_for_bit_as_it_would_have(rows, tmp_path, kind, stop_after):
    """11 is inside an epoch of three steps and inside an interval of four; 3 ends an epoch, 8 an interval."""
    whole = phase(rows, kind, tmp_path / "whole.ckpt")
    with pytest.raises(Stop):
        phase(rows, kind, tmp_path / "cut.ckpt", stop_after=stop_after)
    again = phase(rows, kind, tmp_path / "rest.ckpt", checkpoint=tmp_path / "cut.ckpt")
    expected = whole.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in again.state_dict().items())
    if kind in ("dec", "idec"):
        assert again.step == whole.step == 20
        assert again.health == whole.health
        assert [record["step"] for record in again.health] == [0, 4, 8, 12, 16]


def test_a_finished_phase_is_not_trained_again(rows, tmp_path):
    whole = phase(rows, "paper", tmp_path / "whole.ckpt")
    again = phase(rows, "paper", tmp_path / "again.ckpt", checkpoint=tmp_path / "whole.ckpt", stop_after=20)
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in again.state_dict().items())


def test_a_refinement_that_was_killed_after_its_end_gains_no_record(rows, tmp_path):
    whole = phase(rows, "dec", tmp_path / "whole.ckpt", tol=1.1)
    again = phase(rows, "dec", tmp_path / "again.ckpt", tol=1.1, checkpoint=tmp_path / "whole.ckpt")
    assert whole.converged
    assert again.health == whole.health
    assert again.stop_reason == whole.stop_reason


def test_the_first_target_is_the_partition_and_then_equation_3(refine):
    partition = torch.arange(N) % K
    module, spy = refine(steps=10, partition=partition, partition_updates=1)
    assert torch.equal(spy.targets[3], torch.nn.functional.one_hot(partition, K).float())
    assert ((spy.targets[4] > 0) & (spy.targets[4] < 1)).any()
    assert [record["step"] for record in module.health] == [0, 4, 8]


def test_a_partition_is_never_taken_for_convergence(refine):
    """Nor is what it has moved: the first interval that counts is one towards equation 3."""
    module, _ = refine(steps=50, tol=1.1, partition=torch.arange(N) % K, partition_updates=2)
    assert module.step == 12


def test_a_collapse_is_said_once(rows, caplog):
    centers = torch.full((K, 10), 1e3)
    centers[0] = 0
    module = RefinementModule(Autoencoder(6, (8,)), Rows(rows), centers, update_interval=1)
    module.log_dict = lambda *args, **kwargs: None
    module._update_target()
    module._update_target()
    assert [record.message for record in caplog.records] == ["After 0 steps only 1 of 3 groups hold any photo"]
    assert module.health[0]["clusters_in_use"] == 1


def test_a_divergence_is_refused_with_the_setting_to_change(rows):
    module = RefinementModule(
        Autoencoder(6, (8,)), Rows(rows), torch.full((K, 10), float("nan")), update_interval=1, lr=9
    )
    with pytest.raises(ClusteringError, match=r"DEC diverged[\s\S]*method.lr[\s\S]*smaller learning rate than 9"):
        module._update_target()


def test_the_health_record_of_every_update_is_whole(refine):
    module, _ = refine(steps=9)
    names = {"step", "label_change", "loss", "clusters_in_use", "smallest_cluster", "size_entropy"}
    assert all(set(record) == names | {"least_centre_distance"} for record in module.health)
    assert all(np.isfinite(list(record.values())).all() for record in module.health)


def test_sgd_follows_the_papers_schedule(rows):
    """Momentum ramps up to 0.9, biases learn twice as fast, and the rate falls by ten."""
    seen = []

    class Rates(pl.Callback):
        def on_train_batch_end(self, trainer, *args, **kwargs):
            seen.append([(group["lr"], group["momentum"]) for group in trainer.optimizers[0].param_groups])

    layer = LayerAutoencoder(Autoencoder(6, (8,)), 0)
    options = {"optimizer": "sgd", "lr": 0.1, "drop_every": 3, "ramp": 4, "parameters": layer.trained()}
    module = ReconstructionModule(layer, steps=7, **options)
    trainer = pl.Trainer(max_steps=7, logger=False, accelerator="cpu", callbacks=[Rates()], **PHASE)
    fit_phase(trainer, module, MatrixDataModule(rows, batch_size=32))
    assert [weights[1] for weights, _ in seen] == pytest.approx([0, 0.225, 0.45, 0.675, 0.9, 0.9, 0.9])
    assert all(biases[0] == pytest.approx(2 * weights[0]) for weights, biases in seen)
    assert seen[0][0][0] == pytest.approx(0.1)
    assert seen[-1][0][0] == pytest.approx(0.001)

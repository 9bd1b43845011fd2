"""The two schedules, the cache by content hash, and going on after a kill."""

import logging
import re
import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from cafemood.clustering import callbacks
from cafemood.clustering.autoencoder import Autoencoder, LayerAutoencoder, MaskingNoise
from cafemood.clustering.callbacks import Checkpoints
from cafemood.clustering.modules import ReconstructionModule
from cafemood.clustering.pretraining import Pretraining, duration
from cafemood.clustering.rows import Rows
from cafemood.clustering.training import TrainingContext
from cafemood.errors import ClusteringError

CPU = partial(pl.Trainer, accelerator="cpu")
TINY = {"hidden": (16, 16), "embedding": 3, "min_steps": 8, "epochs": 2}


@pytest.fixture
def x():
    return Rows(torch.randn(60, 6, generator=torch.Generator().manual_seed(0)).numpy())


def phases(n, batch_size=256, **options):
    pretraining = Pretraining(**options)
    return pretraining.phases(Autoencoder(6, pretraining.hidden), n, pretraining.batch_size(n, batch_size))


def test_the_papers_schedule_for_its_own_number_of_rows():
    found = phases(60_000, mode="paper")
    assert [phase.name for phase in found] == [f"pretrain layer {i}/4" for i in (1, 2, 3, 4)] + [
        "fine-tune autoencoder"
    ]
    assert [phase.steps for phase in found] == pytest.approx([50_000] * 4 + [100_000], rel=0.01)
    for phase in found:
        assert phase.options["optimizer"] == "sgd"
        assert phase.options["lr"] == 0.1
        assert phase.options["drop_every"] == pytest.approx(20_000, rel=0.01)
        assert phase.options["ramp"] == pytest.approx(1_000, rel=0.01)


def test_the_papers_schedule_in_passes_and_literally():
    in_passes, literal = (phases(3_000, mode="paper", literal=literal) for literal in (False, True))
    assert in_passes[0].steps == 2_560  # 12 batches x 213.3 passes, where 50,000 steps would be 4,167
    assert in_passes[-1].steps == 2 * in_passes[0].steps
    assert [phase.steps for phase in literal] == [50_000] * 4 + [100_000]
    assert literal[0].options["drop_every"] == 20_000
    assert literal[0].options["ramp"] == 1_000


def test_the_fast_schedule():
    (large,) = phases(70_000)
    assert large.steps == 40 * 69  # batches of 1,024
    assert large.options == {"optimizer": "adam", "lr": 2e-3}
    (small,) = phases(1_000)
    assert small.steps == 400 * 4  # 2,000 steps would be more than 400 passes
    assert small.options["lr"] == 1e-3
    assert phases(39)[0].steps == 400
    assert phases(5_000)[0].steps == 2_000
    assert phases(5_000, epochs=500)[0].steps == 500 * 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "slow"}, r"Unknown mode 'slow'[\s\S]*method.mode[\s\S]*fast or paper"),
        ({"corruption": 1.5}, r"corruption=1.5[\s\S]*method.corruption"),
    ],
)
def test_unknown_settings_are_refused(options, message):
    with pytest.raises(ClusteringError, match=message):
        Pretraining(**options)


def test_a_layer_is_trained_against_what_the_layers_before_it_give(x):
    autoencoder = Autoencoder(6, (16, 8), 3)
    first, middle, last = (LayerAutoencoder(autoencoder, i).eval() for i in range(3))
    assert first.encode[0] is autoencoder.encoder[0]
    assert first.decode[0] is autoencoder.decoder[-1]
    assert len(first.decode) == 1  # linear: the data may be negative
    assert len(middle.decode) == len(last.decode) == 2
    assert len(last.encode) == 1  # the embedding is linear
    x = next(x.split(60))
    hidden = autoencoder.encoder[:2](x)
    expected = 0.5 * (middle.decode(middle.encode(hidden)) - hidden).square().mean()
    torch.testing.assert_close(middle.loss(x), expected)
    middle.loss(x).backward()
    assert autoencoder.encoder[0].weight.grad is None
    assert autoencoder.encoder[2].weight.grad is not None


def test_neither_the_data_nor_the_embedding_is_corrupted_but_all_between_them_is():
    autoencoder = Autoencoder(6, (16, 8), 3)
    layers = [LayerAutoencoder(autoencoder, i) for i in range(3)]
    assert [isinstance(layer.corrupt, MaskingNoise) for layer in layers] == [False, True, True]
    assert [isinstance(layer.corrupt_hidden, MaskingNoise) for layer in layers] == [True, True, False]


def test_masking_noise_zeroes_its_share_and_keeps_the_mean():
    torch.manual_seed(0)
    noise, ones = MaskingNoise(0.2), torch.ones(500, 401)
    found = noise(ones)
    assert (found == 0).float().mean().item() == pytest.approx(51 / 256, abs=0.003)
    assert found.mean().item() == pytest.approx(1, abs=0.005)
    assert len(found.unique()) == 2
    columns, rows = (found == 0).float().mean(dim=0), (found == 0).float().mean(dim=1)
    assert columns.std() < 0.025  # independent entries: 0.018 and 0.020
    assert rows.std() < 0.027
    assert torch.equal(noise.eval()(ones), ones)


@pytest.mark.parametrize("mode", ["fast", "paper"])
def test_the_autoencoder_is_made_once(x, cache_dir, mode, caplog):
    caplog.set_level(logging.INFO)
    pretraining = Pretraining(mode, **TINY)
    first, key = pretraining.run(x, 16, TrainingContext(CPU, cache_dir=cache_dir))
    assert re.search(r"Pretraining: \d+ steps of 16 rows, about \d+ s", caplog.text)
    again, same = pretraining.run(x, 16, TrainingContext(CPU, cache_dir=cache_dir))
    assert "Reusing the pretrained autoencoder" in caplog.text
    assert key == same
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert [path.name for path in (cache_dir / "autoencoders").iterdir()] == [f"{key}.safetensors"]
    assert not list((cache_dir / "unfinished").iterdir())


def test_the_paper_starts_from_small_weights(x, monkeypatch):
    seen = []
    monkeypatch.setattr(TrainingContext, "fit", lambda self, module, *args: seen.append(module.network))
    monkeypatch.setattr(Pretraining, "_check", lambda *args: None)
    Pretraining("paper").run(x, 16, TrainingContext(CPU))
    whole = seen[-1]
    assert isinstance(whole, Autoencoder)
    assert whole.encoder[2].weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert whole.corrupt.share == 0


class Stop(Exception):
    """A kill, as far as Python can tell."""


@pytest.mark.parametrize("stop_in", [0, 1, 3])
def test_a_killed_pretraining_goes_on_where_it_was(x, tmp_path, monkeypatch, stop_in, caplog):
    """In the paper's mode, in each kind of phase; with a checkpoint at every step the end is the same bit for bit."""
    monkeypatch.setattr(Checkpoints.__init__, "__defaults__", (0,))
    pretraining = Pretraining("paper", **TINY)
    whole, _ = pretraining.run(x, 16, TrainingContext(CPU, cache_dir=tmp_path / "whole"))
    real, begun = ReconstructionModule.on_train_batch_start, []

    def stopping(self, batch, batch_idx):
        if self.global_step == 0:
            begun.append(self)
        if len(begun) == stop_in + 1 and self.global_step == 5:
            raise Stop
        real(self, batch, batch_idx)

    context = TrainingContext(CPU, cache_dir=tmp_path / "cut")
    with monkeypatch.context() as patch:
        patch.setattr(ReconstructionModule, "on_train_batch_start", stopping)
        with pytest.raises(Stop):
            pretraining.run(x, 16, context)
    assert len(list((tmp_path / "cut" / "unfinished").glob("*.ckpt"))) == stop_in + 1
    caplog.set_level(logging.INFO)
    again, _ = pretraining.run(x, 16, context)
    assert caplog.text.count("where it was stopped") == stop_in + 1
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))
    assert not list((tmp_path / "cut" / "unfinished").iterdir())


KILLED = """
import functools, os, sys
import numpy as np, pytorch_lightning as pl
from cafemood.clustering import {method}, callbacks, modules
cache, kill_at = sys.argv[1], int(sys.argv[2])
callbacks.Checkpoints.__init__.__defaults__ = (0,)
real = modules.RefinementModule.training_step
def step(self, batch, batch_idx):
    if self.step == kill_at:
        os.kill(os.getpid(), 9)
    return real(self, batch, batch_idx)
modules.RefinementModule.training_step = step
x = np.random.default_rng(0).normal(size=(150, 6)).astype(np.float32)
small = {{"hidden": (16, 16), "embedding": 3, "pretrain_epochs": 3, "pretrain_min_steps": 9}}
trainer = functools.partial(pl.Trainer, accelerator="cpu")
method = {method}(3, **small, update_interval=20, max_updates=2, tol=0.0, batch_size=64)
found = method.set_params(trainer=trainer, cache_dir=cache).fit(x).clustering(x)
print(found.probabilities.tobytes().hex(), found.centers.tobytes().hex(), found.updates)
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["DEC", pytest.param("IDEC", marks=pytest.mark.thorough)])
@pytest.mark.thorough
def test_a_refinement_killed_and_repeated_ends_bit_for_bit_as_it_would_have(tmp_path, method):
    def run(cache, kill_at):
        words = [sys.executable, "-c", KILLED.format(method=method), str(tmp_path / cache), str(kill_at)]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    whole = run("whole", -1)
    assert whole.returncode == 0, whole.stderr
    assert run("cut", 27).returncode == -9  # inside the second interval
    assert list((tmp_path / "cut" / "unfinished").glob("*.ckpt"))
    again = run("cut", -1)
    assert again.stdout == whole.stdout
    assert not list((tmp_path / "cut" / "unfinished").iterdir())


def test_a_damaged_checkpoint_is_thrown_away_with_a_warning(x, cache_dir, caplog):
    pretraining, context = Pretraining(**TINY), TrainingContext(CPU, cache_dir=cache_dir)
    key = pretraining.key(x, 16)
    path = context.checkpoint(f"{key}.0")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no checkpoint")
    pretraining.run(x, 16, context)
    assert f"The cache file {path} is damaged" in caplog.text
    assert (cache_dir / "autoencoders" / f"{key}.safetensors").is_file()


def test_several_devices_are_refused_before_anything_is_computed(x):
    def two(**options):
        return SimpleNamespace(world_size=2)

    with pytest.raises(ClusteringError, match=r"DEC runs on one device[\s\S]*needs all rows[\s\S]*trainer=auto"):
        Pretraining(**TINY).run(x, 16, TrainingContext(two))


def test_a_diverged_autoencoder_is_refused(x, monkeypatch):
    monkeypatch.setattr(
        TrainingContext, "fit", lambda self, module, *args: module.network.encoder[0].weight.data.fill_(np.nan)
    )
    with pytest.raises(ClusteringError, match=r"autoencoder diverged[\s\S]*not finite"):
        Pretraining(**TINY).run(x, 16, TrainingContext(CPU))


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "1 s"), (42, "42 s"), (600, "10 min"), (9000, "2.5 h")])
def test_durations_are_said_in_words(seconds, words):
    assert duration(seconds) == words


def test_a_bar_counts_on_from_the_checkpoint(x, cache_dir, monkeypatch):
    bars = []
    real = callbacks.PhaseProgress.__init__

    def kept(self, *args):
        real(self, *args)
        bars.append(self)

    monkeypatch.setattr(callbacks.PhaseProgress, "__init__", kept)
    Pretraining(**TINY).run(x, 16, TrainingContext(CPU, cache_dir=cache_dir))
    assert [bar.bar.n for bar in bars] == [bar.bar.total for bar in bars] == [8]

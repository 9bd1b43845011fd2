"""Compiled or eager, a network gives the same features."""

import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from cafemood.backbones.backbone import cosine, probe_photos, run
from cafemood.backbones.creating import create_backbone
from cafemood.features import engine

pytest.importorskip("openvino", reason="the extra `fast` is not installed")


@pytest.fixture
def backbone():
    return create_backbone("random")


@pytest.fixture
def batch(backbone):
    return torch.stack([backbone.transform(photo) for photo in probe_photos()])


def test_few_photos_are_not_worth_compiling(backbone):
    assert engine.choose(backbone, engine.WORTH_COMPILING - 1).name == "eager"


def test_compiled_agrees_with_pytorch_for_full_and_partial_batches(backbone, batch):
    compiled = engine.choose(backbone, 1000)
    assert compiled.name == "OpenVINO"
    eager = run(backbone.network, batch)
    found = np.concatenate([compiled(part) for part in batch.split(3)])
    assert found.dtype == np.float32
    assert np.allclose(found, eager, atol=1e-3 * np.abs(eager).max())


def test_its_streams_do_not_mix_up_their_batches(backbone, batch):
    compiled = engine.choose(backbone, 1000, batch_size=2, cores=2)
    assert (compiled.batch_size, compiled.workers) == (2, 2)
    parts = list(batch.split(2)) * 20
    with ThreadPoolExecutor(2) as pool:
        found = np.concatenate(list(pool.map(compiled, parts)))
    assert np.allclose(found, np.concatenate([compiled(part) for part in parts]), atol=1e-5)


def test_mobilenet_compiled_is_mobilenet():
    backbone = create_backbone("mobilenet_v2")
    batch = torch.stack([backbone.transform(photo) for photo in probe_photos()[:4]])
    compiled = engine.choose(backbone, 1000)
    assert compiled.name == "OpenVINO"
    assert cosine(compiled(batch), run(backbone.network_in("float32"), batch)).min() >= 0.999


class Odd(nn.Module):
    """A layer that changes its mind: traced, it does something else than it did."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3 * 64 * 64, 8)

    def forward(self, x):
        y = self.linear(x.flatten(1))
        return y if float(x.detach().abs().sum()) > 0 else -y


def test_a_network_that_compiled_gives_something_else_runs_eagerly(backbone, batch, caplog):
    backbone.build = Odd
    assert engine.choose(backbone, 1000).name == "eager"
    assert "runs without OpenVINO" in caplog.text


def test_a_network_that_cannot_be_compiled_runs_eagerly(backbone, batch, caplog):
    class Untraceable(Odd):
        def forward(self, x):
            return torch.from_numpy(self.linear(x.flatten(1)).detach().numpy()) + torch.from_numpy(np.ones(1))[x]

    backbone.build = Untraceable
    assert engine.choose(backbone, 1000).name == "eager"
    assert "runs without OpenVINO" in caplog.text


def test_without_openvino_it_runs_eagerly(backbone, monkeypatch):
    monkeypatch.setattr(engine.importlib.util, "find_spec", lambda name: None)
    assert engine.choose(backbone, 1000).name == "eager"


def test_compiling_reports_to_nobody(backbone, monkeypatch):
    import openvino_telemetry

    def report(*_, **__):
        raise AssertionError("telemetry was asked for")

    monkeypatch.setattr(openvino_telemetry.Telemetry, "init", report)
    monkeypatch.setattr(openvino_telemetry.Telemetry, "send_event", report)
    assert engine.choose(backbone, 1000).name == "OpenVINO"


def test_a_full_gpu_halves_the_batch_and_loses_no_row(backbone, batch, monkeypatch, caplog):
    expected = backbone.embed(batch)
    real, sizes = type(backbone).embed, []

    def small(self, part):
        sizes.append(len(part))
        if len(part) > 4:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return real(self, part)

    monkeypatch.setattr(type(backbone), "embed", small)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    caplog.set_level(logging.INFO)
    eager = engine.Eager(backbone, batch_size=16)
    assert np.allclose(eager(batch), expected, atol=1e-5)
    assert sizes == [16, 8, 4, 4, 4, 4]
    assert "batches of 4 from now on" in caplog.text

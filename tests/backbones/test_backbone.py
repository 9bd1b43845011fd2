"""A frozen network keeps its features' direction in whatever precision and decoding it takes."""

import json

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.transforms import v2

from cafemood.backbones import backbone as frozen
from cafemood.backbones.backbone import Backbone, cosine
from cafemood.backbones.creating import create_backbone
from cafemood.data.folders import demo_photos
from cafemood.data.images import open_image


def test_a_scaled_jpeg_decode_hardly_changes_the_features():
    backbone = create_backbone("mobilenet_v2", precision="float32")
    found = demo_photos()
    whole = torch.stack([backbone.transform(open_image(found.path(p))) for p in found.photos])
    scaled = [backbone.transform(open_image(found.path(p), shortest=backbone.shortest)) for p in found.photos]
    assert np.median(cosine(backbone.embed(whole), backbone.embed(torch.stack(scaled)))) >= 0.999


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return tmp_path


def small(wanted="auto"):
    def build():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 8, 7, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())

    transform = v2.Compose([v2.Resize((64, 64)), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)])
    return Backbone("small", "features", 32, transform, 64, "digest", build, wanted, "", "")


def test_precision_is_float32_where_the_processor_has_no_half(hub, monkeypatch):
    monkeypatch.setattr(frozen, "processor_has", lambda precision: False)
    assert small().precision == "float32"
    assert not list(hub.rglob("*.json"))


def test_precision_auto_measures_once_and_keeps_what_it_found(hub, monkeypatch):
    monkeypatch.setattr(frozen, "processor_has", lambda precision: precision == "bfloat16")
    first = small()
    assert first.precision == "bfloat16"
    (record,) = (json.loads(path.read_text()) for path in hub.rglob("*.json"))
    assert record["least_cosine"]["bfloat16"] >= frozen.LEAST_COSINE
    monkeypatch.setattr(frozen, "_least_cosines", None)  # a second measurement would fail
    assert small().fingerprint == first.fingerprint
    assert small("float32").fingerprint != first.fingerprint


def test_a_network_that_half_precision_would_change_stays_in_float32(hub, monkeypatch):
    monkeypatch.setattr(frozen, "processor_has", lambda precision: precision == "bfloat16")
    monkeypatch.setattr(
        frozen, "run", lambda network, batch, real=frozen.run: _disturbed(real(network, batch), network)
    )
    assert small().precision == "float32"


def _disturbed(rows, network):
    half = next(network.parameters()).dtype != torch.float32
    return rows + (np.random.default_rng(0).normal(size=rows.shape) * np.abs(rows).max() if half else 0)


def test_a_read_only_home_is_measured_each_time(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "file"))  # no folder can be made in a file
    monkeypatch.setattr(frozen, "processor_has", lambda precision: precision == "bfloat16")
    assert small().precision == "bfloat16"


def test_a_damaged_record_is_measured_again(hub, monkeypatch):
    monkeypatch.setattr(frozen, "processor_has", lambda precision: precision == "bfloat16")
    assert small().precision == "bfloat16"
    (path,) = hub.rglob("*.json")
    path.write_text("{")
    assert small().precision == "bfloat16"
    assert json.loads(path.read_text())["precision"] == "bfloat16"


def test_every_photo_of_the_demo_keeps_its_direction_in_the_precision_that_auto_takes():
    exact, auto = create_backbone("mobilenet_v2", precision="float32"), create_backbone("mobilenet_v2")
    found = demo_photos()
    batch = torch.stack([exact.transform(open_image(found.path(p), shortest=exact.shortest)) for p in found.photos])
    assert cosine(exact.embed(batch), auto.embed(batch)).min() >= 0.999

"""A frozen network keeps its features' direction in whatever precision and decoding it takes."""

import numpy as np
import torch

from cafemood import frozen
from cafemood.backbones import create
from cafemood.frozen import resolve_precision
from cafemood.photos import demo_photos, open_image


def cosine(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def test_a_scaled_jpeg_decode_hardly_changes_the_features():
    backbone = create("mobilenet_v2", precision="float32")
    found = demo_photos()
    whole = torch.stack([backbone.transform(open_image(found.path(p))) for p in found.photos])
    scaled = [backbone.transform(open_image(found.path(p), shortest=backbone.input_size)) for p in found.photos]
    assert np.median(cosine(backbone.embed(whole), backbone.embed(torch.stack(scaled)))) >= 0.97


def test_precision_auto_is_half_only_where_it_holds_and_the_processor_has_it(monkeypatch):
    monkeypatch.setattr(frozen, "processor_has", lambda precision: precision == "float16")
    assert resolve_precision("auto", holds="float16") == "float16"
    assert resolve_precision("auto", holds="bfloat16") == "float32"
    assert resolve_precision("auto") == "float32"
    assert resolve_precision("bfloat16") == "bfloat16"


def test_every_photo_of_the_demo_keeps_its_direction_in_the_precision_that_auto_takes():
    exact, auto = create("mobilenet_v2", precision="float32"), create("mobilenet_v2")
    found = demo_photos()
    batch = torch.stack([exact.transform(open_image(found.path(p), shortest=256)) for p in found.photos])
    assert cosine(exact.embed(batch), auto.embed(batch)).min() >= 0.999

"""`stages`: channel means and deviations of several layers, over the whole photo."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from cafemood.backbones import create_backbone, stages
from cafemood.backbones.cards import CARDS
from cafemood.backbones.networks import torchvision_chain, vgg16
from cafemood.backbones.preprocessing import TRANSFORMS, whole
from cafemood.errors import FeaturesError


def test_by_hand():
    """One channel of 1 and 9, one of 4s: roots of means (5, 4) and of deviations, each scaled to length 1."""
    x = torch.tensor([[[[1.0, 9.0]], [[4.0, 4.0]]]])
    out = stages.StageStatistics([nn.Identity()])(x)[0]
    sd = np.sqrt(32)
    assert out[:2].tolist() == pytest.approx([np.sqrt(5 / 9), np.sqrt(4 / 9)], abs=1e-6)
    assert out[2:].tolist() == pytest.approx([1, 0], abs=1e-6)
    assert torch.allclose(x.std(dim=(2, 3))[0], torch.tensor([sd, 0], dtype=torch.float32))


def test_a_mirrored_photo_gives_the_same():
    network = stages.statistics("vgg16", vgg16(5, width=2, hidden=8, side=8))
    x = torch.randn(2, 3, 64, 64)
    assert torch.allclose(network(x), network(x.flip(3)), atol=1e-6)


def test_each_stage_counts_alike():
    network = stages.statistics("vgg16", vgg16(5, width=2, hidden=8, side=8))
    out = network(torch.randn(3, 3, 64, 64))
    widths = [2 * w for w in (2, 4, 8, 8)]
    assert out.shape == (3, 2 * sum(widths))
    for part in out.split([w for width in widths for w in (width, width)], dim=1):
        assert torch.allclose(part.norm(dim=1), torch.ones(3), atol=1e-5)


@pytest.mark.parametrize("network", ["resnet18", "resnet50"])
def test_resnets_are_cut_at_their_layers(network):
    from torchvision import models

    made = getattr(models, network)(num_classes=5).eval()
    ends = []
    for name in ("layer1", "layer2", "layer3", "layer4"):
        getattr(made, name).register_forward_hook(lambda _m, _i, out: ends.append(out))
    x = torch.randn(1, 3, 64, 64)
    x = torch.cat([x, x.flip(3)])
    with torch.inference_mode():
        made(x)
        first = ends[0].mean(dim=(2, 3)).mean(dim=0)
        assert [end.shape[1] for end in ends] == list(stages.WIDTHS[network])
        out = stages.statistics(network, torchvision_chain(network, made))(x[:1])
    expected = first.sign() * first.abs().sqrt()
    assert torch.allclose(out[0, : len(expected)], expected / expected.norm(), atol=1e-4)
    assert out.shape == (1, stages.length(network))


def test_mobilenet_gives_its_stages_and_another_fingerprint():
    plain, of_stages = create_backbone("mobilenet_v2"), create_backbone("mobilenet_v2", output="stages")
    assert of_stages.dim == 3904
    assert plain.network_digest != of_stages.network_digest
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 200, 3), dtype=np.uint8))
    row = of_stages.embed(of_stages.transform(image)[None])
    assert row.shape == (1, 3904)
    assert np.isfinite(row).all()
    assert np.linalg.norm(row) == pytest.approx(np.sqrt(12), abs=0.05)


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if "stages" in card.all_outputs])
def test_the_whole_photo_is_seen(name):
    """A bright edge that a crop would lose changes the input."""
    transform, side = TRANSFORMS[whole(CARDS[name].preprocessing)]()
    dark = np.zeros((400, 200, 3), np.uint8)
    edge = dark.copy()
    edge[:20] = 255
    a, b = transform(Image.fromarray(dark)), transform(Image.fromarray(edge))
    assert a.shape == (3, side, side)
    assert not torch.equal(a, b)


def test_networks_without_stages_say_what_they_have():
    with pytest.raises(FeaturesError, match="no output 'stages'"):
        create_backbone("alexnet", output="stages")

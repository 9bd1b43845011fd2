"""The table of backbones is whole, and each config says what the table says."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from cafemood.backbones.cards import CARDS, CLASSIFIED
from cafemood.backbones.preprocessing import TRANSFORMS
from cafemood.backbones.registry import NETWORKS
from cafemood.backbones.text_cards import all_cards

CONF = Path(__file__).parents[2] / "conf"
STUDY = {
    "mobilenet_v2", "resnet50", "vgg16", "alexnet", "googlenet",
    "resnet18_places365", "resnet50_places365", "alexnet_places365", "densenet161_places365",
    "vgg16_places365", "vgg16_hybrid1365", "googlenet_places365",
    "alexnet_places205", "googlenet_places205", "vgg16_places205",
}  # fmt: skip


def test_every_network_of_the_studys_table_is_there():
    assert set(CARDS) == STUDY


@pytest.mark.parametrize("name", all_cards())
def test_a_config_says_what_its_card_says(name):
    card, path = all_cards()[name], CONF / "backbone" / f"{name}.yaml"
    said = path.read_text(encoding="utf-8")
    node = OmegaConf.load(path)
    assert node.name == name
    assert node.output == "features"
    assert " | ".join(card.all_outputs) in said
    for fact in (card.licence, card.citation, f"{card.megabytes} MB", card.source.url or card.source.package):
        assert str(fact) in said


@pytest.mark.parametrize("name", CARDS)
def test_a_card_is_whole(name):
    from torchvision import models

    card = CARDS[name]
    assert card.network in NETWORKS or hasattr(models, card.network)
    assert card.preprocessing in TRANSFORMS
    assert card.outputs[0] == "features"
    assert bool(card.n_classes) == bool(set(card.outputs) & set(CLASSIFIED))
    assert (card.source.url is None) == card.offline
    assert card.length("features") == card.dim
    if name.rpartition("places")[2].isdigit():
        assert card.n_classes == int(name.rpartition("places")[2])


def test_addresses_are_of_the_authors():
    hosts = {card.source.url.split("/")[2] for card in CARDS.values() if card.source.url}
    assert hosts == {"download.pytorch.org", "places2.csail.mit.edu", "places.csail.mit.edu", "github.com"}


def test_torchvisions_digests_are_known():
    assert all(c.source.sha256 for c in CARDS.values() if c.source.url and "pytorch.org" in c.source.url)


def test_the_sweep_over_backbones_names_them_all():
    sweep = OmegaConf.load(CONF / "experiment" / "backbones.yaml").hydra.sweeper.params.backbone
    names = {word.strip() for word in sweep.split(",")}
    assert names == set(CARDS) | {"dinov2_small", "clip_vit_b32"}

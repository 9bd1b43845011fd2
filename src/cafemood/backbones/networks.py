"""The networks, as a chain of named outputs: Caffe's own nets, and torchvision's cut at their layers.

Caffe's AlexNet (CaffeNet) and GoogLeNet are not torchvision's: they have local response normalisation, and
GoogLeNet no batch norm. VGG16 is one network whatever file its weights come from.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

Chain = dict[str, nn.Module]
"""Output name -> the layers that lead to it from the output before; the last but one is the features."""

_VGG16 = (1, 1, "M", 2, 2, "M", 4, 4, 4, "M", 8, 8, 8, "M", 8, 8, 8, "M")


def cut(chain: Chain, output: str) -> nn.Module:
    """The network up to an output; `probs` is the softmax of `logits`, `features` the vector before `logits`."""
    names = list(chain)
    wanted = "logits" if output in ("probs", "sqrt_probs") else output
    if wanted == "features" and "logits" in names:
        wanted = names[names.index("logits") - 1]
    layers = [chain[name] for name in names[: names.index(wanted) + 1]]
    return nn.Sequential(*layers, *([_Probabilities(output)] if output in ("probs", "sqrt_probs") else []))


class _Probabilities(nn.Module):
    """Softmax over classes (b, c), in float32; its square root makes Euclidean distance Hellinger's."""

    def __init__(self, output: str) -> None:
        super().__init__()
        self.root = output == "sqrt_probs"

    def forward(self, x: Tensor) -> Tensor:
        probabilities = x.float().softmax(dim=1)
        return probabilities.sqrt() if self.root else probabilities


def vgg16(n_classes: int, width: int = 64, hidden: int = 4096, side: int = 7) -> Chain:
    """VGG16 (Simonyan & Zisserman, ICLR 2015, configuration D): fc6, fc7, logits.

    Args:
        n_classes: Classes of the last layer.
        width: Channels of the first convolution; 64 is VGG16.
        hidden: Length of fc6 and fc7.
        side: Height and width after the last pooling; 7 for inputs of 224.
    """
    layers: list[nn.Module] = []
    channels = 3
    for step in _VGG16:
        if isinstance(step, str):
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(channels, step * width, 3, padding=1), nn.ReLU()]
            channels = step * width
    fc6 = nn.Linear(channels * side * side, hidden)
    return {
        "fc6": nn.Sequential(*layers, nn.Flatten(), fc6, nn.ReLU()),
        "fc7": nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU()),
        "logits": nn.Linear(hidden, n_classes),
    }


def caffenet(n_classes: int, width: int = 32, hidden: int = 4096) -> Chain:
    """CaffeNet, AlexNet on one processor (Krizhevsky et al., 2012; Jia et al., 2014), input 227: fc6, fc7, logits.

    Args:
        n_classes: Classes of the last layer.
        width: A third of the first convolution's channels; 32 is CaffeNet.
        hidden: Length of fc6 and fc7.
    """
    w = width
    trunk = [
        nn.Conv2d(3, 3 * w, 11, stride=4), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), _lrn(),
        nn.Conv2d(3 * w, 8 * w, 5, padding=2, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), _lrn(),
        nn.Conv2d(8 * w, 12 * w, 3, padding=1), nn.ReLU(),
        nn.Conv2d(12 * w, 12 * w, 3, padding=1, groups=2), nn.ReLU(),
        nn.Conv2d(12 * w, 8 * w, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True),
    ]  # fmt: skip
    return {
        "fc6": nn.Sequential(*trunk, nn.Flatten(), nn.Linear(8 * w * 36, hidden), nn.ReLU()),
        "fc7": nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU()),
        "logits": nn.Linear(hidden, n_classes),
    }


class Inception(nn.Module):
    """Four branches side by side (Szegedy et al., CVPR 2015, figure 2b); names as in Caffe's definition."""

    def __init__(self, channels: int, widths: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        one, three_reduce, three, five_reduce, five, pool = widths
        self.branches = nn.ModuleDict(
            {
                "1x1": nn.Conv2d(channels, one, 1),
                "3x3_reduce": nn.Conv2d(channels, three_reduce, 1),
                "3x3": nn.Conv2d(three_reduce, three, 3, padding=1),
                "5x5_reduce": nn.Conv2d(channels, five_reduce, 1),
                "5x5": nn.Conv2d(five_reduce, five, 5, padding=2),
                "pool_proj": nn.Conv2d(channels, pool, 1),
            }
        )
        self.pool = nn.MaxPool2d(3, 1, padding=1)
        self.channels = one + three + five + pool

    def forward(self, x: Tensor) -> Tensor:
        """(b, channels, h, w) to (b, sum of the branches, h, w)."""
        b = self.branches
        three = b["3x3"](b["3x3_reduce"](x).relu()).relu()
        five = b["5x5"](b["5x5_reduce"](x).relu()).relu()
        return torch.cat([b["1x1"](x).relu(), three, five, b["pool_proj"](self.pool(x)).relu()], dim=1)


_INCEPTION = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64), "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip
"""Branch widths (Szegedy et al., table 1)."""


def googlenet(n_classes: int, shrink: int = 1) -> Chain:
    """Caffe's GoogLeNet (Szegedy et al., CVPR 2015) without its auxiliary heads: features 1024-d, logits.

    Args:
        n_classes: Classes of the last layer.
        shrink: Divides every width; 1 is GoogLeNet.
    """
    trunk: list[nn.Module] = [
        nn.Conv2d(3, 64 // shrink, 7, stride=2, padding=3), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), _lrn(),
        nn.Conv2d(64 // shrink, 64 // shrink, 1), nn.ReLU(),
        nn.Conv2d(64 // shrink, 192 // shrink, 3, padding=1), nn.ReLU(), _lrn(), nn.MaxPool2d(3, 2, ceil_mode=True),
    ]  # fmt: skip
    channels = 192 // shrink
    for name, widths in _INCEPTION.items():
        if name in ("4a", "5a"):
            trunk.append(nn.MaxPool2d(3, 2, ceil_mode=True))
        a, b, c, d, e, f = (width // shrink for width in widths)
        block = Inception(channels, (a, b, c, d, e, f))
        trunk.append(block)
        channels = block.channels
    return {
        "features": nn.Sequential(*trunk, nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        "logits": nn.Linear(channels, n_classes),
    }


def googlenet_layers(chain: Chain) -> Iterator[tuple[str, nn.Module]]:
    """The layers of `googlenet` that hold weights, each with its name in Caffe's definition."""
    plain = iter(("conv1/7x7_s2", "conv2/3x3_reduce", "conv2/3x3"))
    blocks = iter(_INCEPTION)
    trunk = chain["features"]
    assert isinstance(trunk, nn.Sequential)
    for layer in trunk:
        if isinstance(layer, nn.Conv2d):
            yield next(plain), layer
        elif isinstance(layer, Inception):
            block = next(blocks)
            for name, branch in layer.branches.items():
                yield f"inception_{block}/{name}", branch
    yield "loss3/classifier", chain["logits"]


def torchvision_chain(name: str, network: nn.Module) -> Chain:
    """Cut one of torchvision's classifiers (ResNet, DenseNet, AlexNet, GoogLeNet) at its layers."""
    n: dict[str, nn.Module] = dict(network.named_children())
    if name.startswith("resnet"):
        trunk = [layer for key, layer in n.items() if key != "fc"]
        return {"features": nn.Sequential(*trunk, nn.Flatten()), "logits": n["fc"]}
    if name.startswith("densenet"):
        pooled = nn.Sequential(n["features"], nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return {"features": pooled, "logits": n["classifier"]}
    if name == "alexnet":
        c = list(n["classifier"].children())
        fc6 = nn.Sequential(n["features"], n["avgpool"], nn.Flatten(), *c[:3])
        return {"fc6": fc6, "fc7": nn.Sequential(*c[3:6]), "logits": c[6]}
    if name == "googlenet":
        network.fc = nn.Identity()  # its forward pass, which changes the input's scale, stays whole
        return {"features": network, "logits": n["fc"]}
    raise ValueError(f"no chain for {name}")


def _lrn() -> nn.Module:
    """Across channels, as Caffe's: (1 + alpha / 5 * sum of 5 squares) ** 0.75."""
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)

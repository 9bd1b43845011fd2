"""`stages`: the channel statistics of a network's stages over the whole photo: how it looks, not what stands where.

Style is in the statistics of many layers, content in where and in the last ones (Gatys et al., "Image Style Transfer
Using Convolutional Neural Networks", CVPR 2016; mean and deviation alone: Huang and Belongie, "Arbitrary Style Transfer
in Real-time with Adaptive Instance Normalization", ICCV 2017).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cafemood.backbones.networks import Chain

OUTPUT = "stages"
WIDTHS: dict[str, tuple[int, ...]] = {
    "mobilenet_v2": (32, 64, 96, 160, 320, 1280),
    "resnet18": (64, 128, 256, 512),
    "resnet50": (256, 512, 1024, 2048),
    "vgg16": (128, 256, 512, 512),
}
"""Channels at the end of each stage that is taken."""
_MOBILENET_ENDS = (7, 11, 14, 17, 18, 19)


def length(network: str) -> int:
    """Length of the output: a mean and a standard deviation a channel."""
    return 2 * sum(WIDTHS[network])


class StageStatistics(nn.Module):
    """Mean and standard deviation of each channel at the end of each stage, of a photo and its mirror image.

    Each of a stage's two vectors is averaged over both, its signed square root is taken (channels are heavy-tailed),
    and it is scaled to length 1, so that all stages count alike.

    Args:
        pieces: What leads from one stage's end to the next.
    """

    def __init__(self, pieces: list[nn.Module]) -> None:
        super().__init__()
        self.pieces = nn.ModuleList(pieces)

    def forward(self, x: Tensor) -> Tensor:
        """(b, 3, height, width) to (b, twice the sum of the widths)."""
        mirrored = self._statistics(x.flip(3))
        parts = [(own.float() + other.float()) / 2 for own, other in zip(self._statistics(x), mirrored, strict=True)]
        roots = [part.sign() * part.abs().sqrt() for part in parts]
        return torch.cat([nn.functional.normalize(root, dim=1) for root in roots], dim=1)

    def _statistics(self, x: Tensor) -> list[Tensor]:
        found: list[Tensor] = []
        for piece in self.pieces:
            x = piece(x)
            found += [x.mean(dim=(2, 3)), x.std(dim=(2, 3))]
        return found


def statistics(network: str, chain: Chain) -> StageStatistics:
    """The statistics of a network that was cut into a chain (see `networks`)."""
    first = next(iter(chain.values()))
    assert isinstance(first, nn.Sequential)
    if network == "mobilenet_v2":
        layers = list(first[0].children())
        ends = list(_MOBILENET_ENDS)
    elif network == "vgg16":
        layers = list(first.children())
        ends = [i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)][1:]
    else:  # conv, norm, relu, pool, four stages
        layers, ends = list(first.children()), [5, 6, 7, 8]
    starts = [0, *ends[:-1]]
    return StageStatistics([nn.Sequential(*layers[start:end]) for start, end in zip(starts, ends, strict=True)])

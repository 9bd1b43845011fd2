"""Deep Embedded Clustering in plain torch: soft assignment, target distribution, autoencoder.

Xie, Girshick, Farhadi, "Unsupervised Deep Embedding for Clustering Analysis", ICML 2016
(https://arxiv.org/abs/1511.06335); IDEC: Guo et al., "Improved Deep Embedded Clustering with Local
Structure Preservation", IJCAI 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cafemood.clustering.functional import reconstruction_loss


class Autoencoder(nn.Module):
    """The paper's fully connected autoencoder d-500-500-2000-10 and its mirror.

    Hidden layers are ReLU; the embedding and the reconstruction are linear. The embedding has 10
    dimensions whatever k is.

    Args:
        d: Input columns.
        hidden: Widths of the encoder's hidden layers.
        embedding: Width of the embedding.
        corruption: Share of the inputs set to zero while training (a denoising autoencoder).
    """

    def __init__(
        self, d: int, hidden: Sequence[int] = (500, 500, 2000), embedding: int = 10, corruption: float = 0.2
    ) -> None:
        super().__init__()
        widths = [d, *hidden, embedding]
        self.encoder = mlp(widths)
        self.decoder = mlp(widths[::-1])
        self.corrupt = MaskingNoise(corruption)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Embed and reconstruct x (n, d): returns z (n, embedding) and the reconstruction (n, d)."""
        z = self.encoder(self.corrupt(x))
        return z, self.decoder(z)

    def loss(self, x: Tensor) -> Tensor:
        """What pretraining lowers: the reconstruction's error against the uncorrupted input."""
        return reconstruction_loss(self(x)[1], x)


class LayerAutoencoder(nn.Module):
    """One layer of an autoencoder and its mirror, as the paper pretrains them (section 3.2).

    A share of the layer's input and of its hidden output is set to zero, but (as in the authors' code) never
    of the data itself nor of the embedding; the target is the uncorrupted input. The layer's weights are
    those of the autoencoder.

    Args:
        autoencoder: Where the layers come from; its other layers are not trained.
        i: The layer, from 0.
        corruption: The share.
    """

    def __init__(self, autoencoder: Autoencoder, i: int, corruption: float = 0.2) -> None:
        super().__init__()
        n = (len(autoencoder.encoder) + 1) // 2
        self.before = autoencoder.encoder[: 2 * i]
        self.encode = autoencoder.encoder[2 * i : 2 * i + 2]
        self.decode = autoencoder.decoder[2 * (n - 1 - i) : 2 * (n - i)]
        self.corrupt = MaskingNoise(corruption) if i else nn.Identity()
        self.corrupt_hidden = MaskingNoise(corruption) if i < n - 1 else nn.Identity()

    def loss(self, x: Tensor) -> Tensor:
        """The error of this layer's reconstruction of what the layers before it make of x (n, d)."""
        with torch.no_grad():
            target = self.before(x)
        hidden = self.encode(self.corrupt(target))
        return reconstruction_loss(self.decode(self.corrupt_hidden(hidden)), target)

    def trained(self) -> list[nn.Parameter]:
        """The parameters of the layer and of its mirror."""
        return [*self.encode.parameters(), *self.decode.parameters()]


class MaskingNoise(nn.Module):
    """Dropout: in training a share of the entries is zero and the rest scaled up, so that the mean stays.

    On a CPU PyTorch draws one random number an entry, which took a tenth of a training step; here eight
    entries share one of 64 bits, and the share is rounded to a 256th.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Corrupt x, any shape, in training; return it as it is in evaluation."""
        if not self.training or self.share == 0:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.share)
        threshold = round(256 * self.share)
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= threshold
        return x * kept.to(x.dtype).mul_(256 / (256 - threshold))


def mlp(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with ReLU between them and none after the last; He's initialisation."""
    layers: list[nn.Module] = []
    for i, (fan_in, fan_out) in enumerate(pairwise(widths)):
        linear = nn.Linear(fan_in, fan_out)
        last = i == len(widths) - 2
        nn.init.kaiming_normal_(linear.weight, nonlinearity="linear" if last else "relu")
        nn.init.zeros_(linear.bias)
        layers += [linear] if last else [linear, nn.ReLU()]
    return nn.Sequential(*layers)


def mlp_from_state(state: dict[str, Tensor]) -> nn.Sequential:
    """Rebuild an `mlp` from its own state dict (months later, from a run folder)."""
    weights = [state[key] for key in sorted(state, key=_layer_number) if key.endswith("weight")]
    network = mlp([weights[0].shape[1], *(w.shape[0] for w in weights)])
    network.load_state_dict(state)
    return network.eval()


def _layer_number(key: str) -> int:
    return int(key.split(".")[0])

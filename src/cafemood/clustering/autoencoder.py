"""Deep Embedded Clustering in plain torch: soft assignment, target distribution, autoencoder.

Xie, Girshick, Farhadi, "Unsupervised Deep Embedding for Clustering Analysis", ICML 2016
(https://arxiv.org/abs/1511.06335); IDEC: Guo et al., "Improved Deep Embedded Clustering with Local
Structure Preservation", IJCAI 2017.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def log_soft_assignment(z: Tensor, centers: Tensor, alpha: float = 1.0) -> Tensor:
    """Log of the Student-t similarity of points to centres (DEC, eq. 1).

    Args:
        z: Embedded points (n, d).
        centers: Cluster centres (k, d).
        alpha: Degrees of freedom; the paper takes 1.

    Returns:
        log q (n, k); each row's exponentials sum to 1.
    """
    squared = torch.cdist(z, centers, compute_mode="donot_use_mm_for_euclid_dist").square()
    log_kernel = -(alpha + 1) / 2 * torch.log1p(squared / alpha)
    return log_kernel - log_kernel.logsumexp(dim=1, keepdim=True)


def target_distribution(q: Tensor) -> Tensor:
    """The sharpened target (DEC, eq. 3), over the whole data set: q² / f, rows normalised.

    Args:
        q: Soft assignment of **all** points (n, k): f is a sum over the data, not over a batch.

    Returns:
        p (n, k).
    """
    weight = q.square() / q.sum(dim=0)
    return weight / weight.sum(dim=1, keepdim=True)


def clustering_loss(log_q: Tensor, p: Tensor) -> Tensor:
    """KL(P || Q), mean over samples (DEC, eq. 2)."""
    return F.kl_div(log_q, p, reduction="batchmean")


def reconstruction_loss(reconstruction: Tensor, x: Tensor) -> Tensor:
    """Half the squared error, mean over all elements: the scale that the paper's learning rate fits."""
    return 0.5 * F.mse_loss(reconstruction.to(x.dtype), x)


def input_scale(x: Iterable[Tensor]) -> float:
    """The one global factor that brings the mean of ‖x‖²/d to 1 (DEC, section 4.2).

    Args:
        x: The rows (n, d), in one tensor or in several.

    Raises:
        ValueError: All values are zero, or one is not finite.
    """
    squares, n = 0.0, 0
    for rows in x:
        squares, n = squares + float(rows.double().square().sum()), n + rows.numel()
    if not math.isfinite(squares) or squares == 0:
        raise ValueError("the features are all zero, or not finite")
    return float(torch.tensor(squares / n, dtype=torch.float64).rsqrt().float())


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

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
    return 0.5 * F.mse_loss(reconstruction, x)


def input_scale(x: Tensor) -> Tensor:
    """The one global factor that brings the mean of ‖x‖²/d to 1 (DEC, section 4.2).

    Raises:
        ValueError: All values are zero, or one is not finite.
    """
    mean_square = x.double().square().mean()
    if not torch.isfinite(mean_square) or mean_square == 0:
        raise ValueError("the features are all zero, or not finite")
    return mean_square.rsqrt().float()


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
        self.corrupt = nn.Dropout(corruption)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Embed and reconstruct x (n, d): returns z (n, embedding) and the reconstruction (n, d)."""
        z = self.encoder(self.corrupt(x))
        return z, self.decoder(z)


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

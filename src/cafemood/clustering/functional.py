"""The maths of DEC and IDEC in plain torch: soft assignment, target distribution, losses.

Xie, Girshick, Farhadi, "Unsupervised Deep Embedding for Clustering Analysis", ICML 2016
(https://arxiv.org/abs/1511.06335); IDEC: Guo et al., "Improved Deep Embedded Clustering with Local
Structure Preservation", IJCAI 2017.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor
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

"""TEMI's heads and loss in plain torch.

Adaloglou, Michels, Kalisch, Kollmann, "Exploring the Limits of Deep Image Clustering using Pretrained
Models", BMVC 2023 (https://arxiv.org/abs/2303.17896).
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

TEMPERATURE, BETA = 0.1, 0.6
"""Of the softmax, and the exponent that keeps clusters from merging (section 3.3 of the TEMI paper)."""


class Heads(nn.Module):
    """Several small networks from d inputs to k logits, side by side.

    Args:
        d: Input columns; rows have length 1.
        k: Clusters.
        n_heads: How many.
        hidden: Width of the hidden layer of each.
    """

    def __init__(self, d: int, k: int, n_heads: int, hidden: int) -> None:
        super().__init__()
        self.inner = nn.Parameter(torch.randn(n_heads, d, hidden) * 2**0.5)
        self.bias = nn.Parameter(torch.zeros(n_heads, 1, hidden))
        self.outer = nn.Parameter(torch.randn(n_heads, hidden, k) * 0.3 / hidden**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities (n_heads, n, k) of rows (n, d)."""
        n_heads, d, hidden = self.inner.shape
        inner = x @ self.inner.transpose(0, 1).reshape(d, n_heads * hidden)
        inner = inner.view(len(x), n_heads, hidden).transpose(0, 1) + self.bias
        return (torch.bmm(inner.relu(), self.outer).float() / TEMPERATURE).log_softmax(dim=2)

    def only(self, i: int) -> Heads:
        """One of them."""
        head = copy.deepcopy(self)
        for name, value in self.named_parameters():
            setattr(head, name, nn.Parameter(value[i : i + 1].detach().clone()))
        return head


def temi_losses(log_s: Tensor, log_t: Tensor, marginal: Tensor) -> Tensor:
    """The TEMI loss of each head (eq. 8 of the paper, symmetric in the pair).

    Args:
        log_s: The students' log-probabilities (n_heads, 2b, k): b rows, then a neighbour of each.
        log_t: The teachers'.
        marginal: Moving mean of the teachers' probabilities (n_heads, 1, k).

    Returns:
        Losses (n_heads,).
    """
    (s, s_near), (t, t_near) = log_s.chunk(2, dim=1), log_t.chunk(2, dim=1)
    log_marginal = marginal.log()
    there = (BETA * (s + t_near) - log_marginal).logsumexp(dim=2)
    back = (BETA * (s_near + t) - log_marginal).logsumexp(dim=2)
    weight = (t.exp() * t_near.exp()).sum(dim=2).mean(dim=0)  # pairs that all heads take for one cluster count more
    return -(weight * (there + back) / 2).mean(dim=1)

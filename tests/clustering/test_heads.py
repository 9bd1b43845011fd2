"""TEMI's loss by hand and by its properties."""

import math

import pytest
import torch

from cafemood.clustering.heads import Heads, temi_losses


def logs(*rows):
    return torch.tensor([rows]).clamp_min(1e-12).log()


def test_loss_by_hand():
    """A sure, agreeing pair in one of two equal clusters: -log(1 / 0.5), whatever beta is."""
    pair = logs([1.0, 0.0], [1.0, 0.0])
    marginal = torch.full((1, 1, 2), 0.5)
    assert temi_losses(pair, pair, marginal).item() == pytest.approx(-math.log(2), abs=1e-4)


def test_pairs_that_disagree_count_for_nothing():
    pair = logs([1.0, 0.0], [0.0, 1.0])
    assert temi_losses(pair, pair, torch.full((1, 1, 2), 0.5)).item() == pytest.approx(0, abs=1e-4)


def test_agreement_in_a_rare_cluster_is_worth_more():
    pair = logs([1.0, 0.0], [1.0, 0.0])
    rare, usual = (temi_losses(pair, pair, torch.tensor([[[share, 1 - share]]])).item() for share in (0.1, 0.6))
    assert rare < usual < 0


def test_heads_give_probabilities_and_one_of_them_is_itself():
    torch.manual_seed(0)
    heads, x = Heads(7, 4, 3, 8), torch.nn.functional.normalize(torch.randn(9, 7), dim=1)
    found = heads(x)
    assert found.shape == (3, 9, 4)
    torch.testing.assert_close(found.exp().sum(dim=2), torch.ones(3, 9))
    assert not torch.allclose(found[0], found[1])
    torch.testing.assert_close(heads.only(1)(x)[0], found[1])

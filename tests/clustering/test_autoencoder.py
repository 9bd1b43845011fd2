"""The maths of `dec.py`, by hand, against float64 NumPy, and by its properties."""

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cafemood.clustering.autoencoder import Autoencoder, mlp, mlp_from_state
from cafemood.clustering.functional import (
    clustering_loss,
    input_scale,
    log_soft_assignment,
    reconstruction_loss,
    target_distribution,
)


def eq_1(z: np.ndarray, centers: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """The paper's q, as it is printed."""
    squared = ((z[:, None] - centers[None]) ** 2).sum(axis=2)
    kernel = (1 + squared / alpha) ** (-(alpha + 1) / 2)
    return kernel / kernel.sum(axis=1, keepdims=True)


def eq_3(q: np.ndarray) -> np.ndarray:
    """The paper's p, as it is printed."""
    weight = q**2 / q.sum(axis=0)
    return weight / weight.sum(axis=1, keepdims=True)


@pytest.fixture
def points():
    rng = np.random.default_rng(0)
    return rng.normal(size=(23, 5)) * 3, rng.normal(size=(4, 5)) * 3


def test_soft_assignment_by_hand():
    """Squared distances 0 and 3 give kernels 1 and 1/4."""
    q = log_soft_assignment(torch.zeros(1, 3), torch.tensor([[0.0, 0, 0], [1, 1, 1]])).exp()
    torch.testing.assert_close(q, torch.tensor([[0.8, 0.2]]))


@pytest.mark.parametrize("alpha", [1.0, 0.5, 9.0])
def test_soft_assignment_is_equation_1(points, alpha):
    z, centers = points
    found = log_soft_assignment(torch.from_numpy(z), torch.from_numpy(centers), alpha).exp().numpy()
    np.testing.assert_allclose(found, eq_1(z, centers, alpha), rtol=1e-12)


def test_soft_assignment_in_float32_is_close_to_float64(points):
    z, centers = points
    found = log_soft_assignment(torch.from_numpy(z).float(), torch.from_numpy(centers).float()).exp()
    np.testing.assert_allclose(found.numpy(), eq_1(z, centers), rtol=1e-4)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 999), n=st.integers(1, 9), k=st.integers(2, 6), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_rows_sum_to_one(seed, n, k, scale):
    generator = torch.Generator().manual_seed(seed)
    z, centers = torch.randn(n, 3, generator=generator) * scale, torch.randn(k, 3, generator=generator)
    log_q = log_soft_assignment(z, centers)
    assert torch.isfinite(log_q).all()
    torch.testing.assert_close(log_q.exp().sum(dim=1), torch.ones(n))
    torch.testing.assert_close(target_distribution(log_q.exp()).sum(dim=1), torch.ones(n))


def test_far_points_stay_finite_with_their_gradient():
    z = torch.full((2, 10), 1e6, requires_grad=True)
    centers = torch.zeros(3, 10)
    centers[1] = 1.0
    log_q = log_soft_assignment(z, centers)
    clustering_loss(log_q, target_distribution(log_q.exp()).detach()).backward()
    assert torch.isfinite(log_q).all()
    assert torch.isfinite(z.grad).all()


def test_a_point_on_its_centre_has_a_finite_gradient():
    z = torch.zeros(1, 2, requires_grad=True)
    log_soft_assignment(z, torch.tensor([[0.0, 0], [1, 0]]))[0, 0].backward()
    torch.testing.assert_close(z.grad, torch.tensor([[-0.5, 0.0]]) * 2 * 1 / 3)  # d/dx of -ln(1 + k2/k1)


def test_target_by_hand():
    found = target_distribution(torch.tensor([[0.5, 0.5], [0.0, 1.0]]))
    torch.testing.assert_close(found, torch.tensor([[0.75, 0.25], [0.0, 1.0]]))


def test_target_is_equation_3_and_needs_all_rows(points):
    q = eq_1(*points)
    whole = target_distribution(torch.from_numpy(q)).numpy()
    np.testing.assert_allclose(whole, eq_3(q), rtol=1e-12)
    batch = target_distribution(torch.from_numpy(q[:5])).numpy()
    assert not np.allclose(batch, whole[:5], rtol=1e-3)  # the mistake that `RefinementModule.p` avoids


def test_clustering_loss_is_the_mean_of_the_relative_entropies(points):
    q = eq_1(*points)
    p = eq_3(q)
    found = clustering_loss(torch.from_numpy(q).log(), torch.from_numpy(p)).item()
    assert found == pytest.approx(np.mean([scipy.stats.entropy(a, b) for a, b in zip(p, q, strict=True)]), rel=1e-10)
    assert found > 0
    assert clustering_loss(torch.from_numpy(p).log(), torch.from_numpy(p)).item() == pytest.approx(0, abs=1e-12)


def test_clustering_loss_takes_a_target_with_zeros():
    loss = clustering_loss(torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.0, 1.0]]))
    assert loss.item() == pytest.approx(np.log(2))


def test_gradients_are_equations_4_and_5(points):
    """The paper's loss is a sum over samples, ours their mean: a factor n. P is held fixed."""
    z, centers = points
    q = eq_1(z, centers)
    p = eq_3(q)
    difference = z[:, None] - centers[None]
    pull = ((p - q) / (1 + (difference**2).sum(axis=2)))[:, :, None] * difference
    eq_4, eq_5 = 2 * pull.sum(axis=1), -2 * pull.sum(axis=0)  # (alpha + 1) / alpha = 2

    z_t, c_t = torch.from_numpy(z).requires_grad_(), torch.from_numpy(centers).requires_grad_()
    clustering_loss(log_soft_assignment(z_t, c_t), torch.from_numpy(p)).backward()
    np.testing.assert_allclose(z_t.grad.numpy() * len(z), eq_4, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(c_t.grad.numpy() * len(z), eq_5, rtol=1e-9, atol=1e-12)


def test_reconstruction_loss_is_half_the_mean_over_all_elements():
    x, other = torch.zeros(2, 3), torch.tensor([[1.0, 0, 0], [0, 2, 0]])
    assert reconstruction_loss(other, x).item() == pytest.approx(0.5 * 5 / 6)


def test_input_scale_is_one_factor_that_brings_the_mean_square_to_one():
    x = torch.randn(50, 7, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 8) * 1e-3
    scale = input_scale([x])
    assert ((x * scale).square().sum(dim=1) / 7).mean().item() == pytest.approx(1, rel=1e-5)
    assert input_scale([torch.tensor([[3.0]]), torch.tensor([[4.0]])]) == pytest.approx((2 / 25) ** 0.5)


def test_input_scale_lifts_unit_length_rows():
    """Rows of length 1 in 2,048 columns have a mean square of 5e-4."""
    x = torch.nn.functional.normalize(torch.rand(20, 2048), dim=1)
    assert (x * input_scale(x.split(6))).square().mean().item() == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_input_scale_refuses_zero_and_what_is_not_finite(value):
    with pytest.raises(ValueError, match="all zero, or not finite"):
        input_scale([torch.full((3, 2), value)])


def test_autoencoder_has_the_papers_shape():
    network = Autoencoder(64)
    linear = [[(m.in_features, m.out_features) for m in part if isinstance(m, nn.Linear)] for part in network.children()
              if isinstance(part, nn.Sequential)]  # fmt: skip
    assert linear[0] == [(64, 500), (500, 500), (500, 2000), (2000, 10)]
    assert linear[1] == [(b, a) for a, b in reversed(linear[0])]
    for part in (network.encoder, network.decoder):
        assert [type(m) for m in part] == [nn.Linear, nn.ReLU] * 3 + [nn.Linear]
    assert all(torch.all(m.bias == 0) for m in network.modules() if isinstance(m, nn.Linear))
    assert not any("BatchNorm" in type(m).__name__ for m in network.modules())


def test_embedding_and_reconstruction_are_linear():
    torch.manual_seed(0)
    z, reconstruction = Autoencoder(12, (32, 32, 64))(torch.randn(200, 12))
    assert z.shape == (200, 10)
    assert reconstruction.shape == (200, 12)
    assert z.min() < 0 < z.max()
    assert reconstruction.min() < 0 < reconstruction.max()


def test_corruption_touches_the_autoencoder_in_training_and_never_its_encoder():
    torch.manual_seed(0)
    network, x = Autoencoder(12, (16,)).train(), torch.randn(5, 12)
    assert not torch.equal(network(x)[0], network(x)[0])
    assert torch.equal(network.encoder(x), network.encoder(x))
    assert torch.equal(network.eval()(x)[0], network.encoder(x))


@pytest.mark.parametrize("widths", [[3, 2], [6, 8, 8, 16, 4], [4, *range(5, 18), 3]], ids=len)
def test_a_network_comes_back_from_its_state(widths):
    """With ten layers and more, "10.weight" sorts before "2.weight" as text."""
    torch.manual_seed(1)
    network, x = mlp(widths), torch.randn(9, widths[0])
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(-1, 1)
    state = dict(sorted(network.state_dict().items()))  # as safetensors gives it back
    found = mlp_from_state(state)
    assert torch.equal(found(x), network(x))
    assert not found.training

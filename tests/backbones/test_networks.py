"""Caffe's networks against a second forward pass, written in NumPy from the layers' definitions."""

import math

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import nn

from cafemood.backbones import networks


def weights(layer):
    return [tensor.numpy() for tensor in layer.state_dict().values()]


def conv(x, kernel, bias, stride=1, pad=0, groups=1):
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    per_in, per_out = x.shape[0] // groups, len(kernel) // groups
    out = []
    for g in range(groups):
        windows = sliding_window_view(x[g * per_in : (g + 1) * per_in], kernel.shape[2:], axis=(1, 2))
        windows = windows[:, ::stride, ::stride]
        out.append(np.einsum("chwij,ocij->ohw", windows, kernel[g * per_out : (g + 1) * per_out], optimize=True))
    return np.concatenate(out) + bias[:, None, None]


def max_pool(x, size, stride, pad=0):
    """Caffe's: the last window may hang over the edge, but begins inside the picture."""

    def length(n):
        steps = math.ceil((n + 2 * pad - size) / stride) + 1
        return steps - 1 if pad and (steps - 1) * stride >= n + pad else steps

    out = np.empty((len(x), length(x.shape[1]), length(x.shape[2])), x.dtype)
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            top, left = i * stride - pad, j * stride - pad
            out[:, i, j] = x[:, max(top, 0) : top + size, max(left, 0) : left + size].max(axis=(1, 2))
    return out


def lrn(x, size=5, alpha=1e-4, beta=0.75):
    out = np.empty_like(x)
    for c in range(len(x)):
        near = x[max(0, c - size // 2) : c + size // 2 + 1]
        out[c] = x[c] / (1 + alpha / size * (near**2).sum(axis=0)) ** beta
    return out


def relu(x):
    return np.maximum(x, 0)


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def randomised(chain):
    torch.manual_seed(0)
    for part in chain.values():
        for layer in part.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.bias, std=0.1)
                nn.init.kaiming_normal_(layer.weight)
    return chain


def layers_of(chain):
    found = [m for part in chain.values() for m in part.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return [weights(layer) for layer in found]


def photo(side):
    return np.random.default_rng(1).normal(size=(3, side, side)).astype(np.float32) * 50


def embed(chain, output, x):
    with torch.inference_mode():
        return networks.cut(chain, output).eval()(torch.from_numpy(x[None]))[0].numpy()


def close(a, b):
    return np.allclose(a, b, rtol=1e-3, atol=1e-3 * np.abs(b).max())


def test_caffenet():
    chain = randomised(networks.caffenet(7, width=2, hidden=6))
    c1, c2, c3, c4, c5, f6, f7, f8 = layers_of(chain)
    x = lrn(max_pool(relu(conv(photo(227), *c1, stride=4)), 3, 2))
    x = lrn(max_pool(relu(conv(x, *c2, pad=2, groups=2)), 3, 2))
    x = relu(conv(x, *c3, pad=1))
    x = relu(conv(x, *c4, pad=1, groups=2))
    x = max_pool(relu(conv(x, *c5, pad=1, groups=2)), 3, 2)
    assert x.shape == (16, 6, 6)
    fc6 = relu(f6[0] @ x.reshape(-1) + f6[1])
    fc7 = relu(f7[0] @ fc6 + f7[1])
    logits = f8[0] @ fc7 + f8[1]
    expected = {"fc6": fc6, "fc7": fc7, "features": fc7, "logits": logits, "probs": softmax(logits)}
    for output, rows in (expected | {"sqrt_probs": np.sqrt(softmax(logits))}).items():
        assert close(embed(chain, output, photo(227)), rows), output


def test_googlenet():
    chain = randomised(networks.googlenet(5, shrink=8))
    w = {name: weights(layer) for name, layer in networks.googlenet_layers(chain)}
    assert len(w) == 3 + 9 * 6 + 1
    x = lrn(max_pool(relu(conv(photo(224), *w["conv1/7x7_s2"], stride=2, pad=3)), 3, 2))
    x = relu(conv(x, *w["conv2/3x3_reduce"]))
    x = max_pool(lrn(relu(conv(x, *w["conv2/3x3"], pad=1))), 3, 2)
    for name in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        x = max_pool(x, 3, 2) if name in ("4a", "5a") else x
        b = {key.split("/")[1]: value for key, value in w.items() if key.startswith(f"inception_{name}/")}
        three = relu(conv(relu(conv(x, *b["3x3_reduce"])), *b["3x3"], pad=1))
        five = relu(conv(relu(conv(x, *b["5x5_reduce"])), *b["5x5"], pad=2))
        pooled = relu(conv(max_pool(x, 3, 1, pad=1), *b["pool_proj"]))
        x = np.concatenate([relu(conv(x, *b["1x1"])), three, five, pooled])
    assert x.shape[1:] == (7, 7)
    features = x.mean(axis=(1, 2))
    assert close(embed(chain, "features", photo(224)), features)
    head = w["loss3/classifier"]
    assert close(embed(chain, "probs", photo(224)), softmax(head[0] @ features + head[1]))


def test_vgg16():
    chain = randomised(networks.vgg16(7, width=2, hidden=6, side=2))
    layers = layers_of(chain)
    y, at = photo(64), 0
    for n in (2, 2, 3, 3, 3):
        for kernel, bias in layers[at : at + n]:
            y = relu(conv(y, kernel, bias, pad=1))
        y, at = max_pool(y, 2, 2), at + n
    fc6 = relu(layers[13][0] @ y.reshape(-1) + layers[13][1])
    fc7 = relu(layers[14][0] @ fc6 + layers[14][1])
    assert close(embed(chain, "fc6", photo(64)), fc6)
    assert close(embed(chain, "features", photo(64)), fc7)
    assert close(embed(chain, "logits", photo(64)), layers[15][0] @ fc7 + layers[15][1])


@pytest.mark.parametrize(("name", "size"), [("vgg16", 138_357_544), ("googlenet", 6_998_552), ("caffenet", 60_965_224)])
def test_at_full_width_they_have_the_papers_parameters(name, size):
    with torch.device("meta"):
        chain = getattr(networks, name)(1000)
    assert sum(p.numel() for part in chain.values() for p in part.parameters()) == size


@pytest.mark.parametrize("name", ["resnet18", "densenet161", "alexnet", "googlenet"])
def test_torchvisions_networks_are_cut_where_their_forward_pass_goes(name):
    from torchvision import models

    torch.manual_seed(0)
    plain = getattr(models, name)(**({"init_weights": False} if name == "googlenet" else {})).eval()
    x = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        expected = plain(x)
        chain = networks.torchvision_chain(name, plain)
        assert torch.allclose(networks.cut(chain, "logits").eval()(x), expected, atol=1e-4)
        features = networks.cut(chain, "features").eval()(x)
        assert torch.allclose(chain["logits"](features), expected, atol=1e-4)
        assert features.ndim == 2

"""Keras HDF5 weights come back in PyTorch's layout, or are refused before they cost anything."""

from contextlib import suppress

import h5py
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from weight_files import write_keras

from cafemood.backbones.networks import cut, vgg16
from cafemood.backbones.weights import read_keras
from cafemood.errors import WeightsError

SMALL = {"width": 2, "hidden": 8, "side": 2}


def arrays(seed=0):
    torch.manual_seed(seed)
    chain = vgg16(5, **SMALL)
    return chain, [tensor.numpy() for part in chain.values() for tensor in part.state_dict().values()]


@pytest.mark.parametrize("nested", [False, True])
def test_what_was_written_is_read(tmp_path, nested):
    _, expected = arrays()
    found = read_keras(write_keras(tmp_path / "x.h5", expected, nested=nested))
    assert len(found) == 32
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_the_flatten_order_is_torchs(tmp_path):
    """By hand: Keras flattens height, width, channel; its row for pixel (1, 0) of channel 1 is 2 * 2 + 1."""
    kernel = np.zeros((4, 1, 1, 2), np.float32)  # one convolution with 2 channels
    dense = np.zeros((2, 8), np.float32)
    dense[0, 1 * 4 + 1 * 2 + 0] = 1  # torch: channel 1, row 1, column 0
    path = write_keras(tmp_path / "x.h5", [kernel.transpose(3, 2, 1, 0)[:, :, :, :1], np.zeros(2), dense, np.zeros(2)])
    with h5py.File(path) as stream:
        stored = stream["layer_01/layer_01/kernel:0"][()]
    assert stored[1 * 4 + 0 * 2 + 1, 0] == 1
    assert np.array_equal(read_keras(path)[2], dense)


def put(path, **options):
    with h5py.File(path, "w") as stream:
        stream.attrs["layer_names"] = [b"a"]
        stream.create_group("a").attrs["weight_names"] = [b"w"]
        stream["a"].create_dataset("w", **options)
    return path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": (10**6, 10**6), "dtype": "f4", "chunks": (1000, 1000)}, "does not fit in the file"),
        ({"data": np.zeros((4000, 4000), "f4"), "compression": "gzip"}, "does not fit in the file"),
        ({"data": np.zeros(3, "i4")}, "holds no floats"),
    ],
)
def test_what_is_no_weight_or_a_bomb_is_refused_unread(tmp_path, options, message):
    with pytest.raises(WeightsError, match=rf"(?s)HDF5 weight file cannot be read.*{message}"):
        read_keras(put(tmp_path / "x.h5", **options))


@pytest.mark.parametrize("keep", [0, 100, 2000])
def test_a_cut_file_is_one_clear_error(tmp_path, keep):
    path = write_keras(tmp_path / "x.h5", arrays()[1])
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="HDF5 weight file cannot be read"):
        read_keras(path)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_mutated_file_is_read_or_refused(tmp_path, data):
    small = [np.ones((2, 3, 1, 1), "f4"), np.ones(2, "f4"), np.ones((4, 8), "f4"), np.ones(4, "f4")]
    path = write_keras(tmp_path / "x.h5", small)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    with suppress(WeightsError):  # anything else fails the test
        assert sum(tensor.numel() * 4 for tensor in read_keras(path)) <= len(whole)


def test_it_makes_the_network_that_it_was_made_of(tmp_path):
    chain, expected = arrays()
    path = write_keras(tmp_path / "x.h5", expected)
    other, _ = arrays(seed=1)
    network = torch.nn.ModuleDict(dict(other))
    network.load_state_dict(dict(zip(network.state_dict(), read_keras(path), strict=True)))
    x = torch.randn(2, 3, 64, 64)
    assert torch.allclose(cut(chain, "probs")(x), cut(other, "probs")(x), atol=1e-6)

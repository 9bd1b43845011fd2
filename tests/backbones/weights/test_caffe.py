"""Caffe's files are read as their definition says, in both layer formats, or refused in one sentence."""

import os
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from weight_files import blob, message, varint, write_caffemodel

from cafemood.backbones.weights import read_caffemodel
from cafemood.errors import WeightsError

RNG = np.random.default_rng(0)
LAYERS = [
    ("data", []),
    ("conv1_1", [RNG.normal(size=(4, 3, 3, 3)).astype("f4"), RNG.normal(size=4).astype("f4")]),
    ("relu1_1", []),
    ("fc8a", [RNG.normal(size=(5, 16)).astype("f4"), RNG.normal(size=5).astype("f4")]),
]
STYLES = [{}, {"legacy": True}, {"packed": False}, {"double": True}, {"double": True, "packed": False}]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("style", STYLES)
def test_what_was_written_is_read(tmp_path, version, style):
    found = read_caffemodel(write_caffemodel(tmp_path / "x.caffemodel", LAYERS, version=version, **style))
    assert [layer.name for layer in found] == ["conv1_1", "fc8a"]
    assert {layer.kind for layer in found} == {"Convolution" if version == 2 else "V1:4"}
    for layer, (_, arrays) in zip(found, [LAYERS[1], LAYERS[3]], strict=True):
        for got, expected in zip(layer.blobs, arrays, strict=True):
            assert got.dtype == np.float32
            assert got.squeeze().shape == expected.squeeze().shape
            assert np.allclose(got.squeeze(), expected.squeeze(), atol=1e-7)


def test_old_files_give_every_blob_four_axes(tmp_path):
    found = read_caffemodel(write_caffemodel(tmp_path / "x.caffemodel", LAYERS, version=1, legacy=True))
    assert [b.shape for b in found[1].blobs] == [(1, 1, 5, 16), (1, 1, 1, 5)]


def test_by_hand(tmp_path):
    """layer { name: "a" blobs { shape { dim: 2 } data: [1.5, -2] } }, byte by byte."""
    floats = b"\x2a\x08" + b"\x00\x00\xc0\x3f" + b"\x00\x00\x00\xc0"
    blobs = b"\x3a\x0f" + b"\x3a\x03\x0a\x01\x02" + floats
    (tmp_path / "x").write_bytes(b"\xa2\x06\x14" + b"\x0a\x01a" + blobs)
    (layer,) = read_caffemodel(tmp_path / "x")
    assert layer.name == "a"
    assert layer.blobs[0].tolist() == [1.5, -2.0]


def test_packed_weights_are_not_copied(tmp_path):
    path = write_caffemodel(tmp_path / "x", [("a", [np.ones((1000, 1000), "f4")])])
    tracemalloc.start()
    (layer,) = read_caffemodel(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20
    assert layer.blobs[0].sum() == 10**6


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>404</html>", "no Caffe file"),
        (message(100, message(1, b"a"))[:-1], "cut off"),
        (message(100, message(1, b"a")), "no layer with weights"),
        (
            message(100, message(1, b"\xff\xfe") + message(7, blob(np.ones(2)))),
            "it is not UTF-8: byte 0xFF at position 0",
        ),
        (message(100, message(7, message(7, message(1, varint(10**15))) + message(5, b"\0" * 8))), "holds 2 numbers"),
        (message(100, message(7, message(5, b"\0" * 7))), "cut off"),
        (message(100, message(7, varint(5 << 3) + varint(3))), "not floats"),
        (message(100, message(7, message(7, message(1, b"\x01" * 99)) + message(5, b"\0" * 4))), "axes"),
        (message(2, message(1, message(6, b""))), "V0 format"),
        (message(100, message(7, blob(np.ones(1)))) * 5000, "over 4096 layers"),
        (message(100, message(7, blob(np.ones(1))) * 20), "over 16 blobs"),
        (varint(100 << 3 | 2) + b"\xff" * 20, "has no end"),
        (b"\x0b", "unknown kind"),
    ],
)
def test_what_is_no_caffemodel_is_one_sentence(tmp_path, data, reason):
    (tmp_path / "x.caffemodel").write_bytes(data)
    with pytest.raises(WeightsError, match=rf"(?s)Caffe weight file cannot be read.*x\.caffemodel.*{reason}"):
        read_caffemodel(tmp_path / "x.caffemodel")


def read_bounded(path):
    """Read a file that may be anything: only WeightsError, and little more memory than the file's size."""
    tracemalloc.start()
    with suppress(WeightsError):
        read_caffemodel(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= path.stat().st_size + 2**26


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.sampled_from([1, 2]), st.booleans(), st.booleans())
def test_a_mutated_file_is_read_or_refused(tmp_path, data, version, legacy, packed):
    path = write_caffemodel(tmp_path / "x", LAYERS, version=version, legacy=legacy, packed=packed)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    read_bounded(path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(tmp_path, data):
    (tmp_path / "x").write_bytes(data)
    read_bounded(tmp_path / "x")


@pytest.mark.parametrize(
    "data",
    [
        message(100, message(7, message(5, b"") * 2**18)),  # very many empty fields
        message(100, message(7, (varint(5 << 3 | 5) + b"\0" * 4) * 2**18)),  # very many single floats
        message(100, b"") * 2**18,  # very many empty layers
        message(100, message(1, b"a" * 2**22) + message(7, blob(np.ones(1)))),  # a name of 4 MB
    ],
    ids=["fields", "floats", "layers", "name"],
)
def test_many_small_things_cost_no_more_than_their_bytes(tmp_path, data):
    (tmp_path / "x").write_bytes(data)
    read_bounded(tmp_path / "x")


REAL = os.environ.get("CAFEMOOD_CAFFEMODEL")


def test_a_real_file_where_one_is_given(tmp_path):
    """CAFEMOOD_CAFFEMODEL=FILE tries MTCNN's det2.caffemodel; without it, one of the same shapes."""
    shapes = {"conv1": (28, 3, 3, 3), "conv2": (48, 28, 3, 3), "conv3": (64, 48, 2, 2), "conv4": (128, 576)}
    path = Path(REAL) if REAL else tmp_path / "x"
    if not REAL:
        write_caffemodel(path, [(name, [RNG.normal(size=shape), np.zeros(shape[0])]) for name, shape in shapes.items()])
    found = {layer.name: layer.blobs for layer in read_caffemodel(path)}
    for name, shape in shapes.items():
        assert found[name][0].shape == shape
        assert found[name][1].shape == shape[:1]
        assert 0 < np.abs(found[name][0]).mean() < 10

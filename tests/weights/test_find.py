"""Weight files are found in order, checked, and read without running anything."""

import pickle
import urllib.error

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import vgg16

from cafemood.errors import WeightsError
from cafemood.weights import WeightFile, find, read_keras_vgg16, read_state_dict, state_digest


class Hostile:
    """What a malicious checkpoint would hold."""

    def __reduce__(self):
        return (print, ("code ran",))


@pytest.fixture
def cached(monkeypatch, tmp_path):
    """The cache folder's path of a file called w.bin."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "hub" / "cafemood" / "w.bin"


def put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_the_users_own_file_comes_first(tmp_path, cached):
    put(cached, b"cached")
    put(tmp_path / "mine.bin", b"mine")
    assert find(WeightFile("w.bin"), tmp_path / "mine.bin") == tmp_path / "mine.bin"
    with pytest.raises(WeightsError, match=r"(?s)does not exist.*gone\.bin"):
        find(WeightFile("w.bin"), tmp_path / "gone.bin")


def test_a_package_carries_the_demo_weights():
    from cafemood.backbones import MOBILENET_V2

    assert find(MOBILENET_V2).stat().st_size == 9_084_095


def test_a_missing_package_says_which_extra():
    source = WeightFile("w.bin", package="no-such-package", resource="w.bin")
    with pytest.raises(WeightsError, match=r"(?s)not installed.*no-such-package.*cafemood\[demo\].*backbone\.weights"):
        find(source)


def test_without_network_the_error_says_where_to_put_the_file(cached, monkeypatch):
    def offline(*_, **__):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(WeightsError) as caught:
        find(WeightFile("w.bin", url="http://example.invalid/w.bin"))
    for part in ("w.bin could not be fetched", "example.invalid", "no route to host", str(cached), "mobilenet_v2"):
        assert part in str(caught.value)
    assert not cached.exists()


def test_a_fetched_file_is_checked_and_its_digest_recorded(cached, monkeypatch, tmp_path):
    import hashlib

    def fetch(url, path, hash_prefix=None, progress=True):
        put(cached, b"weights")

    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    source = WeightFile("w.bin", url="http://example.invalid/w.bin")
    assert find(source) == cached
    assert cached.with_name("w.bin.sha256").read_text().strip() == hashlib.sha256(b"weights").hexdigest()
    assert find(source) == cached
    cached.write_bytes(b"changed")
    with pytest.raises(WeightsError, match=r"(?s)has changed.*delete it"):
        find(source)


def test_a_known_digest_is_required(cached):
    put(cached, b"weights")
    with pytest.raises(WeightsError, match=r"(?s)has changed.*beef.* was expected"):
        find(WeightFile("w.bin", url="http://example.invalid/w.bin", sha256="beef"))


def test_checkpoints_lose_their_wrapper_and_prefix(tmp_path):
    torch.save({"state_dict": {"module.a": torch.ones(2)}, "epoch": 3}, tmp_path / "x.pth.tar")
    assert list(read_state_dict(tmp_path / "x.pth.tar")) == ["a"]


def test_safetensors(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "x.safetensors")
    assert torch.equal(read_state_dict(tmp_path / "x.safetensors")["a"], torch.ones(2))


def test_a_pickle_that_would_run_code_is_refused(tmp_path, capsys):
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Hostile()))
    torch.save({"a": Hostile()}, tmp_path / "zip.pth")
    for name in ("plain.pth", "zip.pth"):
        with pytest.raises(WeightsError, match=r"(?s)cannot be read safely.*tensors only"):
            read_state_dict(tmp_path / name)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["x.pth", "x.safetensors"])
@pytest.mark.parametrize("data", [b"", b"<html>404</html>", b"PK\x03\x04" + b"\0" * 50, b"\xff" * 200])
def test_damaged_files_are_one_clear_error(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(WeightsError, match="cannot be read safely"):
        read_state_dict(tmp_path / name)


def test_what_is_no_state_dict_is_refused(tmp_path):
    torch.save([torch.ones(2)], tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=r"(?s)holds no state dict.*list"):
        read_state_dict(tmp_path / "x.pth")


def small_vgg16():
    """VGG16's layers, thinner; 32 x 32 pixels leave 1 x 1, 64 x 64 leave 2 x 2 before fc1."""
    network = vgg16(num_classes=5)
    widths, narrow = iter([4, 4, 4, 4, 6, 6, 6, 6, 6, 6, 6, 6, 6]), 3
    for i, layer in enumerate(network.features):
        if isinstance(layer, torch.nn.Conv2d):
            width = next(widths)
            network.features[i] = torch.nn.Conv2d(narrow, width, 3, padding=1)
            narrow = width
    network.avgpool = torch.nn.Identity()
    for i, (fan_in, fan_out) in {0: (6 * 2 * 2, 8), 3: (8, 8), 6: (8, 5)}.items():
        network.classifier[i] = torch.nn.Linear(fan_in, fan_out)
    return network.eval()


def write_keras(network, path, nested=False):
    """Write a network as Keras does: kernels H x W x in x out, fc1 on a flattened H x W x C."""
    layers = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    with h5py.File(path, "w") as stream:
        root = stream.create_group("model_weights") if nested else stream
        names = []
        for i, layer in enumerate(layers):
            kernel = layer.weight.detach()
            if kernel.ndim == 4:
                kernel = kernel.permute(2, 3, 1, 0)
            elif i == 13:
                kernel = kernel.reshape(8, 6, 2, 2).permute(2, 3, 1, 0).reshape(24, 8)
            else:
                kernel = kernel.T
            name = f"layer_{i:02}"
            group = root.create_group(name)
            group[f"{name}/kernel:0"], group[f"{name}/bias:0"] = kernel.numpy(), layer.bias.detach().numpy()
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
            names.append(name.encode())
            pool = root.create_group(f"{name}_relu")
            pool.attrs["weight_names"] = np.array([], dtype="S1")
            names.append(f"{name}_relu".encode())
        root.attrs["layer_names"] = names


@pytest.mark.parametrize("nested", [False, True])
def test_a_keras_file_gives_the_same_outputs_as_the_network_it_was_made_of(tmp_path, nested):
    torch.manual_seed(0)
    network = small_vgg16()
    write_keras(network, tmp_path / "x.h5", nested)
    other = small_vgg16()
    keys = list(other.state_dict())
    other.load_state_dict(dict(zip(keys, read_keras_vgg16(tmp_path / "x.h5"), strict=True)))
    x = torch.randn(2, 3, 64, 64)
    assert torch.allclose(network(x), other(x), atol=1e-5)


def test_a_keras_file_that_is_not_vgg16_is_refused(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as stream:
        stream.attrs["layer_names"] = [b"a"]
        stream.create_group("a").attrs["weight_names"] = [b"w"]
        stream["a"]["w"] = np.zeros((2, 2))
    with pytest.raises(WeightsError, match=r"(?s)not VGG16's layers.*1 arrays"):
        read_keras_vgg16(tmp_path / "x.h5")


def test_a_keras_file_that_claims_to_be_huge_is_refused_before_it_is_read(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as stream:
        stream.attrs["layer_names"] = [b"a"]
        stream.create_group("a").attrs["weight_names"] = [b"w"]
        stream["a"].create_dataset("w", shape=(10**6, 10**6), dtype="f4", chunks=(1000, 1000))
    with pytest.raises(WeightsError, match="too large for VGG16"):
        read_keras_vgg16(tmp_path / "x.h5")


@pytest.mark.parametrize("keep", [0, 100, 2000])
def test_a_cut_keras_file_is_one_clear_error(tmp_path, keep):
    write_keras(small_vgg16(), tmp_path / "x.h5")
    (tmp_path / "x.h5").write_bytes((tmp_path / "x.h5").read_bytes()[:keep])
    with pytest.raises(WeightsError, match="HDF5 weight file cannot be read"):
        read_keras_vgg16(tmp_path / "x.h5")


def test_the_digest_follows_names_shapes_and_values():
    one = {"a": torch.zeros(4), "b": torch.ones(1)}
    assert state_digest(one) == state_digest(dict(reversed(one.items())))
    for other in ({"a": torch.zeros(2, 2), "b": torch.ones(1)}, {"c": torch.zeros(4), "b": torch.ones(1)}):
        assert state_digest(one) != state_digest(other)
    assert state_digest(one) != state_digest({"a": torch.full((4,), 1e-9), "b": torch.ones(1)})

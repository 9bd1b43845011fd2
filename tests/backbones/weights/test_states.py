"""Checkpoints are read without running what is inside, under the names that torchvision has today."""

import pickle

import pytest
import torch
from safetensors.torch import save_file

from cafemood.backbones.weights import read_state_dict, state_digest
from cafemood.errors import WeightsError


class Hostile:
    """What a malicious checkpoint would hold."""

    def __reduce__(self):
        return (print, ("code ran",))


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


def test_old_densenet_and_dataparallel_names_become_todays(tmp_path):
    names = {
        "module.features.denseblock1.denselayer2.norm.1.weight": "features.denseblock1.denselayer2.norm1.weight",
        "module.features.denseblock1.denselayer2.conv.2.weight": "features.denseblock1.denselayer2.conv2.weight",
        "features.module.0.bias": "features.0.bias",
    }
    torch.save({"arch": "densenet161", "state_dict": {name: torch.ones(1) for name in names}}, tmp_path / "x.pth.tar")
    assert list(read_state_dict(tmp_path / "x.pth.tar")) == list(names.values())


def test_a_checkpoint_that_python_2_wrote_is_read(tmp_path):
    """Python 2 pickled with protocol 2 and byte strings, in the format that torch had before zip files."""
    state = {"module.fc.weight": torch.arange(6.0).reshape(2, 3)}
    whole = {"epoch": 90, "arch": "resnet18", "state_dict": state, "best_prec1": torch.tensor(54.7)}
    torch.save(whole, tmp_path / "x.pth.tar", _use_new_zipfile_serialization=False, pickle_protocol=2)
    data = (tmp_path / "x.pth.tar").read_bytes()
    word = b"resnet18"
    assert b"X\x08\x00\x00\x00" + word in data  # Python 3 writes unicode: turn it into Python 2's str
    (tmp_path / "x.pth.tar").write_bytes(data.replace(b"X\x08\x00\x00\x00" + word, b"U\x08" + word))
    assert torch.equal(read_state_dict(tmp_path / "x.pth.tar")["fc.weight"], state["module.fc.weight"])


def test_the_digest_follows_names_shapes_and_values():
    one = {"a": torch.zeros(4), "b": torch.ones(1)}
    assert state_digest(one) == state_digest(dict(reversed(one.items())))
    for other in ({"a": torch.zeros(2, 2), "b": torch.ones(1)}, {"c": torch.zeros(4), "b": torch.ones(1)}):
        assert state_digest(one) != state_digest(other)
    assert state_digest(one) != state_digest({"a": torch.full((4,), 1e-9), "b": torch.ones(1)})

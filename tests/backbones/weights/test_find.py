"""Weight files are found in order, checked, and read without running anything."""

import pytest
import torch

from cafemood.backbones.weights import WeightFile, find
from cafemood.errors import WeightsError


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
    from cafemood.backbones.cards import CARDS

    assert find(CARDS["mobilenet_v2"].source).stat().st_size == 9_084_095


def test_a_missing_package_says_which_extra():
    source = WeightFile("w.bin", package="no-such-package", resource="w.bin")
    with pytest.raises(WeightsError, match=r"(?s)not installed.*no-such-package.*cafemood\[demo\].*backbone\.weights"):
        find(source)


def test_a_known_digest_is_required(cached):
    put(cached, b"weights")
    with pytest.raises(WeightsError, match=r"(?s)has changed.*beef.* was expected"):
        find(WeightFile("w.bin", url="http://example.invalid/w.bin", sha256="beef"))

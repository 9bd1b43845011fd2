"""Weight files are found in order, checked, and read without running anything."""

import urllib.error

import pytest
import torch

from cafemood.errors import WeightsError
from cafemood.weights import WeightFile, find


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
    from cafemood.cards import CARDS

    assert find(CARDS["mobilenet_v2"].source).stat().st_size == 9_084_095


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

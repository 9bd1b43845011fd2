"""The cache keeps rows by photo id, in shards that are whole or not there."""

import errno

import numpy as np
import pytest
import sklearn

from cafemood.backbones.creating import create_backbone
from cafemood.errors import FeaturesError
from cafemood.features import cache as features
from cafemood.features.cache import FeatureCache

IDS = [f"{i:064x}" for i in range(12)]


@pytest.fixture
def cache(cache_dir):
    return FeatureCache(cache_dir, create_backbone("random"))


@pytest.fixture
def rows(cache):
    return np.random.default_rng(0).normal(size=(12, cache.backbone.dim)).astype(np.float32)


def test_rows_come_back_by_id_in_any_order(cache, rows):
    cache.append(IDS[:5], rows[:5])
    cache.append(IDS[5:], rows[5:])
    assert IDS[3] not in cache
    cache.refresh()
    assert IDS[3] in cache
    found = cache.features(IDS[::-1])
    assert found.photo_ids == tuple(IDS[::-1])
    assert np.array_equal(found.matrix(), rows[::-1])
    assert np.array_equal(found.rows([2, 9]), rows[[9, 2]])


@pytest.fixture
def scattered(cache, rows):
    """The rows in two shards, more than the working memory."""
    cache.append(IDS[5:], rows[5:])
    cache.append(IDS[:5], rows[:5])
    cache.refresh()
    with sklearn.config_context(working_memory=rows.nbytes / 3 / 2**20):
        yield cache.features(IDS)


def test_rows_beyond_the_working_memory_are_gathered_on_disk(scattered, rows, cache):
    found = scattered.matrix()
    assert isinstance(found, np.memmap)
    assert found.dtype == np.float32
    assert np.array_equal(found, rows)
    assert scattered.matrix() is found
    assert {path.suffix for path in cache.folder.iterdir() if path.is_file()} <= {".npy", ".json", ".lock", ""}


def test_a_disk_without_room_for_them_is_one_error(scattered, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "of another language")

    monkeypatch.setattr(features.tempfile, "TemporaryFile", full)
    with pytest.raises(FeaturesError, match=r"(?s)cannot be gathered.*the disk is full.*free .* GiB"):
        scattered.matrix()


def test_a_reader_maps_and_does_not_copy(cache, rows):
    cache.append(IDS, rows)
    cache.refresh()
    (shard,) = cache._shards
    assert isinstance(shard.base, np.memmap) or isinstance(shard, np.memmap)


def test_many_shards_become_one_and_keep_every_row(cache, rows, monkeypatch):
    for i in range(12):
        cache.append(IDS[i : i + 1], rows[i : i + 1])
    assert len(list(cache.folder.glob("*.npy"))) == 12
    monkeypatch.setattr(features, "COMPACT_ABOVE", 3)
    cache.compact()
    assert len(list(cache.folder.glob("*.npy"))) == 1
    cache.refresh()
    assert np.array_equal(cache.features(IDS).matrix(), rows)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOMEM, "there is too little memory"),
        (errno.EMFILE, "this program has too many files open"),
        (errno.EACCES, "its rights do not allow it"),
        (errno.EIO, "the disk fails to read or to write"),
    ],
)
def test_what_the_system_refuses_is_no_damage(cache, rows, monkeypatch, number, reason, caplog):
    def refuse(*args, **kwargs):
        raise OSError(number, "of another language")

    cache.append(IDS, rows)
    monkeypatch.setattr(np, "load", refuse)
    with pytest.raises(FeaturesError, match=rf"(?s)cannot be read.*{reason}.*run the same command again"):
        cache.refresh()
    monkeypatch.setattr(features, "COMPACT_ABOVE", 0)
    with pytest.raises(FeaturesError, match="cannot be read"):
        cache.compact()
    monkeypatch.undo()
    cache.refresh()
    assert len(cache) == 12
    assert "damaged" not in caplog.text


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"PK\x03\x04" + data[4:],
        lambda data: data.replace(b"), }", b"('  ", 1),
        lambda data: data.replace(b"{", b"\\", 1),
    ],
)
def test_any_damage_of_a_header_is_damage(cache, rows, damage, caplog):
    cache.append(IDS, rows)
    (shard,) = cache.folder.glob("*.npy")
    shard.write_bytes(damage(shard.read_bytes()))
    cache.refresh()
    assert len(cache) == 0
    assert "was set aside as" in caplog.text


def test_shards_that_are_merged_between_listing_and_reading_are_listed_again(cache, rows, monkeypatch):
    for i in range(12):
        cache.append(IDS[i : i + 1], rows[i : i + 1])
    other, load = FeatureCache(cache.cache_dir, cache.backbone), np.load

    def merged_first(*args, **kwargs):
        monkeypatch.setattr(np, "load", load)
        monkeypatch.setattr(features, "COMPACT_ABOVE", 3)
        other.compact()
        return load(*args, **kwargs)

    monkeypatch.setattr(np, "load", merged_first)
    cache.refresh()
    assert np.array_equal(cache.features(IDS).matrix(), rows)


def test_a_link_to_nowhere_is_one_error(cache, rows):
    cache.append(IDS, rows)
    (cache.folder / "gone.npy").symlink_to(cache.folder / "nowhere")
    with pytest.raises(FeaturesError, match=r"(?s)cannot be read.*listed that is not there"):
        cache.refresh()


def test_a_shard_of_another_layout_is_not_read(cache, rows, caplog):
    cache.append(IDS, rows)
    np.save(cache.folder / "other.npy", np.zeros((3, 4)))
    cache.refresh()
    assert "was set aside as" in caplog.text
    assert len(cache.features(IDS)) == 12

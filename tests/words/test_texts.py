"""Vectors of texts: phrasings averaged, kept by content."""

import numpy as np
import pytest

from cafemood.words.texts import embed_texts


class Tower:
    name, fingerprint, dim = "tower", "f" * 64, 3

    def __init__(self):
        self.asked = []

    def embed(self, texts):
        self.asked += texts
        rows = np.array([[len(text), text.count("a"), 1.0] for text in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_the_mean_of_the_phrasings(cache_dir):
    tower = Tower()
    found = embed_texts(tower, ["a {x}", "bb"], ["{}", "photo: {}"], cache_dir)
    assert tower.asked == ["a {x}", "photo: a {x}", "bb", "photo: bb"]
    whole = Tower().embed(tower.asked).reshape(2, 2, 3).mean(axis=1)
    np.testing.assert_allclose(found, whole / np.linalg.norm(whole, axis=1, keepdims=True), atol=1e-6)


def test_nothing_is_read_twice_and_another_tower_reads_anew(cache_dir):
    first, again, other = Tower(), Tower(), Tower()
    other.fingerprint = "e" * 64
    rows = embed_texts(first, ["dark", "나무"], ["{}"], cache_dir)
    np.testing.assert_array_equal(embed_texts(again, ["dark", "나무"], ["{}"], cache_dir), rows)
    assert again.asked == []
    for texts, phrasings in ((["나무", "dark"], ["{}"]), (["dark", "나무"], ["{}."])):
        embed_texts(again, texts, phrasings, cache_dir)
    embed_texts(other, ["dark", "나무"], ["{}"], cache_dir)
    assert (len(again.asked), len(other.asked)) == (4, 2)


def test_a_damaged_file_is_set_aside_and_read_again(cache_dir):
    embed_texts(Tower(), ["dark"], ["{}"], cache_dir)
    (file,) = cache_dir.rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-5])
    tower = Tower()
    assert embed_texts(tower, ["dark"], ["{}"], cache_dir).shape == (1, 3)
    assert tower.asked == ["dark"]
    assert list(cache_dir.rglob("*.damaged"))


@pytest.mark.parametrize("cache", [None, "/proc/none"])
def test_without_a_cache_they_are_read_each_time(cache):
    assert embed_texts(Tower(), ["dark"], ["{}"], cache).shape == (1, 3)

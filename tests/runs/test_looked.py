"""Photos are looked at once, and seen as they are."""

from dataclasses import replace

import imagehash
import numpy as np
import pytest
from drawn_things import draw_thing
from PIL import Image

from cafemood.backbones.creating import create_backbone
from cafemood.data.folders import scan_folder
from cafemood.data.place_signs import NAMES, measure
from cafemood.features.embedding import embed
from cafemood.runs import looked, thumbnails


@pytest.fixture
def photo_set(tmp_path):
    for seed, kind in enumerate(["cup", "receipt", "menu"]):
        draw_thing(seed, kind, (640, 480)).save(tmp_path / f"{seed}.png")
    return scan_folder(tmp_path)


def test_signs_and_hashes_are_those_of_the_photos(photo_set, cache_dir):
    seen = looked.look(photo_set, cache_dir)
    for photo, signs, phash in zip(photo_set.photos, seen.signs, seen.phashes, strict=True):
        image = Image.open(photo_set.path(photo))
        direct = measure(image)
        assert signs[NAMES.index("light")] == pytest.approx(direct.light, abs=1)
        assert signs[NAMES.index("text")] == pytest.approx(direct.text, abs=0.1)
        assert np.bitwise_count(np.uint64(int(str(imagehash.phash(image)), 16)) ^ phash) <= 6
    assert seen.rows(np.array([2, 0])).signs.tolist() == seen.signs[[2, 0]].tolist()


def test_a_glance_while_photos_are_embedded_keeps_what_a_look_would_find(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    for seed, kind in enumerate(["cup", "receipt"]):
        draw_thing(seed, kind, (1600, 1200)).save(tmp_path / "photos" / f"{seed}.jpg", quality=90)
    photo_set = scan_folder(tmp_path / "photos")
    network = replace(create_backbone("random"), input_size=224)
    seen = looked.Glance(2, tmp_path / "glanced")
    embed(photo_set, network, tmp_path / "glanced", seen=seen)
    seen.write()
    own = looked.look(photo_set, tmp_path / "looked")
    monkeypatch.setattr(looked, "measure", None)
    monkeypatch.setattr(thumbnails, "open_image", None)
    found = looked.look(photo_set, tmp_path / "glanced")
    assert np.array_equal(found.signs, own.signs)
    assert np.array_equal(found.phashes, own.phashes)


def test_a_second_look_opens_nothing(photo_set, cache_dir, monkeypatch):
    first = looked.look(photo_set, cache_dir)
    monkeypatch.setattr(looked, "measure", None)
    monkeypatch.setattr(thumbnails, "open_image", None)
    again = looked.look(photo_set, cache_dir)
    assert np.array_equal(first.signs, again.signs)
    assert np.array_equal(first.phashes, again.phashes)


def test_without_a_cache_it_looks_all_the_same(photo_set):
    assert np.isfinite(looked.look(photo_set, None).signs).all()


def test_a_photo_that_is_gone_is_not_guessed(photo_set, cache_dir):
    photo_set.path(photo_set.photos[1]).unlink()
    seen = looked.look(photo_set, cache_dir)
    assert np.isnan(seen.signs).all(axis=1).tolist() == [False, True, False]
    assert seen.phashes[1] == 0


def test_more_photos_than_are_looked_at_together(photo_set, cache_dir, monkeypatch):
    whole = looked.look(photo_set, None)
    monkeypatch.setattr(looked, "_AT_ONCE", 2)
    assert np.array_equal(looked.look(photo_set, cache_dir).phashes, whole.phashes)

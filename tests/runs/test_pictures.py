"""Pictures are made once of each photo, whoever asks, and a damaged cache costs no more than making them again."""

import multiprocessing

import numpy as np
import pytest
from drawn_rooms import MOODS, draw_room

from cafemood.cafes import looks
from cafemood.data.images import file_digest
from cafemood.runs import pictures, thumbnails
from cafemood.runs.pictures import PictureCache


@pytest.fixture
def rooms(tmp_path):
    """Four photos and their ids."""
    paths = [tmp_path / f"room{i}.jpg" for i in range(4)]
    for i, path in enumerate(paths):
        draw_room(i, list(MOODS)[i % 2]).save(path, quality=90)
    return paths, [file_digest(path) for path in paths]


@pytest.fixture
def opened(monkeypatch):
    """What was opened."""
    found, real = [], thumbnails.open_image
    monkeypatch.setattr(thumbnails, "open_image", lambda *a, **k: found.append(a) or real(*a, **k))
    return found


def test_a_photo_is_opened_once_and_gives_the_same_picture_as_without_a_cache(rooms, opened, tmp_path):
    paths, ids = rooms
    plain = thumbnails.make_thumbnails(paths, [128] * 4)
    opened.clear()
    assert thumbnails.make_thumbnails(paths, [128] * 4, (), ids, PictureCache(tmp_path)) == plain
    assert len(opened) == 4
    for path in paths:
        path.unlink()
    assert thumbnails.make_thumbnails(paths, [128] * 4, (), ids, PictureCache(tmp_path)) == plain
    assert len(opened) == 4


def test_smaller_pictures_are_made_of_larger_ones_once(rooms, tmp_path, monkeypatch):
    paths, ids = rooms
    cache = PictureCache(tmp_path)
    larger = thumbnails.make_thumbnails(paths, [128] * 4, (), ids, cache)
    smaller = thumbnails.make_thumbnails(paths, [64] * 4, larger, ids, cache)
    assert smaller == thumbnails.make_thumbnails(paths, [64] * 4, larger, ids)
    monkeypatch.setattr(thumbnails, "_made", None)
    assert thumbnails.make_thumbnails(paths, [64] * 4, larger, ids, cache) == smaller


def test_a_file_that_became_another_photo_is_not_kept_under_the_firsts_id(rooms, tmp_path):
    paths, ids = rooms
    cache = PictureCache(tmp_path)
    draw_room(99, next(iter(MOODS))).save(paths[0], quality=90)
    thumbnails.make_thumbnails(paths[:1], [128], (), ids[:1], cache)
    assert cache.read([pictures.key_of_photo(ids[0], "webp 128")]) == {}


def test_names_are_no_keys(rooms, opened, tmp_path):
    paths, _ = rooms
    for _ in range(2):
        thumbnails.make_thumbnails(paths, [128] * 4, (), [path.name for path in paths], PictureCache(tmp_path))
    assert len(opened) == 8
    assert pictures.key_of_photo(None, "webp") is None
    assert pictures.key_of_photo("A" * 64, "webp") is None


def test_looks_are_measured_once_to_the_last_bit(rooms, tmp_path, monkeypatch):
    paths, ids = rooms
    made = [*thumbnails.make_thumbnails(paths, [128] * 4, (), ids), None]
    plain = looks.measure_all(made)
    assert looks.measure_all(made, PictureCache(tmp_path)).equals(plain)
    monkeypatch.setattr(looks, "measure", None)
    again = looks.measure_all(made, PictureCache(tmp_path))
    assert again.equals(plain)
    assert np.isnan(again.iloc[4]).all()


@pytest.mark.parametrize("damage", [lambda data: b"no database" * 999, lambda data: data[:100] + b"x" * 9000])
def test_a_damaged_cache_is_made_again_with_one_line(rooms, tmp_path, caplog, damage):
    paths, ids = rooms
    cache = PictureCache(tmp_path)
    plain = thumbnails.make_thumbnails(paths, [128] * 4, (), ids, cache)
    cache.path.write_bytes(damage(cache.path.read_bytes()))
    assert thumbnails.make_thumbnails(paths, [128] * 4, (), ids, PictureCache(tmp_path)) == plain
    assert len([record for record in caplog.records if "made again" in record.message]) == 1
    assert len(PictureCache(tmp_path).read([pictures.key_of_photo(i, "webp 128") for i in ids])) == 4


def test_a_cache_of_another_version_is_named_in_one_line_and_kept(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(pictures, "FORMAT", 1)
    before = PictureCache(tmp_path)
    before.add("key", b"older")
    before.write()
    monkeypatch.undo()
    assert not caplog.records
    now = PictureCache(tmp_path)
    assert now.read(["key"]) == {}
    for data in (b"new", b"newer"):
        now.add(f"key of {data!r}", data)
        now.write()
    assert [r.getMessage().count("pictures-1.sqlite") for r in caplog.records] == [1]
    assert before.read(["key"]) == {"key": b"older"}


def test_a_cache_that_cannot_be_written_costs_no_picture(rooms, tmp_path, caplog):
    paths, ids = rooms
    (tmp_path / "cache").write_text("a file where the folder should be")
    made = thumbnails.make_thumbnails(paths, [128] * 4, (), ids, PictureCache(tmp_path / "cache"))
    assert all(made)
    assert "not shared" in caplog.text


def fill(folder, offset):
    cache = PictureCache(folder)
    for i in range(600):
        cache.add(f"{(i + offset) % 900}", str((i + offset) % 900).encode())
    cache.write()


def test_two_processes_fill_one_cache(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    both = [spawn.Process(target=fill, args=(tmp_path, offset)) for offset in (0, 300)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    keys = [str(i) for i in range(900)]
    assert PictureCache(tmp_path).read(keys) == {key: key.encode() for key in keys}


def test_without_a_folder_nothing_is_kept():
    cache = PictureCache(None)
    cache.add("a", b"b")
    cache.write()
    assert cache.read(["a", None]) == {}

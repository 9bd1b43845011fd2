"""Each photo is embedded once, whatever happens in between, by one process or several."""

import errno
import multiprocessing
from functools import partial

import numpy as np
import pytest
import pytorch_lightning as pl
from PIL import Image

from cafemood.backbones.creating import create_backbone
from cafemood.data.folders import scan_folder
from cafemood.data.photos import PhotoSet
from cafemood.errors import CafemoodError, FeaturesError
from cafemood.features import filling
from cafemood.features.embedding import embed
from cafemood.features.together import several


@pytest.fixture
def backbone():
    return create_backbone("random")


@pytest.fixture
def photo_set(photo_folder):
    return scan_folder(photo_folder)


def test_a_second_time_nothing_is_embedded_and_the_rows_are_the_same(photo_set, backbone, cache_dir):
    _, first, n = embed(photo_set, backbone, cache_dir, batch_size=5)
    assert n == 12
    assert first.matrix().shape == (12, backbone.dim)
    _, again, n = embed(photo_set, create_backbone("random"), cache_dir)
    assert n == 0
    assert np.array_equal(first.matrix(), again.matrix())


def test_one_more_photo_costs_one_more_embedding(photo_set, photo_folder, backbone, cache_dir):
    from drawn_rooms import draw_room

    embed(photo_set, backbone, cache_dir)
    draw_room(99, "밝은 흰색").save(photo_folder / "new.jpg")
    assert embed(scan_folder(photo_folder), backbone, cache_dir)[2] == 1


def test_a_renamed_photo_costs_none(photo_set, photo_folder, backbone, cache_dir):
    embed(photo_set, backbone, cache_dir)
    next(photo_folder.rglob("*.jpg")).rename(photo_folder / "moved.jpg")
    assert embed(scan_folder(photo_folder), backbone, cache_dir)[2] == 0


def test_another_backbone_has_a_cache_of_its_own(photo_set, backbone, cache_dir):
    embed(photo_set, backbone, cache_dir)
    assert embed(photo_set, create_backbone("random", seed=1), cache_dir)[2] == 12


def test_rows_are_joined_by_id_never_by_position(photo_set, backbone, cache_dir):
    _, forward, _ = embed(photo_set, backbone, cache_dir, batch_size=3)
    turned = photo_set.keep(range(11, -1, -1))
    _, backward, _ = embed(turned, backbone, cache_dir)
    assert np.array_equal(forward.matrix(), backward.matrix()[::-1])
    assert np.array_equal(forward.rows([7, 2]), forward.matrix()[[7, 2]])


def test_the_rows_do_not_depend_on_the_batch(photo_set, backbone, cache_dir, tmp_path):
    _, one, _ = embed(photo_set, backbone, cache_dir, batch_size=1)
    _, all_, _ = embed(photo_set, backbone, tmp_path / "other", batch_size=64)
    assert np.allclose(one.matrix(), all_.matrix(), atol=1e-5)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_stopped_between_batches_the_finished_ones_stay(photo_set, backbone, cache_dir, monkeypatch, error):
    real, calls = type(backbone).embed, []

    def stop_at_third(self, batch):
        calls.append(len(batch))
        if len(calls) == 3:
            raise error
        return real(self, batch)

    monkeypatch.setattr(type(backbone), "embed", stop_at_third)
    with pytest.raises(error):
        embed(photo_set, backbone, cache_dir, batch_size=4)
    monkeypatch.setattr(type(backbone), "embed", real)
    assert embed(photo_set, backbone, cache_dir, batch_size=4)[2] == 4
    assert not list(cache_dir.rglob("*.partial"))


@pytest.mark.parametrize("damage", [lambda data: data[:-50], lambda data: b"", lambda data: b"junk" * 100])
def test_a_damaged_shard_is_deleted_said_and_embedded_again(
    photo_set, backbone, cache_dir, damage, caplog, monkeypatch
):
    monkeypatch.setattr(filling, "SHARD_ROWS", 4)
    before = embed(photo_set, backbone, cache_dir, batch_size=4)[1].matrix()  # copied: the map will be cut
    shard = sorted(cache_dir.rglob("*.npy"))[0]
    shard.write_bytes(damage(shard.read_bytes()))
    _, after, n = embed(photo_set, backbone, cache_dir)
    assert n == 4
    assert "was set aside as" in caplog.text
    assert np.allclose(before, after.matrix(), atol=1e-5)


def _embed_in_a_process(photo_set: PhotoSet, cache_dir, queue):
    queue.put(embed(photo_set, create_backbone("random"), cache_dir, batch_size=2)[2])


def test_two_processes_on_one_cache_embed_nothing_twice(photo_set, cache_dir):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    both = [context.Process(target=_embed_in_a_process, args=(photo_set, cache_dir, queue)) for _ in range(2)]
    for process in both:
        process.start()
    assert sum(queue.get(timeout=240) for _ in both) == 12
    for process in both:
        process.join()
    assert embed(photo_set, create_backbone("random"), cache_dir)[2] == 0


def test_a_photo_that_cannot_be_decoded_is_skipped_and_named(photo_folder, backbone, cache_dir):
    first = sorted(photo_folder.rglob("*.jpg"))[0]
    first.write_bytes(first.read_bytes()[:-500])
    kept, found, n = embed(scan_folder(photo_folder), backbone, cache_dir)
    assert (len(kept.photos), len(found), n) == (11, 11, 11)
    (skipped,) = kept.skipped
    assert skipped.file == first.relative_to(photo_folder).as_posix()
    assert "cut off" in skipped.reason
    assert tuple(p.photo_id for p in kept.photos) == found.photo_ids


def test_one_odd_photo_does_not_end_the_run(photo_folder, backbone, cache_dir):
    Image.new("L", (1, 60_000)).save(photo_folder / "line.png")
    kept, _, n = embed(scan_folder(photo_folder), backbone, cache_dir)
    assert n == len(kept.photos) == 12
    assert [(s.file, s.reason) for s in kept.skipped] == [
        ("line.png", "1 x 60000 pixels: one side is over 100 times the other")
    ]


def test_nothing_but_bad_photos_is_an_error(tmp_path, backbone, cache_dir):
    (tmp_path / "메뉴.jpg").write_bytes(b"\xff\xd8\xff\xe0 a JPEG that ends here")
    with pytest.raises(FeaturesError, match=r"(?s)No photo could be read.*all 1 were skipped, the first 메뉴\.jpg"):
        embed(scan_folder(tmp_path), backbone, cache_dir)


def test_nan_from_the_backbone_names_the_photo_and_stores_nothing(photo_set, backbone, cache_dir, monkeypatch):
    rows = np.zeros((12, backbone.dim), np.float32)
    rows[5, 3] = np.nan
    monkeypatch.setattr(type(backbone), "embed", lambda self, batch: rows)
    with pytest.raises(FeaturesError, match=r"(?s)NaN or infinity.*float32") as caught:
        embed(photo_set, backbone, cache_dir)
    assert photo_set.photos[5].file in str(caught.value)
    assert not list(cache_dir.rglob("*.npy"))


def test_a_full_disk_is_one_message_and_leaves_nothing_half_written(photo_set, backbone, cache_dir, monkeypatch):
    def full(stream, about):
        stream.write(b"half")
        raise OSError(errno.ENOSPC, "of another language")

    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", full)
    with pytest.raises(CafemoodError, match=r"(?s)could not be written.*the disk is full"):
        embed(photo_set, backbone, cache_dir)
    assert not list(cache_dir.rglob("*.npy"))
    assert not list(cache_dir.rglob("*.partial"))


def test_precomputed_rows_are_found_by_id_or_file(photo_set, tmp_path, cache_dir):
    names = [p.photo_id if i % 2 else p.file for i, p in enumerate(photo_set.photos)]
    matrix = np.arange(24, dtype=np.float32).reshape(12, 2)
    order = np.random.default_rng(0).permutation(12)
    np.savez(tmp_path / "m.npz", features=matrix[order], photo_id=np.array(names)[order])
    _, found, n = embed(photo_set, create_backbone("precomputed", path=str(tmp_path / "m.npz")), cache_dir)
    assert n == 0
    assert np.array_equal(found.matrix(), matrix)


def test_photos_without_a_precomputed_row_are_skipped(photo_set, tmp_path, cache_dir):
    ids = np.array([p.photo_id for p in photo_set.photos[:4]])
    np.savez(tmp_path / "m.npz", features=np.eye(4), photo_id=ids)
    kept, _, _ = embed(photo_set, create_backbone("precomputed", path=str(tmp_path / "m.npz")), cache_dir)
    assert len(kept.photos) == 4
    assert {s.reason for s in kept.skipped} == {"no row in m.npz"}
    np.savez(tmp_path / "m.npz", features=np.eye(4), photo_id=np.array(list("abcd")))
    with pytest.raises(FeaturesError, match="fits no photo"):
        embed(photo_set, create_backbone("precomputed", path=str(tmp_path / "m.npz")), cache_dir)


# -- several processes


def fleet(processes):
    made = several(
        partial(pl.Trainer, accelerator="cpu", devices=processes, strategy="ddp_spawn" if processes > 1 else "auto")
    )
    assert (made is None) == (processes == 1)
    return made


def test_one_process_is_no_fleet():
    assert fleet(1) is None


def test_devices_that_are_not_here_are_one_error():
    with pytest.raises(FeaturesError, match=r"(?s)The trainer cannot be made.*trainer=auto"):
        several(partial(pl.Trainer, accelerator="gpu", devices=99))


@pytest.mark.slow
@pytest.mark.thorough
def test_two_processes_fill_one_cache_and_embed_nothing_twice(photo_folder, cache_dir, tmp_path):
    cut = sorted(photo_folder.rglob("*.jpg"))[0]
    cut.write_bytes(cut.read_bytes()[:-500])
    photo_set = scan_folder(photo_folder)
    kept, found, n = embed(photo_set, create_backbone("random"), cache_dir, trainer=fleet(2))
    assert (len(kept.photos), n) == (11, 11)
    assert [s.file for s in kept.skipped] == [cut.relative_to(photo_folder).as_posix()]
    shards = [np.load(path)["photo_id"] for path in cache_dir.rglob("*.npy")]
    assert len(shards) == 2
    assert len(set(np.concatenate(shards))) == sum(map(len, shards)) == 11
    _, alone, _ = embed(photo_set, create_backbone("random"), tmp_path / "alone")
    assert np.allclose(found.matrix(), alone.matrix(), atol=1e-5)
    assert embed(photo_set, create_backbone("random"), cache_dir, trainer=fleet(2))[2] == 0


@pytest.mark.slow
def test_a_process_that_dies_is_one_error_and_the_others_work_is_kept(photo_set, cache_dir):
    backbone = create_backbone("random")
    backbone.options["name"] = "gone"  # what a process of the fleet cannot make
    with pytest.raises(FeaturesError, match=r"(?s)A process that embeds has ended early.*run the same command again"):
        embed(photo_set, backbone, cache_dir, trainer=fleet(2))
    assert embed(photo_set, create_backbone("random"), cache_dir)[2] == 12

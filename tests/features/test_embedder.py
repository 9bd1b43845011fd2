"""Photos behind addresses are fetched once, a few at a time, and what cannot be read is named."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from drawn_rooms import draw_room
from photo_server import serving

from cafemood.backbones.creating import create_backbone
from cafemood.core import remote
from cafemood.data.folders import scan_folder
from cafemood.data.manifests import read_listing
from cafemood.errors import FeaturesError
from cafemood.features import embedder, filling
from cafemood.features.embedding import embed


@pytest.fixture
def backbone():
    return create_backbone("random")


@pytest.fixture
def flat(tmp_path):
    """Twelve drawn photos in one folder."""
    folder = tmp_path / "flat"
    folder.mkdir()
    for i in range(12):
        draw_room(i, "밝은 흰색").save(folder / f"{i:02d}.jpg", quality=90)
    return folder


def listing(folder, files, **columns):
    path = folder / "list.csv"
    pd.DataFrame({"file": files} | columns).to_csv(path, index=False)
    return read_listing(path)


def test_each_address_is_fetched_once_ever_and_has_the_features_of_its_file(flat, backbone, cache_dir, tmp_path):
    with serving(flat) as site:
        files = [f"{site.address}/{i:02d}.jpg" for i in range(12)]
        kept, found, n = embed(listing(flat, files), backbone, cache_dir)
        assert n == 12
        assert embed(listing(flat, files), create_backbone("random"), cache_dir)[2] == 0
        assert set(site.asked.values()) == {1}
    scanned, local, _ = embed(scan_folder(flat), backbone, tmp_path / "local")
    assert [p.photo_id for p in kept.photos] == [p.photo_id for p in scanned.photos]
    assert kept.digest == scanned.digest
    assert np.allclose(found.matrix(), local.matrix(), atol=1e-5)
    assert embed(scan_folder(flat), create_backbone("random"), cache_dir)[2] == 0  # the cache knows the bytes


def test_photos_that_differ_in_any_parameter_keep_their_own_features(flat, backbone, cache_dir, monkeypatch):
    monkeypatch.setattr(remote, "fetch", lambda address: (flat / f"0{address[-1]}.jpg").read_bytes())
    ids = [p.photo_id for p in scan_folder(flat).photos]
    for wanted in ([1, 2, 3], [5, 6, 1]):
        files = [f"https://host/place/photo?maxwidth=400&photo_reference={i}" for i in wanted]
        kept, _, _ = embed(listing(flat, files), backbone, cache_dir)
        assert [p.photo_id for p in kept.photos] == [ids[i] for i in wanted]
    assert len({p.file for p in kept.photos}) == 3


def test_a_newly_signed_address_is_not_fetched_again(flat, backbone, cache_dir):
    with serving(flat) as site:
        for day in "12":
            signed = [f"{site.address}/00.jpg?X-Amz-Date={day}&X-Amz-Signature={day}"]
            kept, _, n = embed(listing(flat, signed), backbone, cache_dir)
            assert (n, [p.file for p in kept.photos]) == (int(day == "1"), [f"{site.address}/00.jpg"])
        assert set(site.asked.values()) == {1}


def test_two_networks_see_each_photo_at_one_opening(flat, backbone, cache_dir, tmp_path, monkeypatch):
    opened = []
    real = embedder.open_image
    monkeypatch.setattr(embedder, "open_image", lambda *a, **more: opened.append(a) or real(*a, **more))
    other = create_backbone("random", seed=1)
    with serving(flat) as site:
        files = [f"{site.address}/{i:02d}.jpg" for i in range(12)]
        kept, found, n = embed(listing(flat, files), backbone, cache_dir, beside=other)
        assert set(site.asked.values()) == {1}  # fetched once for both
    assert (n, len(opened)) == (12, 12)
    for network, rows in ((backbone, found.matrix()), (other, None)):
        alone = embed(scan_folder(flat), network, tmp_path / "alone")[1].matrix()
        _, here, n = embed(kept, network, cache_dir)
        assert n == 0
        assert np.array_equal(here.matrix(), alone)
        assert rows is None or np.array_equal(rows, alone)
    opened.clear()
    third = create_backbone("random", seed=2)  # what the first has needs no second pass through it
    assert embed(scan_folder(flat), backbone, cache_dir, beside=third)[2] == 0
    assert len(opened) == 12
    assert embed(scan_folder(flat), third, cache_dir)[2] == 0
    assert embed(scan_folder(flat), third, cache_dir, beside=create_backbone("random", seed=2))[2] == 0  # itself


def test_networks_of_other_sizes_each_see_what_they_see_alone(flat, backbone, cache_dir, tmp_path):
    """The photos are larger than one of them needs: at one size a JPEG is decoded smaller."""
    for i in range(12):
        draw_room(i, "밝은 흰색", (1600, 1200)).save(flat / f"{i:02d}.jpg", quality=90)
    other = replace(create_backbone("random", seed=1), input_size=2 * backbone.input_size)
    embed(scan_folder(flat), backbone, cache_dir, beside=other)
    for network in (backbone, other):
        alone = embed(scan_folder(flat), network, tmp_path / "alone")[1].matrix()
        assert np.array_equal(embed(scan_folder(flat), network, cache_dir)[1].matrix(), alone)


def test_one_photo_under_two_addresses_is_embedded_once(flat, backbone, cache_dir):
    with serving(flat) as site:
        files = [f"{site.address}/00.jpg", f"{site.address}/moved/00.jpg", f"{site.address}/01.jpg"]
        kept, _, n = embed(listing(flat, files), backbone, cache_dir)
        assert (len(kept.photos), n) == (2, 2)
        assert [(s.file, s.reason) for s in kept.skipped] == [(files[1], f"the same photo as {files[0]}")]
        before = sum(site.asked.values())
        kept, _, n = embed(listing(flat, files), backbone, cache_dir)
        assert (len(kept.photos), n, sum(site.asked.values())) == (2, 0, before)


def test_of_a_list_with_bad_photos_each_is_named_and_the_rest_goes_on(flat, backbone, cache_dir, monkeypatch):
    monkeypatch.setattr(remote, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(remote, "STALL_SECONDS", 0.3)
    (flat / "00.jpg").write_text("카페 메뉴")
    (flat / "0.jpg").write_text("카페 메뉴")
    (flat / "01.jpg").write_bytes(b"")
    good = [f"{i:02d}.jpg" for i in range(2, 12)]
    why = {
        "00.jpg": "not an image",
        "0.jpg": "its bytes are those of a photo that cannot be read",
        "01.jpg": "the file is empty",
        "gone.jpg": "it is not there",
        "signed/02.jpg": "its store does not allow it",
        "stall/03.jpg": "no answer in time (3 tries)",
    }
    with serving(flat) as site:
        files = [f"{site.address}/{name}" for name in [*why, *good]]
        kept, _, n = embed(listing(flat, files), backbone, cache_dir)
    assert n == len(kept.photos) == 10
    assert {s.file.removeprefix(site.address + "/"): s.reason for s in kept.skipped} == why


def test_one_in_a_hundred_that_cannot_be_read(flat, backbone, cache_dir):
    rng = np.random.default_rng(0)
    whole = (flat / "00.jpg").read_bytes()
    for i in range(200):  # a comment behind the photo: other bytes, the same picture
        (flat / f"n{i}.jpg").write_bytes(whole + rng.bytes(8) if i % 100 else whole[:300])
    with serving(flat) as site:
        kept, _, n = embed(listing(flat, [f"{site.address}/n{i}.jpg" for i in range(200)]), backbone, cache_dir)
    assert n == len(kept.photos) == 198
    assert [s.file.rsplit("/")[-1] for s in kept.skipped] == ["n0.jpg", "n100.jpg"]


def test_bytes_that_are_not_the_listed_ones_are_refused(flat, backbone, cache_dir):
    ids = [p.photo_id for p in scan_folder(flat).photos]
    ids[4] = "0" * 64
    with serving(flat) as site:
        found = listing(flat, [f"{site.address}/{i:02d}.jpg" for i in range(12)], photo_id=ids)
        kept, _, n = embed(found, backbone, cache_dir)
    assert n == len(kept.photos) == 11
    assert [s.reason for s in kept.skipped] == ["its bytes are not those of the manifest's photo_id"]


def test_no_more_than_a_few_photos_wait_in_memory(flat, backbone, cache_dir, monkeypatch):
    lock, now, most = threading.Lock(), [0], [0]
    fetch, transform = remote.fetch, backbone.transform

    def counted(address):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        return fetch(address)

    def slow(image):
        time.sleep(0.005)
        with lock:
            now[0] -= 1
        return transform(image)

    whole = (flat / "00.jpg").read_bytes()
    for i in range(300):
        (flat / f"n{i}.jpg").write_bytes(whole + str(i).encode())
    monkeypatch.setattr(remote, "fetch", counted)
    backbone.transform = slow
    with serving(flat) as site:
        embed(listing(flat, [f"{site.address}/n{i}.jpg" for i in range(300)]), backbone, cache_dir, batch_size=4)
    waiting = 2 * embedder.FETCHERS + 2 * max(len(os.sched_getaffinity(0)), 4)
    assert embedder.FETCHERS <= most[0] <= waiting


def test_a_damaged_record_of_addresses_costs_a_fetch_and_no_embedding(flat, backbone, cache_dir, caplog):
    with serving(flat) as site:
        files = [f"{site.address}/{i:02d}.jpg" for i in range(12)]
        embed(listing(flat, files), backbone, cache_dir)
        (record,) = cache_dir.rglob("addresses/*.npy")
        record.write_bytes(record.read_bytes()[:-9])
        kept, _, n = embed(listing(flat, files), backbone, cache_dir)
        assert (len(kept.photos), n) == (12, 0)
        assert set(site.asked.values()) == {2}
    assert "its photos are fetched again" in caplog.text


def test_a_list_whose_server_is_gone_is_one_error(flat, backbone, cache_dir, monkeypatch):
    monkeypatch.setattr(remote, "PAUSE_SECONDS", 0.01)
    with pytest.raises(
        FeaturesError, match=r"(?s)No photo could be read.*all 2 were skipped.*the connection is refused"
    ):
        embed(listing(flat, ["http://127.0.0.1:9/1.jpg", "http://127.0.0.1:9/2.jpg"]), backbone, cache_dir)


EMBEDS = """
import sys
from cafemood.features import embedder, embedding, filling
from cafemood.backbones import create_backbone
from cafemood.data.manifests import read_listing
embedder.FETCHERS, filling.SHARD_ROWS = 1, 4
embedding.embed(read_listing(sys.argv[1]), create_backbone("random"), sys.argv[2], batch_size=4)
"""


@pytest.mark.slow
@pytest.mark.thorough
def test_a_process_killed_mid_shard_loses_that_shard_at_most(flat, backbone, cache_dir):
    with serving(flat) as site:
        site.held = "/10.jpg"
        listing(flat, [f"{site.address}/{i:02d}.jpg" for i in range(12)])
        process = subprocess.Popen([sys.executable, "-c", EMBEDS, str(flat / "list.csv"), str(cache_dir)])
        while not list(cache_dir.rglob("addresses/*.npy")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        site.freed.set()
        stored = sum(len(np.load(path)) for path in cache_dir.rglob("*.npy") if path.parent.name != "addresses")
        assert 4 <= stored < 12
        kept, _, n = embed(read_listing(flat / "list.csv"), backbone, cache_dir)
    assert (len(kept.photos), n) == (12, 12 - stored)
    rows = [np.load(path)["photo_id"] for path in cache_dir.rglob("*.npy") if path.parent.name != "addresses"]
    assert len(np.concatenate(rows)) == len(set(np.concatenate(rows))) == 12


def test_the_shard_that_waits_is_written_when_it_is_full(flat, backbone, cache_dir, monkeypatch):
    monkeypatch.setattr(filling, "SHARD_ROWS", 4)
    embed(scan_folder(flat), backbone, cache_dir, batch_size=2)
    assert sorted(len(np.load(path)) for path in cache_dir.rglob("*.npy")) == [4, 4, 4]

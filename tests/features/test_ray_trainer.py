"""Ray's actors embed what one process would; one that is killed loses its shard at most."""

import os
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn_rooms import draw_room
from photo_server import serving

from cafemood.backbones.creating import create_backbone
from cafemood.core.ray_cluster import connected
from cafemood.data.folders import scan_folder
from cafemood.data.manifests import read_listing
from cafemood.errors import CafemoodError, FeaturesError
from cafemood.features import ray_trainer
from cafemood.features.embedding import embed
from cafemood.features.ray_trainer import RayTrainer
from cafemood.features.together import several


@pytest.fixture(scope="module")
def cluster():
    """Ray on this host, with two cores."""
    with connected(None, 2):
        yield


def fleet(**options):
    return several(partial(RayTrainer, accelerator="cpu", devices=1, logger=False, **options))


def stored(cache_dir) -> list[str]:
    shards = [path for path in cache_dir.rglob("*.npy") if path.parent.name != "addresses"]
    return [str(photo_id) for path in shards for photo_id in np.load(path)["photo_id"]]


def actors() -> list[int]:
    """The processes of Ray's actors that embed, of those that this process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if (path / "cmdline").read_bytes().startswith(b"ray::MapWorker"):
                raylet = (path / "stat").read_text().rpartition(")")[2].split()[1]
                if int(Path(f"/proc/{raylet}/stat").read_text().rpartition(")")[2].split()[1]) == os.getpid():
                    found.append(int(path.name))
        except (OSError, IndexError):
            continue
    return found


@pytest.mark.slow
@pytest.mark.thorough
def test_actors_embed_what_one_process_embeds(cluster, photo_folder, cache_dir, tmp_path):
    cut = sorted(photo_folder.rglob("*.jpg"))[0]
    cut.write_bytes(cut.read_bytes()[:-500])
    photo_set = scan_folder(photo_folder)
    kept, found, n = embed(photo_set, create_backbone("random"), cache_dir, trainer=fleet(workers=2))
    assert (len(kept.photos), n) == (11, 11)
    assert [s.file for s in kept.skipped] == [cut.relative_to(photo_folder).as_posix()]
    assert "cut off" in kept.skipped[0].reason
    _, alone, _ = embed(photo_set, create_backbone("random"), tmp_path / "alone")
    assert np.allclose(found.matrix(), alone.matrix(), atol=1e-5)
    assert len(stored(cache_dir)) == len(set(stored(cache_dir))) == 11


@pytest.mark.slow
@pytest.mark.thorough
def test_an_actor_that_is_killed_loses_its_shard_and_no_photo(cluster, tmp_path, cache_dir, monkeypatch):
    monkeypatch.setattr(ray_trainer, "SHARD_ROWS", 4)
    for i in range(24):
        draw_room(i, "밝은 흰색").save(tmp_path / f"{i:02d}.jpg", quality=90)
    (tmp_path / "twin.jpg").write_bytes((tmp_path / "00.jpg").read_bytes())
    with serving(tmp_path, pause=0.1) as site:
        site.held = "/23.jpg"  # so that no load lets them finish first
        names = [*(f"{i:02d}.jpg" for i in range(24)), "twin.jpg", "gone.jpg"]
        pd.DataFrame({"file": [f"{site.address}/{name}" for name in names]}).to_csv(tmp_path / "list.csv")
        killed: list[int] = []

        def kill_one():
            deadline = time.monotonic() + 240
            while not (stored(cache_dir) and actors()) and time.monotonic() < deadline:
                time.sleep(0.01)
            killed.append(actors()[0])
            os.kill(killed[0], signal.SIGKILL)
            site.freed.set()

        killer = threading.Thread(target=kill_one)
        killer.start()
        kept, _, n = embed(
            read_listing(tmp_path / "list.csv"), create_backbone("random"), cache_dir, trainer=fleet(workers=2)
        )
        killer.join()
        asked = site.asked
        assert killed
        assert (len(kept.photos), n) == (24, 24)
        assert sorted(s.reason for s in kept.skipped) == [
            "it is not there",
            f"the same photo as {site.address}/00.jpg",
        ]
        assert len(stored(cache_dir)) == len(set(stored(cache_dir))) == 24
        again = [path for path, times in asked.items() if times > 1]
        assert set(asked.values()) <= {1, 2}
        assert len(again) <= 4  # the shard that the killed one had
        kept, _, n = embed(read_listing(tmp_path / "list.csv"), create_backbone("random"), cache_dir)
        assert (len(kept.photos), n) == (24, 0)


@pytest.mark.slow
@pytest.mark.thorough
def test_a_shard_that_kills_every_actor_is_given_up_named_and_the_rest_goes_on(
    cluster, photo_folder, cache_dir, tmp_path, monkeypatch
):
    monkeypatch.setattr(ray_trainer, "SHARD_ROWS", 3)
    monkeypatch.setattr(ray_trainer, "TRIES", 2)
    files = [p.file for p in scan_folder(photo_folder).photos]
    with serving(photo_folder) as site:
        over = threading.Event()

        def kill_whoever_asks():
            while not over.wait(0.05):
                if site.asked["/stall/x.jpg"] > len(killed):
                    killed.append(actors()[0])
                    os.kill(killed[-1], signal.SIGKILL)

        killed: list[int] = []
        killer = threading.Thread(target=kill_whoever_asks)
        killer.start()
        pd.DataFrame({"file": [*files[:4], f"{site.address}/stall/x.jpg", *files[4:]]}).to_csv(tmp_path / "list.csv")
        found = read_listing(tmp_path / "list.csv", root=str(photo_folder))
        kept, _, n = embed(found, create_backbone("random"), cache_dir, trainer=fleet(workers=1))
        over.set()
        killer.join()
    assert len(killed) == 2
    assert n == len(kept.photos) == 10
    assert [s.file for s in kept.skipped] == [files[3], f"{site.address}/stall/x.jpg", files[4]]
    assert {s.reason for s in kept.skipped} == {"one of 3 photos whose process was killed 2 times"}


@pytest.mark.slow
@pytest.mark.thorough
def test_what_an_actor_cannot_do_is_one_error(cluster, photo_folder, cache_dir, tmp_path):
    backbone = create_backbone("random")
    backbone.options["seed"] = 1
    with pytest.raises(FeaturesError, match=r"(?s)A host has another network.*same weight file"):
        embed(scan_folder(photo_folder), backbone, cache_dir, trainer=fleet(workers=1))
    assert not list(cache_dir.rglob("*.npy"))


def test_without_ray_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(CafemoodError, match=r"(?s)needs Ray.*pip install 'cafemood\[ray\]', or take trainer=auto"):
        fleet()


def test_a_cluster_that_is_not_there_is_one_error(photo_folder, cache_dir, monkeypatch):
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)

    def refuse(*_, **__):
        raise ConnectionError("Could not find any running Ray instance.\nmore")

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(CafemoodError, match=r"(?s)Ray cannot be reached.*auto.*Ray says: \"[^\n]*\"\n.*ray start"):
        embed(scan_folder(photo_folder), create_backbone("random"), cache_dir, trainer=fleet(address="auto"))

"""Drawn rooms to run on, an empty cache for each test, and no skipping where CI forbids it."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from chromium import CHROMIUM
from drawn_rooms import MOODS, draw_room
from PIL import Image

if "PYTEST_XDIST_WORKER" in os.environ:  # a worker a core: more threads than that only wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def drawn_photos(tmp_path_factory):
    """Twelve JPEGs of two moods, one sub-folder each; read only, shared by the session."""
    root = tmp_path_factory.mktemp("rooms")
    for mood in MOODS:
        (root / mood).mkdir()
        for i in range(6):
            draw_room(i + 100 * len(mood), mood).save(root / mood / f"cafe_공릉동{i // 2}_{i}.jpg", quality=90)
    return root


@pytest.fixture
def photo_folder(drawn_photos, tmp_path_factory) -> Path:
    """A copy of the drawn photos that a test may change."""
    folder = tmp_path_factory.mktemp("copy") / "사진"
    shutil.copytree(drawn_photos, folder)
    return folder


@pytest.fixture
def cache_dir(tmp_path) -> Path:
    """An empty cache."""
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def browser():
    """A Chromium without a network of its own; for tests marked `browser_only`."""
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(autouse=True)
def no_shared_state(tmp_path_factory, monkeypatch):
    """Downloads and settings of the machine stay out of the tests."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path_factory.getbasetemp() / "torch"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", "/nonexistent")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """With CAFEMOOD_NO_SKIPS (CI) a skipped test is a failed one; what is expected to fail is no skip."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CAFEMOOD_NO_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CAFEMOOD_NO_SKIPS allows none: {report.longrepr}"


@pytest.fixture(scope="session")
def made_cafe_run(tmp_path_factory):
    """A finished run of six cafés; café 5 has one photo, no name and no coordinates."""
    from made_runs import NAMES, draw_cafes, make_run

    from cafemood.data.folders import scan_folder
    from cafemood.data.photos import PhotoSet
    from cafemood.report.finish import update

    folder = tmp_path_factory.mktemp("cafes")
    found = scan_folder(draw_cafes(folder / "사진"))
    photos = tuple(
        replace(
            p,
            cafe_name=NAMES[p.cafe_id],
            area="공릉동" if p.cafe_id in "012" else "성수동",
            lat=None if p.cafe_id == "5" else 37.62 + 0.01 * int(p.cafe_id),
            lon=None if p.cafe_id == "5" else 127.07,
        )
        for p in found.photos
    )
    run = make_run(folder / "run", PhotoSet("folder", found.root, photos, (), "filename"))
    update(run)
    return run


@pytest.fixture
def cafe_run(made_cafe_run, tmp_path):
    """A copy that a test may change; its photos too."""
    from made_runs import copy_run

    return copy_run(made_cafe_run, tmp_path / "copy")


@pytest.fixture
def sweep(tmp_path):
    from made_runs import MIXED, TRUTH, scores_of, write_run

    for name in ("0.jpg", "1.jpg"):
        Image.new("RGB", (40, 30), "brown").save(tmp_path / name)
    folder = tmp_path / "sweep"
    write_run(folder / "0_backbone=resnet50,k=3", TRUTH)
    write_run(folder / "1_backbone=vgg16,k=3", TRUTH, backbone="vgg16")
    write_run(folder / "2_backbone=vgg16,k=6", TRUTH * 2 + np.arange(60) % 2, backbone="vgg16", k=6)
    write_run(folder / "10_backbone=resnet50,k=6", MIXED, k=6, scores=scores_of(z=-1, silhouette=0.9))
    return folder

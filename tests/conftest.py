"""Drawn rooms to run on, an empty cache for each test, and no skipping where CI forbids it."""

import os
import shutil
from pathlib import Path

import pytest
from chromium import CHROMIUM
from drawn_rooms import MOODS, draw_room

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
    """With CAFEMOOD_NO_SKIPS (CI) a skipped test is a failed one."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CAFEMOOD_NO_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CAFEMOOD_NO_SKIPS allows none: {report.longrepr}"

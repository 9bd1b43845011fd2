"""Drawn rooms to run on, an empty cache for each test, and no skipping where CI forbids it."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

if "PYTEST_XDIST_WORKER" in os.environ:  # a worker a core: more threads than that only wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

MOODS = {"어두운 나무": ((52, 34, 24), (250, 190, 90)), "밝은 흰색": ((236, 234, 228), (120, 170, 120))}


def draw_room(seed: int, mood: str, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A room with walls in perspective, lamps and furniture, in the light of its mood."""
    rng = np.random.default_rng(seed)
    wall, accent = MOODS[mood]
    shade = lambda color, by: tuple(int(np.clip(c + by + rng.integers(-12, 12), 0, 255)) for c in color)  # noqa: E731
    image = Image.new("RGB", size, shade(wall, 0))
    draw = ImageDraw.Draw(image)
    w, h = size
    horizon = int(h * rng.uniform(0.45, 0.65))
    draw.polygon([(0, h), (w, h), (int(w * 0.8), horizon), (int(w * 0.2), horizon)], fill=shade(wall, -25))
    for _ in range(int(rng.integers(3, 7))):
        x, y, r = int(rng.uniform(0, w)), int(rng.uniform(0, horizon)), int(rng.uniform(8, 26))
        draw.ellipse([x - r, y - r, x + r, y + r], fill=shade(accent, 0))
        x = int(rng.uniform(0, w - 60))
        draw.rectangle(
            [x, horizon + 10, x + int(rng.uniform(20, 60)), h - int(rng.uniform(5, 40))], fill=shade(wall, 40)
        )
    noise = rng.normal(0, 4, (h, w, 3))
    return Image.fromarray(np.clip(np.asarray(image, dtype=float) + noise, 0, 255).astype(np.uint8))


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

"""How the atlas behaves with 10,000 photos: time to the first view, frames a second while it moves and zooms.

    python benchmarks/atlas.py [--photos 10000] [--keep DIR]

The photos are crops of the 39 demo photos, eight a café, grouped by k-means on their colours; the page is opened
from disk in a headless Chromium without a GPU (`chromium`, or CHROMIUM=/path), three times. A frame is what
`requestAnimationFrame` gives while a script pans and zooms the map and the wall for four seconds each.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from cafemood.data.folders import demo_photos
from cafemood.data.images import file_digest, open_image

ROOT = Path(__file__).parent.parent
SECONDS = 4
MOVE = """
([view, seconds]) => new Promise((done) => {
  const frames = [];
  document.querySelector(`[data-view=${view}]`).click();
  const begin = performance.now();
  let last = begin;
  const step = (now) => {
    frames.push(now - last);
    last = now;
    const t = (now - begin) / 1000;
    if (t > seconds) return done(frames.slice(1));
    window.atlas.zoom(Math.exp(0.045 * Math.sin(t * 2)), 500 + 200 * Math.sin(t), 350);
    window.atlas.pan(6 * Math.cos(3 * t), 6 * Math.sin(2 * t));
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})
"""


def draw_crops(folder: Path, n: int) -> None:
    """Write n crops of the demo photos as JPEGs, and their colours as features."""
    folder.mkdir(parents=True)
    photo_set = demo_photos()
    sources = [open_image(photo_set.path(p), shortest=700) for p in photo_set.photos]

    def crop(i: int) -> tuple[str, np.ndarray]:
        rng = np.random.default_rng(i)
        source = sources[i % len(sources)]
        side = int(rng.uniform(0.3, 0.9) * min(source.size))
        left, top = int(rng.integers(source.width - side)), int(rng.integers(source.height - side))
        image = source.crop((left, top, left + side, top + side)).resize((320, 320))
        path = folder / f"cafe_{i // 8:05d}_{i}.jpg"
        image.save(path, quality=80)
        return file_digest(path), np.asarray(image.resize((4, 4)), dtype=np.float32).ravel() / 255

    with ThreadPoolExecutor() as pool:
        ids, rows = zip(*pool.map(crop, range(n)), strict=True)
    np.savez(folder.parent / "colours.npz", photo_id=np.array(ids), features=np.stack(rows))


def make_run(base: Path, n: int) -> Path:
    """A finished run of n crops."""
    if not (base / "run" / "run.json").exists():
        shutil.rmtree(base, ignore_errors=True)
        draw_crops(base / "photos", n)
        words = ["data=folder", f"data.root={base / 'photos'}", "backbone=precomputed", "method=kmeans", "k=6"]
        words += [f"backbone.path={base / 'colours.npz'}", "baseline_seeds=1", f"hydra.run.dir={base / 'run'}"]
        subprocess.run([sys.executable, str(ROOT / "train.py"), *words], check=True, cwd=base, capture_output=True)
    return base / "run"


def look(page_file: Path) -> None:
    """Open the page three times and print what was seen."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    first: list[float] = []
    frames: dict[str, list[float]] = {"map": [], "wall": []}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        for _ in range(3):
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            page = context.new_page()
            page.goto(page_file.as_uri(), wait_until="commit")
            page.wait_for_selector("html[data-drawn]", state="attached")
            first.append(page.evaluate("window.atlas.firstView"))
            page.wait_for_timeout(1000)
            for view, seen in frames.items():
                seen += page.evaluate(MOVE, [view, SECONDS])
            context.close()
        browser.close()
    print(f"first view: {', '.join(f'{ms / 1000:.2f}' for ms in first)} s")
    for view, seen in frames.items():
        slow = sum(ms > 1000 / 30 for ms in seen) / len(seen)
        late = statistics.quantiles(seen, n=20)[-1]
        rate = 1000 / statistics.mean(seen)
        print(f"{view}: {rate:.0f} frames/s; 95 % of frames under {late:.0f} ms; {100 * slow:.1f} % over 33 ms")


def main() -> None:
    """Make the photos, the run and the atlas, and look at it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--keep", type=Path, help="keep photos and run here, and use them next time")
    given = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as scratch:
        run = make_run((given.keep or Path(scratch) / "atlas").resolve(), given.photos)
        begin = time.perf_counter()
        words = [sys.executable, "-c", "from cafemood.app.cli import main; main()", "atlas", str(run)]
        said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        page = Path(said.strip().removeprefix("Atlas: "))
        beside = (
            sum(f.stat().st_size for f in page.parent.rglob("*") if f.is_file()) if page.name == "index.html" else 0
        )
        size = f"{page.stat().st_size / 1e6:.1f} MB page, {beside / 1e6:.0f} MB in all"
        print(f"{given.photos:,} photos: `cafemood atlas` took {time.perf_counter() - begin:.1f} s; {size}")
        look(page)


if __name__ == "__main__":
    main()

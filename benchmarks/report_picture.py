"""The README's picture: a run of the demo photos, its report in a headless Chromium, as docs/report.png.

python benchmarks/report_picture.py          (needs the dev extra and a Chromium)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Run, open, photograph."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        sys.exit("No chromium found: install it, or set CHROMIUM=/path")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "train.py"), "experiment=few_photos", f"hydra.run.dir={folder}/run"]
        subprocess.run(command, check=True, cwd=ROOT)
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=flags)
            page = browser.new_page(viewport={"width": 1280, "height": 1340})
            page.goto(Path(folder, "run", "report.html").as_uri())
            page.wait_for_timeout(1000)
            page.screenshot(path=folder + "/report.png")
            browser.close()
        from PIL import Image

        with Image.open(folder + "/report.png") as picture:
            picture.convert("RGB").quantize(200).save(ROOT / "docs" / "report.png", optimize=True)
    print(f"Picture: {ROOT / 'docs' / 'report.png'}")


if __name__ == "__main__":
    main()

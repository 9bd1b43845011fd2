"""A real Chromium for the tests that look at pages."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def why_not() -> str:
    """Why no browser can be driven here, with what to do; empty if one can."""
    if CHROMIUM is None or shutil.which(CHROMIUM) is None:
        return "no chromium found: install it, or set CHROMIUM=/path"
    driver = subprocess.run([sys.executable, "-m", "playwright", "--version"], capture_output=True, check=False)
    return "" if driver.returncode == 0 else "Playwright's driver does not start: apt install libatomic1"


WHY_NOT = why_not()


def serious(page):
    """What axe-core finds serious or critical in a page as it stands: rule and element."""
    import axe_playwright_python

    source = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    page.evaluate(source)
    return [
        (said["id"], said["nodes"][0]["html"])
        for said in page.evaluate("axe.run()")["violations"]
        if said["impact"] in ("serious", "critical")
    ]


browser_only = [pytest.mark.browser, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]

"""A real Chromium for the tests that look at pages."""

import os
import shutil
import subprocess
import sys

import pytest

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def why_not() -> str:
    """Why no browser can be driven here, with what to do; empty if one can."""
    if CHROMIUM is None or shutil.which(CHROMIUM) is None:
        return "no chromium found: install it, or set CHROMIUM=/path"
    driver = subprocess.run([sys.executable, "-m", "playwright", "--version"], capture_output=True, check=False)
    return "" if driver.returncode == 0 else "Playwright's driver does not start: apt install libatomic1"


WHY_NOT = why_not()
browser_only = [pytest.mark.browser, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]

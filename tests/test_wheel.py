"""What an installed package carries."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BUILD = "import sys; from setuptools.build_meta import build_wheel; print(build_wheel(sys.argv[1]))"


@pytest.mark.slow
def test_the_wheel_carries_all_that_a_run_needs(tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    checkout = tmp_path / "checkout"
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    command = [sys.executable, "-c", BUILD, str(tmp_path)]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        found = set(wheel.namelist())
    configs = {f"cafemood/{path.relative_to(ROOT)}" for path in (ROOT / "conf").rglob("*.yaml")}
    package = ROOT / "src" / "cafemood"
    kinds = ("*.py", "*.pyi", "py.typed", "templates/*", "data_places365/*", "words/data/*")
    ours = {path for kind in kinds for path in package.rglob(kind) if path.is_file()}
    files = {path.relative_to(ROOT / "src").as_posix() for path in ours}
    assert "cafemood/conf/config.yaml" in configs
    assert configs | files | {"hydra_plugins/cafemood_ray.py"} <= found
